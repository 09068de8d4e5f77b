//! Machines, libraries and calls that the tests share.

use memwall_hardware::{CommunicationLibrary, Fabric, FabricSpec};
use memwall_model_graph::CollectiveKind;
use memwall_simulator::{Algorithm, Call, CollectiveError, CollectiveOutcome, Communicator, Protocol};
use memwall_units::BytesPerSec;
use serde_json::{Value, json};

pub const MIB: u64 = 1 << 20;
pub const KINDS: [CollectiveKind; 6] = [
    CollectiveKind::AllReduce,
    CollectiveKind::AllGather,
    CollectiveKind::ReduceScatter,
    CollectiveKind::AllToAll,
    CollectiveKind::Broadcast,
    CollectiveKind::Reduce,
];

pub fn fabric(spec: &Value) -> Fabric {
    let read: FabricSpec =
        serde_json::from_value(spec.clone()).unwrap_or_else(|error| panic!("{spec}: {error}"));
    Fabric::try_from_spec(&read).unwrap_or_else(|errors| panic!("{spec}: {errors:?}"))
}

/// A level of `GB/s` and nanoseconds, with what its topology needs.
pub fn level(topology: &str, gigabytes: u32, nanoseconds: u32, more: &Value) -> Value {
    let mut level = json!({
        "title": topology,
        "topology": topology,
        "bandwidth": format!("{gigabytes} GB/s"),
        "latency": format!("{nanoseconds} ns"),
    });
    let target = level.as_object_mut().expect("an object");
    target.extend(more.as_object().expect("an object").clone());
    level
}

/// Devices on one switch, 100 GB/s and 500 ns a link.
pub fn switch(devices: u32) -> Value {
    json!({ "levels": { "switch": level("switch", 100, 500, &json!({ "count": devices })) } })
}

/// Nodes on rails.
pub fn nodes(width: u32, count: u32) -> Value {
    json!({ "levels": {
        "inside": level("switch", 100, 500, &json!({ "count": width })),
        "rails": level("rail_optimized", 25, 1000, &json!({ "count": count })),
    } })
}

/// Every kind of protocol over links of any generation, in round figures.
pub fn library() -> CommunicationLibrary {
    let flag = |rate: &str| json!({ "start": "1 us", "step": "250 ns", "rate": rate });
    serde_json::from_value(json!({
        "name": "test",
        "title": "Test",
        "cores": 16,
        "generations": { "default": {
            "launch": "5 us",
            "ll": flag("10 GB/s"),
            "ll128": flag("60 GB/s"),
            "simple": { "start": "7 us", "step": "600 ns", "efficiency": 0.8, "copy_rate": "500 GB/s" },
            "direct": {
                "launch": "4 us", "peer": "300 ns", "short_rate": "5 GB/s", "start": "6 us", "efficiency": 0.7,
                "copy_rate": "400 GB/s",
            },
            "in_network": { "launch": "30 us", "efficiency": 0.6, "least_ranks": 2 },
        } },
    }))
    .expect("a library")
}

/// A library whose only costs are a launch of 5 us, a start of 7 us and steps of 600 ns.
pub fn ideal() -> CommunicationLibrary {
    let mut library = library();
    for links in library.generations.values_mut() {
        links.simple.efficiency.value = 1.0;
        links.simple.copy_rate.value = BytesPerSec(f64::INFINITY);
        links.in_network.as_mut().expect("it has one").efficiency.value = 1.0;
    }
    library
}

pub fn call(kind: CollectiveKind, bytes: u64, devices: std::ops::Range<u32>) -> Call {
    Call::new(kind, bytes, devices.collect())
}

pub fn by(algorithm: Algorithm, bytes: u64, devices: std::ops::Range<u32>) -> Call {
    let call = call(CollectiveKind::AllReduce, bytes, devices);
    Call { algorithm: Some(algorithm), protocol: Some(Protocol::Simple), ..call }
}

pub fn run(fabric: &Fabric, library: &CommunicationLibrary, call: &Call) -> CollectiveOutcome {
    Communicator::new(fabric, library).run(call).unwrap_or_else(|error| panic!("{call:?}: {error}"))
}

pub fn refused(fabric: &Fabric, call: &Call) -> CollectiveError {
    let library = library();
    Communicator::new(fabric, &library).run(call).expect_err("it cannot be run")
}
