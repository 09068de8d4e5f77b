//! The catalog: every entry reads, every figure has a source, every promised name resolves.

use memwall_hardware::{CatalogError, Device, DeviceSpec, Provenance, SoftwareProfile, TierKind, catalog};

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
