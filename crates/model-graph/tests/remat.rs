//! Rematerialization: laws over random problems, and the best schedules against all there are.

use memwall_model_graph::remat::{
    Exact, Plan, Problem, ProblemError, ScheduleError, Work, bound, exact, optimal, peak, segments,
};
use proptest::prelude::*;

/// A forward pass of random operators and one gradient for each in reverse, which reads some forward values.
fn problems(most: usize) -> impl Strategy<Value = Problem> {
    (1..=most).prop_flat_map(|count| {
        let one = (0_u64..10, 1_u64..20, any::<u8>(), any::<u8>(), 1_u64..8);
        prop::collection::vec(one, count).prop_map(|drawn| joint(&drawn))
    })
}

fn joint(drawn: &[(u64, u64, u8, u8, u64)]) -> Problem {
    let count = drawn.len();
    let mut bytes: Vec<u64> = drawn.iter().map(|one| one.1).collect();
    let mut operators = Vec::new();
    let chosen = |mask: u8, below: usize| (0..below).filter(move |value| mask >> (value % 8) & 1 == 1);
    for (index, (cost, _, reads, _, _)) in drawn.iter().enumerate() {
        let mut inputs: Vec<u32> = chosen(*reads, index).map(|value| value as u32).collect();
        inputs.extend(index.checked_sub(1).map(|last| last as u32));
        operators.push(Work { cost: *cost, inputs, outputs: vec![index as u32] });
    }
    for (step, index) in (0..count).rev().enumerate() {
        let gradient = (count + step) as u32;
        let (cost, _, _, needs, size) = drawn[index];
        let mut inputs: Vec<u32> = chosen(needs, index + 1).map(|value| value as u32).collect();
        inputs.extend((step > 0).then(|| gradient - 1));
        bytes.push(size);
        operators.push(Work { cost, inputs, outputs: vec![gradient] });
    }
    Problem::new(bytes, operators, count).expect("a problem")
}

/// A chain in which the gradient of each operator reads its input.
fn chain(forward: &[(u64, u64)]) -> Problem {
    let count = forward.len() as u32;
    let mut bytes: Vec<u64> = forward.iter().map(|(_, bytes)| *bytes).collect();
    let mut operators: Vec<Work> = (0..count)
        .map(|index| Work {
            cost: forward[index as usize].0,
            inputs: index.checked_sub(1).into_iter().collect(),
            outputs: vec![index],
        })
        .collect();
    for (step, index) in (0..count).rev().enumerate() {
        let gradient = count + step as u32;
        let mut inputs = vec![index];
        inputs.extend((step > 0).then(|| gradient - 1));
        bytes.push(1);
        operators.push(Work { cost: 2 * forward[index as usize].0, inputs, outputs: vec![gradient] });
    }
    Problem::new(bytes, operators, forward.len()).expect("a problem")
}

/// What the best schedule within `budget` repeats, by trying all sequences of operators, judged by nothing but their peak.
fn try_all(problem: &Problem, budget: u64, repeats: usize) -> Option<u64> {
    fn go(
        problem: &Problem,
        budget: u64,
        left: usize,
        next: usize,
        so_far: &mut Vec<u32>,
        best: &mut Option<u64>,
    ) {
        if next == problem.operators().len() {
            if peak(problem, so_far).is_ok_and(|peak| peak.bytes <= budget) {
                let extra = problem.extra(so_far);
                *best = Some(best.map_or(extra, |known| known.min(extra)));
            }
            return;
        }
        so_far.push(next as u32);
        go(problem, budget, left, next + 1, so_far, best);
        so_far.pop();
        for again in 0..next.min(problem.forward()) {
            if left > 0 {
                so_far.push(again as u32);
                go(problem, budget, left - 1, next, so_far, best);
                so_far.pop();
            }
        }
    }
    let mut best = None;
    go(problem, budget, repeats, 0, &mut Vec::new(), &mut best);
    best
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// The search of all states finds what trying all sequences of up to four repeats finds, or better with more.
    #[test]
    fn the_exact_search_is_exact(problem in problems(3), percent in 40_u64..=100) {
        let most = peak(&problem, &Plan::keep_all(&problem).schedule(&problem, 100).unwrap()).unwrap().bytes;
        let budget = most * percent / 100;
        let tried = try_all(&problem, budget, 4);
        match exact(&problem, budget, 1_000_000, None) {
            Exact::Best(schedule) => {
                let extra = problem.extra(&schedule);
                prop_assert!(peak(&problem, &schedule).unwrap().bytes <= budget);
                let repeats = schedule.len() - problem.operators().len();
                if repeats <= 4 {
                    prop_assert_eq!(tried, Some(extra));
                } else {
                    prop_assert!(tried.is_none_or(|tried| extra <= tried));
                }
            }
            Exact::Impossible => prop_assert_eq!(tried, None),
            Exact::TooLarge => prop_assert!(false, "a small problem was too large"),
        }
    }

    /// The bound never passes the best there is, and says that there is none only where there is none.
    #[test]
    fn the_bound_is_a_bound(problem in problems(6), percent in 20_u64..=100) {
        let most = peak(&problem, &Plan::keep_all(&problem).schedule(&problem, 100).unwrap()).unwrap().bytes;
        let budget = most * percent / 100;
        let best = exact(&problem, budget, 1_000_000, None);
        match (bound(&problem, budget, None), best) {
            (Some(bound), Exact::Best(schedule)) => prop_assert!(bound.extra <= problem.extra(&schedule)),
            (None, best) => prop_assert_eq!(best, Exact::Impossible),
            (Some(_), _) => {}
        }
    }

    /// Every plan's schedule computes what it reads, before it reads it; [`peak`] refuses others.
    #[test]
    fn every_plan_has_a_schedule(problem in problems(12), kept in any::<u64>()) {
        let plan = Plan::keep(&problem, |value| kept >> (value % 64) & 1 == 1);
        let schedule = plan.schedule(&problem, usize::MAX).unwrap();
        let all = Plan::keep_all(&problem).schedule(&problem, usize::MAX).unwrap();
        prop_assert!(peak(&problem, &schedule).is_ok());
        prop_assert_eq!(problem.extra(&all), 0);
        // Each forward operator once more at most for each operator of the whole.
        prop_assert!(schedule.len() <= problem.operators().len() * (problem.forward() + 1));
    }

    /// Optimal schedules stay within their budgets, are between the bound and every plan that fits, and repeat no more
    /// when there is more room.
    #[test]
    fn optimal_keeps_its_word(problem in problems(14), kept in any::<u64>()) {
        let plans = [Plan::keep(&problem, |value| kept >> (value % 64) & 1 == 1), Plan::keep(&problem, |_| false)];
        let most = peak(&problem, &Plan::keep_all(&problem).schedule(&problem, 1000).unwrap()).unwrap().bytes;
        let budgets: Vec<u64> = (2..=10).map(|tenth| most * tenth / 10).collect();
        let solutions = optimal(&problem, &budgets, &plans);
        let mut last: Option<u64> = None;
        for (solution, budget) in solutions.iter().zip(&budgets) {
            for plan in &plans {
                let schedule = plan.schedule(&problem, usize::MAX).unwrap();
                if peak(&problem, &schedule).unwrap().bytes <= *budget {
                    prop_assert!(solution.as_ref().is_some_and(|found| found.extra <= problem.extra(&schedule)));
                }
            }
            let Some(solution) = solution else {
                prop_assert_eq!(last, None);
                continue;
            };
            prop_assert_eq!(peak(&problem, &solution.schedule).unwrap().bytes, solution.peak);
            prop_assert!(solution.peak <= *budget);
            prop_assert_eq!(problem.extra(&solution.schedule), solution.extra);
            prop_assert!(solution.least_extra <= solution.extra);
            prop_assert!(last.is_none_or(|last| solution.extra <= last));
            last = Some(solution.extra);
        }
        prop_assert_eq!(last, Some(0));
    }
}

#[test]
fn a_chain_of_equal_operators_costs_what_is_known() {
    // Nine values of 10 bytes; keeping all takes 90 and gradients. Keeping every third, a segment is computed again.
    let problem = chain(&[(100, 10); 9]);
    let all = Plan::keep_all(&problem).schedule(&problem, 100).unwrap();
    assert_eq!(peak(&problem, &all).unwrap().bytes, 91);
    let thirds = Plan::keep(&problem, |value| value % 3 == 2).schedule(&problem, 100).unwrap();
    assert_eq!(thirds, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 6, 7, 10, 11, 12, 3, 4, 13, 14, 15, 0, 1, 16, 17]);
    assert_eq!(peak(&problem, &thirds).unwrap().bytes, 42);
    assert_eq!(problem.extra(&thirds), 600);
}

#[test]
fn cheap_and_large_values_are_what_is_made_again() {
    // Cheap and large values between dear and small ones, as activations between products.
    let layer = [(100, 10), (5, 10), (100, 10), (5, 40)];
    let problem = chain(&layer.repeat(12));
    let budgets = [860_u64, 430, 215, 172];
    let solutions = optimal(&problem, &budgets, &[]);
    let found: Vec<_> = solutions.into_iter().map(|found| found.expect("a schedule")).collect();
    let whole = problem.cost();
    assert_eq!(found[0].extra, 0);
    assert!(found.windows(2).all(|pair| pair[0].extra <= pair[1].extra));
    // A fifth of the memory for a sixth more work, and no more than a hundredth of all work from the best there is.
    assert!(found[3].extra * 6 <= whole, "{} of {whole}", found[3].extra);
    assert!(found.iter().all(|one| (one.extra - one.least_extra) * 100 <= whole));
}

#[test]
fn what_is_no_problem_or_no_schedule_is_refused() {
    let work =
        |inputs: &[u32], outputs: &[u32]| Work { cost: 1, inputs: inputs.into(), outputs: outputs.into() };
    let problem = |operators, forward| Problem::new(vec![1, 1], operators, forward);
    assert_eq!(problem(vec![work(&[1], &[0]), work(&[], &[1])], 1), Err(ProblemError::Unmade { value: 1 }));
    assert_eq!(problem(vec![work(&[], &[0])], 1), Err(ProblemError::Unmade { value: 1 }));
    assert_eq!(problem(vec![work(&[], &[0, 1])], 2), Err(ProblemError::Forward));
    assert_eq!(problem(vec![work(&[7], &[0, 1])], 1), Err(ProblemError::Unknown { operator: 0 }));
    let problem = problem(vec![work(&[], &[0]), work(&[0], &[1])], 1).unwrap();
    assert_eq!(peak(&problem, &[1, 0]), Err(ScheduleError::Order { operator: 1 }));
    assert_eq!(peak(&problem, &[0]), Err(ScheduleError::Order { operator: 1 }));
    assert_eq!(peak(&problem, &[0, 1, 1]), Err(ScheduleError::Order { operator: 1 }));
    assert_eq!(peak(&problem, &[0, 7]), Err(ScheduleError::Unknown { at: 1 }));
}

#[test]
fn a_chain_is_cut_into_about_as_many_segments_as_its_root() {
    let problem = chain(&[(1, 10); 25]);
    let of = segments(&problem, None);
    assert_eq!(of.len(), 25);
    assert_eq!(of.last(), Some(&4));
    assert!(of.windows(2).all(|pair| pair[1] - pair[0] <= 1));
}

mod on_graphs {
    //! Rules and schedules of real models. Operators cost what a roofline of a V100 gives: no simulator here.

    use memwall_model_graph::remat::{Plan, Problem, optimal, peak};
    use memwall_model_graph::{
        Architecture, BuildOptions, Counting, Differentiation, Dtype, Pass, Precision, Recompute,
        StateFormats, Step, StepPhase, TrainingGraph, build_step, catalog,
    };

    fn training(arch: &Architecture, batch: u64, tokens: u64, fused: bool) -> TrainingGraph {
        let step = Step { phase: StepPhase::Train, batch, q_len: tokens, kv_len: tokens, prompt_len: tokens };
        let precision = Precision::uniform(Dtype::Fp16);
        let options =
            if fused { BuildOptions::fused(precision) } else { BuildOptions::unfused_with_ends(precision) };
        let how = Differentiation {
            tensor: 1,
            formats: StateFormats::default(),
            fused,
            overlap: false,
            accumulate: false,
        };
        TrainingGraph::differentiate(&build_step(arch, &step, &options).unwrap(), &how).unwrap()
    }

    fn problem(training: &TrainingGraph) -> Problem {
        let costs = training.graph.iter().map(|(_, operator)| {
            let counts = operator.counts(&training.graph, Counting::Actual);
            // 100 TFLOP/s and 900 GB/s, in picoseconds.
            (counts.flops / 100).max(u128::from(counts.bytes()) * 1000 / 900) as u64
        });
        Problem::of(training, &costs.collect::<Vec<_>>()).unwrap()
    }

    fn model(name: &str, layers: u64) -> Architecture {
        let mut arch = catalog::find(name).unwrap();
        arch.layers = layers;
        arch
    }

    fn run(problem: &Problem, plan: &Plan) -> (u64, u64) {
        let schedule = plan.schedule(problem, usize::MAX).unwrap();
        (peak(problem, &schedule).unwrap().bytes, problem.extra(&schedule))
    }

    /// Each rule costs what it is known to: nothing, a forward pass of the layers, or the layers that keep nothing.
    #[test]
    fn rules_repeat_what_they_say() {
        for fused in [false, true] {
            let graph = training(&model("gpt2-xl", 8), 2, 256, fused);
            let problem = problem(&graph);
            let of = |rule| run(&problem, &Plan::of(&graph, &problem, rule));
            let (none, selective, full) =
                (of(Recompute::None), of(Recompute::Selective), of(Recompute::Full));
            assert_eq!(none.1, 0);
            let layers = problem.operators()[..problem.forward()].iter().zip(graph.graph.operators());
            let layers: u64 = layers.filter(|(_, of)| of.layer.is_some()).map(|(work, _)| work.cost).sum();
            // The last product of a layer and what follows it are not needed again, only what comes before them.
            assert!(full.1 <= layers && full.1 * 10 >= layers * 6, "{} of {layers}", full.1);
            assert!(none.0 > selective.0 && selective.0 > full.0 && selective.1 < full.1);
            let (half, quarter) = (of(Recompute::Every(2)), of(Recompute::Every(4)));
            assert_eq!(of(Recompute::Every(1)).1, 0);
            // Layers are equal but for the first and the last of them, by an operator.
            let share = |extra: u64| extra as f64 / full.1 as f64;
            assert!((share(half.1) - 0.5).abs() < 0.01 && (share(quarter.1) - 0.75).abs() < 0.01);
            assert!(full.0 < quarter.0 && quarter.0 < half.0 && half.0 < none.0);
        }
    }

    /// No rule repeats less than the best schedule within what the rule needs, and the bound is not far below.
    #[test]
    fn no_rule_beats_the_search() {
        let graph = training(&model("bert-large", 24), 4, 512, false);
        let problem = problem(&graph);
        let rules = [Recompute::Selective, Recompute::Full, Recompute::Every(3)];
        let plans = rules.map(|rule| Plan::of(&graph, &problem, rule));
        let needs: Vec<(u64, u64)> = plans.iter().map(|plan| run(&problem, plan)).collect();
        let budgets: Vec<u64> = needs.iter().map(|(bytes, _)| *bytes).collect();
        for (found, (_, extra)) in optimal(&problem, &budgets, &plans).iter().zip(&needs) {
            let found = found.as_ref().unwrap();
            assert!(found.extra <= *extra, "{} against {extra}", found.extra);
        }
        let all = run(&problem, &Plan::keep_all(&problem)).0;
        let fifth = optimal(&problem, &[all / 5], &[])[0].clone().unwrap();
        assert!((fifth.extra - fifth.least_extra) * 50 <= problem.cost(), "more than 2 % of all work");
    }

    /// A scheduled graph runs the schedule's operators, with as many operations and bytes, and its own schedule has the
    /// same peak.
    #[test]
    fn a_scheduled_graph_is_its_schedule() {
        let graph = training(&model("gpt2-xl", 4), 2, 256, true);
        let problem = problem(&graph);
        for rule in [Recompute::Full, Recompute::Selective] {
            let schedule = Plan::of(&graph, &problem, rule).schedule(&problem, usize::MAX).unwrap();
            let scheduled = graph.scheduled(&schedule).unwrap();
            let counted = scheduled
                .graph
                .iter()
                .map(|(_, operator)| operator.counts(&scheduled.graph, Counting::Actual));
            let said = schedule
                .iter()
                .map(|index| graph.graph.operators()[*index as usize].counts(&graph.graph, Counting::Actual));
            assert!(counted.eq(said));
            let again = scheduled.passes.iter().filter(|pass| **pass == Pass::Recompute).count();
            assert_eq!(again, schedule.len() - graph.passes.len());
            let unrolled = Problem::of(&TrainingGraph { passes: Vec::new(), ..scheduled }, &[]).unwrap();
            let order: Vec<u32> = (0..schedule.len() as u32).collect();
            assert_eq!(peak(&unrolled, &order).unwrap().bytes, peak(&problem, &schedule).unwrap().bytes);
        }
        assert!(graph.scheduled(&[u32::MAX]).is_err());
    }

    /// A problem of thousands of operators is solved at once, near what is proven.
    #[test]
    fn a_large_model_is_solved_too() {
        let graph = training(&model("gpt3-175b", 96), 1, 2048, true);
        let problem = problem(&graph);
        let all = run(&problem, &Plan::keep_all(&problem)).0;
        for found in optimal(&problem, &[all / 2, all / 4], &[]) {
            let found = found.unwrap();
            assert!((found.extra - found.least_extra) * 50 <= problem.cost(), "more than 2 % of all work");
        }
        // Less than what one operator reads and writes is proven to be too little.
        assert_eq!(optimal(&problem, &[1 << 20], &[]), [None]);
    }
}

/// Where no schedule that repeats an operator right before its reader fits, one that repeats it a step ahead may.
#[test]
fn what_is_repeated_ahead_of_something_large_fits() {
    // The gradient of the value 1 is as large as the value and its own input, which is made again for the last operator.
    let work =
        |cost, inputs: &[u32], outputs: &[u32]| Work { cost, inputs: inputs.into(), outputs: outputs.into() };
    let operators = vec![
        work(1, &[], &[0]),
        work(1, &[0], &[1]),
        work(1, &[1], &[2]),
        work(1, &[2], &[3]),
        work(1, &[3], &[4]),
        work(1, &[1, 3], &[]),
        work(1, &[4], &[]),
    ];
    let problem = Problem::new(vec![10, 10, 20, 10, 10], operators, 3).unwrap();
    let Exact::Best(best) = exact(&problem, 30, 100_000, None) else { panic!("there is one") };
    assert!(
        best.iter().rposition(|index| *index == 1) < best.iter().position(|index| *index == 4),
        "{best:?}"
    );
    assert_eq!(
        optimal(&problem, &[30], &[])[0].as_ref().map(|found| found.extra),
        Some(problem.extra(&best))
    );
}
