//! FLOPs, MOPs and intensity of Kim et al. 2023 come out of walking the graphs of BERT and GPT-2.
//!
//! Every figure here is a sum over the operators of built steps under `Counting::Paper`; nothing is a closed
//! form.

use memwall_model_graph::{
    BuildOptions, Counting, Counts, Dtype, OpClass, Phase, Precision, Workload, build_step, catalog,
};

/// Validates the 12 points of BERT-Base and GPT-2 in Fig. 3 a-c of Gholami et al. 2024.
#[test]
fn totals_of_bert_base_and_gpt2() {
    let mut points = 0;
    for row in rows(include_str!("fixtures/kim2023_totals.csv")) {
        let [model, length, gflops, gmops, intensity, _] = row[..] else { panic!("{row:?}") };
        if model == "BERT-Large" {
            continue;
        }
        let ours = total(&class_counts(model, length.parse().unwrap()));
        assert_printed(giga(ours.flops as f64), gflops, 0.005, &row);
        assert_printed(giga(ours.bytes() as f64), gmops, 0.005, &row);
        assert_printed(ours.flops as f64 / ours.bytes() as f64, intensity, 0.01, &row);
        points += 1;
    }
    assert_eq!(points, 12);
}

/// Validates BERT-Large against its figures corrected for the projection that the print leaves out.
#[test]
fn totals_of_bert_large_as_corrected() {
    let mut points = 0;
    for row in rows(include_str!("fixtures/kim2023_totals.csv")) {
        let [model, length, printed, _, _, corrected] = row[..] else { panic!("{row:?}") };
        if model != "BERT-Large" {
            continue;
        }
        let length: u64 = length.parse().unwrap();
        let ours = total(&class_counts(model, length));
        let corrected: f64 = corrected.parse().unwrap();
        assert!((giga(ours.flops as f64) / corrected - 1.0).abs() < 0.01, "{row:?} {ours:?}");
        // The erratum: what the print lacks is one 1024 x 1024 projection in each of 24 layers.
        let missing = giga((24 * 2 * length * 1024 * 1024) as f64);
        let printed: f64 = printed.parse().unwrap();
        assert!(((giga(ours.flops as f64) - missing) / printed - 1.0).abs() < 0.02, "{row:?} {ours:?}");
        points += 1;
    }
    assert_eq!(points, 6);
}

/// Validates the 45 rows of Tables 3, 10 and 11, apart from the two cells that contradict their own rows.
#[test]
fn classes_of_tables_3_10_and_11() {
    let mut points = 0;
    for row in rows(include_str!("fixtures/kim2023_classes.csv")) {
        let [model, length, class, gflops, gmops, intensity, note] = row[..] else { panic!("{row:?}") };
        let classes = class_counts(model, length.parse().unwrap());
        let ours = match CLASSES.iter().position(|known| known.name() == class) {
            Some(index) => classes[index],
            None => total(&classes),
        };
        assert_printed(giga(ours.flops as f64), gflops, 0.005, &row);
        if note != "gmops_cannot_be_reached" {
            assert_printed(giga(ours.bytes() as f64), gmops, 0.005, &row);
        }
        if note != "intensity_cannot_be_reached" {
            assert_printed(ours.flops as f64 / ours.bytes() as f64, intensity, 0.01, &row);
        }
        points += 1;
    }
    assert_eq!(points, 45);
}

const CLASSES: [OpClass; 4] = [OpClass::MhaProj, OpClass::ActAct, OpClass::FfnProj, OpClass::Other];

fn class_counts(model: &str, length: u64) -> [Counts; 4] {
    let decoder = model == "GPT-2";
    let name = if decoder { "gpt2".to_owned() } else { model.to_lowercase() };
    let architecture = catalog::find(&name).unwrap();
    let options = BuildOptions::unfused(Precision::uniform(Dtype::Int8));
    let (phase, prompt, tokens) =
        if decoder { (Phase::Decode, 0, length) } else { (Phase::Encode, length, 0) };
    let workload = Workload { phase, batch: 1, prompt, context: 0, tokens };
    let mut classes = [Counts::default(); 4];
    for step in workload.steps() {
        let graph = build_step(&architecture, &step, &options).unwrap();
        for operator in graph.operators() {
            let index = CLASSES.iter().position(|class| *class == operator.class).unwrap();
            classes[index] = classes[index] + operator.counts(&graph, Counting::Paper);
        }
    }
    classes
}

fn total(classes: &[Counts]) -> Counts {
    classes.iter().copied().sum()
}

fn giga(value: f64) -> f64 {
    value / 1e9
}

/// Demands `ours` within half a unit of the last printed digit, or within `relative` of the print. The tables
/// lost their trailing zeros, so a printed digit is at least the second after the point where they have two
/// elsewhere.
fn assert_printed(ours: f64, printed: &str, relative: f64, row: &[&str]) {
    let value: f64 = printed.parse().unwrap();
    let digits = printed.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let half_unit = 0.5 * 10_f64.powi(-i32::try_from(digits).unwrap());
    let error = (ours - value).abs();
    assert!(
        error <= half_unit * 1.000_001 || error <= relative * value,
        "{ours} is not {printed} of {row:?}"
    );
}

fn rows(csv: &str) -> Vec<Vec<&str>> {
    let lines = csv.lines().filter(|line| !line.starts_with('#')).skip(1);
    lines.map(|line| line.split(',').collect()).collect()
}
