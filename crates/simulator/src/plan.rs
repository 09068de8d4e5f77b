//! A kernel as a compiler would emit it: waves of identical tiles, each a pipeline of steps.

use crate::chip::{EngineKind, MAX_LEVELS};

/// Bytes of one unit that cross the link of each shared level (innermost first).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Traffic {
    pub read: [f64; MAX_LEVELS],
    pub write: [f64; MAX_LEVELS],
}

impl Traffic {
    pub fn scaled(&self, factor: f64) -> Self {
        Self { read: self.read.map(|bytes| bytes * factor), write: self.write.map(|bytes| bytes * factor) }
    }

    pub fn add(&mut self, other: &Self) {
        for level in 0..MAX_LEVELS {
            self.read[level] += other.read[level];
            self.write[level] += other.write[level];
        }
    }
}

/// `count` consecutive waves that do the same: `units` units each take `steps` steps and then store.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct WaveGroup {
    pub count: u64,
    pub units: u32,
    pub steps: u64,
    /// What one unit loads for one step.
    pub load: Traffic,
    /// What one unit stores after each step.
    pub store: Traffic,
    /// What one unit stores after its last step.
    pub epilogue: Traffic,
    /// Compute time of one step, all engines and per-core feeds together.
    pub step_ps: u64,
    /// Steps that can be loaded or being computed at once.
    pub slots: u32,
    /// Sets of partial sums: with 2, the next wave computes while this one's results drain.
    pub accumulators: u32,
    /// What a unit takes for a wave beside its steps: setting up, and turning sums into results.
    pub tile_ps: u64,
    /// Whether a unit starts to load for its next wave only when it has stored the results of this one.
    pub serial: bool,
    /// Whether it loads the tiles of a product: many short rows at once.
    pub tiled: bool,
}

impl WaveGroup {
    /// Steps of all units and waves.
    pub fn unit_steps(&self) -> f64 {
        self.count as f64 * f64::from(self.units) * self.steps as f64
    }

    /// Everything the group moves.
    pub fn traffic(&self) -> Traffic {
        let mut total = self.load.scaled(self.unit_steps());
        total.add(&self.store.scaled(self.unit_steps()));
        total.add(&self.epilogue.scaled(self.count as f64 * f64::from(self.units)));
        total
    }
}

/// How one engine's share of the kernel's compute time divides, in core-picoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct EngineShare {
    /// Useful operations at the datasheet peak.
    pub useful: f64,
    /// Operations on padding, at the same rate.
    pub padding: f64,
    /// What a slower clock under the power limit adds.
    pub power: f64,
    /// What the engine takes beyond that because its inner loop is below peak.
    pub efficiency: f64,
}

impl EngineShare {
    pub fn total(&self) -> f64 {
        self.useful + self.padding + self.power + self.efficiency
    }

    pub fn add_scaled(&mut self, other: &Self, factor: f64) {
        self.useful += other.useful * factor;
        self.padding += other.padding * factor;
        self.power += other.power * factor;
        self.efficiency += other.efficiency * factor;
    }
}

/// The compute side of a kernel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Compute {
    /// The engine the kernel is for; its ledger decides what bounds the operator.
    pub primary: EngineKind,
    /// By [`EngineKind`].
    pub shares: [EngineShare; 3],
    /// Core-picoseconds the engines wait for a per-core memory to feed them.
    pub feed: f64,
    /// The tier that memory is (index in `Device::tiers`).
    pub feed_tier: usize,
    /// Core-picoseconds of [`WaveGroup::tile_ps`] in all waves.
    pub tile: f64,
    /// Bytes each per-core feed tier moves in the whole kernel, by index in `Chip::feeds`.
    pub feed_bytes: [f64; 3],
}

/// One launch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KernelPlan {
    pub groups: Vec<WaveGroup>,
    pub compute: Compute,
    /// Bytes of one unit's tiles, double buffers and partial sums included.
    pub tile_bytes: f64,
    pub choice: Choice,
    /// What passes before the first load: setting up.
    pub lead_ps: u64,
}

/// What the mapper chose, for `explain`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Choice {
    /// A tiled product.
    Tiles { m: u64, n: u64, k: u64, split_k: u64, tiles: u64 },
    /// Rows or chunks streamed through the cores.
    Stream { chunk_bytes: u64 },
    /// Query and key blocks of a fused attention, and the kernels it takes with those that gather and combine.
    Blocks { queries: u64, keys: u64, split: u64, tiles: u64, kernels: u64 },
}

impl KernelPlan {
    /// Everything the kernel moves over the shared levels.
    pub fn traffic(&self) -> Traffic {
        let mut total = Traffic::default();
        for group in &self.groups {
            total.add(&group.traffic());
        }
        total
    }
}
