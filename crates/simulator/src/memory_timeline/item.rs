//! What device memory holds, by name.

use memwall_units::Picos;

/// What a part of device memory holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemoryItem {
    /// Parameters that the model computes with.
    Weights,
    /// Gradients, summed over micro-batches.
    Gradients,
    /// The copy of the parameters that the optimizer updates.
    MasterWeights,
    /// What the optimizer remembers of each parameter.
    OptimizerState,
    /// What forward passes keep for backward passes.
    Activations,
    /// What a backward pass computes again instead of having kept it; gone when the pass ends.
    Recomputed,
    /// What a pass needs besides, such as gradients of activations; gone when the pass ends.
    Temporary,
    /// Buffers that communication sends from and receives into.
    CommunicationBuffers,
    /// Scratch space of kernel libraries.
    Workspace,
    /// What driver and runtime take before the program has begun.
    Context,
    /// What the allocator cannot give to anybody.
    Fragmentation,
}

/// Device memory over a step.
#[derive(Debug, Clone, PartialEq)]
pub struct MemoryTimeline {
    /// Bytes there are.
    pub capacity: u64,
    /// Items that do not change, in bytes.
    pub constant: Vec<(MemoryItem, u64)>,
    /// What changes, in order of time; each holds until the next. Several may be at the same time.
    pub moments: Vec<Moment>,
    /// When the step ends.
    pub end: Picos,
}

/// Items that change, from a moment on, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moment {
    /// From when on.
    pub at: Picos,
    /// [`MemoryItem::Activations`].
    pub activations: u64,
    /// [`MemoryItem::Recomputed`].
    pub recomputed: u64,
    /// [`MemoryItem::Temporary`].
    pub temporary: u64,
    /// [`MemoryItem::Fragmentation`].
    pub fragmentation: u64,
}

/// The moment at which most is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryPeak {
    /// When it begins.
    pub at: Picos,
    /// Bytes held.
    pub bytes: u64,
    /// What they are, largest first; nothing that takes none.
    pub alive: Vec<(MemoryItem, u64)>,
}

impl MemoryItem {
    /// Every item, in the order in which pictures stack them: what never changes first.
    pub const ALL: [Self; 11] = [
        Self::Context,
        Self::Workspace,
        Self::CommunicationBuffers,
        Self::Weights,
        Self::MasterWeights,
        Self::OptimizerState,
        Self::Gradients,
        Self::Activations,
        Self::Recomputed,
        Self::Temporary,
        Self::Fragmentation,
    ];

    /// `optimizer state`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Weights => "weights",
            Self::Gradients => "gradients",
            Self::MasterWeights => "master weights",
            Self::OptimizerState => "optimizer state",
            Self::Activations => "activations",
            Self::Recomputed => "recomputed activations",
            Self::Temporary => "temporary",
            Self::CommunicationBuffers => "communication buffers",
            Self::Workspace => "workspace",
            Self::Context => "context",
            Self::Fragmentation => "fragmentation",
        }
    }
}

impl Moment {
    /// Bytes of what changes.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.activations
            .saturating_add(self.recomputed)
            .saturating_add(self.temporary)
            .saturating_add(self.fragmentation)
    }

    /// Bytes of an item, if it is one that changes.
    #[must_use]
    pub const fn of(&self, item: MemoryItem) -> Option<u64> {
        match item {
            MemoryItem::Activations => Some(self.activations),
            MemoryItem::Recomputed => Some(self.recomputed),
            MemoryItem::Temporary => Some(self.temporary),
            MemoryItem::Fragmentation => Some(self.fragmentation),
            _ => None,
        }
    }
}

impl MemoryTimeline {
    /// Bytes of what does not change.
    #[must_use]
    pub fn constant_bytes(&self) -> u64 {
        self.constant.iter().fold(0, |sum, (_, bytes)| sum.saturating_add(*bytes))
    }

    /// Bytes of an item at a moment.
    #[must_use]
    pub fn bytes(&self, item: MemoryItem, moment: &Moment) -> u64 {
        let own = self.constant.iter().filter(|(other, _)| *other == item);
        let constant = own.fold(0, |sum: u64, (_, bytes)| sum.saturating_add(*bytes));
        constant.saturating_add(moment.of(item).unwrap_or(0))
    }

    /// The first moment at which most is held.
    #[must_use]
    pub fn peak(&self) -> MemoryPeak {
        let mut top = Moment::default();
        for moment in &self.moments {
            if moment.total() > top.total() {
                top = *moment;
            }
        }
        let of = |item| (item, self.bytes(item, &top));
        let mut alive: Vec<_> = MemoryItem::ALL.map(of).into_iter().filter(|(_, bytes)| *bytes > 0).collect();
        alive.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        MemoryPeak { at: top.at, bytes: self.constant_bytes().saturating_add(top.total()), alive }
    }
}
