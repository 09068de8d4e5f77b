//! Laws of training runs: books close, nothing beats its roofline, memory is what the formulas say, bubbles are those of
//! the schedule.

use memwall_explore::run_scenario;
use memwall_report::{CaseReport, Document};
use memwall_scenario::{NoFiles, Scenario};

/// A small model on eight H100, with what a test lays over it.
fn scenario(over: &str) -> Scenario {
    let text = format!(
        "model: gpt2\nsystem: dgx-h100\nsoftware: torchtitan\n\
         workload: {{ phase: train, batch: 32, prompt: 512, dtype: bf16 }}\n{over}\n"
    );
    Scenario::read("law.yaml", &text, &[], &NoFiles).unwrap_or_else(|problems| panic!("{over}: {problems}"))
}

fn run(over: &str) -> CaseReport {
    let Document { mut cases, .. } =
        run_scenario(&scenario(over)).unwrap_or_else(|error| panic!("{over}: {error}"));
    cases.remove(0)
}

/// Ways to train it that differ in everything that can be chosen.
const WAYS: [&str; 11] = [
    "parallel: { data: 8 }",
    "parallel: { data: 8 }\ntraining: { zero: 1, micro_batch: 2 }",
    "parallel: { data: 8 }\ntraining: { zero: 2, micro_batch: 1, recompute: full }",
    "parallel: { data: 8 }\ntraining: { zero: 3, micro_batch: 1, recompute: selective }",
    "parallel: { tensor: 4, data: 2 }\ntraining: { micro_batch: 4, optimizer: momentum, gradients: bf16 }",
    "parallel: { tensor: 4, sequence: true, data: 2 }\ntraining: { micro_batch: 4, recompute: { every: 2 } }",
    "parallel: { pipeline: 4, data: 2 }\ntraining: { micro_batch: 1, schedule: gpipe }",
    "parallel: { pipeline: 4, data: 2 }\ntraining: { micro_batch: 1, zero: 3 }",
    "parallel: { pipeline: 4, tensor: 2 }\ntraining: { micro_batch: 1, schedule: interleaved, chunks: 3 }",
    "parallel: { pipeline: 4, tensor: 2 }\ntraining: { micro_batch: 1, schedule: zb-v }",
    "parallel: { context: 4, data: 2 }\ntraining: { micro_batch: 2, products: fp8, dropout: 0.1 }",
];

#[test]
fn the_books_of_every_engine_close() {
    for way in WAYS {
        let case = run(way);
        for engine in &case.engines {
            let booked = engine.busy_ps + engine.stalls.iter().map(|stall| stall.ps).sum::<u128>();
            assert_eq!(booked, engine.total_ps(), "{way}: {}", engine.name);
        }
    }
}

#[test]
fn no_operator_beats_its_roofline() {
    for way in WAYS {
        for operator in run(way).operators {
            let (time, least) = (operator.time_s, operator.roofline_s);
            assert!(time >= least * (1.0 - 1e-9), "{way}: {} takes {time}, at least {least}", operator.name);
        }
    }
}

#[test]
fn nothing_is_quicker_than_its_bound() {
    for way in WAYS {
        let (bound, flow) = (run(&format!("{way}\nfidelity: bound")), run(way));
        assert!(bound.time_s <= flow.time_s, "{way}: {} against {}", bound.time_s, flow.time_s);
    }
}

#[test]
fn operations_do_not_depend_on_how_the_batch_is_cut() {
    let flops =
        |size: u32| run(&format!("parallel: {{ data: 8 }}\ntraining: {{ micro_batch: {size} }}")).flops;
    let (whole, halves, quarters) = (flops(4), flops(2), flops(1));
    // The optimizer's step and the sums of gradients do not go with the batch.
    for cut in [halves, quarters] {
        let off = (cut as f64 / whole as f64 - 1.0).abs();
        assert!(off < 0.02, "{cut} against {whole}");
    }
}

fn item(case: &CaseReport, name: &str) -> u64 {
    let memory = case.training.as_ref().and_then(|training| training.memory.as_ref()).expect("it has memory");
    memory.items.iter().find(|item| item.name == name).map_or(0, |item| item.bytes)
}

#[test]
fn what_is_kept_of_a_parameter_is_what_zero_divides() {
    let case = |zero: u32| run(&format!("parallel: {{ data: 8 }}\ntraining: {{ zero: {zero} }}"));
    let whole = case(0);
    // Two bytes of weight, four of gradient, four of a copy, eight of Adam's means.
    let parameters = item(&whole, "weights") / 2;
    let expected = [("gradients", 4), ("master weights", 4), ("optimizer state", 8)];
    for (name, bytes) in expected {
        assert_eq!(item(&whole, name), bytes * parameters, "{name}");
    }
    for (zero, divided) in [(1, 2), (2, 3), (3, 4)] {
        let case = case(zero);
        let kept = ["optimizer state", "master weights", "gradients", "weights"];
        for (index, name) in kept.iter().enumerate() {
            let share = if index < divided { 8 } else { 1 };
            let expected = item(&whole, name) as f64 / f64::from(share);
            let off = (item(&case, name) as f64 / expected - 1.0).abs();
            assert!(off < 1e-6, "stage {zero}: {name}");
        }
    }
}

#[test]
fn computing_again_takes_time_and_saves_memory() {
    let case = |rule: &str| run(&format!("parallel: {{ data: 8 }}\ntraining: {{ recompute: {rule} }}"));
    let [none, selective, full] = ["none", "selective", "full"].map(case);
    let activations = |case: &CaseReport| item(case, "activations");
    assert!(activations(&full) < activations(&selective) && activations(&selective) < activations(&none));
    assert!(none.time_s < selective.time_s && selective.time_s < full.time_s);
    assert!(none.flops < selective.flops && selective.flops < full.flops);
}

#[test]
fn a_pipeline_waits_as_long_as_its_schedule_says() {
    // Without the ends, whose stages would have more to do, and with messages that take next to nothing.
    let text = |schedule: &str| {
        format!(
            "model: {{ layers: 16, hidden: 1024, heads: 16, ffn: 4096, vocab: 16 }}\nsystem: dgx-h100\n\
             software: torchtitan\nworkload: {{ phase: train, batch: 32, prompt: 512, dtype: bf16 }}\n\
             parallel: {{ pipeline: 4 }}\ntraining: {{ micro_batch: 2, {schedule} }}\n"
        )
    };
    let bubble = |schedule: &str| {
        let read = Scenario::read("law.yaml", &text(schedule), &[], &NoFiles);
        let scenario = read.unwrap_or_else(|problems| panic!("{schedule}: {problems}"));
        let document = run_scenario(&scenario).unwrap_or_else(|error| panic!("{schedule}: {error}"));
        document.cases[0].team.as_ref().and_then(|team| team.bubble).expect("it is a pipeline")
    };
    // (p - 1) of m + p - 1 passes' time; with two parts a stage, half of that.
    let plain = 3.0 / 19.0;
    let interleaved = 1.5 / 17.5;
    for (schedule, expected) in [
        ("schedule: gpipe", plain),
        ("schedule: 1f1b", plain),
        ("schedule: interleaved, chunks: 2", interleaved),
    ] {
        let found = bubble(schedule);
        assert!((found - expected).abs() < 0.04, "{schedule}: {found}, {expected} in the ideal case");
    }
    assert!(bubble("schedule: zb-h1") < bubble("schedule: 1f1b"));
}

#[test]
fn what_does_not_fit_is_told_with_what_would() {
    let text = "model: llama-3-8b\nsystem: dgx-h100\nworkload: { phase: train, batch: 8, prompt: 2048, dtype: bf16 }\n\
                parallel: { data: 8 }\n";
    let scenario = Scenario::read("law.yaml", text, &[], &NoFiles).expect("it is right");
    let error = run_scenario(&scenario).expect_err("145 GB are no 80 GB").to_string();
    assert!(error.contains("optimizer state 64.24 GB"), "{error}");
    assert!(error.contains("with ZeRO stage 1 it would need"), "{error}");
}

#[test]
fn what_is_kept_behind_device_memory_takes_time_and_leaves_room() {
    let case = |placement: &str| run(&format!("parallel: {{ data: 8 }}\n{placement}"));
    let near = case("");
    for placement in ["placement: { optimizer: host }", "placement: { activations: host, prefetch: true }"] {
        let far = case(placement);
        assert!(far.time_s > near.time_s, "{placement}");
        let peak = |case: &CaseReport| {
            let training = case.training.as_ref().expect("it trains");
            training.memory.as_ref().map(|memory| memory.peak_bytes)
        };
        assert!(peak(&far) < peak(&near), "{placement}");
        for engine in &far.engines {
            let booked = engine.busy_ps + engine.stalls.iter().map(|stall| stall.ps).sum::<u128>();
            assert_eq!(booked, engine.total_ps(), "{placement}: {}", engine.name);
        }
    }
}
