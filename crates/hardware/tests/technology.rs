//! Areas, costs and energies of real parts beside what is published of them.

use memwall_hardware::technology::{cost_of, modelled_area, technology};
use memwall_hardware::{
    AreaModel, Device, DeviceSpec, EnergyModel, Provenance, area, catalog, overlay, peak_power, unit_cost,
};

/// The dies that the area constants were fitted to.
const FITTED: [&str; 10] =
    ["p100-pcie", "p4", "v100-sxm2-32gb", "t4", "a100-sxm-80gb", "a40", "l4", "l40s", "h100-sxm", "mi250x"];

fn device(name: &str) -> Device {
    catalog::device(name).unwrap()
}

fn changed(name: &str, over: &str) -> Device {
    let over = serde_yaml::from_str(over).unwrap();
    let yaml = overlay(catalog::device_yaml(name).unwrap(), over);
    let spec: DeviceSpec = serde_yaml::from_value(yaml).unwrap();
    Device::try_from_spec(spec).unwrap()
}

fn residual(name: &str) -> f64 {
    let device = device(name);
    let published = device.silicon.die_area.as_ref().unwrap().value.0;
    modelled_area(&device).unwrap().total_mm2.likely / published - 1.0
}

/// What `area.matrix_mm2_per_kflop` claims in its source.
#[test]
fn modelled_areas_of_the_fitted_dies_are_as_near_as_claimed() {
    let errors: Vec<f64> = FITTED.iter().map(|name| residual(name).abs()).collect();
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    let worst = errors.iter().copied().fold(0.0, f64::max);
    assert!(mean < 0.125 && worst < 0.27, "mean {mean:.3}, worst {worst:.3}: {errors:.2?}");
}

/// Dies that no fit saw: worse, and within what the range says.
#[test]
fn modelled_areas_of_other_dies_lie_within_their_range() {
    for name in ["b200-sxm", "rtx-pro-6000", "mi210"] {
        let device = device(name);
        let published = device.silicon.die_area.as_ref().unwrap().value.0;
        let range = modelled_area(&device).unwrap().total_mm2;
        assert!((range.low..range.high).contains(&published), "{name}: {published} not in {range:?}");
    }
}

#[test]
fn a_part_has_its_published_area_and_parts_that_add_up() {
    for name in FITTED {
        let device = device(name);
        let area = area(&device).unwrap();
        assert_eq!(area.total_mm2.likely, device.silicon.die_area.as_ref().unwrap().value.0);
        let sum: f64 = area.parts.iter().map(|part| part.mm2.likely).sum();
        assert!((sum / area.total_mm2.likely - 1.0).abs() < 1e-9, "{name}: {sum}");
        assert!((0.0..1.0).contains(&area.cores_share), "{name}");
    }
}

/// More cache, more engines and an older process take more silicon, never less.
#[test]
fn more_of_anything_is_larger() {
    let base = device("h100-sxm");
    let model = AreaModel::of(&base);
    let of = |over: &str| model.area(&changed("h100-sxm", over)).unwrap().total_mm2.likely;
    let start = model.area(&base).unwrap().total_mm2.likely;
    assert!(of("memory: { l2: { capacity: 100 MiB } }") > start + 10.0);
    assert!(of("matrix: { peak: { fp16: 2000 TFLOP/s } }") > start + 10.0);
    assert!(of("memory: { hbm: { bandwidth: 6.7 TB/s } }") > start + 10.0);
    assert!(of("process: n7") > 1.3 * start);
    assert_eq!(of("die_area: 700 mm2"), 700.0);
}

/// The estimates of others that `chip.yaml` names: 3320 dollars for an H100, 5700 to 7300 for a B200.
#[test]
fn costs_are_near_those_that_analysts_publish() {
    for (name, low, high) in [("h100-sxm", 2600.0, 4000.0), ("b200-sxm", 4800.0, 7300.0)] {
        let cost = unit_cost(&device(name)).unwrap();
        let range = cost.total_usd;
        assert!((low..high).contains(&range.likely), "{name}: {range:?}");
        assert!(range.low < range.likely && range.likely < range.high, "{name}: {range:?}");
        let sum: f64 = cost.parts.iter().map(|part| part.usd.likely).sum();
        assert!((sum - range.likely).abs() < 1e-6);
        assert!(cost.notes.is_empty(), "{:?}", cost.notes);
    }
}

#[test]
fn a_scenarios_own_constants_go_first_and_are_exact() {
    let own = changed("h100-sxm", "technology: { wafer_usd: 8494, memory_usd_per_gb: 10 }");
    let (cost, usual) = (unit_cost(&own).unwrap(), unit_cost(&device("h100-sxm")).unwrap());
    let part = |cost: &memwall_hardware::CostEstimate, name: &str| {
        cost.parts.iter().find(|part| part.name == name).unwrap().usd
    };
    assert!((part(&cost, "compute dies").likely / part(&usual, "compute dies").likely - 0.5).abs() < 1e-9);
    let memory = part(&cost, "memory");
    assert_eq!((memory.low, memory.likely, memory.high), (800.0, 800.0, 800.0));
}

#[test]
fn what_is_not_known_is_not_guessed() {
    assert!(area(&device("mi300x")).is_none());
    assert!(unit_cost(&device("grace")).is_none());
    // A process, and a memory of which nothing is known.
    let unknown = changed("gemmini-kim2023", "process: n16");
    let area = area(&unknown).unwrap();
    assert_eq!(area.missing.len(), 1, "{:?}", area.missing);
    assert!(!cost_of(&unknown, &area).unwrap().notes.is_empty());
}

#[test]
fn a_die_that_cannot_be_exposed_is_named() {
    let cost = unit_cost(&changed("h100-sxm", "die_area: 1200 mm2")).unwrap();
    assert!(cost.notes.iter().any(|note| note.contains("858 mm2")), "{:?}", cost.notes);
}

/// Arithmetic costs less than with all that belongs to it, a near memory less than a far one, and no more energy is
/// claimed than the constants of the memory's kind allow.
#[test]
fn energies_are_ordered() {
    for name in FITTED {
        let device = device(name);
        let model = EnergyModel::new(&device);
        for format in ["fp32", "fp16"] {
            let Some(energy) = model.operation(format) else { continue };
            assert!(energy.bare.likely < energy.whole.likely, "{name} {format}: {energy:?}");
            assert!(energy.whole.low <= energy.whole.likely && energy.whole.likely <= energy.whole.high);
        }
        let of = |tier: &str| {
            let index = device.tiers.iter().position(|known| known.name == tier)?;
            model.tiers[index].map(|energy| energy.likely)
        };
        let memory = of(&device.memory().unwrap().name).unwrap();
        let (shared, l2) = (of("shared").or(of("lds")).unwrap(), of("l2").unwrap());
        assert!(shared < l2 && l2 < memory, "{name}: {shared} {l2} {memory}");
    }
}

/// A power limit holds a part back where it would draw more; no part's peak lies under its idle power or far over its
/// limit.
#[test]
fn peak_power_is_of_the_order_of_the_limit() {
    for name in FITTED {
        let device = device(name);
        let power = peak_power(&device).unwrap();
        let limit = device.power.tdp.value.0;
        assert!(power.likely > 0.4 * limit && power.likely < 4.0 * limit, "{name}: {power:?} of {limit} W");
    }
}

#[test]
fn catalog_parts_name_processes_and_memories_that_are_known() {
    let mut with_area = 0;
    for entry in catalog::devices() {
        let device = device(entry.name);
        with_area += u32::from(area(&device).is_some());
        if let Some(kind) = device.memory().unwrap().memory_kind() {
            assert!(technology().memory(&kind).is_some(), "{}: {kind}", entry.name);
        }
        let figures = [device.silicon.process.as_ref().map(|figure| figure.kind)];
        assert!(figures.into_iter().flatten().all(|kind| kind != Provenance::Scenario));
    }
    assert!(with_area >= 24, "{with_area}");
}
