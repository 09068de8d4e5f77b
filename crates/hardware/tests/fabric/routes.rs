//! Default routes have the length that arithmetic says, and equal ones spread.

use std::collections::BTreeSet;

use memwall_hardware::Fabric;

use crate::{check, fabric, places, route};

/// Every pair of devices, or of some spread evenly where there are many.
fn each_pair(fabric: &Fabric, mut visit: impl FnMut(u32, u32)) {
    let step = (fabric.devices() / 97).max(1) as usize;
    for from in (0..fabric.devices()).step_by(step) {
        for to in (0..fabric.devices()).step_by(step) {
            visit(from, to);
        }
    }
}

#[test]
fn a_torus_route_is_as_long_as_the_manhattan_distance_around_it() {
    let torus = fabric("levels: { ici: { topology: torus, dims: [4, 5, 6], BL } }");
    each_pair(&torus, |from, to| {
        let around = |stride: u32, size: u32| {
            let up = (to / stride % size + size - from / stride % size) % size;
            up.min(size - up) as usize
        };
        assert_eq!(check(&torus, from, to, 0), around(1, 4) + around(4, 5) + around(20, 6));
    });
    assert_eq!(places(&torus, &route(&torus, 0, 23, 0)), ["gpu0", "gpu3", "gpu23"]);
}

#[test]
fn a_mesh_route_does_not_wrap() {
    let mesh = fabric("levels: { noc: { topology: mesh, dims: [7, 3], BL } }");
    each_pair(&mesh, |from, to| {
        let distance = (from % 7).abs_diff(to % 7) + (from / 7).abs_diff(to / 7);
        assert_eq!(check(&mesh, from, to, 0), distance as usize);
    });
    let half = fabric("levels: { ici: { topology: torus, dims: [7, 3], wrap: [true, false], BL } }");
    assert_eq!((check(&half, 0, 6, 0), check(&half, 0, 14, 0)), (1, 2));
}

#[test]
fn a_ring_goes_the_shorter_way() {
    let ring = fabric("levels: { link: { topology: ring, count: 9, BL } }");
    each_pair(&ring, |from, to| {
        let up = (to + 9 - from) % 9;
        assert_eq!(check(&ring, from, to, 0), up.min(9 - up) as usize);
    });
}

#[test]
fn direct_and_switched_levels_take_one_and_two_links() {
    let full = fabric("levels: { link: { topology: fully_connected, count: 5, BL } }");
    each_pair(&full, |from, to| assert_eq!(check(&full, from, to, 0), usize::from(from != to)));
    let switch = fabric("levels: { nvswitch: { topology: switch, count: 8, BL } }");
    each_pair(&switch, |from, to| assert_eq!(check(&switch, from, to, 0), 2 * usize::from(from != to)));
    assert_eq!(switch.link_name(route(&switch, 3, 5, 0)[0]), "gpu3 -> nvswitch");
}

#[test]
fn a_pcie_tree_turns_round_at_the_lowest_bridge() {
    let tree = fabric(
        "levels: { pcie: { topology: pcie_tree, count: 16, devices_per_switch: 2, switches_per_host: 4,
         socket_bandwidth: 40 GB/s, host_bandwidth: 50 GB/s, BL } }",
    );
    each_pair(&tree, |from, to| {
        let expected = match () {
            () if from == to => 0,
            () if from / 2 == to / 2 => 2,
            () if from / 8 == to / 8 => 4,
            () => 5,
        };
        assert_eq!(check(&tree, from, to, 0), expected);
    });
    let path = route(&tree, 0, 15, 0);
    assert_eq!(
        places(&tree, &path),
        ["gpu0", "pcie-switch0", "pcie-host0", "pcie-host1", "pcie-switch7", "gpu15"]
    );
    let rates: Vec<f64> = path.iter().map(|link| tree.link(*link).bandwidth / 1e9).collect();
    assert_eq!(rates, [100.0, 50.0, 40.0, 50.0, 100.0]);
    let flat = fabric(
        "levels: { pcie: { topology: pcie_tree, count: 8, devices_per_host: 4, socket_bandwidth: 40 GB/s, BL } }",
    );
    each_pair(&flat, |from, to| {
        check(&flat, from, to, 0);
    });
    assert_eq!((check(&flat, 0, 3, 0), check(&flat, 0, 4, 0)), (2, 3));
}

#[test]
fn a_fat_tree_goes_up_as_far_as_it_must() {
    let tree = fabric("levels: { ib: { topology: fat_tree, down: [4, 3, 5], up: [2, 3], BL } }");
    assert_eq!(tree.devices(), 60);
    each_pair(&tree, |from, to| {
        let tiers = match () {
            () if from == to => 0,
            () if from / 4 == to / 4 => 1,
            () if from / 12 == to / 12 => 2,
            () => 3,
        };
        for choice in 0..3 {
            assert_eq!(check(&tree, from, to, choice), 2 * tiers);
        }
    });
}

/// d-mod-k: in a shift of all devices, no link up or down carries two flows.
#[test]
fn shifts_do_not_collide_in_a_full_fat_tree() {
    let tree = fabric("levels: { ib: { topology: fat_tree, down: [4, 4, 4], BL } }");
    for shift in 1..64 {
        let mut used = BTreeSet::new();
        for from in 0..64 {
            let path = route(&tree, from, (from + shift) % 64, 0);
            assert!(path.into_iter().all(|link| used.insert(link)), "shift by {shift}");
        }
    }
}

#[test]
fn ecmp_spreads_over_all_spines_and_a_choice_is_stable() {
    let tree = fabric("levels: { eth: { topology: fat_tree, down: [8, 4], routing: ecmp, BL } }");
    let spines = |choices: std::ops::Range<u64>| -> BTreeSet<String> {
        choices.map(|choice| places(&tree, &route(&tree, 0, 31, choice))[2].clone()).collect()
    };
    assert_eq!(spines(0..200).len(), 8);
    assert_eq!((0..50).map(|_| route(&tree, 0, 31, 7)).collect::<BTreeSet<_>>().len(), 1);
    let fixed = fabric("levels: { ib: { topology: fat_tree, down: [8, 4], BL } }");
    assert_eq!(route(&fixed, 0, 31, 0), route(&fixed, 0, 31, 7));
}

#[test]
fn oversubscription_leaves_fewer_links_up() {
    let count = |yaml: &str| fabric(yaml).links().count();
    assert_eq!(count("levels: { ib: { topology: fat_tree, down: [8, 4], BL } }"), 2 * (32 + 32));
    assert_eq!(
        count("levels: { ib: { topology: fat_tree, down: [8, 4], oversubscription: 4, BL } }"),
        2 * (32 + 8)
    );
}

#[test]
fn a_dragonfly_route_takes_at_most_three_hops_between_routers() {
    let dragonfly = fabric(
        "levels: { slingshot: { topology: dragonfly, groups: 9, routers: 4, devices: 2, global_links: 2,
         global_bandwidth: 25 GB/s, global_latency: 1 us, BL } }",
    );
    assert_eq!(dragonfly.devices(), 72);
    let mut longest = 0;
    each_pair(&dragonfly, |from, to| {
        let length = check(&dragonfly, from, to, 0);
        let globals = route(&dragonfly, from, to, 0)
            .iter()
            .filter(|link| dragonfly.link(**link).bandwidth == 25e9)
            .count();
        assert_eq!(globals, usize::from(from / 8 != to / 8));
        longest = longest.max(length);
    });
    assert_eq!(longest, 5);
}

#[test]
fn rails_are_crossed_inside_first() {
    let rails = fabric(
        "levels: { nvswitch: { topology: switch, count: 8, BL }, ib: { topology: rail_optimized, count: 4, BL } }",
    );
    assert_eq!(places(&rails, &route(&rails, 3, 11, 0)), ["gpu3", "ib-rail3", "gpu11"]);
    assert_eq!(places(&rails, &route(&rails, 3, 9, 0)), ["gpu3", "nvswitch0", "gpu1", "ib-rail1", "gpu9"]);
    each_pair(&rails, |from, to| {
        check(&rails, from, to, 0);
    });
}

#[test]
fn devices_of_a_group_share_its_ports() {
    let node = "nvlink: { topology: fully_connected, count: 8, BL }";
    let shared = fabric(&format!(
        "levels: {{ {node}, ib: {{ topology: switch, count: 3, ports: per_group, port_count: 4, BL }} }}"
    ));
    assert_eq!(places(&shared, &route(&shared, 3, 17, 0)), ["ib-port1", "ib", "ib-port8"]);
    assert_eq!(route(&shared, 2, 17, 0), route(&shared, 3, 16, 0));
    let ring =
        fabric(&format!("levels: {{ {node}, link: {{ topology: ring, count: 4, ports: per_group, BL }} }}"));
    assert_eq!(places(&ring, &route(&ring, 3, 17, 0)), ["link-port0", "link-port1", "link-port2"]);
}

#[test]
fn groups_and_joining_levels_follow_the_counts() {
    let fabric = fabric(
        "levels: { a: { topology: switch, count: 4, BL }, b: { topology: ring, count: 3, BL },
         c: { topology: switch, count: 2, BL } }",
    );
    assert_eq!(fabric.devices(), 24);
    assert_eq!([0, 1, 2, 9].map(|level| fabric.group(17, level)), [4, 1, 0, 0]);
    assert_eq!(
        (fabric.joining_level(4, 7), fabric.joining_level(4, 8), fabric.joining_level(4, 12)),
        (0, 1, 2)
    );
    assert_eq!(fabric.joining_level(5, 5), 0);
    let sizes: Vec<u32> = fabric.levels().iter().map(|level| level.devices).collect();
    assert_eq!(sizes, [4, 12, 24]);
}

#[test]
fn a_link_of_another_fabric_carries_nothing() {
    let ring = fabric("levels: { link: { topology: ring, count: 4, BL } }");
    for number in [8, 1 << 40, u64::MAX] {
        let link = memwall_hardware::FabricLink(number);
        assert_eq!(ring.link(link).bandwidth, 0.0);
        assert!(ring.link_name(link).contains("another fabric"));
    }
    assert!(ring.route(0, 4, 0, &mut Vec::new()).is_err());
}
