//! Many machines, one workload: the `bound` time of designs that differ in their figures, by the million.
//!
//! What a step computes and moves depends on a design only through the size of its last cache. So the operators are
//! worked out once for each such size, those alike are added up, and a design costs a few divisions for each kind.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use memwall_hardware::{Device, SoftwareProfile, TierKind};
use memwall_model_graph::{Dtype, Graph};
use memwall_units::Picos;

use crate::bound::{BoundWork, bound_work};
use crate::chip::{Chip, EngineKind, MAX_LEVELS};
use crate::memory::step_memory;
use crate::outcome::tier_seconds;
use crate::plan::Traffic;
use crate::residency::Residency;
use crate::simulation::touch_cache;
use crate::{SimulationError, demand};

/// Sizes of the last cache that are remembered at once.
const MOST_SIZES: usize = 1024;

/// A workload, ready to be timed on one design after the other.
#[derive(Debug, Clone)]
pub struct Screen {
    workload: Arc<Workload>,
    /// By the capacity of an instance of the last cache.
    by_cache: HashMap<u64, Arc<Totals>>,
    /// Peaks of the present design, by slot.
    peaks: Vec<f64>,
}

#[derive(Debug)]
struct Workload {
    software: SoftwareProfile,
    steps: Vec<Graph>,
    /// The most bytes that a step keeps in device memory.
    memory: u64,
}

/// The operators of all steps, those alike added up.
#[derive(Debug, Default)]
struct Totals {
    /// Engines and formats that the work is in.
    slots: Vec<(EngineKind, Dtype)>,
    kinds: Vec<Kind>,
    bytes: Traffic,
}

/// Operators that do the same.
#[derive(Debug)]
struct Kind {
    slot: usize,
    useful: f64,
    traffic: Traffic,
    count: u64,
}

/// What tells kinds apart, in bits.
type KindKey = (usize, u64, [u64; MAX_LEVELS], [u64; MAX_LEVELS]);

/// What a design takes for the workload.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Screened {
    /// The time at `bound` fidelity, all steps together.
    pub time: Picos,
    /// Bytes that cross its device memory.
    pub dram_bytes: f64,
}

impl Screen {
    /// The steps of a workload on designs like `template`: with its tiers and number formats, whatever their figures.
    ///
    /// # Errors
    /// The workload cannot run on the template.
    pub fn new(
        template: &Device,
        software: &SoftwareProfile,
        steps: Vec<Graph>,
    ) -> Result<Self, SimulationError> {
        let memory = steps.iter().map(|step| step_memory(step).total()).max().unwrap_or(0);
        let workload = Workload { software: software.clone(), steps, memory };
        let mut screen = Self { workload: Arc::new(workload), by_cache: HashMap::new(), peaks: Vec::new() };
        screen.totals(template)?;
        Ok(screen)
    }

    /// The time of the workload on `design`: to the picosecond what a run at `bound` fidelity gives. `None` where the
    /// workload does not fit its memory, or needs what it has at rate 0.
    pub fn time(&mut self, design: &Device) -> Option<Screened> {
        let totals = self.totals(design).ok()?;
        let mut shared = design.shared_tiers();
        let mut levels = [shared.next()?; MAX_LEVELS];
        let mut count = 1;
        for tier in shared {
            *levels.get_mut(count)? = tier;
            count += 1;
        }
        let levels = &levels[..count];
        if self.workload.memory > levels[count - 1].capacity.value.0 {
            return None;
        }
        self.peaks.clear();
        for (kind, dtype) in &totals.slots {
            self.peaks.push(peak(design, *kind, *dtype)?);
        }
        let mut time = Picos::ZERO;
        for kind in &totals.kinds {
            let compute = kind.useful / self.peaks[kind.slot];
            let seconds = levels.iter().enumerate().fold(compute, |longest, (level, tier)| {
                longest.max(tier_seconds(tier, kind.traffic.read[level], kind.traffic.write[level]))
            });
            if !seconds.is_finite() {
                return None;
            }
            let all = Picos::from_secs_f64_ceil(seconds).0.checked_mul(kind.count)?;
            time = time.checked_add(Picos(all))?;
        }
        let dram = levels.len() - 1;
        Some(Screened { time, dram_bytes: totals.bytes.read[dram] + totals.bytes.write[dram] })
    }

    fn totals(&mut self, design: &Device) -> Result<Arc<Totals>, SimulationError> {
        let key = last_cache_capacity(design);
        if let Some(known) = self.by_cache.get(&key) {
            return Ok(Arc::clone(known));
        }
        let totals = Arc::new(self.workload.totals(design)?);
        if self.by_cache.len() == MOST_SIZES {
            self.by_cache.clear();
        }
        self.by_cache.insert(key, Arc::clone(&totals));
        Ok(totals)
    }
}

impl Workload {
    /// Runs all steps through a cache of the design's size.
    fn totals(&self, design: &Device) -> Result<Totals, SimulationError> {
        let chip = Chip::new(design, &self.software)?;
        let mut cache = chip.last_cache().map(|level| Residency::new(chip.levels[level].capacity as u64));
        let mut totals = Totals::default();
        let mut counts: IndexMap<KindKey, Kind> = IndexMap::new();
        for graph in &self.steps {
            for (id, operator) in graph.iter() {
                let mut demand = demand::cold(graph, operator, operator.label.as_ref());
                if let Some(cache) = &mut cache {
                    touch_cache(cache, chip.fetch_on_write, graph, id, operator, &mut demand);
                }
                let BoundWork { primary, dtype, useful, traffic } = bound_work(&chip, &demand)?;
                totals.bytes.add(&traffic);
                let slot = totals.slot(primary, dtype);
                let key =
                    (slot, useful.to_bits(), traffic.read.map(f64::to_bits), traffic.write.map(f64::to_bits));
                counts.entry(key).or_insert(Kind { slot, useful, traffic, count: 0 }).count += 1;
            }
        }
        totals.kinds = counts.into_values().collect();
        Ok(totals)
    }
}

impl Totals {
    fn slot(&mut self, engine: EngineKind, dtype: Dtype) -> usize {
        let known = self.slots.iter().position(|slot| *slot == (engine, dtype));
        known.unwrap_or_else(|| {
            self.slots.push((engine, dtype));
            self.slots.len() - 1
        })
    }
}

/// As [`Chip::peak`] has it; `None` at rate 0.
fn peak(design: &Device, kind: EngineKind, dtype: Dtype) -> Option<f64> {
    let rate = match kind {
        EngineKind::Matrix => design.matmul_peak(dtype.name())?.rate.0,
        EngineKind::Vector => design.vector.peak_or_wider(dtype.name())?.0.0,
        EngineKind::Special => {
            design.special.as_ref().unwrap_or(&design.vector).peak_or_wider(dtype.name())?.0.0
        }
    };
    (rate > 0.0).then_some(rate)
}

/// The capacity of the last cache, all instances; 0 without one.
fn last_cache_capacity(design: &Device) -> u64 {
    let caches =
        design.shared_tiers().filter(|tier| matches!(tier.kind, TierKind::Cache | TierKind::Scratchpad));
    caches.last().map_or(0, |tier| tier.capacity.value.0)
}
