//! What a few layers take over their bound, for each way to divide them: what is expected of all of them.

use std::collections::HashMap;
use std::sync::Arc;

use memwall_model_graph::{Architecture, Moe, Parallel, PipelineSchedule, Recompute, ZeroStage};
use memwall_scenario::{PlanCase, TrainingChoice};
use rayon::prelude::*;

use super::screen::Screen;
use super::simulate::iteration;
use super::space::Shape;
use super::table::CostTable;
use super::words::Shown;

/// The most ways to divide a layer that are sampled.
const MOST: usize = 48;
/// Micro-batches of a sample: enough that the first, which finds cold caches, does not decide.
const MICRO_BATCHES: u32 = 3;

/// A way to divide a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sample {
    tensor: u32,
    sequence: bool,
    context: u32,
    expert: u32,
    micro_batch: u64,
}

impl Sample {
    /// Plans with the times that are expected of them, `plans` being in the order of their bounds: those whose layers are
    /// divided in one of the first [`MOST`] ways.
    pub fn correct(case: &PlanCase, plans: Vec<Shown>) -> Vec<(f64, Shown)> {
        let mut numbers: HashMap<Self, usize> = HashMap::new();
        let mut samples = Vec::new();
        for shown in &plans {
            let sample = Self::of(&shown.choice);
            if samples.len() < MOST && !numbers.contains_key(&sample) {
                numbers.insert(sample, samples.len());
                samples.push(sample);
            }
        }
        let factors: Vec<Option<f64>> = samples.par_iter().map(|sample| sample.factor(case)).collect();
        let expect = |shown: Shown| {
            let factor = factors[*numbers.get(&Self::of(&shown.choice))?]?;
            Some((shown.screened.time * factor, shown))
        };
        plans.into_iter().filter_map(expect).collect()
    }

    const fn of(choice: &TrainingChoice) -> Self {
        let Parallel { tensor, sequence, context, expert, .. } = choice.parallel;
        Self { tensor, sequence, context, expert, micro_batch: choice.micro_batch }
    }

    /// What a few layers take over their bound; `None` where they cannot be simulated.
    fn factor(&self, case: &PlanCase) -> Option<f64> {
        let inside = self.tensor.saturating_mul(self.context);
        let parallel = Parallel {
            tensor: self.tensor,
            sequence: self.sequence,
            context: self.context,
            expert: self.expert,
            data: (self.expert / inside.max(1)).max(1),
            pipeline: 1,
            micro_batches: MICRO_BATCHES,
        };
        let choice = TrainingChoice {
            parallel,
            micro_batch: self.micro_batch,
            zero: ZeroStage::None,
            recompute: Recompute::None,
            schedule: PipelineSchedule::default(),
        };
        let batch = self.micro_batch.checked_mul(u64::from(parallel.data) * u64::from(MICRO_BATCHES))?;
        let small = PlanCase { architecture: Arc::new(short(&case.architecture)), batch, ..case.clone() };
        let shape = Shape { parallel, micro_batch: self.micro_batch };
        let table = CostTable::new(&small, &[shape]).ok()?;
        let bound = Screen::new(&small, &table).shape(0, shape).screen(&choice).time;
        let (record, _) = iteration(&small, &choice).ok()?;
        let factor = record.wall.as_secs_f64() / bound;
        factor.is_finite().then_some(factor)
    }
}

/// The model with two layers, or a layer of each kind, and a vocabulary that does not outweigh them.
fn short(architecture: &Architecture) -> Architecture {
    let moe = architecture.moe.map(|moe| Moe { first_dense_layers: moe.first_dense_layers.min(1), ..moe });
    let layers = moe.map_or(2, |moe| moe.first_dense_layers + moe.every.max(1) + 1);
    Architecture {
        layers: layers.min(architecture.layers),
        vocab: architecture.vocab.min(architecture.hidden),
        moe,
        ..architecture.clone()
    }
}
