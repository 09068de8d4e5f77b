//! Dead and degraded links.

use memwall_hardware::Fabric;

use crate::{check, fabric, places, read, route};

fn with_dead(levels: &str, links: &[&str]) -> Fabric {
    let overrides: Vec<String> = links.iter().map(|link| format!("{{ link: {link}, dead: true }}")).collect();
    fabric(&format!("levels: {{ {levels} }}\noverrides: [{}]", overrides.join(", ")))
}

fn way(fabric: &Fabric, from: u32, to: u32) -> String {
    places(fabric, &route(fabric, from, to, 0)).join(" ")
}

#[test]
fn a_ring_goes_the_other_way() {
    let ring = with_dead("link: { topology: ring, count: 5, BL }", &["gpu1 -> gpu2"]);
    assert_eq!(way(&ring, 0, 2), "gpu0 gpu4 gpu3 gpu2");
    assert_eq!(way(&ring, 2, 0), "gpu2 gpu1 gpu0");
}

#[test]
fn a_torus_takes_the_other_dimension_first_or_goes_the_other_way() {
    let torus = with_dead("ici: { topology: torus, dims: [4, 4], BL }", &["gpu0 -> gpu1"]);
    assert_eq!(way(&torus, 0, 5), "gpu0 gpu4 gpu5");
    assert_eq!(way(&torus, 0, 1), "gpu0 gpu3 gpu2 gpu1");
    let mesh = with_dead("noc: { topology: mesh, dims: [4, 4], BL }", &["gpu0 -> gpu1"]);
    assert_eq!(way(&mesh, 0, 1), "gpu0 gpu4 gpu5 gpu1");
}

#[test]
fn a_fully_connected_level_goes_via_a_third() {
    let full = with_dead("link: { topology: fully_connected, count: 4, BL }", &["gpu0 -> gpu1"]);
    assert_eq!(check(&full, 0, 1, 0), 2);
    assert_eq!(way(&full, 1, 0), "gpu1 gpu0");
}

#[test]
fn a_fat_tree_takes_another_spine() {
    let level = "ib: { topology: fat_tree, down: [2, 4], BL }";
    let whole = with_dead(level, &[]);
    let usual = places(&whole, &route(&whole, 0, 7, 0));
    let broken = with_dead(level, &[&format!("{} -> {}", usual[2], usual[3])]);
    assert_eq!(check(&broken, 0, 7, 0), 4);
    assert_ne!(places(&broken, &route(&broken, 0, 7, 0))[2], usual[2]);
}

#[test]
fn a_dragonfly_goes_through_a_third_group() {
    let level = "df: { topology: dragonfly, groups: 3, routers: 2, devices: 1, global_links: 1, BL }";
    let whole = with_dead(level, &[]);
    let usual = places(&whole, &route(&whole, 0, 2, 0));
    let global = usual.windows(2).find(|pair| pair.iter().all(|name| name.starts_with("df-router"))).unwrap();
    let broken = with_dead(level, &[&format!("{} -> {}", global[0], global[1])]);
    assert!(check(&broken, 0, 2, 0) > usual.len() - 1);
}

#[test]
fn a_dead_adapter_leaves_by_a_neighbours() {
    let levels =
        "nvswitch: { topology: switch, count: 4, BL }, ib: { topology: rail_optimized, count: 2, BL }";
    let rails = with_dead(levels, &["gpu1 -> ib-rail1"]);
    assert_eq!(way(&rails, 1, 5), "gpu1 nvswitch0 gpu2 ib-rail2 gpu6 nvswitch1 gpu5");
    let levels = "nvswitch: { topology: switch, count: 4, BL }, ib: { topology: switch, count: 2, BL }";
    let switch = with_dead(levels, &["gpu1 -> ib"]);
    assert_eq!(way(&switch, 1, 5), "gpu1 nvswitch0 gpu2 ib gpu5");
}

#[test]
fn an_error_names_the_devices_and_the_link() {
    let switch = with_dead("nvswitch: { topology: switch, count: 4, BL }", &["nvswitch -> gpu2"]);
    let mut path = route(&switch, 0, 1, 0);
    let error = switch.route(1, 2, 0, &mut path).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no route from gpu1 to gpu2: the link nvswitch -> gpu2 is dead and no way around it was found"
    );
    assert_eq!(path.len(), 2);
}

#[test]
fn a_degraded_link_keeps_its_place_and_both_directions_can_be_meant() {
    let switch = fabric(
        "levels: { nvswitch: { topology: switch, count: 4, BL } }
overrides:
  - { from: gpu1, to: nvswitch, both_directions: true, bandwidth: 10 GB/s }
  - { link: gpu2 -> nvswitch, latency: 9 us }",
    );
    let rates = |from, to| -> Vec<f64> {
        route(&switch, from, to, 0).iter().map(|link| switch.link(*link).bandwidth / 1e9).collect()
    };
    assert_eq!((rates(1, 0), rates(0, 1), rates(0, 2)), (vec![10., 100.], vec![100., 10.], vec![100., 100.]));
    assert_eq!(switch.link(route(&switch, 2, 0, 0)[0]).latency.to_string(), "9 us");
}

#[test]
fn an_unknown_link_is_an_error_with_the_nearest_name() {
    let errors =
        read("levels: { nvswitch: { topology: switch, count: 4, BL } }\noverrides: [{ from: gpu3, to: nvswich, dead: true }]")
            .unwrap_err();
    assert_eq!(
        errors[0].to_string(),
        "overrides.0.to: there is no link `gpu3 -> nvswich` (did you mean `gpu3 -> nvswitch`?)"
    );
    let errors = read(
        "levels: { nvswitch: { topology: switch, count: 4, BL } }\noverrides: [{ link: gpu9 -> nvswitch, dead: true }]",
    )
    .unwrap_err();
    assert!(errors[0].hint.as_ref().is_some_and(|hint| hint.contains("-> nvswitch")), "{errors:?}");
}
