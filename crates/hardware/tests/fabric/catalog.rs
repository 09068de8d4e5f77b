//! The systems of the catalog.

use memwall_hardware::{System, SystemSpec, Topology, catalog, overlay};

use crate::{check, route};

#[test]
fn every_system_routes_between_all_its_devices() {
    for entry in catalog::systems() {
        let system = catalog::system(entry.name).unwrap();
        let fabric = system.fabric();
        assert_eq!(system.count.value, fabric.devices());
        let step = (fabric.devices() / 64).max(1) as usize;
        for from in (0..fabric.devices()).step_by(step) {
            for to in (0..fabric.devices()).step_by(step) {
                check(fabric, from, to, 0);
            }
        }
    }
}

#[test]
fn a_dgx_1_has_six_links_of_25_gb_a_second_from_each_device() {
    let system = catalog::system("dgx-v100").unwrap();
    let fabric = system.fabric();
    for device in 0..8 {
        let name = format!("{} -> gpu", fabric.device_name(device));
        let out: f64 = fabric
            .links()
            .filter(|link| fabric.link_name(*link).starts_with(&name))
            .map(|link| fabric.link(link).bandwidth)
            .sum();
        assert_eq!(out, 150e9);
    }
    // The cube: no device is further than two links away.
    assert_eq!((0..8).map(|to| check(fabric, 0, to, 0)).max(), Some(2));
}

#[test]
fn clusters_are_scaled_by_nodes() {
    let cluster = catalog::system("hgx-h100-ib").unwrap();
    assert_eq!((cluster.count.value, cluster.device.as_str()), (32, "h100-sxm"));
    let big = cluster.with_nodes(32).unwrap();
    assert_eq!((big.count.value, big.fabric().levels()[1].count), (256, 32));
    assert_eq!(big.fabric().levels()[1].kind, Topology::RailOptimized);
    assert_eq!(route(big.fabric(), 3, 251, 0).len(), 2);
    assert_eq!(catalog::system("dgx-h100").unwrap().with_nodes(2).unwrap().count.value, 16);
    let errors = catalog::system("t4-pcie").unwrap().with_nodes(2).unwrap_err();
    assert!(errors[0].message.contains("has no nodes"), "{errors:?}");
    assert!(catalog::system("hgx-a100-ib").unwrap().with_nodes(2001).is_err());
}

#[test]
fn pods_are_tori_of_the_published_size() {
    let sizes = [("tpu-v3-pod", 1024), ("tpu-v4-pod", 4096), ("tpu-v5e-pod", 256), ("tpu-v5p-pod", 8960)];
    for (name, devices) in sizes {
        let system = catalog::system(name).unwrap();
        assert_eq!(system.count.value, devices);
        assert_eq!(system.fabric().link_name(route(system.fabric(), 0, 1, 0)[0]), "tpu0 -> tpu1");
    }
}

#[test]
fn a_cluster_of_ones_own_says_only_what_differs() {
    let own = "name: broken-cluster
title: 16 nodes, one adapter dead
nodes: 16
fabric:
  overrides:
    - { link: gpu3 -> ib-rail3, dead: true }
    - { from: gpu7, to: nvswitch0, both_directions: true, bandwidth: 225 GB/s }";
    let yaml = overlay(catalog::system_yaml("dgx-h100").unwrap(), serde_yaml::from_str(own).unwrap());
    let spec: SystemSpec = serde_yaml::from_value(yaml).unwrap();
    let system = System::try_from_spec(spec).unwrap();
    assert_eq!(system.count.value, 128);
    let fabric = system.fabric();
    assert_eq!(check(fabric, 3, 11, 0), 6);
    assert_eq!(fabric.link(route(fabric, 0, 7, 0)[1]).bandwidth, 225e9);
}
