//! Descriptions that make no sense are clear errors, soon.

use std::time::Instant;

use memwall_hardware::{Fabric, FabricSpec, LevelSpec};
use memwall_units::BytesPerSec;

use crate::{fabric, read, route};

fn error(levels: &str) -> String {
    let start = Instant::now();
    let errors = read(&format!("levels: {{ {levels} }}")).unwrap_err();
    assert!(start.elapsed().as_secs() < 5, "{levels} took long");
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn sizes_of_nothing_and_of_everything_are_errors() {
    for (levels, message) in [
        ("a: { topology: switch, count: 0, BL }", "a level needs at least 1 member"),
        ("a: { topology: torus, dims: [16, 0], BL }", "`dims` must be 1 to 6 numbers"),
        ("a: { topology: torus, dims: [], BL }", "`dims` must be 1 to 6 numbers"),
        ("a: { topology: switch, count: 1000000000, BL }", "a fabric has at most 1048576"),
        (
            "a: { topology: switch, count: 1048576, BL }, b: { topology: switch, count: 1048576, BL }",
            "1099511627776 devices: a fabric has at most 1048576",
        ),
        ("a: { topology: torus, dims: [4294967295, 4294967295, 4294967295], BL }", "a fabric has at most"),
        ("a: { topology: fat_tree, down: [4294967295, 4294967295, 4294967295], BL }", "`down` must be"),
        ("a: { topology: fat_tree, down: [8, 0], BL }", "`down` must be"),
        ("a: { topology: fat_tree, down: [8, 8, 8], up: [4096, 4096], BL }", "`up` must be 2 numbers"),
        ("a: { topology: fat_tree, down: [8, 8], up: [], BL }", "`up` must be 1 numbers"),
        ("a: { topology: fat_tree, down: [8, 8], oversubscription: 3, BL }", "3 does not divide the 8 links"),
        ("a: { topology: fat_tree, count: 65, down: [8, 8], BL }", "there are places for 64 ports, and 65"),
        (
            "a: { topology: dragonfly, groups: 9, routers: 2, devices: 1, global_links: 2, BL }",
            "each group has 4 links to other groups, and needs one to each of 8",
        ),
        (
            "a: { topology: dragonfly, groups: 4096, routers: 4096, devices: 4096, global_links: 4096, BL }",
            "16777216 routers are too many",
        ),
        (
            "a: { topology: pcie_tree, count: 8, devices_per_host: 0, BL }",
            "`devices_per_host` must be from 1",
        ),
        ("a: { topology: pcie_tree, count: 8, devices_per_host: 4, BL }", "`socket_bandwidth` is missing"),
        ("a: { topology: ring, count: 8, ports: per_group, BL }", "first level are devices"),
        (
            "a: { topology: ring, count: 8, BL }, b: { topology: ring, count: 8, ports: per_group, port_count: 9, BL }",
            "9 ports are more than the 8 devices",
        ),
    ] {
        let error = error(levels);
        assert!(error.contains(message), "{levels}: {error}");
    }
}

#[test]
fn keys_that_do_not_belong_are_errors() {
    let message = error("a: { topology: ring, count: 4, dims: [4], in_network_reduction: true, BL }");
    assert_eq!(
        message,
        "levels.a.dims: `dims` has no meaning for a ring (it is for torus, mesh)\n\
         levels.a.in_network_reduction: `in_network_reduction` has no meaning for a ring (it is for switch, \
         rail_optimized, fat_tree)"
    );
    assert!(error("a: { count: 4, BL }").contains("`topology` is missing"));
    assert!(error("gpu: { topology: ring, count: 4, BL }").contains("is what devices are called"));
    assert!(error("nvlink4: { topology: ring, count: 4, BL }").contains("no digit last"));
    assert!(error("a: { topology: torus, dims: [2, 2], count: 5, BL }").contains("`dims` make 4 members"));
}

#[test]
fn figures_out_of_range_are_errors() {
    for bandwidth in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
        let mut spec: FabricSpec = serde_yaml::from_str(
            "levels: { a: { topology: ring, count: 4, title: t, bandwidth: 1 GB/s, latency: 1 us } }",
        )
        .unwrap();
        let change = |level: &mut LevelSpec| level.bandwidth.as_mut().unwrap().value = BytesPerSec(bandwidth);
        spec.levels.as_mut().unwrap().values_mut().for_each(change);
        let errors = Fabric::try_from_spec(&spec).unwrap_err();
        assert!(errors[0].message.contains("out of range"), "{errors:?}");
    }
    assert!(Fabric::try_from_spec(&FabricSpec::default()).is_err());
}

#[test]
fn explicit_levels_must_hang_together() {
    let level =
        |links: &str| format!("a: {{ topology: explicit, count: 4, switches: [sw], links: [{links}], BL }}");
    let message = error(&level("{ from: gpu0, to: gpu1 }, { from: gpu2, to: gpu3 }"));
    assert_eq!(message, "levels.a.links: no links lead from gpu0 to gpu2, gpu3 and back");
    let message = error(&level("{ from: gpu0, to: gpu7 }, { from: sw, to: sw }"));
    assert_eq!(
        message,
        "levels.a.links.0.to: there is no `gpu7` to link (did you mean `gpu0`?)\n\
         levels.a.links.1.to: a link must lead somewhere else"
    );
    let one_way =
        "{ from: gpu0, to: gpu1, one_way: true }, { from: gpu1, to: gpu2 }, { from: gpu2, to: gpu3 }";
    assert!(error(&level(one_way)).contains("no links lead from gpu0 to gpu1, gpu2, gpu3 and back"));
    let message = error("a: { topology: explicit, count: 100000, links: [], BL }");
    assert!(message.contains("at most 4096 nodes"), "{message}");
}

#[test]
fn the_biggest_fabrics_are_built_and_routed_at_once() {
    let start = Instant::now();
    for levels in [
        "a: { topology: fully_connected, count: 1048576, BL }",
        "a: { topology: torus, dims: [1024, 1024], BL }",
        "a: { topology: ring, count: 1048576, BL }",
        "a: { topology: fat_tree, down: [1024, 1024], up: [2048], routing: ecmp, BL }",
        "a: { topology: dragonfly, groups: 256, routers: 4096, devices: 1, global_links: 4096, BL }",
        "a: { topology: pcie_tree, count: 1048576, devices_per_host: 1, socket_bandwidth: 1 GB/s, BL }",
        "a: { topology: switch, count: 1024, BL }, b: { topology: rail_optimized, count: 1024, BL }",
    ] {
        let big = fabric(&format!("levels: {{ {levels} }}"));
        assert_eq!(big.devices(), 1 << 20);
        for choice in 0..4 {
            assert!(!route(&big, 5, 1_000_000, choice).is_empty());
        }
        let name = big.link_name(route(&big, 5, 1_000_000, 0)[0]);
        let dead = format!("levels: {{ {levels} }}\noverrides: [{{ link: {name}, dead: true }}]");
        let _ = fabric(&dead).route(5, 1_000_000, 0, &mut Vec::new());
    }
    assert!(start.elapsed().as_secs() < 60);
}
