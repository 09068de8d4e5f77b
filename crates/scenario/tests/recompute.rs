//! Scenarios of kind `recompute`: what is read, and what a person reads when something in it is wrong.

use memwall_model_graph::Recompute;
use memwall_scenario::{Budget, Claim, NoFiles, RecomputeCase, Scenario};

const HEAD: &str = "kind: recompute\nhardware: v100\n";

fn read(text: &str) -> Result<Vec<RecomputeCase>, String> {
    let scenario = Scenario::read("test.yaml", &format!("{HEAD}{text}"), &[], &NoFiles);
    scenario.map(|scenario| scenario.recomputes).map_err(|problems| problems.to_string())
}

#[test]
fn rules_budgets_and_a_claim_are_read() {
    let text = "model: gpt2
workload: { batch: 2, prompt: 128, dtype: fp16 }
recompute: { rules: [full, { every: 3 }, full], budgets: [12.5 %, 2 GB], claim: { less: 5, extra: 20 % } }
";
    let case = read(text).unwrap().remove(0);
    assert_eq!(case.rules, [Recompute::Full, Recompute::Every(3)], "each once");
    assert_eq!(case.budgets, [Budget::Share(0.125), Budget::Bytes(2_000_000_000)]);
    assert_eq!(case.claim, Some(Claim { less: 5.0, extra: 0.2 }));
    assert_eq!(case.work, "batch 2 of 128 tokens");
    assert!(case.graph.forward_operators() > 100);
}

#[test]
fn networks_and_lists_of_operators_are_trained_too() {
    let network = read("model: resnet-50\nworkload: { batch: 4 }\n").unwrap().remove(0);
    assert_eq!(
        (network.subject.as_str(), network.work.as_str()),
        ("resnet-50", "batch 4 of 224 x 224 pixels")
    );
    assert_eq!(network.rules.len(), 5);
    assert_eq!(network.budgets.len(), 4);
    let text = "graph:
  - { name: x, op: input, elements: 4096 }
  - { name: up, op: matmul, m: 64, n: 256, k: 64, inputs: [x] }
  - { name: act, op: gelu, elements: 16384, inputs: [up] }
  - { name: down, op: matmul, m: 64, n: 64, k: 256, inputs: [act] }
";
    let graph = read(text).unwrap_or_else(|problems| panic!("{problems}")).remove(0);
    assert_eq!(graph.graph.forward_operators(), 3);
}

#[test]
fn what_is_wrong_is_told_at_its_line() {
    let message = |text: &str| read(text).map(|_| ()).unwrap_err();
    insta::assert_snapshot!(message(
        "model: gpt2
workload: { batch: 2, prompt: 128 }
training: { recompute: full }
recompute:
  rules: [fulll, { every: 0 }, { optimal: 2 GB }]
  budgets: [20, 120 %, 2 GF, 0 B]
  claim: { less: 0.5, extra: lots }
"
    ));
    insta::assert_snapshot!(message(
        "model: gpt2
workload: { batch: 2, prompt: 128 }
recompute:
  rules: [none, { every: 0 }, { optimal: 2 GB }]
  budgets: [20, 120 %, 2 GF, 0 B]
  claim: { less: 0.5, extra: lots }
"
    ));
    insta::assert_snapshot!(message(
        "model: resnet-5O\nparallel: { tensor: 2 }\ntrend: {}\nrecompute: { rule: full }\n"
    ));
    insta::assert_snapshot!(message("workload: { batch: 2 }\n"));
    insta::assert_snapshot!(message("model: gpt2\nworkload: { batch: 2 }\n"));
    insta::assert_snapshot!(message("model: vgg19\nworkload: { batch: 0 }\n"));
}
