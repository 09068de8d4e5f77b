//! What lies in memory in a training step: published figures, formulas, and laws.

use memwall_explore::run_memories;
use memwall_report::{MemoryDocument, MemoryReport, View};
use memwall_scenario::{NoFiles, Scenario};
use proptest::prelude::*;

fn document(text: &str) -> MemoryDocument {
    let scenario =
        Scenario::read("test.yaml", text, &[], &NoFiles).unwrap_or_else(|problems| panic!("{problems}"));
    run_memories(&scenario).unwrap_or_else(|error| panic!("{error}"))
}

fn report(text: &str) -> MemoryReport {
    document(text).cases.swap_remove(0)
}

fn shipped(name: &str) -> MemoryDocument {
    let path = format!("{}/../../scenarios/paper/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    document(&std::fs::read_to_string(path).unwrap())
}

fn error(case: &MemoryReport, name: &str) -> f64 {
    case.published(name).and_then(|published| published.error).unwrap().abs()
}

/// Fig. 4 of Gholami et al. 2024. DenseNet-201's weights are printed with one digit: 0.07 for 0.0746.
#[test]
fn figure_4_is_within_its_targets() {
    let document = shipped("fig4");
    assert_eq!(document.cases.len(), 8);
    for case in &document.cases {
        for item in ["weights", "optimizer"] {
            let close = error(case, item) <= 0.02;
            assert!(close || case.published(item).unwrap().within_rounding, "{}: {item}", case.name);
        }
        let (most, known) = match case.model.as_str() {
            "bert-large" | "gpt2-xl" => (0.06, false),
            // 11.78 GB cannot be reached by the authors' own formula.
            "transformer-big" | "transformer-big, modified" => (0.75, true),
            _ => (0.15, false),
        };
        let found = error(case, "activations");
        assert!(found <= most, "{}: {found}", case.name);
        assert!(!known || found > 0.5, "{} is no erratum any more: {found}", case.name);
    }
}

/// 4 B x batch x layers x (10 length width + heads length^2), of BERT-Large.
#[test]
fn a_transformer_counted_as_in_the_paper_is_its_formula() {
    for (model, batch, length, [layers, width, heads]) in [
        ("bert-large", 16_u64, 512_u64, [24_u64, 1024, 16]),
        ("gpt2-xl", 1, 1024, [48, 1600, 25]),
        ("gpt2", 3, 77, [12, 768, 12]),
    ] {
        let case = report(&format!(
            "kind: memory\nmodel: {model}\ncounting: paper\nworkload: {{ batch: {batch}, prompt: {length} }}\n"
        ));
        let formula = 4 * batch * layers * (10 * length * width + heads * length * length);
        assert_eq!(case.bytes_of("activations"), formula, "{model}");
    }
}

#[test]
fn shipped_scenarios_keep_what_they_promise() {
    for name in ["fig4", "zero", "memory_over_6", "low_precision", "second_order"] {
        for case in shipped(name).cases {
            for checked in &case.expectations {
                assert!(checked.passed, "{name}, {}: {}", case.name, checked.text);
            }
        }
    }
}

#[test]
fn what_does_not_fit_says_what_would() {
    let text = |batch: u64, more: &str| {
        format!(
            "kind: memory\nmodel: bert-large\nworkload: {{ batch: {batch}, prompt: 512, dtype: fp32 }}\n{more}\n"
        )
    };
    let limit = "memory: { limit: 16 GB }";
    let remedy = |text: &str| report(text).limit.unwrap().remedy.unwrap();
    let found = remedy(&text(64, limit));
    let batch: u64 = found.trim_start_matches("a batch of ").split(' ').next().unwrap().parse().unwrap();
    assert!(report(&text(batch, limit)).limit.unwrap().fits, "{found}");
    assert!(!report(&text(batch + 1, limit)).limit.unwrap().fits, "{found}");
    let again = remedy(&text(1, "memory: { limit: 5.9 GB }"));
    assert!(again.contains("recompute: full"), "{again}");
    let divided = remedy(&text(1, "memory: { limit: 2 GB }"));
    assert_eq!(divided, "with `zero: weights` over 4 ranks what is kept of the parameters would fit");
}

#[test]
fn a_person_reads_what_lies_there() {
    let view = View { color: false, width: 100, verbose: false };
    insta::assert_snapshot!(shipped("fig4").to_table(view));
    insta::assert_snapshot!(shipped("zero").to_table(view));
    insta::assert_snapshot!(shipped("fig4").to_csv());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// More images never need less, a higher ZeRO stage never more, and no stage less than its share.
    #[test]
    fn memory_grows_with_the_batch_and_shrinks_with_zero(batch in 1_u64..40, ranks in 1_u64..500) {
        let at = |batch: u64, zero: u8| report(&format!(
            "kind: memory\nmodel: mobilenet-v2\nworkload: {{ batch: {batch}, image: 64 }}\n\
             parallel: {{ data: {ranks} }}\ntraining: {{ zero: {zero}, micro_batch: {batch} }}\n"
        ));
        let whole = at(batch, 0);
        prop_assert!(at(batch + 1, 0).bytes_of("activations") > whole.bytes_of("activations"));
        let mut before = whole.total;
        for zero in 1..=3 {
            let total = at(batch, zero).total;
            prop_assert!(total <= before);
            before = total;
        }
        let state = whole.total - whole.bytes_of("activations");
        prop_assert!(before - whole.bytes_of("activations") >= state / ranks);
    }
}
