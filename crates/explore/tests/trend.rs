//! Fits of series whose growth is known.

use memwall_explore::run_trends;
use memwall_report::{TrendReport, View};
use memwall_scenario::{NoFiles, Scenario};

fn report(text: &str) -> TrendReport {
    let scenario =
        Scenario::read("test.yaml", text, &[], &NoFiles).unwrap_or_else(|problems| panic!("{problems}"));
    run_trends(&scenario).cases.swap_remove(0)
}

/// 2000-01-01 and days that are 1461 apart, which are four years of 365.25 days.
fn series(name: &str, values: &[f64]) -> String {
    let points = values
        .iter()
        .enumerate()
        .map(|(index, value)| format!("{{ date: {}, value: {value} }}", 2000 + 4 * index));
    format!("    - {{ name: {name}, points: [{}] }}\n", points.collect::<Vec<_>>().join(", "))
}

fn near(found: Option<f64>, wanted: f64) {
    let found = found.unwrap_or(f64::NAN);
    assert!((found / wanted - 1.0).abs() < 1e-9, "{found}, wanted {wanted}");
}

#[test]
fn an_exact_exponential_is_found_and_has_no_width() {
    let report =
        report(&format!("kind: trend\ntrend:\n  series:\n{}", series("a", &[3.0, 12.0, 48.0, 192.0])));
    let growth = report.series[0].two_years;
    near(growth.factor, 2.0);
    near(growth.low, 2.0);
    near(growth.high, 2.0);
    near(report.series[0].twenty_years.factor, 1024.0);
    near(report.series[0].r2, 1.0);
}

/// Logarithms 0, 1, 1, 2 at 0, 4, 8, 12 years: slope 0.15 a year, squares left 0.2, so that the slope's standard error
/// is sqrt(0.2 / 2 / 80); t(0.975, 2) is 4.302653.
#[test]
fn the_interval_is_that_of_students_t() {
    let e = std::f64::consts::E;
    let report = report(&format!("kind: trend\ntrend:\n  series:\n{}", series("a", &[1.0, e, e, e * e])));
    let growth = report.series[0].two_years;
    let (slope, half): (f64, f64) = (0.15, 4.302_652_73 * (0.2_f64 / 2.0 / 80.0).sqrt());
    let close = |found: Option<f64>, wanted: f64| {
        let found = found.unwrap_or(f64::NAN);
        assert!((found / wanted - 1.0).abs() < 1e-6, "{found}, wanted {wanted}");
    };
    close(growth.factor, (2.0 * slope).exp());
    close(growth.low, (2.0 * (slope - half)).exp());
    close(growth.high, (2.0 * (slope + half)).exp());
    close(report.series[0].r2, 0.9);
}

#[test]
fn a_ratio_passes_its_levels_when_the_fits_say_so() {
    let text = format!(
        "kind: trend\ntrend:\n  series:\n{}{}  ratios:\n    - {{ name: r, of: a, over: b, marks: [{{ name: four, at: 4 }}, \
         {{ name: later, at: 1024 }}] }}\n",
        series("a", &[1.0, 16.0, 256.0]),
        series("b", &[1.0, 4.0, 16.0])
    );
    let report = report(&text);
    let ratio = &report.ratios[0];
    near(Some(ratio.two_years), 2.0);
    near(Some(ratio.then), 16.0);
    let in_year = |index: usize, wanted: f64| {
        let found = ratio.crossings[index].year.unwrap_or(f64::NAN);
        // The first of January is up to half a day off a whole year of 365.25 days.
        assert!((found - wanted).abs() < 0.003, "{found}, wanted {wanted}");
    };
    in_year(0, 2004.0);
    assert!(!ratio.crossings[0].projected);
    in_year(1, 2020.0);
    assert!(ratio.crossings[1].projected);
}

#[test]
fn a_trend_as_a_table() {
    let text = format!(
        "kind: trend\ndescription: What trends print.\ntrend:\n  note: Made up.\n  series:\n{}{}    \
         - {{ name: c, unit: B, published: {{ two_years: 2.1, twenty_years: 900 }}, source: Somebody, points: \
         [{{ date: 2000, value: 3 }}, {{ date: 2004, value: 12 }}, {{ date: 2009, value: 40 }}] }}\n  ratios:\n    \
         - {{ name: r, of: a, over: b, unit: FLOP/B, marks: [{{ name: four, at: 4 }}, {{ name: later, at: 1024 }}] }}\n\
         expect: [{{ metric: series.a.growth_2y, min: 3 }}, {{ metric: years.r.four, max: 2003 }}, \
         {{ metric: series.q.r2, min: 0 }}]\n",
        series("a", &[1.0, 16.0, 256.0]),
        series("b", &[1.0, 4.0, 16.0])
    );
    let scenario =
        Scenario::read("test.yaml", &text, &[], &NoFiles).unwrap_or_else(|problems| panic!("{problems}"));
    let document = run_trends(&scenario);
    for width in [100, 50] {
        insta::assert_snapshot!(document.to_table(View { width, ..View::default() }));
    }
    insta::assert_snapshot!(document.to_csv());
    insta::assert_snapshot!(document.to_json().expect("JSON"));
}
