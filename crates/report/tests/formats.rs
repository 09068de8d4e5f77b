//! What each output format prints, as snapshots of fixed records.

mod common;

use common::{case, decode_record, empty_record, prefill_record};
use memwall_report::{Document, Expectation, Published, Quantity, Reference, View, Wanted, compare};

fn document(cases: Vec<memwall_report::CaseReport>) -> Document {
    Document::new("formats", Some("What each format prints."), 7, cases, Vec::new())
}

fn at(width: usize) -> View {
    View { width, ..View::default() }
}

fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

#[test]
fn one_case_as_a_table() {
    let table = document(vec![case("decode", &decode_record())]).to_table(at(80));
    assert!(widest(&table) <= 80, "{}", widest(&table));
    insta::assert_snapshot!(table);
}

#[test]
fn one_case_in_colour() {
    let view = View { color: true, width: 120, verbose: true };
    insta::assert_snapshot!(
        document(vec![case("decode", &decode_record())]).to_table(view).replace('\x1b', "<ESC>")
    );
}

#[test]
fn a_case_bound_by_compute() {
    insta::assert_snapshot!(document(vec![case("prefill", &prefill_record())]).to_table(at(100)));
}

#[test]
fn several_cases_as_a_table() {
    let cases = vec![case("decode", &decode_record()), case("prefill", &prefill_record())];
    let table = document(cases).to_table(at(80));
    assert!(widest(&table) <= 80, "{}", widest(&table));
    insta::assert_snapshot!(table);
}

#[test]
fn nothing_happened() {
    insta::assert_snapshot!(document(vec![case("empty", &empty_record())]).to_table(at(80)));
}

#[test]
fn json() {
    let json = document(vec![case("decode", &decode_record())]).to_json().unwrap();
    insta::assert_snapshot!(json);
}

#[test]
fn json_has_no_nan_for_an_empty_run() {
    let json = document(vec![case("empty", &empty_record())]).to_json().unwrap();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(value["cases"][0]["intensity_dram"].is_null());
    assert!(value["cases"][0]["tiers"][0]["bandwidth_utilization"].is_null());
    assert_eq!(value["cases"][0]["time_ps"], 0);
}

#[test]
fn csv() {
    let mut quoted = case("with \"quotes\", and a comma", &prefill_record());
    quoted.notes.push("two\nlines".to_owned());
    insta::assert_snapshot!(
        document(vec![case("decode", &decode_record()), quoted, case("empty", &empty_record())]).to_csv()
    );
}

#[test]
fn beside_published_values() {
    insta::assert_snapshot!(compared().to_table(at(100)));
}

#[test]
fn beside_published_values_in_a_narrow_terminal() {
    let table = compared().to_table(at(80));
    assert!(widest(&table) <= 80, "{}", widest(&table));
    insta::assert_snapshot!(table);
}

#[test]
fn csv_of_comparisons_has_a_column_for_each_quantity() {
    let csv = compared().to_csv();
    let header = csv.lines().next().unwrap();
    assert!(header.ends_with("published_gflops,error_gflops,published_latency,error_latency"), "{header}");
    assert!(csv.lines().skip(1).all(|line| line.ends_with(|c: char| c.is_ascii_digit())), "{csv}");
}

#[test]
fn expectations() {
    let mut report = case("decode", &decode_record());
    let wanted = [
        ("time", Wanted::Between { min: None, max: Some(0.011) }),
        ("tpot", Wanted::Between { min: Some(0.001), max: Some(0.001_5) }),
        ("tiers.hbm.bandwidth_utilization", Wanted::Near { value: 0.94, tolerance: 0.01 }),
        ("stalls.bandwidth(hbm)", Wanted::Between { min: Some(0.8), max: None }),
        ("operators.mlp.gate_up.time", Wanted::Near { value: 0.005, tolerance: 0.01 }),
        ("operators.mlp.up.time", Wanted::Between { min: None, max: Some(1.0) }),
    ];
    report.expectations = wanted
        .map(|(metric, wanted)| Expectation { metric: metric.to_owned(), wanted }.check(&report))
        .to_vec();
    let passed: Vec<bool> = report.expectations.iter().map(|checked| checked.passed).collect();
    assert_eq!(passed, [true, false, true, true, false, false]);
    let document = document(vec![report]);
    assert!(!document.expectations_hold());
    let table = document.to_table(at(100));
    insta::assert_snapshot!(table.split_once("pass").map_or("", |(_, rest)| rest));
}

// Four cases of 10, 20, 30 and 25 ms against published 1, 2, 4 and 3; the last pair is published the other way round.
fn compared() -> Document {
    let published =
        [("one", 1, 1.0, 9.9), ("two", 2, 2.0, 10.0), ("three", 3, 2.0, 9.0), ("four", 4, 3.0, 9.5)];
    let mut cases = Vec::new();
    let mut references = Vec::new();
    for (name, factor, latency, gflops) in published {
        let mut record = decode_record();
        record.wall.0 *= if factor == 4 { 1 } else { factor };
        record.notes.clear();
        cases.push(case(name, &record));
        let mut flops = Published::new(Quantity::Gflops, gflops);
        flops.corrected = (name == "four").then_some(396.0);
        references.push(Some(Reference {
            source: "Somebody 2023, Fig. 9".to_owned(),
            values: vec![flops, Published::new(Quantity::Latency, latency)],
            notes: if name == "four" {
                vec!["The print lacks a projection a layer.".to_owned()]
            } else {
                Vec::new()
            },
        }));
    }
    compare(&mut cases, &references, Some("one"));
    Document::new(
        "figure 9",
        Some("Ours beside the print."),
        7,
        cases,
        vec!["Somebody 2023, Fig. 9".to_owned()],
    )
}
