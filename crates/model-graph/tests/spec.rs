//! Inline graphs: what they become, and what is said about wrong ones.

use memwall_model_graph::{
    Counting, Dtype, Graph, MAX_SPEC_OPERATORS, OpKind, OperatorSpec, Precision, SpecError, SpecOp,
    TensorRole,
};

/// Validates that attention written out has the counts of its shapes, and an order that respects the inputs.
#[test]
fn attention_written_out() {
    // Listed backwards on purpose: order does not matter.
    let entries = [
        OperatorSpec { inputs: names(&["probs", "v"]), ..product("context", 128, 64, 128) },
        softmax("probs", 12 * 128, 128, &["scores"]),
        OperatorSpec { inputs: names(&["q", "k"]), ..product("scores", 128, 128, 64) },
        data("q", SpecOp::Input),
        data("k", SpecOp::KvCache),
        data("v", SpecOp::KvCache),
    ];
    let graph = build(&entries).unwrap();
    let order: Vec<String> = graph.operators().iter().map(|operator| operator.name()).collect();
    assert_eq!(order, ["scores", "probs", "context"]);
    let counts: Vec<_> =
        graph.operators().iter().map(|operator| operator.counts(&graph, Counting::Actual)).collect();
    assert_eq!(counts[0].flops, 2 * 12 * 128 * 128 * 64);
    assert_eq!(counts[0].bytes_read, 2 * (2 * 12 * 128 * 64));
    assert_eq!(counts[1].bytes(), 2 * (2 * 12 * 128 * 128));
    assert_eq!(counts[2].bytes_written, 2 * 12 * 128 * 64);
}

/// Validates the shorthand: a matmul alone reads an input from outside and weights of its own.
#[test]
fn one_line_is_a_graph() {
    let graph = build(&[OperatorSpec { batch: None, ..product("gemm", 4096, 4096, 1024) }]).unwrap();
    let operator = &graph.operators()[0];
    let roles: Vec<_> = operator.inputs.iter().map(|input| graph.tensor(input.tensor).role).collect();
    assert_eq!(roles, [TensorRole::Input, TensorRole::Weight]);
    assert!(matches!(operator.kind, OpKind::MatMul(_)));
    assert_eq!(graph.tensor(operator.inputs[1].tensor).bytes(), 2 * 4096 * 1024);
}

#[test]
fn a_cycle_is_named() {
    let entries = [
        softmax("first", 4, 4, &["third"]),
        softmax("second", 4, 4, &["first"]),
        softmax("third", 4, 4, &["second"]),
    ];
    let error = only(build(&entries));
    let expected =
        "the operators first -> second -> third -> first form a cycle: each waits for the one before it";
    assert_eq!(error.message, expected);
    assert_eq!((error.operator, error.path), (0, names(&["inputs", "0"])));
    let error = only(build(&[softmax("alone", 4, 4, &["alone"])]));
    assert!(error.message.contains("alone -> alone"), "{error}");
}

/// A circle as long as the limit allows is found without trouble, and told in a short message.
#[test]
fn a_long_cycle_has_a_short_message() {
    let count = MAX_SPEC_OPERATORS;
    let name = |index: usize| format!("op{}", index % count);
    let entries: Vec<_> = (0..count).map(|index| softmax(&name(index), 4, 4, &[&name(index + 1)])).collect();
    let error = only(build(&entries));
    assert!(error.message.len() < 200, "{error}");
    assert!(error.message.contains("(9993 more)"), "{error}");
}

#[test]
fn an_unknown_input_names_the_nearest() {
    let error = only(build(&[data("scores", SpecOp::Input), softmax("probs", 4, 4, &["scroes"])]));
    assert_eq!(error.message, "no entry is called `scroes`");
    assert_eq!(error.hint.as_deref(), Some("did you mean `scores`?"));
    assert_eq!((error.operator, error.path), (1, names(&["inputs", "0"])));
}

#[test]
fn a_name_is_unique() {
    let error = only(build(&[softmax("x", 4, 4, &[]), softmax("x", 4, 4, &[])]));
    assert_eq!(error.message, "the name `x` is taken by entry 1 already");
    assert_eq!((error.operator, error.path), (1, names(&["name"])));
}

#[test]
fn shape_fields_must_fit_the_operator() {
    let error = only(build(&[OperatorSpec { k: None, ..product("a", 4, 4, 4) }]));
    assert_eq!(error.message, "matmul needs `k`");
    assert_eq!(
        error.hint.as_deref(),
        Some("matmul takes `m`, `n`, `k` and, if wanted, `batch`, `b_shared_by`")
    );
    let error = only(build(&[OperatorSpec { rows: Some(3), ..product("a", 4, 4, 4) }]));
    assert_eq!((error.message.as_str(), error.path), ("matmul has no `rows`", names(&["rows"])));
    let error = only(build(&[OperatorSpec { causal: Some(true), ..product("a", 4, 4, 4) }]));
    assert_eq!(error.message, "matmul has no `causal`");
    let error = only(build(&[product("a", 4, 0, 4)]));
    assert_eq!((error.message.as_str(), error.path), ("`n` is 0; a size is at least 1", names(&["n"])));
}

#[test]
fn sizes_that_overflow_are_refused() {
    let error = only(build(&[product("a", 1 << 40, 1 << 40, 1)]));
    assert_eq!(error.message, "matmul is too large: a tensor has at most 1152921504606846976 elements");
    let error = only(build(&[product("a", u64::MAX, 1, 1)]));
    assert!(error.message.contains("a size is at most"), "{error}");
}

#[test]
fn an_input_must_hold_what_is_read_of_it() {
    let error = only(build(&[softmax("small", 2, 2, &[]), softmax("large", 4, 4, &["small"])]));
    assert_eq!(error.message, "reads 16 elements of `small`, which has 4");
    assert_eq!((error.operator, error.path), (1, names(&["inputs", "0"])));
}

#[test]
fn every_mistake_is_told_at_once() {
    let entries = [
        OperatorSpec { k: None, ..product("a", 4, 4, 4) },
        softmax("b", 0, 4, &["nothing"]),
        OperatorSpec { inputs: names(&["a"]), ..data("c", SpecOp::Weight) },
    ];
    assert_eq!(build(&entries).unwrap_err().len(), 4);
}

#[test]
fn graphs_without_operators_or_with_too_many() {
    assert_eq!(only(build(&[])).message, "the graph has no operators");
    assert!(only(build(&[data("x", SpecOp::Input)])).message.contains("no operator"));
    let entries = vec![product("a", 1, 1, 1); MAX_SPEC_OPERATORS + 1];
    assert_eq!(only(build(&entries)).message, "the graph has 10001 entries; the limit is 10000");
}

fn build(entries: &[OperatorSpec]) -> Result<Graph, Vec<SpecError>> {
    Graph::from_spec(entries, &Precision::uniform(Dtype::Bf16))
}

fn only(result: Result<Graph, Vec<SpecError>>) -> SpecError {
    let mut errors = result.unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors.remove(0)
}

fn product(name: &str, m: u64, n: u64, k: u64) -> OperatorSpec {
    let (m, n, k) = (Some(m), Some(n), Some(k));
    OperatorSpec { name: name.to_owned(), op: SpecOp::Matmul, m, n, k, batch: Some(12), ..Default::default() }
}

fn softmax(name: &str, rows: u64, cols: u64, inputs: &[&str]) -> OperatorSpec {
    let (rows, cols, inputs) = (Some(rows), Some(cols), names(inputs));
    OperatorSpec { name: name.to_owned(), op: SpecOp::Softmax, rows, cols, inputs, ..Default::default() }
}

fn data(name: &str, op: SpecOp) -> OperatorSpec {
    OperatorSpec { name: name.to_owned(), op, elements: Some(12 * 128 * 64), ..Default::default() }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}
