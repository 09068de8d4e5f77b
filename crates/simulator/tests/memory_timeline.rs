//! Device memory over a training step is what the pipeline's passes hold, and its peak says what is alive.

use memwall_model_graph::{PipelineSchedule, ScheduleKind};
use memwall_simulator::memory_timeline::{MemoryItem, MemoryTimeline, PartMemory, StageMemory};
use memwall_simulator::pipeline::{Detail, PartWork, PipelineOrder, PipelineRecord, PipelineWork, run};
use memwall_units::Picos;

const HELD: u64 = 100;

fn ran(kind: ScheduleKind, stages: u32, micro_batches: u32, part: PartWork) -> PipelineRecord {
    let schedule = PipelineSchedule { kind, chunks: 1 };
    let order = PipelineOrder::of(schedule, stages, micro_batches).expect("a rule that fits");
    let parts = vec![part; (stages * order.parts()) as usize];
    run(&order, &PipelineWork { parts, sender_waits: false }, Detail::Intervals).expect("it runs")
}

fn work() -> PartWork {
    PartWork {
        forward: Picos(10),
        backward: Picos(20),
        backward_input: Picos(10),
        backward_weight: Picos(10),
        activations: HELD,
        kept_for_weights: 60,
        ..PartWork::default()
    }
}

/// One stage, one micro-batch: 100 from the start of the forward pass to the end of the backward pass, which needs 30
/// and 7 more; a tenth of it all is lost.
#[test]
fn a_peak_says_what_is_alive() {
    let record = ran(ScheduleKind::OneForwardOneBackward, 1, 1, work());
    let part =
        PartMemory { activations: HELD, recomputed: 30, backward_temporary: 7, ..PartMemory::default() };
    let constant = vec![(MemoryItem::Weights, 500), (MemoryItem::OptimizerState, 3000)];
    let memory = StageMemory { constant, parts: vec![part], fragmentation: 0.1 };
    let timeline = MemoryTimeline::of_stage(&record, 0, &memory, 4000);
    let totals: Vec<(u64, u64)> =
        timeline.moments.iter().map(|moment| (moment.at.0, moment.total())).collect();
    assert_eq!(totals, [(0, 0), (0, 110), (10, 110), (10, 151), (30, 0)]);
    let peak = timeline.peak();
    assert_eq!((peak.at, peak.bytes), (Picos(10), 3500 + 151));
    let alive: Vec<(&str, u64)> = peak.alive.iter().map(|(item, bytes)| (item.name(), *bytes)).collect();
    assert_eq!(
        alive,
        [
            ("optimizer state", 3000),
            ("weights", 500),
            ("activations", 100),
            ("recomputed activations", 30),
            ("fragmentation", 14),
            ("temporary", 7)
        ]
    );
}

/// Whatever the schedule, activations over time peak at what the run counted, and all are gone at the end.
#[test]
fn activations_over_time_peak_at_what_the_run_counted() {
    for kind in ScheduleKind::ALL {
        for together in [None, Some(Picos(25))] {
            let record = ran(kind, 4, 8, PartWork { together, ..work() });
            let part = PartMemory { activations: HELD, kept_for_weights: 60, ..PartMemory::default() };
            let memory = StageMemory { parts: vec![part; 2], ..StageMemory::default() };
            for (stage, of_stage) in (0u32..).zip(&record.stages) {
                let timeline = MemoryTimeline::of_stage(&record, stage, &memory, u64::MAX);
                assert_eq!(timeline.peak().bytes, of_stage.peak_held, "{kind:?}, stage {stage}");
                assert_eq!(timeline.peak().at, of_stage.peak_at, "{kind:?}, stage {stage}");
                assert_eq!(timeline.moments.last().map(|moment| moment.activations), Some(0));
                assert!(timeline.moments.is_sorted_by_key(|moment| moment.at));
                assert!(timeline.moments.iter().all(|moment| moment.at <= timeline.end));
            }
        }
    }
}

/// Without intervals there is nothing to see but what stays.
#[test]
fn what_stays_is_there_without_passes() {
    let timeline = MemoryTimeline::steady(vec![(MemoryItem::Context, 7)], Picos(3), 10);
    assert_eq!(timeline.peak().bytes, 7);
    assert_eq!(timeline.peak().alive, [(MemoryItem::Context, 7)]);
}
