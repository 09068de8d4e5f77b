//! How single accesses fare: what pointer chases and streams of few threads measure, beside the figures of long
//! transfers. Everything here may be left out; only microbenchmarks ask for it.

use memwall_units::{Bytes, BytesPerSec, Picos};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Figure;
use crate::check::Checker;
use crate::rows::Rows;

/// How lines find their set in a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Placement {
    /// Consecutive lines go to consecutive sets, so that a buffer fills all sets alike (physically contiguous
    /// memory).
    #[default]
    Even,
    /// Lines fall into sets as if at random (hashed addresses, scattered pages): some sets overflow long before the
    /// cache is full.
    Random,
}

/// How single accesses fare in a tier.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Access {
    /// Of a cache, the lines a set holds. Default 16.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ways: Option<Figure<u32>>,
    /// Of a cache, how lines find their set: `even` (the default) or `random`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// Of a cache built of parts, each near some of the cores: how many parts. `latency` is then that of a core's
    /// near part, and `far_latency` must be given too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partitions: Option<Figure<u32>>,
    /// Time from a core's request to data in a part that is not near to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub far_latency: Option<Figure<Picos>>,
    /// Of a cache that all cores read from, the share of its capacity left for distinct data: the rest holds copies
    /// that its parts keep of each other's. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distinct: Option<Figure<f64>>,
    /// Loaded latency is `latency + queueing * u / (1 - u)` at a share `u` of what the tier can carry: what queues add
    /// at half load. Default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queueing: Option<Figure<Picos>>,
    /// Fraction of `bandwidth` that writes alone sustain, where it differs from `efficiency`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_efficiency: Option<Figure<f64>>,
    /// Bytes whose addresses the translation buffers hold. `latency` is that of data far beyond it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub translation_reach: Option<Figure<Bytes>>,
    /// The part of `latency` that is address translation, saved where the buffers hold the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub translation: Option<Figure<Picos>>,
}

/// The cache in each core that ordinary loads go through, where it is no tier of its own: the L1 of a GPU, which
/// shares its memory with the scratchpad.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadCache {
    /// What reports call it: `l1`.
    pub name: String,
    /// Of one core's.
    pub capacity: Figure<Bytes>,
    /// Of one core's, towards its registers.
    pub bandwidth: Figure<BytesPerSec>,
    /// From a load to its data.
    pub latency: Figure<Picos>,
    /// How single accesses fare in it.
    pub access: Access,
}

/// The cache in each core that ordinary loads go through, where it is no tier of its own: a GPU's L1, which shares its
/// memory with the scratchpad.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadCacheSpec {
    /// What reports call it. Default `l1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Capacity of one core's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Figure<Bytes>>,
    /// Bandwidth of one core's, towards its registers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<Figure<BytesPerSec>>,
    /// Time from a load to its data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Figure<Picos>>,
    /// How single accesses fare in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
}

/// The hardware threads of one core, as far as they decide how many bytes are in flight.
#[derive(Debug, Clone, PartialEq)]
pub struct Threads {
    /// Threads resident in one core at most.
    pub per_core: Figure<u32>,
    /// Threads that issue together: a warp or wavefront.
    pub group: Figure<u32>,
    /// From the end of a block of threads to the first access of the block that takes its place.
    pub turnaround: Figure<Picos>,
    /// Between the starts of two groups of one core.
    pub launch: Figure<Picos>,
    /// From a store to the moment its thread may end.
    pub store: Figure<Picos>,
}

/// The hardware threads of one core, as far as they decide how many bytes are in flight.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ThreadsSpec {
    /// Threads resident in one core at most: 2048.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_core: Option<Figure<u32>>,
    /// Threads that issue together: 32 in a warp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Figure<u32>>,
    /// Time from the end of a block of threads to the first access of the block that takes its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turnaround: Option<Figure<Picos>>,
    /// Time between the starts of two groups of one core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch: Option<Figure<Picos>>,
    /// Time from a store to the moment its thread may end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<Figure<Picos>>,
}

/// The largest associativity and the most parts of a cache that make sense.
const MAX_WAYS: u32 = 4096;
const MAX_PARTITIONS: u32 = 64;

pub(crate) fn access(checker: &mut Checker, spec: Option<Access>) -> Access {
    let spec = spec.unwrap_or_default();
    checker.within("access", |checker| {
        let small = |checker: &mut Checker, key: &str, figure: Option<Figure<u32>>, most: u32| {
            let figure = checker.figure(key, figure);
            if let Some(count) = figure.as_ref().map(|figure| figure.value).filter(|count| *count > most) {
                checker.error(key, format!("{count} is out of range: it must be from 1 to {most}"), None);
            }
            figure
        };
        for (there, other, needed) in [
            (spec.partitions.is_some(), spec.far_latency.is_some(), "far_latency"),
            (spec.far_latency.is_some(), spec.partitions.is_some(), "partitions"),
            (spec.translation.is_some(), spec.translation_reach.is_some(), "translation_reach"),
            (spec.translation_reach.is_some(), spec.translation.is_some(), "translation"),
        ] {
            if there && !other {
                checker.error("", format!("`{needed}` is missing: the two go together"), None);
            }
        }
        Access {
            ways: small(checker, "ways", spec.ways, MAX_WAYS),
            placement: spec.placement,
            partitions: small(checker, "partitions", spec.partitions, MAX_PARTITIONS),
            far_latency: checker.figure("far_latency", spec.far_latency),
            distinct: checker.figure("distinct", spec.distinct),
            queueing: checker.figure("queueing", spec.queueing),
            write_efficiency: checker.figure("write_efficiency", spec.write_efficiency),
            translation_reach: checker.figure("translation_reach", spec.translation_reach),
            translation: checker.figure("translation", spec.translation),
        }
    })
}

/// The tier's own latency is the smallest: what is far, or must be looked up, is not nearer.
pub(crate) fn check_order(checker: &mut Checker, access: &Access, latency: Picos) {
    let latency_of = |figure: &Option<Figure<Picos>>| figure.as_ref().map(|figure| figure.value);
    checker.within("access", |checker| {
        if latency_of(&access.far_latency).is_some_and(|far| far < latency) {
            checker.error(
                "far_latency",
                "the far part is nearer than `latency`, that of the near part",
                None,
            );
        }
        if latency_of(&access.translation).is_some_and(|part| part > latency) {
            checker.error("translation", "address translation takes longer than `latency`, its whole", None);
        }
    });
}

pub(crate) fn load_cache(checker: &mut Checker, spec: LoadCacheSpec) -> Option<LoadCache> {
    let name = checker.words("name", Some(spec.name.unwrap_or_else(|| "l1".to_owned())), "l1");
    let capacity = checker.required_figure("capacity", spec.capacity, "128 KiB");
    let bandwidth = checker.required_figure("bandwidth", spec.bandwidth, "180 GB/s");
    let latency = checker.required_figure("latency", spec.latency, "24 ns");
    let access = access(checker, spec.access);
    if let Some(latency) = &latency {
        check_order(checker, &access, latency.value);
    }
    Some(LoadCache { name: name?, capacity: capacity?, bandwidth: bandwidth?, latency: latency?, access })
}

pub(crate) fn threads(checker: &mut Checker, spec: ThreadsSpec) -> Option<Threads> {
    let per_core = checker.required_figure("per_core", spec.per_core, "2048");
    let group = checker.required_figure("group", spec.group, "32");
    let turnaround = checker.required_figure("turnaround", spec.turnaround, "230 ns");
    let launch = checker.required_figure("launch", spec.launch, "2 ns");
    let store = checker.required_figure("store", spec.store, "50 ns");
    Some(Threads {
        per_core: per_core?,
        group: group?,
        turnaround: turnaround?,
        launch: launch?,
        store: store?,
    })
}

impl LoadCache {
    pub(crate) fn to_spec(&self) -> LoadCacheSpec {
        LoadCacheSpec {
            name: Some(self.name.clone()),
            capacity: Some(self.capacity.clone()),
            bandwidth: Some(self.bandwidth.clone()),
            latency: Some(self.latency.clone()),
            access: Some(self.access.clone()),
        }
    }

    pub(crate) fn rows(&self, rows: &mut Rows) {
        rows.setting("load_cache.name", &self.name);
        rows.quantity("load_cache.capacity", &self.capacity);
        rows.quantity("load_cache.bandwidth", &self.bandwidth);
        rows.quantity("load_cache.latency", &self.latency);
        self.access.rows("load_cache.access", rows);
    }
}

impl Threads {
    pub(crate) fn to_spec(&self) -> ThreadsSpec {
        ThreadsSpec {
            per_core: Some(self.per_core.clone()),
            group: Some(self.group.clone()),
            turnaround: Some(self.turnaround.clone()),
            launch: Some(self.launch.clone()),
            store: Some(self.store.clone()),
        }
    }

    pub(crate) fn rows(&self, rows: &mut Rows) {
        rows.number("threads.per_core", &self.per_core);
        rows.number("threads.group", &self.group);
        rows.quantity("threads.turnaround", &self.turnaround);
        rows.quantity("threads.launch", &self.launch);
        rows.quantity("threads.store", &self.store);
    }
}

impl Access {
    pub(crate) fn rows(&self, path: &str, rows: &mut Rows) {
        let at = |key: &str| format!("{path}.{key}");
        for (key, figure) in [("ways", &self.ways), ("partitions", &self.partitions)] {
            if let Some(figure) = figure {
                rows.number(&at(key), figure);
            }
        }
        if let Some(placement) = self.placement {
            let name = match placement {
                Placement::Even => "even",
                Placement::Random => "random",
            };
            rows.setting(&at("placement"), name);
        }
        rows.maybe(&at("far_latency"), self.far_latency.as_ref());
        for (key, figure) in [("distinct", &self.distinct), ("write_efficiency", &self.write_efficiency)] {
            if let Some(figure) = figure {
                rows.number(&at(key), figure);
            }
        }
        rows.maybe(&at("queueing"), self.queueing.as_ref());
        rows.maybe(&at("translation_reach"), self.translation_reach.as_ref());
        rows.maybe(&at("translation"), self.translation.as_ref());
    }
}
