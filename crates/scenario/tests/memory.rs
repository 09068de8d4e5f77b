//! `placement:` and `sparsity:`: what is read, and what a person reads when something is wrong.

use memwall_scenario::{NoFiles, Scenario};

const GOOD: &str = "model: llama-2-70b
hardware: gh200
workload: { phase: decode, batch: 1, context: 512, dtype: bf16 }
";

fn read(text: &str) -> Scenario {
    Scenario::read("test.yaml", text, &[], &NoFiles).unwrap_or_else(|problems| panic!("{problems}"))
}

fn message(text: &str) -> String {
    match Scenario::read("test.yaml", text, &[], &NoFiles) {
        Ok(_) => panic!("read:\n{text}"),
        Err(problems) => problems.to_string(),
    }
}

#[test]
fn weights_behind_the_device_memory_make_room_in_it() {
    assert!(message(GOOD).contains("more than the 96 GB"), "70B in bf16 does not fit");
    let case = &read(&format!("{GOOD}placement: {{ weights: host }}\n")).cases[0];
    let placement = case.placement.expect("a placement");
    assert!(placement.weights && placement.prefetch && !placement.kv_cache && !placement.tables);
    assert!(case.footprint.weights > 130_000_000_000);
    assert!(
        read(&format!("{GOOD}placement: {{ kv_cache: hbm, weights: host, prefetch: false }}\n")).cases[0]
            .placement
            .is_some_and(|placement| !placement.kv_cache && !placement.prefetch)
    );
}

#[test]
fn pruned_weights_take_what_is_left_of_them() {
    let small = GOOD.replace("llama-2-70b", "llama-2-7b");
    let bytes = |more: &str| read(&format!("{small}{more}")).cases[0].footprint.weights as f64;
    let (dense, half) = (bytes(""), bytes("sparsity: { kind: structured, density: 50 % }\n"));
    // The table of the embedding stays whole.
    assert!((0.5..0.55).contains(&(half / dense)), "{half} of {dense}");
    let indexed = bytes("sparsity: { kind: unstructured, density: 0.5, index_bits: 16 }\n");
    assert!((indexed / dense - 1.0).abs() < 0.05, "{indexed} of {dense}");
}

#[test]
fn what_is_wrong_with_a_placement() {
    insta::assert_snapshot!(message(&format!(
        "{GOOD}placement: {{ weights: hots, kv_cache: l2, bufer: 1 GB }}\n"
    )));
    insta::assert_snapshot!(message(&format!("{GOOD}placement: {{ weights: hots, kv_cache: l2 }}\n")));
    insta::assert_snapshot!(message(&format!("{GOOD}placement: {{ weights: host, kv_cache: storage }}\n")));
    let team = GOOD.replace("hardware: gh200", "system: dgx-h100\nparallel: { tensor: 8 }");
    insta::assert_snapshot!(message(&format!("{team}placement: {{ weights: host }}\n")));
}

#[test]
fn what_is_wrong_with_sparsity() {
    let small = GOOD.replace("llama-2-70b", "llama-2-7b");
    for block in [
        "{ kind: two_four, density: 0.5 }",
        "{ kind: structured, density: 70 %, index_bits: 2 }",
        "{ kind: unstructured }",
        "{ kind: unstructured, density: 120 % }",
        "{ kind: random, density: 20 % }",
    ] {
        insta::assert_snapshot!(message(&format!("{small}sparsity: {block}\n")));
    }
}
