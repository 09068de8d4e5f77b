//! `kind: memory` and convolutional networks: what is read, and what a person reads when something is wrong.

use memwall_scenario::{NoFiles, Scenario, Subject};

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
fn a_network_is_a_model_like_others() {
    let scenario = read("model: ResNet152\nhardware: h100-sxm\nworkload: { phase: encode, batch: 32 }\n");
    let Subject::Network { network, step, .. } = &scenario.cases[0].subject else { panic!("no network") };
    assert_eq!((network.name, step.batch, step.image), ("resnet-152", 32, 224));
    assert_eq!(scenario.cases[0].step_count(), 1);
    // 60.2 million parameters in 16 bits, and the scales of norms beside.
    assert!((120_000_000..121_000_000).contains(&scenario.cases[0].footprint.weights));
    let small = read("model: vgg19\nhardware: h100-sxm\nworkload: { image: 320 }\n");
    let Subject::Network { step, .. } = &small.cases[0].subject else { panic!("no network") };
    assert_eq!(step.image, 320);
}

#[test]
fn a_network_says_what_it_cannot_do() {
    insta::assert_snapshot!(message("model: resnet-15\nhardware: h100-sxm\n"));
    insta::assert_snapshot!(message(
        "model: resnet-50\nhardware: h100-sxm\nworkload: { phase: decode, batch: 0, tokens: 4 }\n"
    ));
    insta::assert_snapshot!(message("model: unet\nhardware: h100-sxm\nworkload: { image: 64 }\n"));
    insta::assert_snapshot!(message(
        "model: bert-large\nhardware: h100-sxm\nworkload: { prompt: 512, image: 224 }\n"
    ));
}

#[test]
fn what_is_wrong_with_a_memory_is_told_at_once() {
    insta::assert_snapshot!(message(
        "kind: memory
model: bert-large
hardware: h100-sxm
fidelity: bound
memory: { limit: 12 GB, parameters: 7e9, limt: 3 }
parallel: { tensor: 8 }
training: { recompute: { optimal: 2 GB } }
reference: { weights: 1.32, totl: 3 GB }
"
    ));
    insta::assert_snapshot!(message(
        "kind: memory
model: bert-large
hardware: h100-sxm
memory: { limit: 12 GB, parameters: 7e9 }
parallel: { tensor: 8 }
training: { recompute: { optimal: 2 GB } }
"
    ));
    insta::assert_snapshot!(message("kind: memory\nmodel: bert-large\nmemory: { limit: 12 }\n"));
    insta::assert_snapshot!(message("kind: memory\nmodel: bert-large\n"));
    insta::assert_snapshot!(message("kind: memory\nmemory: { parameters: -1 }\n"));
    insta::assert_snapshot!(message("kind: memory\n"));
    insta::assert_snapshot!(message("model: bert-large\nhardware: h100-sxm\nmemory: { limit: 12 GB }\n"));
    insta::assert_snapshot!(message("kind: memory\nmodel: unet\nworkload: { image: 32 }\n"));
}
