//! Random machines: a part of the catalog with any of its figures changed.

use std::fmt;

use memwall_hardware::{Device, Duplex, Figure, LaunchMode, Scope, SoftwareProfile, TierKind, catalog};
use memwall_model_graph::Dtype;
use memwall_units::{Bytes, BytesPerSec, FlopsPerSec, Picos};
use proptest::prelude::*;

/// Parts with every kind of hierarchy there is: one shared cache, two, none; tiles in a scratchpad or in a cache.
pub const PARTS: [&str; 9] = [
    "a100-sxm-80gb",
    "h100-sxm",
    "h200-sxm",
    "mi300x",
    "m2-ultra",
    "gaudi2",
    "tpu-v5e",
    "xeon-gold-6242",
    "gemmini-kim2023",
];
/// Software profiles of every launch mode.
pub const PROFILES: [&str; 5] = ["generic", "tensorrt-llm", "torch-eager", "pytorch-cpu", "kim2023-gemmini"];

/// A device and the software on it.
#[derive(Clone, PartialEq)]
pub struct Machine {
    /// The device.
    pub device: Device,
    /// Its software.
    pub software: SoftwareProfile,
}

impl fmt::Debug for Machine {
    // What differs from the catalog is what a person wants to see of a failing case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let device = &self.device;
        write!(f, "{} x {} cores, power {:?};", device.name, device.cores.value, device.power.tdp.value)?;
        for tier in &device.tiers {
            let figure = |name, value: Option<String>| value.map(|value| format!(" {name} {value}"));
            let extra = [
                figure("write", tier.write_bandwidth.as_ref().map(|figure| figure.value.0.to_string())),
                figure("mixed", tier.mixed_efficiency.as_ref().map(|figure| figure.value.to_string())),
                figure("in flight", tier.in_flight.as_ref().map(|figure| figure.value.0.to_string())),
            ];
            let extra: String = extra.into_iter().flatten().collect();
            writeln!(
                f,
                "  {} {:?} {:?}: {} B, {} B/s {:?} x {}, {} ps{extra}",
                tier.name,
                tier.kind,
                tier.scope,
                tier.capacity.value.0,
                tier.bandwidth.value.0,
                tier.duplex,
                tier.efficiency.value,
                tier.latency.value.0,
            )?;
        }
        let soft = &self.software;
        write!(
            f,
            "  {}: {:?} issue {} gap {} matmul {} attention {} overlapped {} split {} stages {}",
            soft.name,
            soft.launch,
            soft.issue.value.0,
            soft.kernel_gap.value.0,
            soft.matmul_efficiency.value,
            soft.attention_efficiency.value,
            soft.overlapped_softmax,
            soft.max_split_k,
            soft.pipeline_stages
        )
    }
}

impl Machine {
    /// A part and a profile of the catalog as they are.
    ///
    /// # Panics
    /// The catalog lacks one of them.
    #[must_use]
    pub fn of(device: &str, software: &str) -> Self {
        Self {
            device: catalog::device(device).expect("the catalog has the part"),
            software: catalog::software(software).expect("the catalog has the profile"),
        }
    }

    /// The formats its engines multiply matrices in.
    #[must_use]
    pub fn formats(&self) -> Vec<Dtype> {
        let runs = |dtype: &Dtype| self.device.matmul_peak(dtype.name()).is_some();
        Dtype::ALL.into_iter().filter(runs).collect()
    }

    /// The tier of a kind nearest the cores.
    ///
    /// # Panics
    /// It has none.
    pub fn tier_of(&mut self, kind: TierKind) -> &mut memwall_hardware::Tier {
        self.device.tiers.iter_mut().find(|tier| tier.kind == kind).expect("the part has such a tier")
    }
}

/// What is done to one tier; factors on what the catalog says.
#[derive(Debug, Clone)]
struct TierChange {
    bandwidth: f64,
    latency: f64,
    capacity: f64,
    efficiency: f64,
    writes: Option<f64>,
    mixed: Option<f64>,
    in_flight: Option<u64>,
    full_duplex: Option<bool>,
}

/// Any part of the catalog, as it is or with all of its figures changed.
pub fn machines() -> impl Strategy<Value = Machine> {
    let base = (prop::sample::select(PARTS.to_vec()), prop::sample::select(PROFILES.to_vec()))
        .prop_map(|(device, software)| roomy(Machine::of(device, software)));
    prop_oneof![
        1 => base.clone(),
        4 => (base, tier_changes(), device_changes(), software_changes()).prop_map(
            |(mut machine, tiers, (cores, peak, tdp), software_change)| {
                change_device(&mut machine.device, cores, peak, tdp);
                for (tier, change) in machine.device.tiers.iter_mut().zip(&tiers) {
                    change_tier(tier, change);
                }
                change_software(&mut machine.software, &software_change);
                machine
            }
        ),
    ]
}

/// With device memory for any model of the tests: running out of it is a law of its own.
fn roomy(mut machine: Machine) -> Machine {
    let memory = machine.tier_of(TierKind::Dram);
    memory.capacity.value = memory.capacity.value.max(Bytes(1_000_000_000_000));
    machine
}

fn tier_changes() -> impl Strategy<Value = Vec<TierChange>> {
    let figures = (0.1_f64..10.0, 0.0_f64..5.0, 0.25_f64..4.0, 0.3_f64..=1.0);
    let options = (
        prop::option::weighted(0.3, 0.2_f64..2.0),
        prop::option::weighted(0.3, 0.3_f64..=1.0),
        prop::option::weighted(0.3, 1_000_u64..100_000_000),
        prop::option::weighted(0.3, any::<bool>()),
    );
    let change =
        (figures, options).prop_map(
            |((bandwidth, latency, capacity, efficiency), (writes, mixed, in_flight, full_duplex))| {
                TierChange { bandwidth, latency, capacity, efficiency, writes, mixed, in_flight, full_duplex }
            },
        );
    prop::collection::vec(change, 8)
}

fn device_changes() -> impl Strategy<Value = (u32, f64, f64)> {
    (prop_oneof![Just(1_u32), 2_u32..20, 50_u32..300], 0.1_f64..10.0, 0.3_f64..3.0)
}

fn change_device(device: &mut Device, cores: u32, peak: f64, tdp: f64) {
    // Cores are divided among the instances of a shared tier.
    let instances = device.tiers.iter().map(|tier| match tier.scope {
        Scope::Shared(count) => count,
        Scope::PerCore => 1,
    });
    device.cores = Figure::scenario(cores.max(instances.max().unwrap_or(1)));
    for engine in [&mut device.matrix, &mut device.vector].into_iter().chain(&mut device.special) {
        engine.peak.values_mut().for_each(|rate| rate.value = FlopsPerSec(rate.value.0 * peak));
    }
    device.power.tdp.value.0 *= tdp;
}

fn change_tier(tier: &mut memwall_hardware::Tier, change: &TierChange) {
    let bandwidth = tier.bandwidth.value.0 * change.bandwidth;
    tier.bandwidth.value = BytesPerSec(bandwidth);
    tier.latency.value = Picos((tier.latency.value.0 as f64 * change.latency) as u64);
    // The far part of a cache is not nearer than the near one.
    if let Some(far) = &mut tier.access.far_latency {
        far.value = far.value.max(tier.latency.value);
    }
    tier.efficiency.value = change.efficiency;
    tier.write_bandwidth = change.writes.map(|factor| Figure::scenario(BytesPerSec(bandwidth * factor)));
    // Mixed traffic is no faster than reads alone, and no slower than a third of them.
    tier.mixed_efficiency =
        change.mixed.map(|share| Figure::scenario(change.efficiency * share.max(1.0 / 3.0)));
    tier.in_flight = change.in_flight.map(|bytes| Figure::scenario(Bytes(bytes)));
    if let Some(full) = change.full_duplex {
        tier.duplex = if full { Duplex::Full } else { Duplex::Half };
    }
    // Device memory keeps its size, so that what is to be run fits.
    if matches!(tier.kind, TierKind::Registers | TierKind::Scratchpad | TierKind::Cache) {
        tier.capacity.value = Bytes((tier.capacity.value.as_f64() * change.capacity) as u64);
    }
}

#[derive(Debug, Clone)]
struct SoftwareChange {
    launch: LaunchMode,
    host_times: (u64, u64),
    efficiencies: (f64, f64),
    overlapped: bool,
    max_split_k: u32,
    pipeline_stages: u32,
}

fn software_changes() -> impl Strategy<Value = SoftwareChange> {
    let launch = prop::sample::select(vec![LaunchMode::Stream, LaunchMode::Graph, LaunchMode::Sync]);
    let times = (0_u64..20_000_000, 0_u64..5_000_000);
    (launch, times, (0.3_f64..=1.0, 0.3_f64..=1.0), any::<bool>(), 1_u32..33, 1_u32..9).prop_map(
        |(launch, host_times, efficiencies, overlapped, max_split_k, pipeline_stages)| SoftwareChange {
            launch,
            host_times,
            efficiencies,
            overlapped,
            max_split_k,
            pipeline_stages,
        },
    )
}

fn change_software(software: &mut SoftwareProfile, change: &SoftwareChange) {
    software.launch = change.launch;
    software.issue.value = Picos(change.host_times.0);
    software.kernel_gap.value = Picos(change.host_times.1);
    software.matmul_efficiency.value = change.efficiencies.0;
    software.attention_efficiency.value = change.efficiencies.1;
    software.overlapped_softmax = change.overlapped;
    software.max_split_k = change.max_split_k;
    software.pipeline_stages = change.pipeline_stages;
}
