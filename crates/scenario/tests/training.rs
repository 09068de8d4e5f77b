//! `training:`: what a person reads when something in it is wrong.

use memwall_scenario::{NoFiles, Scenario};

const MODEL: &str = "model: llama-2-7b\nhardware: h100-sxm\nworkload: { phase: prefill, prompt: 512 }\n";

fn message(block: &str) -> String {
    match Scenario::read("test.yaml", &format!("{MODEL}{block}"), &[], &NoFiles) {
        Ok(_) => panic!("read:\n{block}"),
        Err(problems) => problems.to_string(),
    }
}

#[test]
fn what_is_wrong_with_a_training_block() {
    insta::assert_snapshot!(message(
        "training:
  optimiser: adam
  zero: 4
  recompute: selectiv
  schedule: 1f1d
  master_weights: int8
  micro_batch: some
"
    ));
    insta::assert_snapshot!(message(
        "training:
  optimizer: second_order
  zero: optimiser
  recompute: { evry: 2 }
"
    ));
    insta::assert_snapshot!(message(
        "training:
  optimizer_states: -1
  chunks: 2
  recompute: { every: 0 }
  dropout: 100 %
  micro_batch: 0
"
    ));
}

#[test]
fn a_run_that_does_not_train_has_no_such_block() {
    insta::assert_snapshot!(message("training: { optimizer: adam }\n"));
}
