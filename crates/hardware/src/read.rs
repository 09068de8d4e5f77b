//! From a description to a checked [`Device`], and back.

use memwall_units::{Bytes, BytesPerSec, Picos};

use crate::access::{access, check_order, load_cache, threads};
use crate::check::Checker;
use crate::nearest::{nearest, shorten};
use crate::spec::{DeviceSpec, DramSpec, EngineSpec, HostSpec, PowerSpec, ScopeSpec, TierSpec};
use crate::technology::{read_silicon, technology, write_silicon};
use crate::{Device, Engine, Figure, HardwareError, Host, Power, Scope, Tier, TierDram, TierKind, dram_part};

/// More tiers than any machine has, so that a description cannot ask for unbounded work.
const MAX_TIERS: usize = 16;
/// The largest block side a matrix unit may have.
const MAX_GRANULARITY: u32 = 65_536;
/// More channels than any memory has.
const MAX_CHANNELS: u32 = 4096;

impl Device {
    /// Checks a complete description (one whose `extends:` was merged already) and puts the tiers in order,
    /// innermost first.
    ///
    /// # Errors
    /// Everything that is wrong or missing, each with its path: figures out of range, unknown number formats,
    /// no `dram` tier or more than one, a scope that makes no sense.
    pub fn try_from_spec(spec: DeviceSpec) -> Result<Self, Vec<HardwareError>> {
        let mut checker = Checker::default();
        let device = device(&mut checker, spec);
        checker.finish(device)
    }

    /// The description of this device, with every default written out. Reads back as the same device.
    #[must_use]
    pub fn to_spec(&self) -> DeviceSpec {
        let mut spec = DeviceSpec {
            extends: None,
            name: Some(self.name.clone()),
            title: Some(self.title.clone()),
            cores: Some(self.cores.clone()),
            clock: Some(self.clock.clone()),
            matrix: Some(engine_spec(&self.matrix)),
            vector: Some(engine_spec(&self.vector)),
            special: self.special.as_ref().map(engine_spec),
            load_cache: self.load_cache.as_ref().map(crate::LoadCache::to_spec),
            threads: self.threads.as_ref().map(crate::Threads::to_spec),
            memory: Some(self.tiers.iter().map(|tier| (tier.name.clone(), tier_spec(tier))).collect()),
            power: Some(PowerSpec {
                tdp: Some(self.power.tdp.clone()),
                idle: self.power.idle.clone(),
                energy_per_flop: Some(self.power.energy_per_flop.clone()),
                min_clock: self.power.min_clock.clone(),
            }),
            host: Some(HostSpec {
                title: Some(self.host.title.clone()),
                speed: Some(self.host.speed.clone()),
            }),
            launch_latency: Some(self.launch_latency.clone()),
            ..DeviceSpec::default()
        };
        write_silicon(&self.silicon, &mut spec);
        spec
    }
}

fn device(checker: &mut Checker, mut spec: DeviceSpec) -> Option<Device> {
    // Every part is checked before the first `?`, so that all errors are found.
    let silicon = read_silicon(checker, &mut spec);
    let name = checker.words("name", spec.name, "my-chip");
    let title = match spec.title.or_else(|| name.clone()) {
        Some(title) => checker.words("title", Some(title), "My chip"),
        None => None,
    };
    let cores = checker.required_figure("cores", spec.cores, "132");
    let clock = checker.required_figure("clock", spec.clock, "1.83 GHz");
    let matrix = required_engine(checker, "matrix", spec.matrix);
    let vector = required_engine(checker, "vector", spec.vector);
    let special = spec.special.map(|spec| checker.within("special", |checker| engine(checker, spec)));
    let tiers =
        tiers(checker, spec.memory, cores.as_ref().map(|cores| cores.value).filter(|&cores| cores > 0));
    let load_cache =
        spec.load_cache.map(|spec| checker.within("load_cache", |checker| load_cache(checker, spec)));
    let threads = spec.threads.map(|spec| checker.within("threads", |checker| threads(checker, spec)));
    let power = checker.within("power", |checker| power(checker, spec.power.unwrap_or_default()));
    let host = checker.within("host", |checker| host(checker, spec.host.unwrap_or_default()));
    let launch_latency = checker
        .figure("launch_latency", spec.launch_latency)
        .unwrap_or_else(|| Figure::assumed(Picos::ZERO, "not stated: taken as nothing"));
    Some(Device {
        name: name?,
        title: title?,
        cores: cores?,
        clock: clock?,
        matrix: matrix?,
        vector: vector?,
        special: match special {
            Some(engine) => Some(engine?),
            None => None,
        },
        tiers: tiers?,
        load_cache: match load_cache {
            Some(cache) => Some(cache?),
            None => None,
        },
        threads: match threads {
            Some(threads) => Some(threads?),
            None => None,
        },
        power: power?,
        host: host?,
        launch_latency,
        silicon,
    })
}

fn required_engine(checker: &mut Checker, key: &str, spec: Option<EngineSpec>) -> Option<Engine> {
    let spec = checker.required(key, spec, "{ peak: { fp32: 10 TFLOP/s } }")?;
    checker.within(key, |checker| engine(checker, spec))
}

fn engine(checker: &mut Checker, spec: EngineSpec) -> Option<Engine> {
    let peak = checker.by_format("peak", spec.peak);
    if peak.is_empty() {
        checker.error(
            "",
            "`peak` is missing",
            Some("write at least one, such as `peak: { bf16: 1 TFLOP/s }`".into()),
        );
    }
    let granularity = spec.granularity.unwrap_or([1, 1, 1]);
    if granularity.iter().any(|&side| side == 0 || side > MAX_GRANULARITY) {
        checker.error(
            "granularity",
            format!("{granularity:?} is out of range: each side is 1 to {MAX_GRANULARITY}"),
            None,
        );
    }
    let sustained = checker.figure("sustained", spec.sustained).unwrap_or_else(whole);
    let latency = checker.figure("latency", spec.latency);
    Some(Engine {
        peak,
        sustained,
        granularity,
        latency,
        loads_ahead: spec.loads_ahead.unwrap_or(true),
        skips_two_of_four: spec.skips_two_of_four.unwrap_or(false),
    })
}

fn tiers(
    checker: &mut Checker,
    specs: Option<indexmap::IndexMap<String, TierSpec>>,
    cores: Option<u32>,
) -> Option<Vec<Tier>> {
    let specs = checker.required("memory", specs, "{ hbm: { kind: dram, ... } }")?;
    if specs.len() > MAX_TIERS {
        checker.error("memory", format!("{} tiers are too many: at most {MAX_TIERS}", specs.len()), None);
        return None;
    }
    let count = specs.len();
    checker.within("memory", |checker| {
        let mut tiers: Vec<Tier> = specs
            .into_iter()
            .filter_map(|(name, spec)| checker.within(&name, |checker| tier(checker, &name, spec, cores)))
            .collect();
        // Counting kinds says little when a tier is missing because it did not read.
        if tiers.len() == count {
            check_kinds(checker, &tiers);
        }
        tiers.sort_by_key(rank);
        Some(tiers)
    })
}

fn check_kinds(checker: &mut Checker, tiers: &[Tier]) {
    let named = |kind| -> Vec<&str> {
        tiers.iter().filter(|tier| tier.kind == kind).map(|tier| tier.name.as_str()).collect()
    };
    match named(TierKind::Dram).as_slice() {
        [_] => {}
        [] => checker.error("", "no tier has `kind: dram`: one must be the device's memory", None),
        [_, second, ..] => {
            checker.error(second, "a second tier with `kind: dram`: a device has one memory", None);
        }
    }
    let on_chip = [TierKind::Registers, TierKind::Scratchpad, TierKind::Cache];
    if !tiers.iter().any(|tier| on_chip.contains(&tier.kind)) {
        let hint = "add one with `kind: registers`, `scratchpad` or `cache`";
        checker.error("", "no tier is on the chip: there is nowhere to keep a tile", Some(hint.into()));
    }
}

/// Distance from the cores: tiers of equal rank keep the order in which they were written.
fn rank(tier: &Tier) -> u8 {
    match (tier.kind, tier.scope) {
        (TierKind::Registers, _) => 0,
        (TierKind::Scratchpad | TierKind::Cache, Scope::PerCore) => 1,
        (TierKind::Scratchpad | TierKind::Cache, Scope::Shared(_)) => 2,
        (TierKind::Dram, _) => 3,
        (TierKind::Host, _) => 4,
        (TierKind::Storage, _) => 5,
    }
}

fn tier(checker: &mut Checker, name: &str, spec: TierSpec, cores: Option<u32>) -> Option<Tier> {
    if name.trim().is_empty() || name.chars().count() > 64 {
        checker.error("", "a tier's name must have 1 to 64 characters", None);
    }
    let kind = checker.required("kind", spec.kind, "cache");
    let scope = scope(checker, kind, spec.scope, spec.instances, cores);
    let capacity = checker.required_figure::<Bytes>("capacity", spec.capacity, "50 MB");
    let bandwidth = checker.required_figure::<BytesPerSec>("bandwidth", spec.bandwidth, "5.5 TB/s");
    let write_bandwidth = checker.figure("write_bandwidth", spec.write_bandwidth);
    let latency = checker.required_figure("latency", spec.latency, "200 ns");
    let efficiency = checker.figure("efficiency", spec.efficiency).unwrap_or_else(whole);
    let mixed_efficiency = checker.figure("mixed_efficiency", spec.mixed_efficiency);
    let tiled_efficiency = checker.figure("tiled_efficiency", spec.tiled_efficiency);
    let tiled_write_efficiency = checker.figure("tiled_write_efficiency", spec.tiled_write_efficiency);
    let in_flight = checker.figure("in_flight", spec.in_flight);
    let energy_per_byte = checker.figure("energy_per_byte", spec.energy_per_byte);
    let access = access(checker, spec.access);
    if let Some(latency) = &latency {
        check_order(checker, &access, latency.value);
    }
    memory_kind(checker, kind, spec.technology.as_ref());
    let dram = spec.dram.map(|spec| checker.within("dram", |checker| dram(checker, kind, spec)));
    Some(Tier {
        name: name.to_owned(),
        kind: kind?,
        scope: scope?,
        capacity: capacity?,
        bandwidth: bandwidth?,
        write_bandwidth,
        duplex: spec.duplex.unwrap_or(crate::Duplex::Half),
        latency: latency?,
        efficiency,
        mixed_efficiency,
        tiled_efficiency,
        tiled_write_efficiency,
        in_flight,
        fetch_on_write: spec.fetch_on_write.unwrap_or(false),
        single_port: spec.single_port.unwrap_or(false),
        dram: match dram {
            Some(dram) => Some(dram?),
            None => None,
        },
        technology: spec.technology,
        energy_per_byte,
        access,
    })
}

fn memory_kind(checker: &mut Checker, kind: Option<TierKind>, written: Option<&Figure<String>>) {
    let Some(written) = written else { return };
    if kind.is_some_and(|kind| kind != TierKind::Dram) {
        checker.error("technology", "only a tier with `kind: dram` is made of DRAM", None);
    }
    if technology().memory(&written.value).is_none() {
        let names = || technology().memories.keys().map(String::as_str);
        let hint = nearest(&written.value.to_lowercase(), names()).first().map_or_else(
            || format!("kinds are {}", names().collect::<Vec<_>>().join(", ")),
            |name| format!("did you mean `{name}`?"),
        );
        checker.error("technology", format!("`{}` is no kind of DRAM", shorten(&written.value)), hint);
    }
}

fn dram(checker: &mut Checker, kind: Option<TierKind>, spec: DramSpec) -> Option<TierDram> {
    if kind.is_some_and(|kind| kind != TierKind::Dram) {
        checker.error("", "only a tier with `kind: dram` is made of DRAM", None);
    }
    let part = checker.required("part", spec.part, "HBM3_6400_16Gb_8hi");
    if let Some(Err(error)) = part.as_ref().map(|part| dram_part(&part.value)) {
        checker.error("part", error.to_string(), None);
    }
    let channels = checker.required_figure("channels", spec.channels, "80");
    if channels.as_ref().is_some_and(|channels| channels.value > MAX_CHANNELS) {
        checker.error("channels", format!("more than {MAX_CHANNELS} channels"), None);
    }
    Some(TierDram { part: part?, channels: channels? })
}

fn scope(
    checker: &mut Checker,
    kind: Option<TierKind>,
    scope: Option<ScopeSpec>,
    instances: Option<u32>,
    cores: Option<u32>,
) -> Option<Scope> {
    let off_chip = matches!(kind, Some(TierKind::Dram | TierKind::Host | TierKind::Storage));
    let scope = match scope {
        None if off_chip => ScopeSpec::Shared,
        scope => checker.required("scope", scope, "per_core")?,
    };
    match scope {
        ScopeSpec::PerCore if off_chip => {
            checker.error(
                "scope",
                "a tier off the chip is shared by all cores",
                Some("write `scope: shared`".into()),
            );
            None
        }
        ScopeSpec::PerCore => {
            if instances.is_some() {
                let hint = "leave it out, or write `scope: shared`";
                checker.error(
                    "instances",
                    "with `scope: per_core` there is one instance a core",
                    Some(hint.into()),
                );
            }
            Some(Scope::PerCore)
        }
        ScopeSpec::Shared => {
            let instances = instances.unwrap_or(1);
            let most = cores.unwrap_or(u32::MAX);
            if instances == 0 || instances > most {
                checker.error(
                    "instances",
                    format!("{instances} is out of range: 1 to the number of cores ({most})"),
                    None,
                );
            }
            Some(Scope::Shared(instances))
        }
    }
}

fn power(checker: &mut Checker, spec: PowerSpec) -> Option<Power> {
    let tdp = checker.required_figure("tdp", spec.tdp, "700 W");
    let idle = checker.figure("idle", spec.idle);
    let energy_per_flop = checker.by_format("energy_per_flop", spec.energy_per_flop);
    let min_clock = checker.figure("min_clock", spec.min_clock);
    Some(Power { tdp: tdp?, idle, energy_per_flop, min_clock })
}

fn host(checker: &mut Checker, spec: HostSpec) -> Option<Host> {
    let title = spec.title.unwrap_or_else(|| "host processor".to_owned());
    let title = checker.words("title", Some(title), "x86 server");
    let speed = spec.speed.unwrap_or_else(whole);
    if !(speed.value >= 1e-3 && speed.value <= 1e3) {
        checker.error(
            "speed",
            format!("{} is out of range: it must be from 0.001 to 1000", speed.value),
            None,
        );
    }
    Some(Host { title: title?, speed })
}

/// The default of a fraction nobody wrote: no loss.
fn whole() -> Figure<f64> {
    Figure::assumed(1.0, "not stated: taken as 1")
}

fn engine_spec(engine: &Engine) -> EngineSpec {
    EngineSpec {
        peak: Some(engine.peak.clone()),
        sustained: Some(engine.sustained.clone()),
        granularity: Some(engine.granularity),
        latency: engine.latency.clone(),
        loads_ahead: Some(engine.loads_ahead),
        skips_two_of_four: Some(engine.skips_two_of_four),
    }
}

fn tier_spec(tier: &Tier) -> TierSpec {
    let (scope, instances) = match tier.scope {
        Scope::PerCore => (ScopeSpec::PerCore, None),
        Scope::Shared(instances) => (ScopeSpec::Shared, Some(instances)),
    };
    TierSpec {
        kind: Some(tier.kind),
        scope: Some(scope),
        instances,
        capacity: Some(tier.capacity.clone()),
        bandwidth: Some(tier.bandwidth.clone()),
        write_bandwidth: tier.write_bandwidth.clone(),
        duplex: Some(tier.duplex),
        latency: Some(tier.latency.clone()),
        efficiency: Some(tier.efficiency.clone()),
        mixed_efficiency: tier.mixed_efficiency.clone(),
        tiled_efficiency: tier.tiled_efficiency.clone(),
        tiled_write_efficiency: tier.tiled_write_efficiency.clone(),
        in_flight: tier.in_flight.clone(),
        fetch_on_write: Some(tier.fetch_on_write),
        single_port: Some(tier.single_port),
        dram: tier
            .dram
            .as_ref()
            .map(|dram| DramSpec { part: Some(dram.part.clone()), channels: Some(dram.channels.clone()) }),
        technology: tier.technology.clone(),
        energy_per_byte: tier.energy_per_byte.clone(),
        access: (tier.access != crate::Access::default()).then(|| tier.access.clone()),
    }
}
