//! What curves print, as snapshots of fixed points, and what may be asserted of them.

use memwall_report::{
    CurveAxis, CurveDocument, CurvePointReport, CurveReport, CurveUnit, DeviceReport, Expectation, Served,
    View, Wanted, check_curve_metric,
};

fn point(at: f64, predicted: f64, measured: Option<f64>, place: &str) -> CurvePointReport {
    let served = vec![Served { place: place.to_owned(), share: 1.0 }];
    CurvePointReport::new(at, predicted, measured, format!("latency({place})"), served)
}

fn curve(name: &str, over: CurveAxis, unit: CurveUnit, points: Vec<CurvePointReport>) -> CurveReport {
    CurveReport {
        name: name.to_owned(),
        description: None,
        device: DeviceReport { name: "chip".to_owned(), title: "A Chip".to_owned() },
        title: if unit == CurveUnit::Seconds { "latency".to_owned() } else { "bandwidth of read".to_owned() },
        over,
        unit,
        points,
        compared: 0,
        mean_error: None,
        worst_error: None,
        note: Some("measured at another clock".to_owned()),
        expectations: Vec::new(),
    }
}

fn latency() -> CurveReport {
    let points = vec![
        point(2048.0, 20e-9, Some(20e-9), "l1"),
        point(1_048_576.0, 150e-9, None, "l2"),
        point(2_147_483_648.0, 300e-9, Some(400e-9), "hbm"),
    ];
    curve("chase", CurveAxis::Footprint, CurveUnit::Seconds, points)
}

fn bandwidth(count: u32) -> CurveReport {
    let points = (1..=count).map(|at| point(f64::from(at), f64::from(at) * 1e9, Some(1e9), "hbm")).collect();
    curve("stream", CurveAxis::Threads, CurveUnit::BytesPerSec, points)
}

fn wanted(metric: &str, max: f64) -> Expectation {
    Expectation { metric: metric.to_owned(), wanted: Wanted::Between { min: None, max: Some(max) } }
}

fn document(cases: Vec<CurveReport>) -> CurveDocument {
    let sources = vec!["Somebody, 2024".to_owned()];
    CurveDocument::new("curves", Some("What curves print."), 7, cases, sources)
}

#[test]
fn one_curve_as_a_table() {
    let expected =
        [wanted("mean_error", 0.2), wanted("lowest.latency", 10e-9), wanted("highest.bandwidth", 1.0)];
    let document = document(vec![latency().summed(&expected)]);
    assert!(!document.expectations_hold());
    for width in [80, 40] {
        insta::assert_snapshot!(document.to_table(View { width, ..View::default() }));
    }
}

#[test]
fn several_curves_as_a_table() {
    let cases = vec![latency().summed(&[wanted("mean_error", 0.2)]), bandwidth(3).summed(&[])];
    let document = document(cases);
    assert!(document.expectations_hold());
    insta::assert_snapshot!(document.to_table(View::default()));
    insta::assert_snapshot!(document.to_table(View { verbose: true, ..View::default() }));
}

#[test]
fn long_curves_are_thinned_unless_all_is_asked_for() {
    let document = document(vec![bandwidth(100).summed(&[])]);
    let short = document.to_table(View::default());
    assert!(short.contains("24 of 100 points") && short.contains(" 100 GB/s"), "{short}");
    let long = document.to_table(View { verbose: true, ..View::default() });
    assert!(!long.contains("of 100 points") && long.lines().count() > 100, "{long}");
}

#[test]
fn curves_for_programs() {
    let document = document(vec![latency().summed(&[])]);
    insta::assert_snapshot!(document.to_json().unwrap());
    insta::assert_snapshot!(document.to_csv());
}

#[test]
fn errors_are_those_of_the_measured_points() {
    let curve = latency().summed(&[]);
    assert_eq!((curve.compared, curve.worst_error), (2, Some(-0.25)));
    assert!((curve.mean_error.unwrap() - 0.125).abs() < 1e-12);
    let nothing = curve_without_measurements();
    assert_eq!((nothing.compared, nothing.mean_error, nothing.worst_error), (0, None, None));
}

fn curve_without_measurements() -> CurveReport {
    curve("x", CurveAxis::InFlight, CurveUnit::Seconds, vec![point(1.0, 1e-9, None, "l1")]).summed(&[])
}

#[test]
fn a_metric_of_a_run_is_none_of_a_curve() {
    assert!(check_curve_metric("mean_error").is_ok());
    let unknown = check_curve_metric("tokens_per_s").unwrap_err().to_string();
    assert!(unknown.contains("lowest.latency"), "{unknown}");
}
