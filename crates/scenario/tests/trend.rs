//! Trends: what is read, and what a person reads when something is wrong.

use memwall_scenario::{Date, Loaded, Loader, NoFiles, Scenario};

const TABLE: &str = "# who\nseries,date,value\na,2010-01-01,1\na,2012,4\nb,2012,9\na,2014,\na,2014,16\n";

struct Table;

impl Loader for Table {
    fn load(&self, _: &str, path: &str) -> Result<Loaded, String> {
        if path == "a.csv" {
            Ok(Loaded { name: path.to_owned(), text: TABLE.to_owned() })
        } else {
            Err("no such file".to_owned())
        }
    }
}

fn message(text: &str, loader: &dyn Loader) -> String {
    match Scenario::read("test.yaml", text, &[], loader) {
        Ok(_) => panic!("read:\n{text}"),
        Err(problems) => problems.to_string(),
    }
}

#[test]
fn points_come_from_the_rows_that_are_meant_and_carry_their_factor() {
    let text =
        "kind: trend\ntrend: { series: [{ name: x, file: a.csv, where: { series: a }, factor: 2 }] }\n";
    let scenario =
        Scenario::read("test.yaml", text, &[], &Table).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(scenario.case_names(), ["test"]);
    let series = &scenario.trends[0].series[0];
    let points: Vec<_> = series.points.iter().map(|point| (point.date, point.value)).collect();
    let day = |text| Date::from_text(text).expect("a day");
    // A blank value is a point nobody knows.
    assert_eq!(points, [(day("2010"), 2.0), (day("2012-01-01"), 8.0), (day("2014"), 32.0)]);
}

#[test]
fn points_of_parts_are_figures_of_the_catalog() {
    let text = "kind: trend\ntrend:\n  series:\n    - name: x\n      figure: bandwidth\n      points:\n        \
                - { date: 2020, part: a100-sxm-80gb }\n        - { date: 2022, part: h100-sxm }\n        \
                - { date: 2024, part: h200-sxm }\n";
    let scenario =
        Scenario::read("test.yaml", text, &[], &NoFiles).unwrap_or_else(|problems| panic!("{problems}"));
    let values: Vec<f64> = scenario.trends[0].series[0].points.iter().map(|point| point.value).collect();
    for (found, wanted) in values.iter().zip([2039.0, 3350.0, 4800.0]) {
        assert!((found - wanted).abs() < 1e-9, "{found}, wanted {wanted}");
    }
    assert_eq!(values.len(), 3);
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let text = "kind: trend
hardware: h100-sxm
trend:
  series:
    - name: a
      points:
        - { date: 2017-02-29, value: 1 }
        - { date: 2018, value: -1 }
        - { date: 2019, part: h100-sxm }
    - { name: a, file: b.csv }
    - { name: c, file: a.csv, where: { serie: a }, value: valu }
    - { name: d, points: [{ date: 2018, value: 1, vale: 2 }] }
  ratios:
    - { name: e, of: a, over: cc, marks: [{ name: f, at: 0 }] }
";
    insta::assert_snapshot!(message(&text.replace(", vale: 2", ""), &Table));
    insta::assert_snapshot!(message(text, &Table));
    insta::assert_snapshot!(message("kind: trend\ntrend: { series: [] }\n", &NoFiles));
    insta::assert_snapshot!(message(
        "kind: trend\ntrend: { series: [{ name: a, points: [{ date: 2018, value: 1 }] }] }\n",
        &NoFiles
    ));
}

#[test]
fn a_trend_in_a_run_says_what_is_missing() {
    let text = "model: llama-3-8b\nhardware: h100-sxm\nworkload: { phase: decode }\ntrend: { series: [] }\n";
    insta::assert_snapshot!(message(text, &NoFiles));
}
