//! Convolutional networks: parameters as published, operations as published, ways back.

use memwall_model_graph::networks::{NETWORKS, NetworkStep, find};
use memwall_model_graph::{
    BuildOptions, Counting, Differentiation, Dtype, Graph, Pass, Precision, StateFormats, TrainingGraph,
};

fn graph(name: &str, batch: u64, trains: bool, options: &BuildOptions) -> Graph {
    let network = find(name).unwrap_or_else(|| panic!("no {name}"));
    network.build(&NetworkStep { batch, image: network.image, trains }, options).unwrap()
}

fn eager() -> BuildOptions {
    BuildOptions::unfused_with_ends(Precision::uniform(Dtype::Fp32))
}

fn gflops(graph: &Graph) -> f64 {
    let counts = graph.operators().iter().map(|operator| operator.counts(graph, Counting::Actual));
    counts.map(|counts| counts.flops as f64).sum::<f64>() / 1e9
}

#[test]
fn parameters_are_as_published_to_the_last() {
    for network in NETWORKS {
        assert_eq!(network.parameters(), network.published_parameters, "{}", network.name);
    }
}

/// torchvision publishes multiply-adds of convolutions and linear layers (in units of 10^9): ours are twice that, and a
/// little for what lies between.
#[test]
fn operations_are_those_that_torchvision_publishes() {
    for (name, published) in [
        ("alexnet", 0.71),
        ("vgg19", 19.63),
        ("resnet-50", 4.09),
        ("resnet-152", 11.51),
        ("resnext-101-64x4d", 15.46),
        ("densenet-201", 4.29),
        ("mobilenet-v2", 0.3),
    ] {
        let ours =
            gflops(&graph(name, 1, false, &BuildOptions::fused(Precision::uniform(Dtype::Fp16)))) / 2.0;
        assert!((ours / published - 1.0).abs() < 0.02, "{name}: {ours} against {published}");
    }
}

#[test]
fn fused_or_not_the_products_are_the_same() {
    let products = |options: &BuildOptions, name| {
        let graph = graph(name, 2, false, options);
        let kinds = graph
            .operators()
            .iter()
            .filter(|operator| matches!(operator.kind.name(), "convolution" | "matmul"));
        kinds.map(|operator| operator.counts(&graph, Counting::Actual).flops).sum::<u128>()
    };
    for network in NETWORKS {
        let fused = products(&BuildOptions::fused(Precision::uniform(Dtype::Fp32)), network.name);
        assert_eq!(fused, products(&eager(), network.name), "{}", network.name);
    }
}

/// Each product goes back as two; the first, which reads the image, as one.
#[test]
fn the_way_back_takes_twice_the_products() {
    let how = Differentiation {
        tensor: 1,
        formats: StateFormats::default(),
        fused: false,
        overlap: false,
        accumulate: false,
    };
    for network in NETWORKS {
        let forward = graph(network.name, 2, true, &eager());
        let training = TrainingGraph::differentiate(&forward, &how).unwrap();
        let flops = |wanted: &[Pass]| {
            let products = training
                .operators_of(wanted)
                .map(|id| training.graph.operator(id))
                .filter(|operator| matches!(operator.kind.name(), "convolution" | "matmul"));
            products.map(|operator| operator.counts(&training.graph, Counting::Actual).flops).sum::<u128>()
        };
        let ahead = flops(&[Pass::Forward]);
        assert_eq!(flops(&[Pass::WeightGradient]), ahead, "{}", network.name);
        let first = forward.operators()[0].counts(&forward, Counting::Actual).flops;
        assert_eq!(flops(&[Pass::Backward]), ahead - first, "{}", network.name);
    }
}

#[test]
fn images_that_are_too_small_are_refused() {
    for (name, image) in
        [("alexnet", 40), ("alexnet-2012", 50), ("vgg19", 31), ("unet", 100), ("densenet-201", 8)]
    {
        let network = find(name).unwrap();
        let build = |image| network.build(&NetworkStep { batch: 1, image, trains: false }, &eager());
        assert!(build(network.image * 3 / 2).is_ok(), "{name}");
        let message = build(image).map(|_| ()).unwrap_err().to_string();
        assert!(message.contains("too small"), "{name}: {message}");
    }
}
