//! Planning: every way to divide is tried and none twice, no simulated plan beats its bound, the front is a front, what is
//! printed for other programs adds up, and who searches with how many threads makes no difference.

use std::collections::BTreeSet;

use memwall_explore::plan::{PlanError, PlanSpace, run_plans};
use memwall_model_graph::{Parallel, ScheduleKind};
use memwall_report::{PlanDocument, PlanReport, View};
use memwall_scenario::{NoFiles, Scenario};

const BASE: &str = "
kind: plan
model: gpt2
system: dgx-h100
software: tensorrt-llm
workload: { phase: train, batch: 8, prompt: 256, dtype: bf16 }
";

fn scenario(more: &str) -> Scenario {
    let text = format!("{BASE}{more}");
    Scenario::read("test.yaml", &text, &[], &NoFiles)
        .unwrap_or_else(|problems| panic!("{}", problems.render(false, 100)))
}

fn plan(more: &str) -> Result<PlanDocument, PlanError> {
    run_plans(&scenario(more), None, &|_, _| {})
}

fn report(more: &str) -> PlanReport {
    plan(more).expect("there is a plan").cases.remove(0)
}

/// Whether a schedule of the paper goes with these numbers, written down a second time.
fn schedules(layers: u64, parallel: &Parallel) -> u64 {
    let (stages, parts) = (u64::from(parallel.pipeline), u64::from(parallel.micro_batches));
    if stages == 1 {
        return 1;
    }
    let mut count = 0;
    for kind in ScheduleKind::ALL {
        count += match kind {
            ScheduleKind::GPipe
            | ScheduleKind::OneForwardOneBackward
            | ScheduleKind::ZeroBubbleH1
            | ScheduleKind::ZeroBubbleH2 => 1,
            ScheduleKind::ZeroBubbleV => u64::from(layers >= 2 * stages),
            ScheduleKind::DualPipe => {
                u64::from(stages % 2 == 0 && parts % 2 == 0 && parts >= stages && layers >= stages)
            }
            ScheduleKind::Interleaved if parts % stages == 0 => {
                let of_stage = layers.div_ceil(stages);
                (2..=layers / stages).filter(|chunks| of_stage % chunks == 0).count() as u64
            }
            ScheduleKind::Interleaved => 0,
        };
    }
    count
}

#[test]
fn every_way_to_divide_is_tried_once() {
    for (model, batch) in [("gpt2", 8_u64), ("mixtral-8x7b", 12), ("llama-3-8b", 6)] {
        let more = format!("model: {model}\nworkload: {{ batch: {batch}, prompt: 256 }}\n");
        let text = BASE
            .replace("model: gpt2\n", "")
            .replace("workload: { phase: train, batch: 8, prompt: 256, dtype: bf16 }\n", "");
        let scenario = Scenario::read("test.yaml", &(text + &more), &[], &NoFiles).expect("it is sound");
        let case = &scenario.plans[0];
        let space = PlanSpace::new(case).expect("something divides");
        let found: BTreeSet<String> = space.shapes().iter().map(|shape| format!("{shape:?}")).collect();
        assert_eq!(found.len(), space.shapes().len(), "{model}: a shape is there twice");

        let sizes = 1..=8_u32;
        let mut shapes = 0;
        let mut plans = 0;
        for tensor in sizes.clone() {
            for pipeline in sizes.clone() {
                for context in sizes.clone() {
                    for data in sizes.clone().filter(|data| tensor * pipeline * context * data == 8) {
                        for expert in sizes.clone() {
                            for (sequence, micro) in [false, true]
                                .into_iter()
                                .flat_map(|sequence| (1..=batch).map(move |micro| (sequence, micro)))
                            {
                                let once = u64::from(data) * micro;
                                if batch % once != 0 || (sequence && tensor == 1) || 256 % context != 0 {
                                    continue;
                                }
                                let micro_batches = (batch / once) as u32;
                                let parallel = Parallel {
                                    tensor,
                                    sequence,
                                    pipeline,
                                    data,
                                    expert,
                                    context,
                                    micro_batches,
                                };
                                if parallel.validate(&case.architecture).is_err() {
                                    continue;
                                }
                                shapes += 1;
                                let zeros = if data * context > 1 { 4 } else { 1 };
                                plans += schedules(case.architecture.layers, &parallel) * zeros * 5;
                            }
                        }
                    }
                }
            }
        }
        assert_eq!(space.shapes().len(), shapes, "{model}");
        assert_eq!(space.plans(), plans, "{model}");
        // Numbers and plans go together.
        for number in [0, plans / 3, plans - 1] {
            let choice = space.plan(number).expect("it is one of them");
            let mut same = None;
            space.each_plan(space.shape_of(number), |own, other| {
                if *other == choice {
                    same = Some(own);
                }
            });
            assert_eq!(same, Some(number));
        }
        assert!(space.plan(plans).is_none());
    }
}

#[test]
fn no_simulated_plan_beats_its_bound() {
    let spaces = [
        "plan: { simulate: 24, recompute: none }",
        "plan: { simulate: 8, recompute: none, pipeline: 4 }",
        "plan: { simulate: 8, recompute: none, zero: [0, 1, 2], context: 2 }",
    ];
    for more in spaces {
        let report = report(more);
        assert!(report.simulated > 0, "{more}: nothing was simulated");
        for row in &report.plans {
            let Some(simulated) = row.simulated else { continue };
            assert!(row.bound_s <= simulated.time_s, "{more}: {row:?}");
            assert!(simulated.memory_bytes <= report.capacity_bytes, "{more}: {row:?}");
            assert!(simulated.mfu > 0.0 && simulated.mfu < 1.0, "{more}: {row:?}");
        }
    }
}

#[test]
fn the_best_is_first_and_the_front_is_one() {
    let report = report("plan: { simulate: 0 }");
    assert!(report.fitting <= report.screened && report.fitting > 0);
    let front = &report.front;
    assert!(
        front
            .windows(2)
            .all(|pair| pair[0].bound_s < pair[1].bound_s && pair[0].bound_bytes > pair[1].bound_bytes)
    );
    assert_eq!(front[0].bound_s, report.plans[0].bound_s);
    let rows: Vec<f64> = report.plans.iter().map(|row| row.bound_s).collect();
    assert!(rows.windows(2).all(|pair| pair[0] <= pair[1]));
    for row in report.plans.iter().chain(front) {
        let parts = &row.parts;
        let sum = parts.computing_s
            + parts.recompute_s
            + parts.tensor_s
            + parts.context_s
            + parts.expert_s
            + parts.bubble_s
            + parts.data_s
            + parts.optimizer_s;
        assert!((sum / row.bound_s - 1.0).abs() < 1e-9, "{row:?}");
    }
}

#[test]
fn a_choice_that_lost_says_what_it_costs() {
    let report = report("plan: { simulate: 0 }");
    let loser = |choice: &str, value: &str| {
        report.losers.iter().find(|loser| loser.choice == choice && loser.value == value)
    };
    let full = loser("recompute", "full").expect("nothing needs to be computed again");
    // The forward pass again but for the head, which is a large part of so small a model.
    assert!(full.loses.expect("it fits") > 0.05, "{full:?}");
    assert!(full.why.contains("computing again"), "{full:?}");
    // What the best has is no loser.
    let best = &report.plans[0];
    assert!(loser("tensor", &best.tensor.to_string()).is_none());
}

#[test]
fn what_megatron_is_told_multiplies_to_the_devices() {
    let number = |text: &str, argument: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(argument)).unwrap_or_default();
        line.trim().trim_end_matches('\\').trim().parse().unwrap_or_else(|_| panic!("{argument} in\n{text}"))
    };
    for (tensor, pipeline) in [(1, 1), (1, 2), (2, 2), (4, 1), (2, 4), (4, 2)] {
        for schedule in ["1f1b", "interleaved", "zb-v"] {
            if pipeline == 1 && schedule != "1f1b" {
                continue;
            }
            let chosen = format!("tensor: {tensor}, pipeline: {pipeline}, schedule: {schedule}, simulate: 0");
            let report = report(&format!("plan: {{ {chosen} }}"));
            let best = &report.plans[0];
            let config = report.config.as_ref().expect("there is a plan");
            let text = &config.megatron;
            let shards = number(text, "--tensor-model-parallel-size")
                * number(text, "--pipeline-model-parallel-size")
                * number(text, "--context-parallel-size");
            assert_eq!(shards * u64::from(best.data), 8, "{text}");
            let micro = number(text, "--micro-batch-size");
            let batch = number(text, "--global-batch-size");
            assert_eq!(micro * u64::from(best.micro_batches) * u64::from(best.data), batch, "{text}");
            assert_eq!(
                text.contains("--num-layers-per-virtual-pipeline-stage"),
                schedule == "interleaved",
                "{text}"
            );
            let titan = &config.torchtitan;
            let degree = |key: &str| number(&titan.replace(" =", ""), key);
            let all = degree("data_parallel_replicate_degree")
                * degree("data_parallel_shard_degree")
                * degree("tensor_parallel_degree")
                * degree("context_parallel_degree")
                * degree("pipeline_parallel_degree");
            assert_eq!(all, 8, "{titan}");
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let scenario = scenario("plan: { simulate: 3 }");
    let json = |threads| run_plans(&scenario, Some(threads), &|_, _| {}).unwrap().to_json().unwrap();
    let one = json(1);
    assert_eq!(one, json(2));
    assert_eq!(one, json(3));
}

#[test]
fn a_published_plan_is_screened_like_the_others() {
    let report = report(
        "plan: { simulate: 2, recompute: none, published: { tensor: 4, micro_batch: 4, sequence: true, source: nobody } }",
    );
    let published = report.published.expect("it was given");
    assert!(published.fits && published.ahead > 0);
    assert_eq!(published.row.tensor, 4);
    assert!(published.row.simulated.is_some(), "{published:?}");
    assert!(!published.row.why.is_empty());
}

#[test]
fn what_does_not_divide_or_fit_is_said() {
    let text = |result: Result<PlanDocument, PlanError>| match result {
        Ok(document) => document.to_table(View::default()),
        Err(error) => error.to_string(),
    };
    let odd =
        "workload: { batch: 7, prompt: 256 }\nplan: { devices: 8, tensor: 1, pipeline: 1, context: 1 }\n";
    let odd = format!(
        "{}{odd}",
        BASE.replace("workload: { phase: train, batch: 8, prompt: 256, dtype: bf16 }\n", "")
    );
    let odd = Scenario::read("test.yaml", &odd, &[], &NoFiles).unwrap();
    insta::assert_snapshot!(text(run_plans(&odd, None, &|_, _| {})));
    let large = BASE.replace("model: gpt2", "model: gpt3-175b");
    let large =
        Scenario::read("test.yaml", &format!("{large}plan: {{ simulate: 1 }}\n"), &[], &NoFiles).unwrap();
    insta::assert_snapshot!(text(run_plans(&large, None, &|_, _| {})));
}

#[test]
fn the_table_that_people_read() {
    let document = plan(
        "plan: { simulate: 3, recompute: [none, full], pipeline: [1, 2], context: 1, micro_batch: [1, 2], \
         published: { tensor: 4, micro_batch: 2, sequence: true, mfu: 30 %, source: nobody } }",
    );
    insta::assert_snapshot!(document.unwrap().to_table(View { width: 140, ..View::default() }));
}
