//! What an eager framework runs around the products of attention, and that no count of the paper sees it.

use memwall_model_graph::{
    BuildOptions, Counting, Counts, Dtype, Graph, OpClass, Phase, Precision, Workload, build_step, catalog,
};

fn graphs(model: &str, workload: Workload, separate_scaling: bool) -> Vec<Graph> {
    let architecture = catalog::find(model).expect("the catalog has it");
    let unfused = BuildOptions::unfused(Precision::uniform(Dtype::Fp32));
    let options = BuildOptions { separate_scaling, ..unfused };
    workload
        .steps()
        .map(|step| build_step(&architecture, &step, &options).expect("it has the step"))
        .collect()
}

fn total(graphs: &[Graph], counting: Counting) -> Counts {
    let operators = graphs.iter().flat_map(|graph| graph.iter().map(move |(_, operator)| (graph, operator)));
    operators.map(|(graph, operator)| operator.counts(graph, counting)).sum()
}

const ENCODE: Workload = Workload { phase: Phase::Encode, batch: 1, prompt: 256, context: 0, tokens: 0 };
const DECODE: Workload = Workload { phase: Phase::Decode, batch: 1, prompt: 0, context: 0, tokens: 5 };

/// Per layer: the scaling, the mask, and the heads' results side by side.
#[test]
fn separate_scaling_adds_three_operators_of_attention_a_layer() {
    for (model, workload, layers) in
        [("bert-base", ENCODE, 12), ("bert-large", ENCODE, 24), ("gpt2", DECODE, 60)]
    {
        let operators = |eager| graphs(model, workload, eager).iter().map(|graph| graph.iter().count()).sum();
        let (plain, eager): (usize, usize) = (operators(false), operators(true));
        assert_eq!(eager, plain + 3 * layers, "{model}");
        let products = |eager| {
            let graphs = graphs(model, workload, eager);
            let all = graphs.iter().flat_map(Graph::iter);
            all.filter(|(_, operator)| operator.class == OpClass::ActAct).count()
        };
        assert_eq!((products(false), products(true)), (2 * layers, 5 * layers), "{model}");
    }
}

#[test]
fn the_papers_counts_do_not_see_separate_scaling_and_the_actual_ones_do() {
    for (model, workload) in [("bert-base", ENCODE), ("gpt2", DECODE)] {
        let [plain, eager] = [false, true].map(|eager| graphs(model, workload, eager));
        assert_eq!(total(&plain, Counting::Paper), total(&eager, Counting::Paper), "{model}");
        assert!(total(&plain, Counting::Actual).bytes() < total(&eager, Counting::Actual).bytes(), "{model}");
    }
}

/// Scaling and mask each read and write every score in fp32, the gathering every result.
#[test]
fn the_added_bytes_are_two_passes_over_the_scores_and_one_over_the_results() {
    let [plain, eager] =
        [false, true].map(|eager| total(&graphs("bert-base", ENCODE, eager), Counting::Actual));
    let (scores, results) = (12 * 256 * 256, 256 * 768);
    assert_eq!(eager.bytes() - plain.bytes(), 12 * 4 * (2 * 2 * scores + 2 * results));
}
