//! Laws over random fabrics of every kind.

use std::collections::{BTreeSet, HashMap, VecDeque};

use memwall_hardware::{Fabric, FabricLink, FabricSpec, LinkOverrideSpec, RouteError};
use memwall_units::Picos;
use proptest::prelude::*;

use crate::{check, places};

const FIGURES: &str = "title: t, bandwidth: 100 GB/s, latency: 1 us";

/// The keys of a level: of at most about 12 members.
fn level() -> impl Strategy<Value = String> {
    let dims = || prop::collection::vec(1u32..4, 1..4);
    prop_oneof![
        (1u32..9).prop_map(|n| format!("topology: ring, count: {n}")),
        (1u32..7).prop_map(|n| format!("topology: fully_connected, count: {n}")),
        (1u32..9).prop_map(|n| format!("topology: switch, count: {n}")),
        (1u32..6).prop_map(|n| format!("topology: rail_optimized, count: {n}")),
        dims().prop_map(|dims| format!("topology: torus, dims: {dims:?}")),
        dims().prop_map(|dims| format!("topology: mesh, dims: {dims:?}")),
        (1u32..9, 1u32..4, 1u32..4).prop_map(|(n, a, b)| format!(
            "topology: pcie_tree, count: {n}, devices_per_switch: {a}, switches_per_host: {b},
             socket_bandwidth: 50 GB/s"
        )),
        (1u32..9, 1u32..5).prop_map(|(n, a)| format!(
            "topology: pcie_tree, count: {n}, devices_per_host: {a}, socket_bandwidth: 50 GB/s"
        )),
        (1u32..7, 1u32..4, 1u32..4).prop_map(|(n, a, b)| format!(
            "topology: fat_tree, count: {n}, down: [{a}, 200, 200], up: [{b}, 2], routing: ecmp"
        )),
        (1u32..7, 1u32..4, 1u32..4, 1u32..3).prop_map(|(n, a, p, h)| format!(
            "topology: dragonfly, count: {n}, groups: {}, routers: {a}, devices: {}, global_links: {h}, routing: ecmp",
            (a * h + 1).min(4),
            p * 600
        )),
        (2u32..6).prop_map(|n| {
            let links: Vec<String> =
                (1..n).map(|k| format!("{{ from: NOUN{k}, to: NOUN{} }}", k / 2)).collect();
            format!("topology: explicit, count: {n}, routing: ecmp, links: [{}]", links.join(", "))
        }),
    ]
}

/// The keys of a level that is the first, with numbers of its own for switched topologies.
fn first_level() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => level(),
        1 => (1u32..4, 1u32..4, 1u32..4, 1u32..4, 1u32..4).prop_map(|(a, b, c, d, e)| format!(
            "topology: fat_tree, down: [{a}, {b}, {c}], up: [{d}, {e}], routing: ecmp"
        )),
        1 => (1u32..5, 1u32..4, 1u32..4, 1u32..5).prop_map(|(g, a, p, h)| format!(
            "topology: dragonfly, groups: {}, routers: {a}, devices: {p}, global_links: {h}, routing: ecmp,
             global_latency: 2 us",
            g.min(a * h + 1)
        )),
    ]
}

/// A fabric of one level.
fn single() -> impl Strategy<Value = FabricSpec> {
    first_level().prop_map(|level| {
        let level = level.replace("NOUN", "gpu");
        serde_yaml::from_str(&format!("levels: {{ link: {{ {level}, {FIGURES} }} }}")).unwrap()
    })
}

fn spec() -> impl Strategy<Value = FabricSpec> {
    let levels = prop::collection::vec((level(), any::<bool>()), 0..3);
    (first_level(), levels).prop_map(|(first, levels)| {
        let mut yaml = String::from("levels:\n");
        for (index, (level, is_shared)) in std::iter::once((first, false)).chain(levels).enumerate() {
            let noun = if index == 0 { "gpu" } else { "member" };
            let ports = if is_shared && index > 0 { ", ports: per_group" } else { "" };
            let level = level.replace("NOUN", noun);
            yaml += &format!("  l{index}x: {{ {level}{ports}, {FIGURES} }}\n");
        }
        serde_yaml::from_str(&yaml).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn routes_are_contiguous_and_end_where_they_should(
        spec in spec(), pairs in prop::collection::vec((any::<u32>(), any::<u32>(), any::<u64>()), 20),
    ) {
        let fabric = Fabric::try_from_spec(&spec).unwrap();
        for (from, to, choice) in pairs {
            let (from, to) = (from % fabric.devices(), to % fabric.devices());
            // As many hops back as there, by whatever choice among equals.
            prop_assert_eq!(check(&fabric, from, to, 0), check(&fabric, to, from, 0));
            prop_assert_eq!(check(&fabric, from, to, 0), check(&fabric, from, to, choice));
        }
    }

    #[test]
    fn every_link_has_a_name_of_its_own_by_which_it_is_found(spec in spec(), pick in any::<prop::sample::Index>()) {
        let fabric = Fabric::try_from_spec(&spec).unwrap();
        let links: Vec<_> = fabric.links().take(4000).collect();
        let names: BTreeSet<String> = links.iter().map(|link| fabric.link_name(*link)).collect();
        prop_assert_eq!(names.len(), links.len());
        prop_assert!(links.iter().all(|link| fabric.link(*link).bandwidth > 0.0));
        prop_assume!(!links.is_empty());
        let link = links[pick.index(links.len())];
        let dead = LinkOverrideSpec {
            link: Some(fabric.link_name(link)), dead: Some(true), ..LinkOverrideSpec::default()
        };
        let broken = Fabric::try_from_spec(&FabricSpec { overrides: Some(vec![dead]), ..spec }).unwrap();
        prop_assert!(broken.is_dead(link));
        prop_assert_eq!(broken.links().filter(|link| broken.is_dead(*link)).count(), 1);
    }

    #[test]
    fn no_route_takes_a_dead_link(
        spec in spec(), dead in prop::collection::vec(any::<prop::sample::Index>(), 1..6),
        pairs in prop::collection::vec((any::<u32>(), any::<u32>()), 20),
    ) {
        let whole = Fabric::try_from_spec(&spec).unwrap();
        let links: Vec<_> = whole.links().take(2000).collect();
        prop_assume!(!links.is_empty());
        let name = |pick: &prop::sample::Index| whole.link_name(links[pick.index(links.len())]);
        let overrides = dead.iter().map(|pick| LinkOverrideSpec {
            link: Some(name(pick)), dead: Some(true), ..LinkOverrideSpec::default()
        });
        let broken =
            Fabric::try_from_spec(&FabricSpec { overrides: Some(overrides.collect()), ..spec }).unwrap();
        for (from, to) in pairs {
            let (from, to) = (from % broken.devices(), to % broken.devices());
            let mut path = Vec::new();
            match broken.route(from, to, 0, &mut path) {
                Ok(()) => {
                    places(&broken, &path);
                    prop_assert!(path.iter().all(|link| !broken.is_dead(*link)));
                }
                Err(RouteError::Dead { link, .. }) => {
                    prop_assert!(path.is_empty());
                    prop_assert!(dead.iter().any(|pick| name(pick) == link), "{} is not dead", link);
                }
                Err(error) => prop_assert!(false, "{}", error),
            }
        }
    }

    /// Over one level, a route is found whenever there is one, and without dead links it is a shortest one: by the fewest
    /// long links, then by the fewest hops. In a dragonfly two links between groups can be fewer hops than a local, a global
    /// and a local one; minimal routing takes the one all the same, as in the topology's paper.
    #[test]
    fn a_route_is_found_whenever_there_is_one(
        spec in single(), dead in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let whole = Fabric::try_from_spec(&spec).unwrap();
        let links: Vec<_> = whole.links().collect();
        prop_assume!(!links.is_empty());
        let overrides: Vec<_> = dead.iter().map(|pick| LinkOverrideSpec {
            link: Some(whole.link_name(links[pick.index(links.len())])),
            dead: Some(true),
            ..LinkOverrideSpec::default()
        }).collect();
        let broken = Fabric::try_from_spec(&FabricSpec { overrides: Some(overrides), ..spec }).unwrap();
        for from in 0..broken.devices().min(6) {
            let distances = distances(&broken, from);
            for to in 0..broken.devices() {
                let mut path = Vec::new();
                let found = broken.route(from, to, 0, &mut path).is_ok();
                let distance = distances.get(&broken.device_name(to));
                prop_assert_eq!(found, distance.is_some(), "{} to {}", from, to);
                if dead.is_empty() {
                    let long = path.iter().filter(|link| is_long(&broken, **link)).count();
                    prop_assert_eq!(Some(&(long, path.len())), distance);
                }
            }
        }
    }
}

/// Long links, then all links, from a device to every place that live links lead to.
fn distances(fabric: &Fabric, from: u32) -> HashMap<String, (usize, usize)> {
    let mut next: HashMap<String, Vec<(String, usize)>> = HashMap::new();
    for link in fabric.links().filter(|link| !fabric.is_dead(*link)) {
        let name = fabric.link_name(link);
        let (from, to) = name.split(" #").next().unwrap().split_once(" -> ").unwrap();
        let long = usize::from(is_long(fabric, link));
        next.entry(from.to_owned()).or_default().push((to.to_owned(), long));
    }
    let mut distances = HashMap::from([(fabric.device_name(from), (0, 0))]);
    let mut waiting = VecDeque::from([fabric.device_name(from)]);
    while let Some(place) = waiting.pop_front() {
        let (far, hops) = distances[&place];
        for (to, long) in next.get(&place).into_iter().flatten() {
            let distance = (far + long, hops + 1);
            if distances.get(to).is_none_or(|known| distance < *known) {
                distances.insert(to.clone(), distance);
                waiting.push_back(to.clone());
            }
        }
    }
    distances
}

/// A link between groups of a dragonfly, by its latency.
fn is_long(fabric: &Fabric, link: FabricLink) -> bool {
    fabric.link(link).latency > Picos(1_000_000)
}
