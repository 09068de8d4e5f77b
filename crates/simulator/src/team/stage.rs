//! The ranks of one pipeline stage.

use memwall_model_graph::{OpId, Operator};
use memwall_units::Picos;

use super::overlap::UnderWay;
use crate::record::StageRecord;
use crate::{Cause, Simulation};

/// One rank of each speed, and the stream of their collectives.
#[derive(Debug)]
pub(super) struct Stage {
    pub number: u32,
    pub ranks: Vec<Rank>,
    /// When its collectives are through.
    pub stream_free: Picos,
    pub under_way: Option<UnderWay>,
    /// Collectives under way, in the order of their ends.
    pub pending: Vec<Pending>,
    bubble: Picos,
    waited: Picos,
    /// How often what runs now happens.
    weight: u64,
}

/// A simulated rank. It stands for all of its speed.
#[derive(Debug)]
pub(super) struct Rank {
    pub simulation: Simulation,
    /// Its speed as a share of the others'.
    pub pace: f64,
}

/// A collective that is over, as the first rank saw it.
#[derive(Debug)]
pub(super) struct Settled {
    pub operator: Operator,
    /// What it took, what sharing the memory cost included.
    pub time: Picos,
    /// Of that, time in which the rank did nothing else.
    pub exposed: Picos,
    /// Time before it in which the rank waited for the others.
    pub waiting: Picos,
}

/// A collective under way.
#[derive(Debug)]
pub(super) struct Pending {
    pub id: OpId,
    /// When all ranks are there and those before it on the stream are through.
    pub start: Picos,
    pub end: Picos,
    /// Where a rank that waits for it waits: a level of the fabric.
    pub place: usize,
    pub operator: Operator,
}

impl Stage {
    pub const fn new(number: u32, ranks: Vec<Rank>) -> Self {
        Self {
            number,
            ranks,
            stream_free: Picos::ZERO,
            under_way: None,
            pending: Vec::new(),
            bubble: Picos::ZERO,
            waited: Picos::ZERO,
            weight: 1,
        }
    }

    /// From now on, whatever runs happens that often.
    pub fn set_weight(&mut self, weight: u64) {
        self.weight = weight;
        self.ranks.iter_mut().for_each(|rank| rank.simulation.set_weight(weight));
    }

    /// Nothing to do until `until`: `place` is the bubble's.
    pub fn idle(&mut self, until: Picos, place: usize) {
        if let Some(rank) = self.ranks.first() {
            let bubble = until.saturating_sub(rank.simulation.now());
            self.bubble = self.bubble.saturating_add(bubble);
        }
        for rank in &mut self.ranks {
            rank.simulation.wait(until, Cause::Idle, Some(place));
        }
    }

    /// Waits for the first collectives up to number `last`.
    pub fn settle_through(&mut self, last: usize) -> Vec<Settled> {
        let mut settled = Vec::with_capacity(last + 1);
        for pending in self.pending.drain(..=last) {
            let (mut exposed, mut waiting) = (Picos::ZERO, Picos::ZERO);
            for (index, rank) in self.ranks.iter_mut().enumerate() {
                let now = rank.simulation.now();
                let kept = pending.end.saturating_sub(now);
                rank.simulation.wait(pending.end, Cause::Communication, Some(pending.place));
                rank.simulation.note_collective(
                    &pending.operator,
                    kept,
                    Cause::Communication,
                    Some(pending.place),
                );
                if index == 0 {
                    waiting = pending.start.saturating_sub(now);
                    exposed = kept.saturating_sub(waiting);
                }
            }
            let often = |time: Picos| Picos(time.0.saturating_mul(self.weight));
            self.waited = self.waited.saturating_add(often(exposed)).saturating_add(often(waiting));
            let time = often(pending.end.saturating_sub(pending.start));
            let (exposed, waiting) = (often(exposed), often(waiting));
            settled.push(Settled { operator: pending.operator, time, exposed, waiting });
        }
        if self.pending.is_empty() {
            self.under_way = None;
        }
        settled
    }

    /// The collective under way has `left` to do now.
    pub fn collective_went_on(&mut self, left: Option<UnderWay>) {
        let now = self.ranks.iter().map(|rank| rank.simulation.now()).max().unwrap_or_default();
        let end = now.saturating_add(left.map_or(Picos::ZERO, |left| left.left));
        self.under_way = left;
        // The last on the stream ends later by what sharing the memory cost.
        if let (Some(_), Some(last)) = (left, self.pending.last_mut()) {
            last.end = last.end.max(end);
            self.stream_free = self.stream_free.max(end);
        }
    }

    /// Useful work of its first rank.
    pub fn busy(&self) -> u128 {
        self.ranks.first().map_or(0, |rank| rank.simulation.busy())
    }

    /// How often what runs now happens.
    pub const fn weight(&self) -> u64 {
        self.weight
    }

    /// Time its first rank waited for collectives.
    pub const fn waited(&self) -> Picos {
        self.waited
    }

    pub fn record(&self, end: Picos) -> StageRecord {
        StageRecord {
            stage: self.number,
            running: end.saturating_sub(self.bubble).saturating_sub(self.waited),
            communication: self.waited,
            bubble: self.bubble,
        }
    }
}
