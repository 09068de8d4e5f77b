//! Laws of pipeline schedules: their bubbles and what they hold are the closed forms, every pass is done once and after
//! what it needs, and the books of every stage close.

use std::collections::HashMap;

use memwall_model_graph::{PipelineSchedule, ScheduleKind};
use memwall_simulator::pipeline::{
    Detail, PartWork, Pass, PassInterval, PassKind, PipelineError, PipelineOrder, PipelineRecord,
    PipelineWork, Placement, ScheduleError, run,
};
use memwall_units::Picos;
use proptest::prelude::*;

fn schedule(kind: ScheduleKind, chunks: u32) -> PipelineSchedule {
    PipelineSchedule { kind, chunks }
}

/// One micro-batch of one part held, and times of its passes: forward, gradient of the input, gradients of weights.
fn part(times: [u64; 3]) -> PartWork {
    let [forward, input, weight] = times.map(Picos);
    PartWork {
        forward,
        backward: Picos(input.0 + weight.0),
        backward_input: input,
        backward_weight: weight,
        activations: 1,
        kept_for_weights: 1,
        ..PartWork::default()
    }
}

/// All parts alike and messages that take no time.
fn ideal(schedule: PipelineSchedule, stages: u32, micro_batches: u32, times: [u64; 3]) -> PipelineRecord {
    let order = PipelineOrder::of(schedule, stages, micro_batches).expect("a rule that fits");
    let parts = vec![part(times); (stages * schedule.parts()) as usize];
    run(&order, &PipelineWork { parts, sender_waits: false }, Detail::Totals).expect("it runs")
}

/// Times of passes that differ from each other, the same, and one of them nothing.
const TIMES: [[u64; 3]; 6] = [[1, 1, 1], [7, 7, 7], [3, 5, 4], [5, 2, 3], [2, 9, 1], [4, 6, 0]];

#[test]
fn gpipe_and_1f1b_leave_one_micro_batch_for_each_other_stage() {
    for kind in [ScheduleKind::GPipe, ScheduleKind::OneForwardOneBackward] {
        for (stages, micro_batches) in [(1, 1), (1, 5), (2, 1), (4, 2), (4, 4), (4, 9), (8, 32)] {
            for times in TIMES {
                let record = ideal(schedule(kind, 1), stages, micro_batches, times);
                let of_one: u64 = times.iter().sum();
                let bubble = u64::from(stages - 1) * of_one;
                assert_eq!(record.bubble().0, bubble, "{kind:?} {stages} {micro_batches} {times:?}");
                assert_eq!(record.wall.0, u64::from(micro_batches) * of_one + bubble);
                for stage in &record.stages {
                    assert_eq!(stage.waits.bubble().0, bubble, "every stage waits as long");
                }
            }
        }
    }
}

#[test]
fn interleaving_divides_the_bubble_by_the_parts_of_a_stage() {
    for (stages, chunks, micro_batches) in [(2, 2, 2), (4, 2, 4), (4, 3, 8), (8, 4, 32), (4, 1, 8), (1, 3, 2)]
    {
        for times in TIMES {
            let record = ideal(schedule(ScheduleKind::Interleaved, chunks), stages, micro_batches, times);
            let of_part: u64 = times.iter().sum();
            let ideal = u64::from(micro_batches * chunks) * of_part;
            // (p - 1) / (v m) of the ideal time.
            assert_eq!(
                u128::from(record.bubble().0) * u128::from(chunks * micro_batches),
                u128::from(stages - 1) * u128::from(ideal),
                "{stages} {chunks} {micro_batches} {times:?}"
            );
        }
    }
}

/// With gradients of weights in the bubble: (p - 1) (TF + TB - k TW), k 1 for H1 and 2 for H2. It holds where a weight
/// pass takes no longer than the others and there are micro-batches enough to fill the pipeline.
#[test]
fn zero_bubble_schedules_fill_the_bubble_with_weight_passes() {
    for (kind, depth) in [(ScheduleKind::ZeroBubbleH1, 1), (ScheduleKind::ZeroBubbleH2, 2)] {
        for (stages, micro_batches) in [(1, 3), (2, 3), (4, 7), (4, 20), (8, 15), (8, 40)] {
            for times in [[1, 1, 1], [7, 7, 7], [4, 5, 3], [5, 3, 3], [2, 9, 1], [4, 6, 0]] {
                let record = ideal(schedule(kind, 1), stages, micro_batches, times);
                let [forward, input, weight] = times;
                let bubble = u64::from(stages - 1) * (forward + input - depth * weight);
                assert_eq!(record.bubble().0, bubble, "{kind:?} {stages} {micro_batches} {times:?}");
            }
        }
    }
}

/// Without a bubble in the memory of 1F1B, when all passes take the same time and there are 2 p - 1 micro-batches.
#[test]
fn the_v_has_no_bubble_from_twice_the_stages_less_one_on() {
    for stages in [1, 2, 3, 4, 8, 16, 128] {
        for more in [0, 1, 5, 32] {
            let record = ideal(schedule(ScheduleKind::ZeroBubbleV, 1), stages, 2 * stages - 1 + more, [5; 3]);
            assert_eq!(record.bubble(), Picos::ZERO, "{stages} stages, {more} more");
        }
        if stages > 1 {
            let record = ideal(schedule(ScheduleKind::ZeroBubbleV, 1), stages, 2 * stages - 2, [5; 3]);
            assert!(record.bubble() > Picos::ZERO, "{stages} stages and too few micro-batches");
        }
    }
}

/// (p / 2 - 1) (F&B + B - 3 W), where B is a whole backward pass and F&B a forward and a whole backward pass done at
/// once. With passes that take the same time T each, B is 2 T, so it is (p / 2 - 1) (F&B - T). The stages in the middle,
/// which have most pairs and so the least to do, wait so long between the first pass of any stage and the last.
#[test]
fn dualpipe_leaves_the_bubble_its_authors_give() {
    for (stages, micro_batches) in [(2, 4), (4, 8), (4, 20), (6, 12), (8, 16), (8, 40), (16, 64)] {
        let outer = u64::from(stages / 2 - 1);
        for together in [20, 22, 25, 28, 30] {
            let order = PipelineOrder::of(schedule(ScheduleKind::DualPipe, 1), stages, micro_batches);
            let part = PartWork { together: Some(Picos(together)), ..part([10; 3]) };
            let work = PipelineWork { parts: vec![part; 2 * stages as usize], sender_waits: false };
            let record = run(&order.expect("a rule that fits"), &work, Detail::Totals).expect("it runs");
            let waits = record.stages.iter().map(|stage| stage.waits.total().0).max();
            assert_eq!(waits, Some(outer * (together - 10)), "{stages} {micro_batches} {together}");
        }
        let record = ideal(schedule(ScheduleKind::DualPipe, 1), stages, micro_batches, [10; 3]);
        assert_eq!(record.bubble().0, outer * 10, "{stages} {micro_batches}, one pass after the other");
    }
}

/// In micro-batches of a whole stage.
#[test]
fn what_is_held_is_what_the_papers_say() {
    let held = |kind, chunks, stages, micro_batches| {
        let record = ideal(schedule(kind, chunks), stages, micro_batches, [3; 3]);
        record.stages.iter().map(|stage| stage.peak_held).collect::<Vec<_>>()
    };
    assert_eq!(held(ScheduleKind::GPipe, 1, 4, 9), [9; 4]);
    assert_eq!(held(ScheduleKind::OneForwardOneBackward, 1, 4, 9), [4, 3, 2, 1]);
    assert_eq!(held(ScheduleKind::OneForwardOneBackward, 1, 4, 2), [2, 2, 2, 1]);
    // p (1 + (p - 1) / (p v)) micro-batches of v parts on the first stage: 3 x 4 + 3 parts.
    assert_eq!(held(ScheduleKind::Interleaved, 3, 4, 8)[0], 15);
    assert_eq!(held(ScheduleKind::ZeroBubbleH1, 1, 4, 9), [4; 4]);
    assert_eq!(held(ScheduleKind::ZeroBubbleH2, 1, 4, 9), [7; 4]);
    // Halves of a stage: 4 micro-batches.
    assert_eq!(held(ScheduleKind::ZeroBubbleV, 1, 4, 9), [8; 4]);
    assert_eq!(held(ScheduleKind::DualPipe, 1, 4, 10), [5; 4]);
}

#[test]
fn a_rule_that_does_not_fit_says_what_would() {
    let error = |kind, chunks, stages, micro_batches| {
        PipelineOrder::of(schedule(kind, chunks), stages, micro_batches)
            .expect_err("it does not fit")
            .to_string()
    };
    assert_eq!(
        error(ScheduleKind::Interleaved, 2, 4, 10),
        "interleaved needs micro-batches in multiples of the 4 stages, and there are 10: 8 or 12 would do"
    );
    assert_eq!(
        error(ScheduleKind::Interleaved, 2, 4, 3),
        "interleaved needs micro-batches in multiples of the 4 stages, and there are 3: 4 would do"
    );
    assert_eq!(
        error(ScheduleKind::DualPipe, 1, 5, 10),
        "dualpipe needs an even number of stages, and there are 5: 6 would do"
    );
    assert_eq!(
        error(ScheduleKind::DualPipe, 1, 4, 7),
        "dualpipe needs an even number of micro-batches, at least two for each of the 4 stages, and there are 7: 8 \
         would do"
    );
    assert_eq!(
        error(ScheduleKind::ZeroBubbleV, 3, 4, 8),
        "zb-v does not take 3 model parts a stage: only interleaved leaves their number open"
    );
    assert_eq!(
        error(ScheduleKind::GPipe, 1, 4, 0),
        "4 stages with 1 model parts each and 0 micro-batches: need at least 1 of each, and at most 65535 parts"
    );
    assert_eq!(
        error(ScheduleKind::ZeroBubbleV, 1, 1 << 31, 1),
        "55340232221128654848 passes of all stages, and the limit is 16777216: take fewer micro-batches or stages"
    );
}

/// Two stages that both want the other's pass first.
#[test]
fn a_deadlock_names_who_waits_for_whom() {
    let both = [PassKind::Forward, PassKind::Backward];
    let first = [0, 1].into_iter().flat_map(|batch| both.map(|kind| Pass::new(kind, 0, batch))).collect();
    let second =
        both.into_iter().flat_map(|kind| [0, 1].map(|batch| Pass::new(kind, 0, batch))).collect::<Vec<_>>();
    let order = PipelineOrder::custom(Placement::Loop, 1, 2, vec![first, second]).expect("each pass once");
    let work = PipelineWork { parts: vec![part([1; 3]); 2], sender_waits: false };
    let error = run(&order, &work, Detail::Totals).expect_err("it cannot go on");
    assert_eq!(
        error.to_string(),
        "nothing goes on: stage 0 waits for stage 1 before backward of micro-batch 0, part 0; stage 1 waits for stage 0 \
         before forward of micro-batch 1, part 0"
    );
}

#[test]
fn an_order_of_ones_own_is_checked() {
    let problem = |passes: Vec<Pass>| match PipelineOrder::custom(Placement::Loop, 1, 1, vec![passes]) {
        Err(error) => error.to_string(),
        Ok(_) => "sound".to_owned(),
    };
    let [forward, input, weight, backward] =
        [PassKind::Forward, PassKind::BackwardInput, PassKind::BackwardWeight, PassKind::Backward]
            .map(|kind| Pass::new(kind, 0, 0));
    assert_eq!(problem(vec![forward, backward]), "sound");
    assert_eq!(problem(vec![forward, input, weight]), "sound");
    assert_eq!(problem(vec![Pass { paired: true, ..forward }, backward]), "sound");
    assert_eq!(problem(vec![forward]), "stage 0: passes of micro-batch 0, part 0, are left out");
    assert_eq!(
        problem(vec![backward, forward]),
        "stage 0: backward of micro-batch 0, part 0 is done twice, or too early"
    );
    assert_eq!(
        problem(vec![Pass::new(PassKind::Forward, 1, 0)]),
        "stage 0: it has no forward of micro-batch 0, part 1"
    );
    let alone = Pass { paired: true, ..forward };
    assert_eq!(
        problem(vec![alone, input, weight]),
        "stage 0: forward of micro-batch 0, part 0 has no backward pass beside it"
    );
}

#[test]
fn work_must_fit_the_order_and_the_clock() {
    let order = PipelineOrder::of(PipelineSchedule::default(), 2, 4).expect("a rule that fits");
    let of = |parts| run(&order, &PipelineWork { parts, sender_waits: false }, Detail::Totals);
    assert_eq!(
        of(vec![part([1; 3])]).expect_err("one is missing").to_string(),
        "work is given for 1 model parts, and 2 stages with 1 each have 2"
    );
    let long = PartWork { forward: Picos(u64::MAX / 7), ..PartWork::default() };
    assert_eq!(of(vec![long; 2]), Err(PipelineError::TooMuch));
    let large = PartWork { activations: u64::MAX / 7, ..PartWork::default() };
    assert_eq!(of(vec![large; 2]), Err(PipelineError::TooMuch));
    assert!(matches!(
        PipelineOrder::of(PipelineSchedule { kind: ScheduleKind::Interleaved, chunks: 0 }, 2, 4),
        Err(ScheduleError::Empty { parts: 0, .. })
    ));
}

/// A message in the way of the second stage: it waits for the pass, and then for the message.
#[test]
fn messages_are_waited_for_apart_from_the_bubble() {
    let order = PipelineOrder::of(PipelineSchedule::default(), 2, 1).expect("a rule that fits");
    let part = PartWork { send_forward: Picos(5), send_backward: Picos(7), ..part([10, 10, 10]) };
    for sender_waits in [false, true] {
        let work = PipelineWork { parts: vec![part; 2], sender_waits };
        let record = run(&order, &work, Detail::Totals).expect("it runs");
        assert_eq!(record.wall.0, 10 + 5 + 30 + 7 + 20);
        let [first, second] = [&record.stages[0], &record.stages[1]];
        // The first stage waits for 30 of the second stage's work, and 7 for its message; 5 for its own if it must.
        let own = if sender_waits { 5 } else { 0 };
        assert_eq!((first.waits.between.0, first.waits.message.0), (35 - own, 7 + own));
        let own = if sender_waits { 7 } else { 0 };
        assert_eq!((second.waits.fill.0, second.waits.message.0), (10, 5 + own));
        assert_eq!(second.waits.drain.0, 27 - own);
    }
}

fn any_pipeline() -> impl Strategy<Value = (PipelineSchedule, u32, u32)> {
    (0..ScheduleKind::ALL.len(), 1u32..7, 1u32..20, 1u32..4).prop_map(
        |(kind, stages, micro_batches, chunks)| match ScheduleKind::ALL[kind] {
            kind @ ScheduleKind::Interleaved => {
                (schedule(kind, chunks), stages, stages * micro_batches.min(4))
            }
            kind @ ScheduleKind::DualPipe => (schedule(kind, 1), 2 * stages, 4 * stages + 2 * micro_batches),
            kind => (schedule(kind, 1), stages, micro_batches),
        },
    )
}

fn any_part() -> impl Strategy<Value = PartWork> {
    let times = (0u64..50, 0u64..50, 0u64..50);
    (times, proptest::option::of(0u64..150), 0u64..20, 0u64..20, 0u64..9, 0u64..9).prop_map(
        |((forward, input, weight), together, send_forward, send_backward, activations, kept_for_weights)| {
            PartWork {
                together: together.map(Picos),
                send_forward: Picos(send_forward),
                send_backward: Picos(send_backward),
                activations,
                kept_for_weights,
                ..part([forward, input, weight])
            }
        },
    )
}

/// When each pass of each stage and part over each micro-batch began and ended; both halves of a backward pass apart.
type Times = HashMap<(u32, u32, u32, PassKind), (u64, u64)>;

fn times(record: &PipelineRecord) -> Times {
    let mut times = Times::new();
    for (stage, of_stage) in (0u32..).zip(&record.stages) {
        for interval in &of_stage.intervals {
            let pass = interval.pass;
            let key = (stage, u32::from(pass.part), pass.micro_batch, pass.kind);
            assert_eq!(times.insert(key, (interval.start.0, interval.end.0)), None, "{pass:?} is done twice");
        }
    }
    times
}

/// The pass that others wait for: the whole backward pass, or its half.
fn gradient(times: &Times, stage: u32, part: u32, micro_batch: u32) -> (u64, u64) {
    let of = |kind| times.get(&(stage, part, micro_batch, kind)).copied();
    of(PassKind::Backward).or_else(|| of(PassKind::BackwardInput)).expect("every micro-batch goes back")
}

proptest! {
    /// The closed forms, for any times for which they are said to hold.
    #[test]
    fn bubbles_are_their_closed_forms(
        stages in 1u32..10, more in 0u32..20, chunks in 1u32..4, groups in 1u32..4,
        forward in 1u64..100, input in 1u64..100, weight in 0u64..100,
    ) {
        let others = u64::from(stages - 1);
        let whole = [forward, input, weight];
        for kind in [ScheduleKind::GPipe, ScheduleKind::OneForwardOneBackward] {
            let record = ideal(schedule(kind, 1), stages, 1 + more, whole);
            prop_assert_eq!(record.bubble().0, others * (forward + input + weight));
        }
        let record = ideal(schedule(ScheduleKind::Interleaved, chunks), stages, stages * groups, whole);
        prop_assert_eq!(record.bubble().0, others * (forward + input + weight), "times of one part");
        // Weight passes fill the bubble as far as they are no longer than forward passes.
        let split = [forward, input, weight.min(input)];
        let filled = weight.min(input).min(forward);
        let record = ideal(schedule(ScheduleKind::ZeroBubbleH1, 1), stages, stages + more, split);
        prop_assert_eq!(record.bubble().0, others * (forward + input - filled));
        let record = ideal(schedule(ScheduleKind::ZeroBubbleH2, 1), stages, 2 * stages - 1 + more, split);
        prop_assert_eq!(record.bubble().0, others * (forward + input - 2 * filled));
    }

    /// Whatever the times: every rule's order is sound, and the run does each pass once and after what it needs, keeps
    /// the books of every stage, and counts what is held as one would from the intervals.
    #[test]
    fn pipelines_keep_their_laws(
        (schedule, stages, micro_batches) in any_pipeline(),
        parts in proptest::collection::vec(any_part(), 36),
        sender_waits in any::<bool>(),
    ) {
        let order = PipelineOrder::of(schedule, stages, micro_batches).expect("a rule that fits");
        let passes = (0..stages).map(|stage| order.passes(stage).to_vec()).collect();
        let checked = PipelineOrder::custom(order.placement(), order.parts(), micro_batches, passes);
        prop_assert_eq!(checked.as_ref(), Ok(&order));
        let count = (stages * order.parts()) as usize;
        let parts: Vec<PartWork> = parts.iter().cycle().take(count).copied().collect();
        let work = PipelineWork { parts, sender_waits };
        let record = run(&order, &work, Detail::Intervals).expect("it runs");
        for stage in &record.stages {
            prop_assert_eq!(stage.busy.0 + stage.waits.total().0, record.wall.0);
        }
        check_dependencies(&order, &work, &times(&record));
        for (index, stage) in record.stages.iter().enumerate() {
            let of_stage = &work.parts[index * order.parts() as usize..];
            prop_assert_eq!(stage.peak_held, peak(&stage.intervals, of_stage));
        }
        let totals = run(&order, &work, Detail::Totals).expect("it runs");
        prop_assert_eq!(totals.wall, record.wall);
        prop_assert!(totals.stages.iter().all(|stage| stage.intervals.is_empty()));
    }
}

fn check_dependencies(order: &PipelineOrder, work: &PipelineWork, times: &Times) {
    for (&(stage, part, micro_batch, kind), &(start, _)) in times {
        let own = |kind| times[&(stage, part, micro_batch, kind)].1;
        let of = |stage: u32, part: u32| &work.parts[(stage * order.parts() + part) as usize];
        match kind {
            PassKind::Forward => {
                let Some((other, from)) = order.placement().previous(order.stages(), stage, part) else {
                    continue;
                };
                let message = if other == stage { 0 } else { of(other, from).send_forward.0 };
                assert!(start >= times[&(other, from, micro_batch, PassKind::Forward)].1 + message);
            }
            PassKind::BackwardWeight => assert!(start >= own(PassKind::BackwardInput)),
            PassKind::Backward | PassKind::BackwardInput => {
                assert!(start >= own(PassKind::Forward));
                let next = order.placement().next(order.stages(), order.parts(), stage, part);
                let Some((other, from)) = next else { continue };
                let message = if other == stage { 0 } else { of(other, from).send_backward.0 };
                assert!(start >= gradient(times, other, from, micro_batch).1 + message);
            }
        }
    }
}

/// Most that is held at once, from the passes of one stage.
fn peak(intervals: &[PassInterval], parts: &[PartWork]) -> u64 {
    let mut held = 0_i64;
    let mut peak = 0;
    for interval in intervals {
        let part = &parts[usize::from(interval.pass.part)];
        let (all, kept) = (part.activations as i64, part.kept_for_weights as i64);
        held += match interval.pass.kind {
            PassKind::Forward => all,
            PassKind::Backward => -all,
            PassKind::BackwardInput => kept - all,
            PassKind::BackwardWeight => -kept,
        };
        peak = peak.max(held);
    }
    peak as u64
}
