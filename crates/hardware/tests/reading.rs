//! Reading a description: what is wrong is said, where it is, all at once, and nothing panics.

use memwall_hardware::{
    Device, DeviceSpec, HardwareError, Scope, SoftwareProfile, SoftwareSpec, TierKind, catalog,
};
use proptest::prelude::*;

const SMALL: &str = "
name: small
cores: 4
clock: 1 GHz
matrix: { peak: { fp32: 64 GFLOP/s }, granularity: [4, 4, 4] }
vector: { peak: { fp32: 8 GFLOP/s } }
memory:
  dram: { kind: dram, capacity: 4 GB, bandwidth: 10 GB/s, latency: 100 ns }
  buffer: { kind: scratchpad, scope: per_core, capacity: 64 KiB, bandwidth: 16 GB/s, latency: 2 ns }
  cache: { kind: cache, scope: shared, instances: 2, capacity: 1 MiB, bandwidth: 40 GB/s, latency: 10 ns }
power: { tdp: 5 W }
";

fn read(yaml: &str) -> Result<Device, Vec<HardwareError>> {
    Device::try_from_spec(serde_yaml::from_str(yaml).unwrap())
}

/// Errors of `SMALL` with one text replaced, as `path: message (hint)`.
fn errors(from: &str, to: &str) -> Vec<String> {
    assert!(SMALL.contains(from), "nothing to replace: {from}");
    let result = read(&SMALL.replace(from, to));
    result.err().unwrap_or_default().iter().map(HardwareError::to_string).collect()
}

#[test]
fn a_small_machine_reads_with_bare_figures_and_tiers_in_order() {
    let device = read(SMALL).unwrap();
    assert_eq!(device.title, "small");
    let order: Vec<_> = device.tiers.iter().map(|tier| (tier.name.as_str(), tier.scope)).collect();
    let expected = [("buffer", Scope::PerCore), ("cache", Scope::Shared(2)), ("dram", Scope::Shared(1))];
    assert_eq!(order, expected);
    assert_eq!(device.cores.source, "given in the scenario");
    assert_eq!(device.special, None);
}

#[test]
fn a_tier_added_to_a_part_finds_its_place() {
    let over =
        "memory: { l3: { kind: cache, scope: shared, capacity: 1 GB, bandwidth: 8 TB/s, latency: 300 ns } }";
    let merged = memwall_hardware::overlay(
        catalog::device_yaml("h100-sxm").unwrap(),
        serde_yaml::from_str(over).unwrap(),
    );
    let device = Device::try_from_spec(serde_yaml::from_value(merged).unwrap()).unwrap();
    let names: Vec<&str> = device.tiers.iter().map(|tier| tier.name.as_str()).collect();
    assert_eq!(names, ["registers", "shared", "l2", "l3", "hbm", "host", "storage"]);
    assert_eq!(device.tiers[4].kind, TierKind::Dram);
}

#[test]
fn every_mistake_is_reported_with_its_path_and_range() {
    let cases = [
        ("cores: 4", "cores: 0", "cores: 0 is out of range: it must be from 1 to 1000000"),
        ("cores: 4", "cores: 2000000", "cores: 2000000 is out of range: it must be from 1 to 1000000"),
        ("1 GHz", "0 GHz", "clock: 0 Hz is out of range: it must be from 1 kHz to 1000 GHz"),
        ("10 GB/s", "0 B/s", "memory.dram.bandwidth: 0 B/s is out of range"),
        ("4 GB,", "0 B,", "memory.dram.capacity: 0 B is out of range"),
        ("[4, 4, 4]", "[4, 0, 4]", "matrix.granularity: [4, 0, 4] is out of range"),
        ("fp32: 8", "fp23: 8", "vector.peak.fp23: `fp23` is no number format (did you mean `fp32`?)"),
        (
            "instances: 2",
            "instances: 5",
            "memory.cache.instances: 5 is out of range: 1 to the number of cores (4)",
        ),
        ("per_core,", "per_core, instances: 4,", "memory.buffer.instances: with `scope: per_core`"),
        ("kind: dram,", "kind: dram, efficiency: 1.5,", "memory.dram.efficiency: 1.5 is out of range"),
        ("kind: dram,", "kind: dram, efficiency: .nan,", "memory.dram.efficiency: NaN is out of range"),
        ("kind: dram", "kind: cache, scope: shared", "memory: no tier has `kind: dram`"),
        ("kind: dram", "kind: dram, scope: per_core", "memory.dram.scope: a tier off the chip is shared"),
        ("power: { tdp: 5 W }", "", "power: `tdp` is missing (write it, such as `tdp: 700 W`"),
        ("clock: 1 GHz\n", "", "`clock` is missing (write it, such as `clock: 1.83 GHz`"),
        ("latency: 2 ns", "energy_per_byte: 1 pJ", "memory.buffer: `latency` is missing"),
        ("power: {", "host: { speed: 0 }\npower: {", "host.speed: 0 is out of range"),
        (
            "kind: dram,",
            "kind: dram, access: { ways: 5000 },",
            "memory.dram.access.ways: 5000 is out of range: it must be from 1 to 4096",
        ),
        (
            "kind: dram,",
            "kind: dram, access: { partitions: 2 },",
            "memory.dram.access: `far_latency` is missing: the two go together",
        ),
        (
            "kind: dram,",
            "kind: dram, access: { translation: 1 s, translation_reach: 1 MB },",
            "memory.dram.access.translation: address translation takes longer than `latency`",
        ),
        (
            "kind: dram,",
            "kind: dram, access: { partitions: 2, far_latency: 1 ps },",
            "memory.dram.access.far_latency: the far part is nearer than `latency`",
        ),
        (
            "power: {",
            "load_cache: { capacity: 1 KiB, latency: 1 ns }\npower: {",
            "load_cache: `bandwidth` is missing (write it, such as `bandwidth: 180 GB/s`",
        ),
        (
            "power: {",
            "threads: { per_core: 0, group: 32, turnaround: 1 ns, launch: 1 ns, store: 1 ns }\npower: {",
            "threads.per_core: 0 is out of range",
        ),
    ];
    for (from, to, expected) in cases {
        let found = errors(from, to);
        assert!(
            found.iter().any(|error| error.starts_with(expected)),
            "{from} -> {to}: wanted `{expected}`, found {found:#?}"
        );
    }
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let yaml = SMALL.replace("cores: 4", "cores: 0").replace("1 GHz", "0 Hz").replace("5 W", "0 W");
    assert_eq!(read(&yaml).unwrap_err().len(), 3);
    assert!(read("{}").unwrap_err().len() >= 6);
}

#[test]
fn a_second_memory_and_a_machine_without_chip_memory_are_refused() {
    let two = SMALL.replace("kind: cache, scope: shared, instances: 2", "kind: dram");
    assert!(read(&two).unwrap_err()[0].message.contains("a second tier"));
    let bare =
        SMALL.lines().filter(|line| !line.contains("buffer") && !line.contains("cache")).collect::<Vec<_>>();
    assert!(read(&bare.join("\n")).unwrap_err()[0].message.contains("nowhere to keep a tile"));
}

#[test]
fn a_wrong_key_or_unit_is_an_error_that_says_what_would_do() {
    let message = |from: &str, to: &str| {
        serde_yaml::from_str::<DeviceSpec>(&SMALL.replace(from, to)).unwrap_err().to_string()
    };
    assert!(message("10 GB/s", "10").contains("write it with a unit"));
    assert!(message("bandwidth: 10", "bandwith: 10").contains("unknown field `bandwith`"));
    assert!(message("10 GB/s", "{ value: 10 GB/s, sauce: me }").contains("unknown field `sauce`"));
    assert!(message("10 GB/s", "{ kind: measured }").contains("missing field `value`"));
    assert!(message("cores: 4", "cores: 4.5").contains("expected u32"));
    assert!(message("cores: 4", "cores: -4").contains("invalid value"));
    assert!(message("cores: 4", "cores: [4]").contains("expected a figure"));
}

#[test]
fn a_software_profile_is_checked_the_same_way() {
    let yaml = "{ name: mine, launch: stream, issue: 1 us, max_split_k: 0, matmul_efficiency: 2 }";
    let errors = SoftwareProfile::try_from_spec(serde_yaml::from_str(yaml).unwrap()).unwrap_err();
    let texts: Vec<String> = errors.iter().map(HardwareError::to_string).collect();
    assert!(texts.iter().any(|text| text.starts_with("max_split_k: 0 is out of range")), "{texts:#?}");
    assert!(texts.iter().any(|text| text.starts_with("matmul_efficiency: 2 is out of range")), "{texts:#?}");
    assert!(texts.iter().any(|text| text.starts_with("`kernel_gap` is missing")), "{texts:#?}");
}

/// A scalar a person might write anywhere: sane, absurd or not a figure at all.
fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("0".to_owned()),
        Just(".nan".to_owned()),
        Just("-.inf".to_owned()),
        Just("1e308 TB/s".to_owned()),
        Just("99999999 TB".to_owned()),
        Just("{ value: 1 GHz }".to_owned()),
        Just("[1, 1, 1]".to_owned()),
        Just("~".to_owned()),
        any::<f64>().prop_map(|number| format!("{number:?}")),
        any::<u64>().prop_map(|number| format!("{number} GB")),
        any::<i64>().prop_map(|number| number.to_string()),
    ]
}

proptest! {
    #[test]
    fn no_text_makes_reading_panic(text in "[ -~\n]{0,200}") {
        if let Ok(spec) = serde_yaml::from_str::<DeviceSpec>(&text) {
            let _ = Device::try_from_spec(spec);
        }
        if let Ok(spec) = serde_yaml::from_str::<SoftwareSpec>(&text) {
            let _ = SoftwareProfile::try_from_spec(spec);
        }
        let _ = catalog::device(&text);
    }

    /// One value of a good description replaced: it reads within the limits, or is refused.
    #[test]
    fn a_device_that_reads_is_within_limits(place in 0usize..20, value in scalar()) {
        let values: Vec<(usize, usize)> = SMALL
            .match_indices(": ")
            .map(|(at, _)| at + 2)
            .filter_map(|start| {
                let length = SMALL[start..].find([',', '}', '\n'])?;
                (!SMALL[start..].starts_with('{') && length > 0).then_some((start, start + length))
            })
            .collect();
        let (start, end) = values[place % values.len()];
        let yaml = format!("{}{value}{}", &SMALL[..start], &SMALL[end..]);
        if let Ok(Ok(device)) = serde_yaml::from_str::<DeviceSpec>(&yaml).map(Device::try_from_spec) {
            prop_assert!(device.cores.value >= 1);
            for tier in &device.tiers {
                prop_assert!(tier.bandwidth.value.0.is_finite() && tier.bandwidth.value.0 > 0.0);
                prop_assert!(tier.efficiency.value > 0.0 && tier.efficiency.value <= 1.0);
                prop_assert!(tier.capacity.value.0 > 0);
            }
            let text = serde_yaml::to_string(&device.to_spec()).unwrap();
            let again: DeviceSpec = serde_yaml::from_str(&text).unwrap();
            prop_assert_eq!(Device::try_from_spec(again).unwrap(), device);
        }
    }
}
