//! The figures of a case's machine and software that a designer could change, and how to change them.

use std::sync::Arc;

use memwall_hardware::{
    Device, Engine, FabricSpec, Figure, MatmulOn, Scope, SoftwareProfile, System, SystemSpec, Tier, TierKind,
};
use memwall_scenario::Case;
use memwall_units::{Bytes, BytesPerSec, Picos};

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parameter {
    /// From the scenario's root: `hardware.memory.hbm.bandwidth`.
    pub path: String,
    /// Its value now, for people.
    pub value: String,
    /// Whether more of it is better, as of a bandwidth; less is of a latency.
    pub more_is_better: bool,
    /// Whether a change of it is one of the silicon, with a cost.
    pub of_the_chip: bool,
    what: What,
}

#[derive(Debug, Clone, PartialEq)]
enum What {
    Clock,
    Peak(MatmulOn, String),
    Special,
    TierBandwidth(usize),
    TierLatency(usize),
    TierCapacity(usize),
    InFlight(usize),
    PowerLimit,
    LaunchLatency,
    KernelGap,
    Issue,
    LinkBandwidth(String),
    LinkLatency(String),
}

impl Parameter {
    /// The case with this figure times `factor`; `None` where no machine has such a figure.
    pub fn changed(&self, case: &Case, factor: f64) -> Option<Case> {
        let mut changed = case.clone();
        match &self.what {
            What::KernelGap | What::Issue => {
                let software = Arc::make_mut(&mut changed.software);
                set_software(software, &self.what, factor);
            }
            What::LinkBandwidth(level) | What::LinkLatency(level) => {
                let team = changed.team.as_mut()?;
                let of_bandwidth = matches!(self.what, What::LinkBandwidth(_));
                team.system = Arc::new(with_link(&team.system, level, of_bandwidth, factor)?);
            }
            what => set_device(Arc::make_mut(&mut changed.device), what, factor),
        }
        Some(changed)
    }
}

/// All figures that may matter to `case`, in the order of the machine's description.
pub(super) fn parameters(case: &Case) -> Vec<Parameter> {
    let device = &case.device;
    let mut found = Vec::new();
    let mut add = |path: String, value: String, more_is_better, what| {
        let of_the_chip =
            !matches!(what, What::KernelGap | What::Issue | What::LinkBandwidth(_) | What::LinkLatency(_));
        found.push(Parameter { path, value, more_is_better, of_the_chip, what });
    };
    add("hardware.clock".into(), device.clock.value.to_string(), true, What::Clock);
    for (on, format) in used_formats(case) {
        let (name, engine) = engine(device, on);
        if let Some(peak) = engine.peak(&format) {
            add(format!("hardware.{name}.peak.{format}"), peak.to_string(), true, What::Peak(on, format));
        }
    }
    if let Some((peak, _)) = device.special.as_ref().and_then(|special| special.peak_or_wider("fp32")) {
        add("hardware.special.peak".into(), peak.to_string(), true, What::Special);
    }
    for (index, tier) in device.tiers.iter().enumerate().filter(|(_, tier)| is_simulated(tier)) {
        let path = |key: &str| format!("hardware.memory.{}.{key}", tier.name);
        add(path("bandwidth"), tier.bandwidth.value.to_string(), true, What::TierBandwidth(index));
        add(path("latency"), tier.latency.value.to_string(), false, What::TierLatency(index));
        add(path("capacity"), tier.capacity.value.to_string(), true, What::TierCapacity(index));
        if let Some(in_flight) = &tier.in_flight {
            add(path("in_flight"), in_flight.value.to_string(), true, What::InFlight(index));
        }
    }
    add("hardware.power.tdp".into(), device.power.tdp.value.to_string(), true, What::PowerLimit);
    if device.launch_latency.value > Picos::ZERO {
        let value = device.launch_latency.value.to_string();
        add("hardware.launch_latency".into(), value, false, What::LaunchLatency);
    }
    let software = &case.software;
    add("software.kernel_gap".into(), software.kernel_gap.value.to_string(), false, What::KernelGap);
    add("software.issue".into(), software.issue.value.to_string(), false, What::Issue);
    for level in case.team.iter().flat_map(levels_in_use) {
        let path = |key: &str| format!("system.fabric.levels.{}.{key}", level.name);
        let value = level.bandwidth.value.to_string();
        add(path("bandwidth"), value, true, What::LinkBandwidth(level.name.clone()));
        let value = level.latency.value.to_string();
        add(path("latency"), value, false, What::LinkLatency(level.name.clone()));
    }
    found
}

/// What a run moves data through: not the registers, whose traffic is in the engines' pace, nor what lies behind the
/// device's memory.
fn is_simulated(tier: &Tier) -> bool {
    matches!(tier.kind, TierKind::Scratchpad | TierKind::Cache | TierKind::Dram)
}

/// Engines with the formats they compute in, in order of first use.
fn used_formats(case: &Case) -> Vec<(MatmulOn, String)> {
    let mut used: Vec<(MatmulOn, String)> = Vec::new();
    let mut note = |on, format: &str| {
        if !used.iter().any(|known| known.0 == on && known.1 == format) {
            used.push((on, format.to_owned()));
        }
    };
    // Later steps are of the same operators.
    for step in case.steps().take(2).flatten() {
        for operator in step.graphs.iter().flat_map(|graph| graph.operators()) {
            if let Some(peak) = case.device.matmul_peak(operator.compute.name()) {
                note(peak.on, peak.runs_as);
            }
        }
    }
    if let Some((_, format)) = case.device.vector_peak("fp32") {
        note(MatmulOn::Vector, format);
    }
    used
}

fn engine(device: &Device, on: MatmulOn) -> (&'static str, &Engine) {
    match on {
        MatmulOn::Matrix => ("matrix", &device.matrix),
        MatmulOn::Vector => ("vector", &device.vector),
    }
}

fn levels_in_use(team: &memwall_scenario::Team) -> &[memwall_hardware::FabricLevel] {
    let ranks = u32::try_from(team.parallel.ranks()).unwrap_or(u32::MAX);
    let levels = team.system.fabric().levels();
    if ranks < 2 {
        return &[];
    }
    let used = team.system.fabric().joining_level(0, ranks - 1) + 1;
    levels.get(..used).unwrap_or(levels)
}

fn set_device(device: &mut Device, what: &What, factor: f64) {
    match what {
        What::Clock => set_clock(device, factor),
        What::Peak(MatmulOn::Matrix, format) => scale_peak(&mut device.matrix, format, factor),
        What::Peak(MatmulOn::Vector, format) => scale_peak(&mut device.vector, format, factor),
        What::Special => device.special.iter_mut().for_each(|engine| scale_peaks(engine, factor)),
        What::PowerLimit => device.power.tdp.value.0 *= factor,
        What::LaunchLatency => scale_time(&mut device.launch_latency, factor),
        What::TierBandwidth(index) => scale_bandwidth(&mut device.tiers[*index], factor),
        What::TierLatency(index) => scale_time(&mut device.tiers[*index].latency, factor),
        What::TierCapacity(index) => scale_bytes(&mut device.tiers[*index].capacity, factor),
        What::InFlight(index) => {
            device.tiers[*index].in_flight.iter_mut().for_each(|figure| scale_bytes(figure, factor));
        }
        What::KernelGap | What::Issue | What::LinkBandwidth(_) | What::LinkLatency(_) => {}
    }
}

/// A faster clock: engines and the memories on the chip keep pace with it, the memory does not.
fn set_clock(device: &mut Device, factor: f64) {
    device.clock.value.0 *= factor;
    for engine in [Some(&mut device.matrix), Some(&mut device.vector), device.special.as_mut()] {
        let Some(engine) = engine else { continue };
        scale_peaks(engine, factor);
        engine.latency.iter_mut().for_each(|latency| scale_time(latency, 1.0 / factor));
    }
    let on_chip = |tier: &&mut Tier| {
        matches!(tier.kind, TierKind::Registers | TierKind::Scratchpad | TierKind::Cache)
            || tier.scope == Scope::PerCore
    };
    for tier in device.tiers.iter_mut().filter(on_chip) {
        scale_bandwidth(tier, factor);
        scale_time(&mut tier.latency, 1.0 / factor);
    }
}

fn set_software(software: &mut SoftwareProfile, what: &What, factor: f64) {
    let figure = if *what == What::Issue { &mut software.issue } else { &mut software.kernel_gap };
    scale_time(figure, factor);
}

fn scale_peaks(engine: &mut Engine, factor: f64) {
    engine.peak.values_mut().for_each(|peak| peak.value.0 *= factor);
}

fn scale_peak(engine: &mut Engine, format: &str, factor: f64) {
    engine.peak.get_mut(format).into_iter().for_each(|peak| peak.value.0 *= factor);
}

fn scale_bandwidth(tier: &mut Tier, factor: f64) {
    tier.bandwidth.value.0 *= factor;
    tier.write_bandwidth.iter_mut().for_each(|write| write.value.0 *= factor);
}

fn scale_time(figure: &mut Figure<Picos>, factor: f64) {
    figure.value = Picos((figure.value.0 as f64 * factor) as u64);
}

fn scale_bytes(figure: &mut Figure<Bytes>, factor: f64) {
    figure.value = Bytes((figure.value.as_f64() * factor) as u64);
}

/// The system with the links of one level changed.
fn with_link(system: &System, level: &str, of_bandwidth: bool, factor: f64) -> Option<System> {
    let mut fabric: FabricSpec = system.fabric_spec().clone();
    let found = fabric.levels.as_mut()?.get_mut(level)?;
    if of_bandwidth {
        let widths = [&mut found.bandwidth, &mut found.host_bandwidth, &mut found.socket_bandwidth];
        for figure in widths.into_iter().flatten() {
            figure.value = BytesPerSec(figure.value.0 * factor);
        }
    } else {
        let latencies = [&mut found.latency, &mut found.host_latency, &mut found.socket_latency];
        latencies.into_iter().flatten().for_each(|figure| scale_time(figure, factor));
    }
    System::try_from_spec(SystemSpec {
        name: Some(system.name.clone()),
        title: Some(system.title.clone()),
        device: Some(system.device.clone()),
        fabric: Some(fabric),
        ..SystemSpec::default()
    })
    .ok()
}
