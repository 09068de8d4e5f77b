//! A training graph whose backward pass computes again what a rule does not keep.

use super::remat::{Plan, Problem, optimal};
use super::{Pass, Recompute, TrainingGraph};
use crate::{Counting, GraphError, OpId};

/// Operations that an accelerator does in the time in which it moves a byte, about: what operators cost relative to each
/// other where a budget asks for the cheapest, and the machine is not known here (the ridge point of an H100 and of an
/// A100 in 16 bits: 295 and 153).
const FLOPS_A_BYTE: u128 = 200;
/// A schedule may be that many times as long as the graph.
const LONGEST: usize = 16;

impl TrainingGraph {
    /// The graph with what `rule` asks for. Where `whole`, a layer that computes anything again computes everything
    /// again, its last result included, which nobody needs; otherwise only what gradients need.
    ///
    /// # Errors
    /// The graph gets too large, or no schedule stays within the budget.
    pub fn recomputed(&self, rule: Recompute, whole: bool) -> Result<Self, GraphError> {
        if rule == Recompute::None {
            return Ok(self.clone());
        }
        let problem = Problem::of(self, &self.relative_costs())
            .map_err(|error| GraphError::Unsupported(error.to_string()))?;
        let most = self.passes.len().saturating_mul(LONGEST);
        let schedule = match rule {
            Recompute::Optimal(budget) => {
                let rules = [Recompute::None, Recompute::Selective, Recompute::Full];
                let plans = rules.map(|rule| Plan::of(self, &problem, rule));
                let found = optimal(&problem, &[budget], &plans).into_iter().flatten().next();
                found.map(|solution| solution.schedule)
            }
            rule => Plan::of(self, &problem, rule).schedule(&problem, most),
        };
        let schedule = schedule.ok_or_else(|| {
            GraphError::Unsupported(
                "no schedule keeps activations within the budget of `recompute`".to_owned(),
            )
        })?;
        let repeats_layers = whole && matches!(rule, Recompute::Full | Recompute::Every(_));
        self.scheduled(&if repeats_layers { self.whole_layers(&schedule) } else { schedule })
    }

    fn relative_costs(&self) -> Vec<u64> {
        let cost = |operator: &crate::Operator| {
            let counts = operator.counts(&self.graph, Counting::Actual);
            u64::try_from(counts.flops / FLOPS_A_BYTE).unwrap_or(u64::MAX).max(counts.bytes())
        };
        self.graph.operators().iter().map(cost).collect()
    }

    /// The schedule with all of a layer's forward operators wherever some of them are repeated.
    fn whole_layers(&self, schedule: &[u32]) -> Vec<u32> {
        let mut ran = vec![false; self.passes.len()];
        let mut repeated: Vec<Option<u32>> = Vec::new();
        let mut all = Vec::with_capacity(schedule.len());
        for id in schedule {
            if !std::mem::replace(&mut ran[*id as usize], true) {
                all.push(*id);
                continue;
            }
            let layer = self.graph.operator(OpId(*id)).layer;
            if repeated.contains(&layer) {
                continue;
            }
            repeated.push(layer);
            let of_layer =
                self.operators_of(&[Pass::Forward]).filter(|id| self.graph.operator(*id).layer == layer);
            all.extend(of_layer.map(|id| id.0));
        }
        all
    }
}
