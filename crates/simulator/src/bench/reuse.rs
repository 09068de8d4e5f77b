//! What the last cache still holds of each operand when the same operators run over and over: the bytes that pass
//! between two touches of a buffer decide.

use memwall_model_graph::{Graph, TensorKey};

use super::Warmth;
use crate::demand::{Demand, touched_bytes};
use crate::residency::survival;

/// One operator's touch of one buffer.
#[derive(Debug, Clone, Copy)]
struct Touch {
    key: TensorKey,
    bytes: u64,
    written: bool,
}

/// One round of the repetitions, touch by touch.
#[derive(Debug)]
pub(super) struct Reuse {
    touches: Vec<Touch>,
    /// Touches of the first graph, which is the one that is timed.
    first: usize,
    warmth: Warmth,
    capacity: f64,
    next: usize,
}

impl Reuse {
    pub fn new(rotation: &[Graph], warmth: Warmth, capacity: f64) -> Self {
        let mut reuse = Self { touches: Vec::new(), first: 0, warmth, capacity, next: 0 };
        for (index, graph) in rotation.iter().enumerate() {
            for (_, operator) in graph.iter() {
                let operands = operator.inputs.iter().map(|operand| (operand, false));
                let results = operator.outputs.iter().map(|operand| (operand, true));
                reuse.touches.extend(operands.chain(results).map(|(operand, written)| Touch {
                    key: graph.tensor(operand.tensor).key,
                    bytes: touched_bytes(graph, operand),
                    written,
                }));
            }
            if index == 0 {
                reuse.first = reuse.touches.len();
            }
        }
        reuse
    }

    /// Fills in what the next operator of the first graph finds in the cache, and what it leaves to be written back.
    pub fn fill(&mut self, demand: &mut Demand, fetch_on_write: bool) {
        for input in &mut demand.inputs {
            input.hit = self.found(self.next);
            self.next += 1;
        }
        (demand.write_back, demand.fetched) = (0.0, 0.0);
        for output in &demand.outputs {
            demand.write_back += output.bytes * (1.0 - self.kept_until_written(self.next));
            if fetch_on_write {
                demand.fetched += output.bytes * (1.0 - self.found(self.next));
            }
            self.next += 1;
        }
    }

    /// Fraction of the buffer of a touch that the cache holds when it happens.
    fn found(&self, at: usize) -> f64 {
        self.distance_to(at, Self::before).map_or(0.0, |(_, bytes)| survival(bytes, self.capacity))
    }

    /// Fraction of what is written that is written again before it has left the cache: it never reaches DRAM.
    fn kept_until_written(&self, at: usize) -> f64 {
        let (mut at, mut kept) = (at, 1.0);
        for _ in 0..self.touches.len() {
            let Some((next, bytes)) = self.distance_to(at, Self::after) else {
                // What outlives the last kernel is written when nobody looks; the rest had to leave.
                return kept
                    * self.touches.get(at).map_or(0.0, |own| survival(own.bytes as f64, self.capacity));
            };
            kept *= survival(bytes, self.capacity);
            if self.touches.get(next).is_none_or(|touch| touch.written) {
                break;
            }
            at = next;
        }
        kept
    }

    fn before(&self, at: usize) -> Option<usize> {
        match self.warmth {
            Warmth::Warm => Some((at + self.touches.len() - 1) % self.touches.len()),
            Warmth::Flushed => at.checked_sub(1),
        }
    }

    fn after(&self, at: usize) -> Option<usize> {
        match self.warmth {
            Warmth::Warm => Some((at + 1) % self.touches.len()),
            Warmth::Flushed => Some(at + 1).filter(|next| *next < self.first),
        }
    }

    /// The nearest touch of the same buffer in a direction, and the distinct bytes touched from here to there.
    fn distance_to(&self, at: usize, step: impl Fn(&Self, usize) -> Option<usize>) -> Option<(usize, f64)> {
        let own = self.touches.get(at)?;
        let mut seen: Vec<TensorKey> = vec![own.key];
        let mut bytes = own.bytes as f64;
        let mut now = at;
        for _ in 0..self.touches.len() {
            now = step(self, now)?;
            let touch = self.touches.get(now)?;
            if touch.key == own.key {
                return Some((now, bytes));
            }
            if !seen.contains(&touch.key) {
                seen.push(touch.key);
                bytes += touch.bytes as f64;
            }
        }
        None
    }
}
