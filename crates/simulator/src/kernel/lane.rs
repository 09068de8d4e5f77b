//! A core, or many identical ones: its buffers, its compute server and its store queue.

use std::collections::VecDeque;

use memwall_units::Picos;

use crate::book::Wait;
use crate::flow_network::FlowId;
use crate::plan::{KernelPlan, WaveGroup};

/// What a flow does for its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Job {
    Load { latency_ps: u64 },
    Store,
    Epilogue,
}

/// A place in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cursor {
    pub group: usize,
    pub wave: u64,
    pub step: u64,
}

impl Cursor {
    /// One step on. Returns whether a wave ended.
    fn advance(&mut self, plan: &KernelPlan, core: Option<u32>) -> bool {
        self.step += 1;
        let group = &plan.groups[self.group];
        if self.step < group.steps {
            return false;
        }
        self.step = 0;
        self.wave += 1;
        if self.wave >= group.count {
            self.wave = 0;
            self.group += 1;
            self.skip_foreign(plan, core);
        }
        true
    }

    /// A core that stands alone takes no part in waves of fewer units than its number.
    fn skip_foreign(&mut self, plan: &KernelPlan, core: Option<u32>) {
        while plan.groups.get(self.group).is_some_and(|group| core.is_some_and(|core| core >= group.units)) {
            self.group += 1;
        }
    }
}

/// One core, or all identical cores as one with a weight.
#[derive(Debug, Clone, Default)]
pub(super) struct Lane {
    /// The core's number when it stands for itself.
    core: Option<u32>,
    /// The next step to load, and the next to compute.
    pub load: Cursor,
    pub compute: Cursor,
    /// Steps whose buffer is taken: loading, on their way, waiting or being computed.
    pub in_use: u64,
    /// Steps that wait to be computed.
    pub arrived: u64,
    pub loading: Option<FlowId>,
    is_loading: bool,
    /// When the load that the compute server waits for was issued.
    pub load_since: Picos,
    /// Arrival times of steps that have left the links.
    pub in_latency: VecDeque<Picos>,
    pub computing: bool,
    /// What the step being computed waited for last.
    pub pace: Option<Wait>,
    /// Since when the compute server is idle.
    pub idle_from: Picos,
    /// `(group, is epilogue)` of results to store, the first being stored.
    pub stores: VecDeque<(usize, bool)>,
    pub storing: Option<FlowId>,
    /// Waves whose partial sums are not stored yet.
    pub draining: u32,
}

impl Lane {
    pub fn macro_core() -> Self {
        Self::default()
    }

    pub fn core(number: u32) -> Self {
        Self { core: Some(number), ..Self::default() }
    }

    pub fn skip_foreign_groups(&mut self, plan: &KernelPlan) {
        self.load.skip_foreign(plan, self.core);
        self.compute.skip_foreign(plan, self.core);
    }

    /// Flow weight of the lane in a group.
    pub fn weight(&self, group: &WaveGroup) -> f64 {
        if self.core.is_some() { 1.0 } else { f64::from(group.units) }
    }

    /// Units that take part in what the lane does now; a core without work counts as none.
    pub fn units(&self, plan: &KernelPlan, all: u32) -> u32 {
        let group = plan.groups.get(self.compute.group);
        match (self.core, group) {
            (Some(_), None) => u32::from(!self.is_done(plan)),
            (Some(_), Some(_)) => 1,
            (None, Some(group)) => group.units,
            // Everything is computed and the last wave drains.
            (None, None) => plan.groups.last().map_or(all, |group| group.units),
        }
    }

    pub fn compute_done(&self, plan: &KernelPlan) -> bool {
        self.compute.group >= plan.groups.len()
    }

    pub fn is_done(&self, plan: &KernelPlan) -> bool {
        self.compute_done(plan) && self.stores.is_empty()
    }

    pub fn can_load(&self, plan: &KernelPlan) -> bool {
        let Some(group) = plan.groups.get(self.load.group) else { return false };
        // A group whose input is what an earlier group stores (a reduction) must not start before that is stored.
        let depends = self.load.group > self.compute.group && group.slots == 1;
        let next_wave = self.load.group > self.compute.group || self.load.wave > self.compute.wave;
        let held = group.serial && (next_wave || (self.load.step == 0 && !self.stores.is_empty()));
        let drained = self.stores.is_empty() || group.slots > 1;
        !self.is_loading && !depends && !held && drained && self.in_use < u64::from(group.slots)
    }

    pub fn load_issued(&mut self, plan: &KernelPlan, now: Picos) {
        if self.arrived == 0 && self.in_latency.is_empty() {
            self.load_since = now;
        }
        self.is_loading = true;
        self.in_use += 1;
        self.load.advance(plan, self.core);
    }

    pub fn load_left_link(&mut self) {
        self.is_loading = false;
        self.loading = None;
    }

    pub fn arrive(&mut self) {
        self.in_latency.pop_front();
        self.arrived += 1;
    }

    pub fn can_compute(&self, plan: &KernelPlan) -> bool {
        let Some(group) = plan.groups.get(self.compute.group) else { return false };
        let sums_free = self.compute.step > 0 || self.draining < group.accumulators;
        let room_for_results = self.stores.len() < group.slots as usize + group.accumulators as usize;
        !self.computing && self.arrived > 0 && sums_free && room_for_results
    }

    pub fn compute_started(&mut self) {
        self.arrived -= 1;
        self.computing = true;
    }

    /// Returns whether the wave ended.
    pub fn computed(
        &mut self,
        plan: &KernelPlan,
        group: &WaveGroup,
        now: Picos,
        has_store: bool,
        has_epilogue: bool,
    ) -> bool {
        let index = self.compute.group;
        self.computing = false;
        self.pace = None;
        self.idle_from = now;
        self.in_use -= 1;
        if has_store {
            self.stores.push_back((index, false));
        }
        let ended = self.compute.step + 1 >= group.steps;
        if ended && has_epilogue {
            self.stores.push_back((index, true));
            self.draining += 1;
        }
        self.compute.advance(plan, self.core);
        ended
    }

    pub fn stored(&mut self, is_epilogue: bool) {
        self.storing = None;
        self.stores.pop_front();
        if is_epilogue {
            self.draining -= 1;
        }
    }
}
