//! Scenarios of kind `plan`: what is read, and what a person reads when something is wrong.

use memwall_model_graph::{Recompute, ScheduleKind, ZeroStage};
use memwall_scenario::{NoFiles, PlanObjective, Scenario};

const GOOD: &str = "kind: plan
model: llama-3-8b
system: dgx-h100
workload: { phase: train, batch: 64, prompt: 2048 }
";

fn message(text: &str) -> String {
    Scenario::read("plan.yaml", text, &[], &NoFiles).expect_err("it is wrong").render(false, 100)
}

#[test]
fn what_is_written_arrives() {
    let text = format!(
        "{GOOD}plan:
  devices: 4
  tensor: [4, 1, 2, 2]
  sequence: true
  zero: [0, weights]
  recompute: [none, {{ every: 3 }}]
  schedule: zb-v
  simulate: 2
  objective: memory
  published: {{ devices: 8, tensor: 2, pipeline: 2, micro_batch: 4, schedule: interleaved, chunks: 2, mfu: 40 % }}
"
    );
    let scenario = Scenario::read("plan.yaml", &text, &[], &NoFiles).expect("it is sound");
    let case = &scenario.plans[0];
    assert_eq!((case.batch, case.tokens, case.simulate), (64, 2048, 2));
    assert_eq!(case.objective, PlanObjective::Memory);
    let choices = &case.choices;
    assert_eq!(choices.devices, [4]);
    assert_eq!(choices.tensor.as_deref(), Some(&[1, 2, 4][..]));
    assert_eq!(choices.sequence.as_deref(), Some(&[true][..]));
    assert_eq!(choices.pipeline, None);
    assert_eq!(choices.zero.as_deref(), Some(&[ZeroStage::None, ZeroStage::Weights][..]));
    assert_eq!(choices.recompute.as_deref(), Some(&[Recompute::None, Recompute::Every(3)][..]));
    assert_eq!(choices.schedule.as_deref(), Some(&[ScheduleKind::ZeroBubbleV][..]));
    let published = case.published.as_ref().expect("it is there");
    assert_eq!(published.choice.devices(), 8);
    assert_eq!((published.choice.parallel.data, published.choice.parallel.micro_batches), (2, 8));
    assert_eq!(published.mfu, Some(0.4));
}

#[test]
fn without_a_plan_block_everything_is_tried() {
    let scenario = Scenario::read("plan.yaml", GOOD, &[], &NoFiles).expect("it is sound");
    let choices = &scenario.plans[0].choices;
    assert_eq!(choices.devices, [8]);
    assert!(choices.tensor.is_none() && choices.recompute.is_none() && choices.schedule.is_none());
}

#[test]
fn what_is_missing() {
    insta::assert_snapshot!(message("kind: plan\n"));
    insta::assert_snapshot!(message(
        "kind: plan\nmodel: llama-3-8b\nsystem: dgx-h100\nworkload: { phase: prefill, batch: 8 }\n"
    ));
}

#[test]
fn what_belongs_elsewhere() {
    insta::assert_snapshot!(message(&format!(
        "{GOOD}hardware: h100-sxm\nparallel: {{ tensor: 8 }}\nexpect: []\n"
    )));
    let run = "model: llama-3-8b\nhardware: h100-sxm\nworkload: { prompt: 8 }\nplan: { simulate: 2 }\n";
    insta::assert_snapshot!(message(run));
}

#[test]
fn values_that_are_none() {
    insta::assert_snapshot!(message(&format!(
        "{GOOD}plan:
  devices: 9
  tensor: [2, 0]
  zero: 4
  schedule: [1f1b, gpip]
  objectiv: time
"
    )));
    insta::assert_snapshot!(message(&format!(
        "{GOOD}plan: {{ simulate: 1000, micro_batch: 0, recompute: {{ optimal: 8 GB }} }}\n"
    )));
}

#[test]
fn published_plans_that_are_none() {
    for published in [
        "{ tensor: 3 }",
        "{ tensor: 2, pipeline: 64 }",
        "{ micro_batch: 5 }",
        "{ devices: 16 }",
        "{ expert: 4 }",
        "{ schedule: 1f1b, chunks: 2, mfu: 120 % }",
    ] {
        insta::assert_snapshot!(message(&format!("{GOOD}plan: {{ published: {published} }}\n")));
    }
}
