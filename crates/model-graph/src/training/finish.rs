//! What follows the last backward pass: sums of gradients that did not run beside it, the update, weights gathered anew.

use super::data_parallel::DataParallel;
use super::update::Updating;
use super::{Training, UpdatePasses, ZeroStage};
use crate::{
    Collective, CollectiveKind, Dimension, Dtype, Graph, GraphError, OpClass, OpKind, Operand, Operator,
};

/// What a rank has to finish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finish {
    /// Parameters on the rank but experts'.
    pub shared: u64,
    /// Experts' parameters on the rank.
    pub experts: u64,
    /// Number format of the weights that the model computes with.
    pub weights: Dtype,
    /// Ranks with copies.
    pub data: DataParallel,
    /// Whether gradients are still to be summed over them.
    pub sums: bool,
    /// Whether divided weights are gathered here, once for the next iteration.
    pub gathers_once: bool,
    /// Parameters of an embedding that another stage has as well, whose gradients are summed between the two.
    pub tied: u64,
    /// Passes over the gradients before the update.
    pub passes: UpdatePasses,
}

impl Training {
    /// The graph of what follows the last backward pass of a rank.
    ///
    /// # Errors
    /// There are too many parameters for one tensor.
    pub fn finish(&self, what: &Finish) -> Result<Graph, GraphError> {
        let divided = what.data.zero >= ZeroStage::Optimizer;
        let share = |elements: u64, ranks: u32| {
            if divided { elements.div_ceil(u64::from(ranks.max(1))) } else { elements }
        };
        let own =
            share(what.shared, what.data.ranks).saturating_add(share(what.experts, what.data.expert_ranks));
        let mut update = Updating::new(own);
        if what.tied > 0 {
            let bytes = self.formats.gradients.bytes_for(what.tied);
            let pair = Collective::even(CollectiveKind::AllReduce, Dimension::Pipeline, 2, bytes);
            collective(&mut update, "embedding.all_reduce", pair);
        }
        if what.sums {
            let (label, kind) = if divided {
                ("gradients.reduce_scatter", CollectiveKind::ReduceScatter)
            } else {
                ("gradients.all_reduce", CollectiveKind::AllReduce)
            };
            everyone(&mut update, what, label, kind, what.data.gradients);
        }
        self.add_update(&mut update, what.weights, what.passes);
        if divided && (what.data.zero < ZeroStage::Weights || what.gathers_once) {
            everyone(&mut update, what, "weights.all_gather", CollectiveKind::AllGather, what.weights);
        }
        update.builder.finish()
    }
}

/// One collective over the ranks with copies, and one over those with copies of experts.
fn everyone(update: &mut Updating, what: &Finish, label: &'static str, kind: CollectiveKind, dtype: Dtype) {
    let all = [
        (what.shared, what.data.ranks, Dimension::Data),
        (what.experts, what.data.expert_ranks, Dimension::ExpertData),
    ];
    for (elements, ranks, dimension) in all {
        if elements > 0 && ranks > 1 {
            let bytes = dtype.bytes_for(elements);
            collective(update, label, Collective::even(kind, dimension, ranks, bytes));
        }
    }
}

/// A collective that what comes next waits for.
fn collective(update: &mut Updating, label: &'static str, collective: Collective) {
    let out = update.scalar(&format!("{label}.{}", collective.dimension.name()));
    update.builder.operator(Operator {
        label: label.into(),
        layer: None,
        kind: OpKind::Collective(collective),
        class: OpClass::Other,
        compute: Dtype::Fp32,
        inputs: Vec::new(),
        outputs: vec![Operand { elements: 0, ..out }],
    });
}
