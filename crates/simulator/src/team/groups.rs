//! Which ranks do a collective together. Ranks are numbered tensor first, then context, data and pipeline, and rank r
//! runs on device r (see [`Parallel`]).

use memwall_model_graph::{Dimension, Parallel};

/// The groups of one dimension among the ranks of a stage, each in the order of its ranks; the first is that of the
/// stage's first rank.
pub(crate) fn groups(parallel: &Parallel, dimension: Dimension, stage: u32) -> Vec<Vec<u32>> {
    let stage_ranks = stage_ranks(parallel);
    let first = stage.saturating_mul(stage_ranks);
    let (size, stride) = match dimension {
        Dimension::Tensor => (parallel.tensor, 1),
        Dimension::Context => (parallel.context, parallel.tensor),
        // Ranks that share sequences have copies of the weights as well.
        Dimension::Data => (parallel.data.saturating_mul(parallel.context), parallel.tensor),
        Dimension::Expert => (parallel.expert, 1),
        Dimension::ExpertData => {
            let held_by = parallel.expert.max(parallel.tensor).max(1);
            (stage_ranks / held_by, held_by)
        }
        // One rank to the same of the next stage.
        Dimension::Pipeline => {
            let next = (stage + 1) % parallel.pipeline.max(1);
            let pair = |rank: u32| vec![first + rank, next * stage_ranks + rank];
            return (0..stage_ranks).map(pair).collect();
        }
    };
    let (size, stride) = (size.max(1), stride.max(1));
    let block = size.saturating_mul(stride);
    let starts = (0..stage_ranks).filter(|rank| rank % block < stride);
    starts.map(|start| (0..size).map(|member| first + start + member * stride).collect()).collect()
}

/// Ranks of one pipeline stage.
pub(crate) fn stage_ranks(parallel: &Parallel) -> u32 {
    let ranks = parallel.ranks() / u64::from(parallel.pipeline.max(1));
    u32::try_from(ranks).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rank_of_a_stage_is_in_one_group_of_each_dimension() {
        let parallel =
            Parallel { tensor: 4, context: 2, data: 3, pipeline: 2, expert: 8, ..Parallel::default() };
        for dimension in [Dimension::Tensor, Dimension::Context, Dimension::Data, Dimension::Expert] {
            for stage in 0..2 {
                let groups = groups(&parallel, dimension, stage);
                let mut ranks = groups.concat();
                ranks.sort_unstable();
                assert_eq!(ranks, (stage * 24..stage * 24 + 24).collect::<Vec<_>>(), "{dimension:?}");
            }
        }
        assert_eq!(groups(&parallel, Dimension::Context, 0)[1], [1, 5]);
        assert_eq!(groups(&parallel, Dimension::Data, 1)[0], [24, 28, 32, 36, 40, 44]);
        assert_eq!(groups(&parallel, Dimension::ExpertData, 0)[1], [1, 9, 17]);
        assert_eq!(groups(&parallel, Dimension::Pipeline, 0)[3], [3, 27]);
    }
}
