//! What a fit looks like to a person and to a program.

use memwall_report::{
    Calibration, CalibrationErrors, ErrorStatistics, FittedParameter, Outcome, ParameterTexts, View,
};

fn parameter(path: &str, outcome: Outcome, texts: [&str; 4]) -> FittedParameter {
    let fitted = outcome.is_fitted();
    FittedParameter {
        path: path.to_owned(),
        unit: "",
        start: 0.9,
        value: if fitted { 0.8 } else { 0.9 },
        low_95: fitted.then_some(0.75),
        high_95: fitted.then_some(0.85),
        lowest: 0.2,
        highest: 1.0,
        outcome,
        acts_as: (outcome == Outcome::ActsAs).then(|| "hardware.matrix.sustained".to_owned()),
        texts: ParameterTexts {
            start: texts[0].to_owned(),
            value: texts[1].to_owned(),
            interval: fitted.then(|| (texts[2].to_owned(), texts[3].to_owned())),
            bounds: ("0.2".to_owned(), "1".to_owned()),
        },
    }
}

fn errors(rows: &str, n: usize, before: f64, after: f64) -> CalibrationErrors {
    let of = |mape_pct| ErrorStatistics { n, mape_pct, ..ErrorStatistics::default() };
    CalibrationErrors {
        rows: rows.to_owned(),
        fitted_before: of(before),
        fitted_after: of(after),
        held_out_before: of(before + 1.0),
        held_out_after: of(after + 1.0),
    }
}

fn calibration() -> Calibration {
    Calibration {
        device: "h100-sxm".to_owned(),
        software: "tensorrt-llm".to_owned(),
        fitted_rows: 96,
        held_out_rows: 88,
        parameters: vec![
            parameter("hardware.matrix.sustained", Outcome::Fitted, ["0.9", "0.8", "0.75", "0.85"]),
            parameter("software.kernel_gap", Outcome::AtLowest, ["800 ns", "0 ps", "0 ps", "1.1 us"]),
            parameter(
                "hardware.memory.l2.bandwidth",
                Outcome::AtHighest,
                ["5 TB/s", "9 TB/s", "8 TB/s", "9 TB/s"],
            ),
            parameter("software.matmul_efficiency", Outcome::ActsAs, ["0.98", "", "", ""]),
            parameter("hardware.vector.sustained", Outcome::Wide, ["1", "", "", ""]),
            parameter("hardware.memory.hbm.in_flight", Outcome::TooFewRows, ["2.64 MB", "", "", ""]),
            parameter("software.issue", Outcome::NoEffect, ["8 us", "", "", ""]),
            parameter("hardware.special.sustained", Outcome::NoEffect, ["1", "", "", ""]),
        ],
        errors: vec![errors("all", 96, 45.7, 12.3), errors("attention decode bf16", 0, 0.0, 0.0)],
        problems: vec!["rows.csv:7: m is 0: it must be from 1 to 4294967296".to_owned()],
        notes: vec!["7 rows of other devices left out: t4 (7)".to_owned()],
        overlay: "hardware:\n  extends: h100-sxm\n".to_owned(),
    }
}

#[test]
fn a_person_sees_values_intervals_and_errors() {
    insta::assert_snapshot!(calibration().to_table(View::default()));
}

#[test]
fn a_program_gets_the_same_with_numbers() {
    let mut calibration = calibration();
    calibration.parameters.truncate(4);
    calibration.parameters.drain(1..3);
    calibration.errors.truncate(1);
    let text = calibration.to_json().unwrap().replace(env!("CARGO_PKG_VERSION"), "VERSION");
    insta::assert_snapshot!(text);
}
