//! Fabrics: routes over every topology, around dead links, and descriptions that make no sense.

mod catalog;
mod dead;
mod errors;
mod random;
mod routes;

use memwall_hardware::{Fabric, FabricLink, FabricSpec, HardwareError};

/// The fabric of a YAML document whose `BL` stands for the figures every level must have.
pub fn read(yaml: &str) -> Result<Fabric, Vec<HardwareError>> {
    let figures = "title: links, bandwidth: 100 GB/s, latency: 500 ns";
    let spec: FabricSpec = serde_yaml::from_str(&yaml.replace("BL", figures)).unwrap();
    Fabric::try_from_spec(&spec)
}

/// The same where nothing is wrong.
pub fn fabric(yaml: &str) -> Fabric {
    read(yaml).unwrap_or_else(|errors| panic!("{yaml}: {errors:?}"))
}

/// A route that there is.
pub fn route(fabric: &Fabric, from: u32, to: u32, choice: u64) -> Vec<FabricLink> {
    let mut path = Vec::new();
    fabric.route(from, to, choice, &mut path).unwrap();
    path
}

/// The names of the places a route passes.
pub fn places(fabric: &Fabric, path: &[FabricLink]) -> Vec<String> {
    let mut places: Vec<String> = Vec::new();
    for link in path {
        let name = fabric.link_name(*link);
        let (from, to) = name.split_once(" -> ").unwrap();
        let to = to.split(" #").next().unwrap();
        match places.last() {
            Some(last) if last == from => {}
            // Between a device and a port that its group shares there is no link.
            Some(last) => {
                assert!(last.contains("-port") != from.contains("-port"), "not contiguous at {name}");
                places.push(from.to_owned());
            }
            None => places.push(from.to_owned()),
        }
        places.push(to.to_owned());
    }
    places
}

/// Checks a route link by link, and gives its length.
pub fn check(fabric: &Fabric, from: u32, to: u32, choice: u64) -> usize {
    let path = route(fabric, from, to, choice);
    let places = places(fabric, &path);
    if from == to {
        assert!(path.is_empty());
        return 0;
    }
    let ends = (places.first().unwrap(), places.last().unwrap());
    if fabric.levels().iter().all(|level| level.own_ports) {
        assert_eq!(ends, (&fabric.device_name(from), &fabric.device_name(to)));
    }
    for link in &path {
        let figures = fabric.link(*link);
        assert!(figures.bandwidth > 0.0 && !fabric.is_dead(*link));
        assert!(usize::from(figures.level) <= fabric.joining_level(from, to));
    }
    path.len()
}
