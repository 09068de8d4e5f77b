//! What a schedule does at least: how long the pipeline takes to fill and to drain, and what is kept at once.
//!
//! Each is the published formula of the ideal case, stage by stage, so that no schedule of uneven stages is quicker:
//! Narayanan et al. 2021 (arXiv:2104.04473, section 2.2), Qi et al. 2023 (arXiv:2401.10241, table 2) and 2024
//! (arXiv:2405.15362), DeepSeek-AI 2024 (arXiv:2412.19437, table 2).

use memwall_model_graph::{PipelineSchedule, ScheduleKind};

use super::screen::Ends;
use super::stages::Stage;

/// Seconds of an iteration of `parts` micro-batches, a hop between stages taking `hop`, and the stage that decides.
pub fn iteration(
    schedule: &PipelineSchedule,
    stages: &[Stage],
    (parts, hop): (f64, f64),
    ends: impl Fn(&Stage) -> Ends,
) -> (f64, usize) {
    let (time, deciding) = match schedule.kind {
        ScheduleKind::ZeroBubbleV => from_both_ends(stages, parts, ends),
        ScheduleKind::DualPipe => dual(stages, parts, ends),
        _ => one_way(schedule, stages, (parts, hop), ends),
    };
    (time.max(longest_path(schedule, stages, parts)), deciding)
}

/// The first micro-batch goes through all stages and back, and the others follow it through the slowest part.
fn longest_path(schedule: &PipelineSchedule, stages: &[Stage], parts: f64) -> f64 {
    let both = |stage: &Stage| stage.forward + stage.backward;
    let path: f64 = stages.iter().map(both).sum();
    let slowest = stages.iter().map(both).fold(0.0, f64::max);
    // DualPipe's two directions share the micro-batches, others' parts the layers of a stage.
    let (following, share) = match schedule.kind {
        ScheduleKind::DualPipe => (parts / 2.0 - 1.0, 1.0),
        _ => (parts - 1.0, f64::from(schedule.parts().max(1))),
    };
    path + following.max(0.0) * slowest / share
}

/// Micro-batches go down the stages and come back: a stage waits for the first to arrive, works on all, and the last goes
/// back through the stages before it.
fn one_way(
    schedule: &PipelineSchedule,
    stages: &[Stage],
    (parts, hop): (f64, f64),
    ends: impl Fn(&Stage) -> Ends,
) -> (f64, usize) {
    let chunks = f64::from(schedule.parts().max(1));
    let (mut fill, mut drain) = (0.0, 0.0);
    let mut longest = (0.0, 0);
    for (number, stage) in stages.iter().enumerate() {
        let time = fill + parts * stage.total() + ends(stage).total().max(drain);
        if time > longest.0 {
            longest = (time, number);
        }
        let waits = match schedule.kind {
            // Weight gradients are put where the stage would wait.
            ScheduleKind::ZeroBubbleH1 => (stage.forward + stage.backward - stage.weight).max(0.0),
            ScheduleKind::ZeroBubbleH2 => (stage.forward + stage.backward - 2.0 * stage.weight).max(0.0),
            _ => {
                fill += stage.forward / chunks + hop;
                drain += (stage.backward + stage.weight) / chunks + hop;
                continue;
            }
        };
        drain += waits;
    }
    longest
}

/// A stage has parts of both halves of the model, and no bubble: all that is certain is the mean.
fn from_both_ends(stages: &[Stage], parts: f64, ends: impl Fn(&Stage) -> Ends) -> (f64, usize) {
    let count = stages.len().max(1) as f64;
    let mean = stages.iter().map(Stage::total).sum::<f64>() / count;
    let after = stages.iter().map(|stage| ends(stage).total()).sum::<f64>() / count;
    (parts * mean + after, stages.len() / 2)
}

/// Each device has a stage of both directions.
fn dual(stages: &[Stage], parts: f64, ends: impl Fn(&Stage) -> Ends) -> (f64, usize) {
    let mut longest = (0.0, 0);
    let count = stages.len();
    for (number, stage) in stages.iter().enumerate() {
        let other = &stages[count - 1 - number];
        let mean = |of: &dyn Fn(&Stage) -> f64| (of(stage) + of(other)) / 2.0;
        let (forward, back) = (mean(&|stage| stage.forward), mean(&|stage| stage.backward + stage.weight));
        let weight = mean(&|stage| stage.weight);
        // A forward and a backward pass beside each other take no less than the longer.
        let both = forward.max(back);
        let bubble = (count as f64 / 2.0 - 1.0).max(0.0) * (both + back - 3.0 * weight).max(0.0);
        let time = parts * mean(&Stage::total) + bubble + mean(&|stage| ends(stage).total());
        if time > longest.0 {
            longest = (time, number);
        }
    }
    longest
}

/// Micro-batches of which a stage (of how many) keeps what it needs at once, at least at its fullest.
#[must_use]
pub fn in_flight(schedule: &PipelineSchedule, (number, count): (usize, usize), micro_batches: u32) -> f64 {
    let (number, stages, all) = (number as f64, count as f64, f64::from(micro_batches));
    let left = stages - number;
    let most: f64 = match schedule.kind {
        ScheduleKind::GPipe => all,
        ScheduleKind::OneForwardOneBackward | ScheduleKind::ZeroBubbleH1 => left,
        ScheduleKind::ZeroBubbleH2 => 2.0 * left - 1.0,
        ScheduleKind::Interleaved => {
            // Forward passes of chunks before the first backward pass.
            let chunks = f64::from(schedule.chunks.max(1));
            (2.0 * (left - 1.0) + (chunks - 1.0) * stages + 1.0) / chunks
        }
        ScheduleKind::ZeroBubbleV => stages,
        ScheduleKind::DualPipe => stages + 1.0,
    };
    most.clamp(0.0, all)
}

#[cfg(test)]
mod tests {
    use memwall_model_graph::{PipelineSchedule, ScheduleKind};

    use super::*;

    fn ideal(kind: ScheduleKind, chunks: u32) -> f64 {
        let stage = Stage { forward: 1.0, backward: 1.0, weight: 1.0, ..Stage::default() };
        iteration(&PipelineSchedule { kind, chunks }, &[stage; 4], (8.0, 0.0), |_| Ends::default()).0
    }

    /// Four equal stages, eight micro-batches, every pass as long: the bubbles that the papers state.
    #[test]
    fn even_stages_have_the_published_bubbles() {
        let work = 8.0 * 3.0;
        assert_eq!(ideal(ScheduleKind::GPipe, 1), work + 3.0 * 3.0);
        assert_eq!(ideal(ScheduleKind::OneForwardOneBackward, 1), work + 3.0 * 3.0);
        assert_eq!(ideal(ScheduleKind::Interleaved, 3), work + 3.0 * 3.0 / 3.0);
        assert_eq!(ideal(ScheduleKind::ZeroBubbleH1, 1), work + 3.0 * 1.0);
        assert_eq!(ideal(ScheduleKind::ZeroBubbleH2, 1), work);
        assert_eq!(ideal(ScheduleKind::ZeroBubbleV, 2), work);
    }

    #[test]
    fn stages_keep_as_many_micro_batches_as_published() {
        let kept = |kind, chunks, number| in_flight(&PipelineSchedule { kind, chunks }, (number, 4), 16);
        assert_eq!(kept(ScheduleKind::GPipe, 1, 0), 16.0);
        assert_eq!(kept(ScheduleKind::OneForwardOneBackward, 1, 0), 4.0);
        assert_eq!(kept(ScheduleKind::OneForwardOneBackward, 1, 3), 1.0);
        // 1 + (p - 1) / (p v) as much as without interleaving (arXiv:2205.05198).
        assert_eq!(kept(ScheduleKind::Interleaved, 2, 0), 4.0 * (1.0 + 3.0 / (4.0 * 2.0)));
        assert_eq!(kept(ScheduleKind::ZeroBubbleH2, 1, 0), 7.0);
    }
}
