//! Accuracy: the shipped measured rows are predicted no worse than was recorded when the models last changed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;

use memwall_explore::validate::{Reading, read_rows, validate};
use memwall_report::Validation;

/// Points of per cent by which a group may be worse than recorded.
const TOLERANCE: f64 = 0.05;
const FILES: [&str; 8] =
    ["gemm", "attention", "mla", "moe", "elementwise", "collective", "inference", "training"];
const RECORD: &str = "If the change is intended, build memwall in release, run `python3 scripts/validation.py \
    target/release/memwall`, and commit traces/measured/recorded.csv with the reason.";

fn read(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../traces/measured").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn validated() -> &'static Validation {
    static VALIDATION: OnceLock<Validation> = OnceLock::new();
    VALIDATION.get_or_init(|| {
        let readings: Vec<(String, Reading)> = FILES
            .iter()
            .map(|kind| {
                let file = format!("{kind}.csv");
                let reading = read_rows(&file, read(&file).as_bytes());
                assert!(reading.rows.len() >= 20, "{file} has {} rows", reading.rows.len());
                (file, reading)
            })
            .collect();
        validate(&readings)
    })
}

/// Rows and the mean errors of fitted and held-out ones.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Errors {
    rows: usize,
    fitted: f64,
    held_out: f64,
}

/// `device,software,dtype,kind,phase,size` to its errors.
fn recorded() -> BTreeMap<String, Errors> {
    let text = read("recorded.csv");
    let mut lines = text.lines();
    assert_eq!(
        lines.next(),
        Some("device,software,dtype,kind,phase,size,n,fitted_mape,held_out_mape"),
        "the columns of recorded.csv"
    );
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let [key @ .., rows, fitted, held_out] = fields.as_slice() else {
                panic!("recorded.csv: `{line}` has too few fields")
            };
            let number = |text: &str| text.parse().unwrap_or_else(|_| panic!("recorded.csv: {line}"));
            let errors =
                Errors { rows: number(rows) as usize, fitted: number(fitted), held_out: number(held_out) };
            (key.join(","), errors)
        })
        .collect()
}

fn found() -> BTreeMap<String, Errors> {
    let groups = validated().groups.iter().map(|group| {
        let key = &group.key;
        let words = [
            key.device.as_str(),
            &key.software,
            &key.dtype,
            key.kind,
            key.phase.unwrap_or_default(),
            key.size.unwrap_or_default(),
        ];
        let errors =
            Errors { rows: group.all.n, fitted: group.fitted.mape_pct, held_out: group.held_out.mape_pct };
        (words.join(","), errors)
    });
    groups.collect()
}

/// One line for each group that is worse than recorded, has other rows, or stands on one side only.
fn complaints(recorded: &BTreeMap<String, Errors>, found: &BTreeMap<String, Errors>) -> Vec<String> {
    let mut lines = Vec::new();
    for (key, was) in recorded {
        let Some(is) = found.get(key) else {
            lines.push(format!("{key}: the group has vanished"));
            continue;
        };
        if is.rows != was.rows {
            lines.push(format!("{key}: {} rows, recorded are {}", is.rows, was.rows));
        }
        for (name, is, was) in [("fitted", is.fitted, was.fitted), ("held-out", is.held_out, was.held_out)] {
            if is.is_nan() || is > was + TOLERANCE {
                lines.push(format!("{key}: mean error of {name} rows {is:.2} %, recorded {was:.2} %"));
            }
        }
    }
    let new = found.keys().filter(|key| !recorded.contains_key(*key));
    lines.extend(new.map(|key| format!("{key}: the group is not recorded")));
    lines
}

#[test]
fn no_group_is_predicted_worse_than_recorded() {
    let (recorded, found) = (recorded(), found());
    assert!(recorded.len() >= 40, "recorded.csv holds {} groups", recorded.len());
    let lines = complaints(&recorded, &found);
    assert!(lines.is_empty(), "worse than recorded:\n{}\n{RECORD}", lines.join("\n"));
}

#[test]
fn a_worse_group_and_one_that_vanished_are_named() {
    let recorded = recorded();
    let mut found = recorded.clone();
    let names: Vec<String> = found.keys().take(2).cloned().collect();
    found.remove(&names[0]);
    let worse = found.get_mut(&names[1]).expect("the second group");
    worse.held_out += 2.0 * TOLERANCE;
    let lines = complaints(&recorded, &found);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with(&names[0]) && lines[0].contains("vanished"), "{lines:?}");
    assert!(lines[1].starts_with(&names[1]) && lines[1].contains("held-out"), "{lines:?}");
}

#[test]
fn no_shipped_row_is_refused_or_unreadable() {
    let validation = validated();
    assert!(validation.rows.len() >= 300, "{} rows", validation.rows.len());
    let refused: Vec<String> = validation
        .rows
        .iter()
        .filter_map(|row| Some(format!("{}:{}: {}", row.file, row.line, row.refused.as_ref()?)))
        .collect();
    assert!(refused.is_empty(), "refused:\n{}", refused.join("\n"));
    assert!(validation.problems.is_empty(), "unreadable:\n{}", validation.problems.join("\n"));
    assert!(validation.passed_over.is_empty(), "{}", validation.passed_over.join("\n"));
}
