//! The catalog: every entry reads, every figure has a source, every promised name resolves.

use memwall_hardware::{
    CatalogError, Device, DeviceSpec, MatmulOn, Provenance, Scope, SoftwareProfile, TierKind, catalog,
};

fn all_devices() -> Vec<Device> {
    let devices: Vec<Device> =
        catalog::devices().iter().map(|entry| catalog::device(entry.name).unwrap()).collect();
    assert!(!devices.is_empty());
    devices
}

#[test]
fn every_device_reads_and_bears_its_own_name() {
    for (entry, device) in catalog::devices().iter().zip(all_devices()) {
        assert_eq!(device.name, entry.name);
        assert_eq!(device.title, entry.title());
        assert_ne!(device.title, device.name, "{}: a title for people", entry.name);
    }
}

#[test]
fn every_figure_has_a_source_and_none_is_the_users() {
    for device in all_devices() {
        let rows = device.rows();
        assert!(rows.iter().filter(|row| row.kind.is_some()).count() > 20, "{}", device.name);
        for row in rows.iter().filter(|row| row.kind.is_some()) {
            assert!(row.source.len() >= 6, "{}: {} has no source", device.name, row.path);
            assert_ne!(row.kind, Some(Provenance::Scenario), "{}: {}", device.name, row.path);
        }
    }
}

#[test]
fn every_device_has_a_ridge_point_and_power_a_person_would_believe() {
    for device in all_devices() {
        let formats = ["bf16", "fp16", "int8", "fp32"];
        let ridge = formats.into_iter().filter_map(|format| device.ridge_point(format)).fold(0.0, f64::max);
        assert!((1.0..2500.0).contains(&ridge), "{}: {ridge} FLOPs a byte", device.name);
        let watts = device.power.tdp.value.0;
        assert!((0.5..2000.0).contains(&watts), "{}: {watts} W", device.name);
    }
}

/// What a simulation of one kernel needs: a place for tiles in each core, and few shared levels below it.
#[test]
fn every_device_has_a_place_for_tiles_in_each_core() {
    for device in all_devices() {
        let tile = |kind| matches!(kind, TierKind::Scratchpad | TierKind::Cache);
        assert!(
            device.tiers.iter().any(|tier| tier.scope == Scope::PerCore && tile(tier.kind)),
            "{}",
            device.name
        );
        let shared = device.tiers.iter().filter(|tier| tier.scope != Scope::PerCore);
        let on_device = shared.filter(|tier| tile(tier.kind) || tier.kind == TierKind::Dram).count();
        assert!((1..=4).contains(&on_device), "{}: {on_device} shared levels", device.name);
    }
}

/// Inner tiers are smaller, faster and nearer than outer ones, all instances taken together.
#[test]
fn tiers_grow_outwards() {
    for device in all_devices() {
        let on_device: Vec<_> = device
            .tiers
            .iter()
            .filter(|tier| !matches!(tier.kind, TierKind::Host | TierKind::Storage | TierKind::Registers))
            .collect();
        assert!(on_device.len() >= 2, "{}", device.name);
        for pair in on_device.windows(2) {
            let [inner, outer] = pair else { unreachable!() };
            let name = format!("{}: {} and {}", device.name, inner.name, outer.name);
            assert!(inner.capacity.value < outer.capacity.value, "{name}: capacity");
            assert!(inner.latency.value <= outer.latency.value, "{name}: latency");
        }
    }
}

#[test]
fn the_device_memory_has_a_measured_or_argued_efficiency() {
    for device in all_devices() {
        let memory = device.memory().unwrap();
        assert!((0.5..=1.0).contains(&memory.efficiency.value), "{}", device.name);
        assert!(!memory.efficiency.source.starts_with("not stated"), "{}", device.name);
        if let Some(in_flight) = &memory.in_flight {
            let needed =
                memory.bandwidth.value.0 * memory.efficiency.value * memory.latency.value.as_secs_f64();
            assert!(in_flight.value.as_f64() >= needed, "{}: in flight under {needed:.0} B", device.name);
        }
    }
}

#[test]
fn every_description_survives_a_round_trip_through_yaml() {
    for device in all_devices() {
        let text = serde_yaml::to_string(&device.to_spec()).unwrap();
        let spec: DeviceSpec = serde_yaml::from_str(&text).unwrap();
        assert_eq!(Device::try_from_spec(spec).unwrap(), device);
    }
}

#[test]
fn every_software_profile_reads_has_sources_and_survives_a_round_trip() {
    assert!(!catalog::software_profiles().is_empty());
    for entry in catalog::software_profiles() {
        let profile = catalog::software(entry.name).unwrap();
        assert_eq!(profile.name, entry.name);
        assert!(
            profile.rows().iter().all(|row| row.kind.is_none() || row.source.len() >= 6),
            "{}",
            entry.name
        );
        let text = serde_yaml::to_string(&profile.to_spec()).unwrap();
        let again = SoftwareProfile::try_from_spec(serde_yaml::from_str(&text).unwrap()).unwrap();
        assert_eq!(again, profile);
    }
}

#[test]
fn names_and_aliases_are_unique_and_resolve() {
    for entries in [catalog::devices(), catalog::software_profiles()] {
        let mut seen = std::collections::BTreeSet::new();
        for entry in entries {
            for name in std::iter::once(&entry.name).chain(entry.aliases) {
                assert!(seen.insert(*name), "`{name}` is used twice");
            }
        }
    }
    for entry in catalog::devices() {
        for alias in entry.aliases {
            assert_eq!(catalog::device(alias).unwrap().name, entry.name);
        }
    }
    assert_eq!(catalog::device("H100_SXM").unwrap().name, "h100-sxm");
}

#[test]
fn an_unknown_name_suggests_the_nearest() {
    let error = catalog::device("h100-sxn").unwrap_err();
    assert!(matches!(&error, CatalogError::Unknown { nearest, .. } if nearest.first() == Some(&"h100-sxm")));
    assert!(error.to_string().starts_with("no device is called `h100-sxn`; did you mean `h100-sxm`"));
    let long = "x".repeat(1_000_000);
    assert!(catalog::device(&long).unwrap_err().to_string().len() < 300);
    assert!(catalog::software("tensort-llm").unwrap_err().to_string().contains("`tensorrt-llm`"));
}

/// Names used by measured rows that the catalog must know.
const DEVICE_IDS: &str = "
    a100-sxm-80gb a100-sxm-40gb a100-pcie-80gb a100-pcie-40gb a40 b200-sxm b300-sxm gb200 gb300 gh200
    h100-sxm h100-sxm-96gb h100-pcie h200-sxm jetson-agx-orin jetson-thor l4 l40s mi210 mi250x mi300x p4 p100-pcie
    rtx-4090 rtx-pro-6000 t4 tpu-v3 tpu-v4 tpu-v5e tpu-v5p tpu-v6e gaudi2 gaudi3 trainium1 trainium2
    v100-pcie-32gb v100-sxm2-32gb grace xeon-gold-6242 m2-ultra gemmini-kim2023 h100 a100 h200 mi300x";
const SYSTEM_IDS: &str = "
    dgx-v100 dgx-a100 dgx-h100 dgx-h200 dgx-b200 dgx-b300 gb200-nvl72 gb300-nvl72 l40s-pcie
    rtx-pro-6000-pcie t4-pcie 4xa100-nvlink-full 8xmi300x hgx-a100-ib hgx-h100-ib hgx-h100-roce hgx-h100-96gb-roce tpu-v3-pod
    tpu-v4-pod tpu-v5e-pod tpu-v5p-pod";
const SOFTWARE_IDS: &str =
    "generic tensorrt-llm trtllm vllm torch-eager torch-compile pytorch-cpu kim2023-gemmini";

#[test]
fn every_promised_name_resolves() {
    for name in DEVICE_IDS.split_whitespace() {
        catalog::device(name).unwrap();
    }
    for name in SYSTEM_IDS.split_whitespace() {
        catalog::system(name).unwrap();
    }
    for name in SOFTWARE_IDS.split_whitespace() {
        catalog::software(name).unwrap();
    }
}

#[test]
fn every_system_has_sources_and_a_known_device() {
    assert_eq!(catalog::systems().len(), SYSTEM_IDS.split_whitespace().count());
    for entry in catalog::systems() {
        let system = catalog::system(entry.name).unwrap();
        assert_eq!(system.name, entry.name);
        assert!(system.count.value >= 2);
        assert_eq!(catalog::device(&system.device).unwrap().name, system.device);
        for row in system.rows().iter().filter(|row| row.kind.is_some()) {
            assert!(row.kind != Some(Provenance::Scenario), "{} {}", entry.name, row.path);
            assert!(row.source.len() >= 6, "{} {}", entry.name, row.path);
        }
    }
}

/// Peaks against cores x clock, so that no figure is off by the factor of two of sparsity or of a
/// multiply-add.
#[test]
fn tensor_peaks_follow_from_cores_and_clock() {
    let per_clock = [
        ("v100-sxm2-32gb", "fp16", 1024.0),
        ("a100-sxm-80gb", "bf16", 2048.0),
        ("a40", "bf16", 1024.0),
        ("l40s", "bf16", 1024.0),
        ("l4", "bf16", 1024.0),
        ("h100-sxm", "bf16", 4096.0),
        ("h100-sxm", "fp8", 8192.0),
        ("h100-pcie", "bf16", 4096.0),
        ("b200-sxm", "bf16", 8192.0),
        ("gb200", "fp8", 16384.0),
        ("mi210", "fp16", 1024.0),
        ("mi300x", "bf16", 2048.0),
        ("xeon-gold-6242", "fp32", 64.0),
        ("gemmini-kim2023", "int8", 512.0),
    ];
    for (name, format, flops) in per_clock {
        let device = catalog::device(name).unwrap();
        let expected = f64::from(device.cores.value) * device.clock.value.0 * flops;
        let peak = device.matmul_peak(format).unwrap().rate.0;
        assert!((peak / expected - 1.0).abs() < 0.02, "{name} {format}: {peak:e} against {expected:e}");
    }
}

#[test]
fn a_format_without_units_runs_in_the_next_wider_one_and_says_so() {
    let a100 = catalog::device("a100").unwrap();
    let fp8 = a100.matmul_peak("fp8").unwrap();
    assert_eq!((fp8.runs_as, fp8.rate.0), ("fp16", 312e12));
    assert_eq!(fp8.note("fp8").unwrap(), "fp8 has no units of its own and runs as fp16");
    let fp32 = a100.matmul_peak("fp32").unwrap();
    assert_eq!((fp32.on, fp32.rate.0, fp32.note("fp32")), (MatmulOn::Vector, 19.5e12, None));
    assert_eq!(a100.matmul_peak("bf16").unwrap().on, MatmulOn::Matrix);
    let v100 = catalog::device("v100").unwrap();
    assert_eq!(v100.matmul_peak("bf16").unwrap().runs_as, "fp32");
    assert!(v100.matmul_peak("fp7").is_none());
    assert!(v100.matrix.peak("bf16").is_none());
}

#[test]
fn a_variant_keeps_what_it_does_not_say() {
    let (h100, h200) = (catalog::device("h100-sxm").unwrap(), catalog::device("h200-sxm").unwrap());
    assert_eq!(h200.matrix, h100.matrix);
    assert_eq!(h200.memory().unwrap().bandwidth.value.0, 4.8e12);
    assert_eq!(h200.memory().unwrap().latency, h100.memory().unwrap().latency);
}
