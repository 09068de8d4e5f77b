//! Laws of sweeps: order, draws, threads, and that a point is the scenario written with its values.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use memwall_explore::{Shard, Spreads, SweepPlan, run_case, run_sweep};
use memwall_report::{CaseReport, Cell, Context, SweepRow};
use memwall_scenario::{AxisValue, NoFiles, Points, Sample, SampleMethod, Scenario, Shown, Sweep};
use proptest::prelude::*;

const BASE: &str = "model: llama-3-8b
hardware: h100-sxm
software: tensorrt-llm
workload: { phase: decode, batch: 1, context: 256, tokens: 1, dtype: bf16 }
";

fn scenario(more: &str) -> Scenario {
    let read = Scenario::read("test.yaml", &format!("{BASE}{more}"), &[], &NoFiles);
    read.unwrap_or_else(|problems| panic!("{problems}"))
}

fn swept(scenario: &mut Scenario, axes: &[&str], sample: Option<Sample>) -> Sweep {
    let axes: Vec<String> = axes.iter().map(|axis| (*axis).to_owned()).collect();
    scenario.sweep_with(&axes, sample).unwrap_or_else(|problems| panic!("{problems}"))
}

fn shown(values: &[AxisValue]) -> Vec<String> {
    let text = |value: &AxisValue| match &value.shown {
        Shown::Number(number) => number.to_string(),
        Shown::Text(text) => text.clone(),
    };
    values.iter().map(text).collect()
}

/// The values of all points.
fn points(more: &str, axes: &[&str], sample: Option<Sample>) -> Vec<Vec<String>> {
    let mut scenario = scenario(more);
    let sweep = swept(&mut scenario, axes, sample);
    let plan = SweepPlan::new(&scenario, &sweep, None, Shard::WHOLE);
    (0..plan.rows()).map(|row| shown(&plan.values(plan.index(row)))).collect()
}

fn rows(plan: &SweepPlan<'_>, first: u64, threads: usize, most: usize) -> Vec<SweepRow> {
    let mut rows = Vec::new();
    run_sweep(plan, first, threads, &NoFiles, |row| {
        rows.push(row);
        if rows.len() == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    rows
}

#[test]
fn a_grid_turns_its_last_axis_fastest_and_keeps_its_ends() {
    let axes = "sweep:
  axes:
    workload.dtype: [bf16, fp8]
    hardware.memory.hbm.bandwidth: { from: 512 GB/s, to: 2 TB/s, steps: 3, scale: log }
    hardware.memory.hbm.efficiency: { from: 0.1, to: 0.3, steps: 3 }
";
    let points = points(axes, &[], None);
    let dtype: Vec<&str> = points.iter().map(|point| point[0].as_str()).collect();
    assert_eq!(dtype, [["bf16"; 9], ["fp8"; 9]].concat());
    let bandwidth: Vec<&str> = points[..9].iter().map(|point| point[1].as_str()).collect();
    // In the unit of the first end: 2000 over 512 is the square of 1.976...
    assert_eq!(bandwidth, [["512"; 3], ["1011.92885125"; 3], ["2000"; 3]].concat());
    let efficiency: Vec<&str> = points[..3].iter().map(|point| point[2].as_str()).collect();
    assert_eq!(efficiency, ["0.1", "0.2", "0.3"]);
}

#[test]
fn whole_ends_give_whole_numbers() {
    let batches = points("", &["workload.batch=1..64:7:log"], None);
    assert_eq!(batches.concat(), ["1", "2", "4", "8", "16", "32", "64"]);
    let batches = points("", &["workload.batch=1..10:4"], None);
    assert_eq!(batches.concat(), ["1", "4", "7", "10"]);
}

#[test]
fn an_axis_of_the_command_line_takes_the_place_of_the_files() {
    let file = "sweep: { axes: { workload.batch: [1, 2], workload.context: [64] } }\n";
    let points = points(file, &["workload.batch=5", "workload.dtype=fp8,bf16"], None);
    assert_eq!(points, [["5", "64", "fp8"], ["5", "64", "bf16"]]);
}

#[test]
fn a_latin_hypercube_has_one_point_in_each_slice_of_each_axis() {
    let sample = Sample { method: SampleMethod::LatinHypercube, points: 200, seed: Some(4) };
    let axes = ["hardware.memory.hbm.bandwidth=1TB/s..2TB/s", "hardware.memory.hbm.efficiency=0.5..1.0"];
    let points = points("", &axes, Some(sample));
    let slices = |axis: usize, low: f64, width: f64| -> BTreeSet<u64> {
        let share = |point: &Vec<String>| (point[axis].parse::<f64>().unwrap() - low) / width;
        points.iter().map(|point| (share(point) * 200.0) as u64).collect()
    };
    assert_eq!(slices(0, 1.0, 1.0), (0..200).collect());
    assert_eq!(slices(1, 0.5, 0.5), (0..200).collect());
}

#[test]
fn a_sampled_grid_has_at_most_so_many_points() {
    let sample = |points| Some(Sample { method: SampleMethod::Grid, points, seed: None });
    let axes = ["workload.batch=1..1000", "workload.context=1..1000", "workload.dtype=bf16,fp8"];
    // 2 x 7 x 7 are 98, 2 x 8 x 8 would be 128.
    assert_eq!(points("", &axes, sample(100)).len(), 98);
    assert_eq!(points("", &axes, sample(128)).len(), 128);
}

#[test]
fn random_points_stay_in_their_range_and_depend_on_the_seed() {
    let sample = |seed| Some(Sample { method: SampleMethod::Random, points: 500, seed: Some(seed) });
    let axes = ["hardware.memory.hbm.bandwidth=1TB/s..8TB/s::log", "workload.dtype=bf16,fp8,int8"];
    let one = points("", &axes, sample(1));
    assert_eq!(one, points("", &axes, sample(1)));
    assert_ne!(one, points("", &axes, sample(2)));
    let numbers: Vec<f64> = one.iter().map(|point| point[0].parse().unwrap()).collect();
    assert!(numbers.iter().all(|number| (1.0..=8.0).contains(number)));
    // Half of them lie below the geometric mean.
    let below = numbers.iter().filter(|number| **number < 8.0_f64.sqrt()).count();
    assert!((200..300).contains(&below), "{below}");
    assert_eq!(one.iter().map(|point| &point[1]).collect::<BTreeSet<_>>().len(), 3);
}

#[test]
fn rows_are_the_same_for_any_number_of_threads_from_any_row_on_and_in_shards() {
    let mut scenario = scenario("");
    let axes = ["hardware.memory.l2.capacity=20 MiB..100 MiB:7", "workload.batch=1,none,3,8"];
    let sweep = swept(&mut scenario, &axes, None);
    let plan = SweepPlan::new(&scenario, &sweep, None, Shard::WHOLE);
    let one = rows(&plan, 0, 1, usize::MAX);
    assert_eq!(one.len(), 28);
    assert!(one.iter().enumerate().all(|(index, row)| row.index == index as u64));
    assert_eq!(one.iter().filter(|row| row.error().is_some()).count(), 7);
    for threads in [2, 4] {
        assert_eq!(one, rows(&plan, 0, threads, usize::MAX));
    }
    assert_eq!(one[20..], rows(&plan, 20, 2, usize::MAX));
    assert_eq!(one[..5], rows(&plan, 0, 3, 5));
    let mut parts: Vec<SweepRow> = Vec::new();
    for index in 0..3 {
        let plan = SweepPlan::new(&scenario, &sweep, None, Shard { index, count: 3 });
        parts.extend(rows(&plan, 0, 1, usize::MAX));
    }
    parts.sort_by_key(|row| row.index);
    assert_eq!(one, parts);
}

#[test]
fn rows_come_back_from_their_line_of_csv() {
    let mut scenario = scenario("");
    let sweep = swept(&mut scenario, &["workload.dtype=bf16,\"a,b\",fp8"], None);
    let plan = SweepPlan::new(&scenario, &sweep, None, Shard::WHOLE);
    for row in rows(&plan, 0, 1, usize::MAX) {
        let line = plan.columns().csv_line(&row);
        assert_eq!(plan.columns().read_csv_line(line.trim_end()), Some(row), "{line}");
    }
}

#[test]
fn a_monte_carlo_has_the_moments_of_its_distributions() {
    let scenario = scenario(
        "uncertain:
  samples: 4000
  parameters:
    hardware.memory.hbm.bandwidth: { normal: [3 TB/s, 200 GB/s] }
    hardware.memory.hbm.latency: +-10 %
    hardware.memory.hbm.efficiency: { triangular: [0.8, 0.9, 1.0] }
    software.kernel_gap: { lognormal: [2 us, 1.5] }
",
    );
    let sweep = scenario.monte_carlo(None).unwrap();
    let plan = SweepPlan::new(&scenario, &sweep, None, Shard::WHOLE);
    let draws: Vec<Vec<f64>> = (0..plan.rows())
        .map(|index| shown(&plan.values(index)).iter().map(|number| number.parse().unwrap()).collect())
        .collect();
    let column = |axis: usize| draws.iter().map(|draw| draw[axis]).collect::<Vec<f64>>();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let deviation = |values: &[f64]| {
        let middle = mean(values);
        (values.iter().map(|value| (value - middle).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
    };
    // Means and deviations of 4000 draws are within a few percent; the catalog's latency is 344 ns.
    assert!((mean(&column(0)) - 3.0).abs() < 0.015 && (deviation(&column(0)) - 0.2).abs() < 0.01);
    assert!(column(1).iter().all(|value| (344.0 * 0.9..=344.0 * 1.1).contains(value)));
    assert!((deviation(&column(1)) - 68.8 / 12.0_f64.sqrt()).abs() < 0.6);
    assert!(column(2).iter().all(|value| (0.8..=1.0).contains(value)));
    assert!((deviation(&column(2)) - 0.2 / 24.0_f64.sqrt()).abs() < 0.002);
    let logarithms: Vec<f64> = column(3).iter().map(|value| (value / 2.0).ln()).collect();
    assert!(mean(&logarithms).abs() < 0.03 && (deviation(&logarithms) - 1.5_f64.ln()).abs() < 0.02);
}

#[test]
fn a_monte_carlo_finds_what_matters() {
    let scenario = scenario(
        "uncertain:
  samples: 60
  parameters: { software.kernel_gap: +-1 %, hardware.memory.hbm.bandwidth: +-20 % }
",
    );
    let sweep = scenario.monte_carlo(None).unwrap();
    let plan = SweepPlan::new(&scenario, &sweep, None, Shard::WHOLE);
    let mut spreads = Spreads::new(plan.columns().clone());
    rows(&plan, 0, 2, usize::MAX).iter().for_each(|row| spreads.add(row));
    let report = spreads.report("test");
    assert_eq!(report.influences[0].parameter, "hardware.memory.hbm.bandwidth (TB/s)");
    assert!(report.influences[0].rank_correlation.unwrap() < -0.95, "{report:?}");
    let time = &report.figures[0];
    assert!(time.p5 < time.p50 && time.p50 < time.p95 && time.mean_within < time.deviation);
}

/// One of the values that a sweep may set, right or wrong.
fn value() -> impl Strategy<Value = (&'static str, String)> {
    let number = |low: u64, high: u64| (low..=high).prop_map(|number| number.to_string());
    prop_oneof![
        (1000_u64..9000).prop_map(|rate| ("hardware.memory.hbm.bandwidth", format!("{rate} GB/s"))),
        (1_u64..200).prop_map(|size| ("hardware.memory.l2.capacity", format!("{size} MiB"))),
        (1_u64..200).prop_map(|cores| ("hardware.cores", cores.to_string())),
        Just(("hardware.cores", "many".to_owned())),
        Just(("hardware.memory.hbm.bandwidth", "3 apples".to_owned())),
        number(1, 64).prop_map(|batch| ("workload.batch", batch)),
        number(0, 300_000).prop_map(|context| ("workload.context", context)),
        Just(("workload.batch", "0".to_owned())),
        prop::sample::select(vec!["bf16", "fp8", "fp9"])
            .prop_map(|dtype| ("workload.dtype", dtype.to_owned())),
        prop::sample::select(vec!["llama-3-8b", "llama-2-7b", "llama-3-70b", "lama"])
            .prop_map(|model| ("model", model.to_owned())),
        (0_u64..9).prop_map(|gap| ("software.kernel_gap", format!("{gap} us"))),
        prop::sample::select(vec!["generic", "vllm"]).prop_map(|name| ("software", name.to_owned())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_point_is_what_the_scenario_would_be_with_its_values(points in prop::collection::vec((value(), value()), 1..6)) {
        for ((path, value), (other_path, other)) in &points {
            let sets = [format!("{path}={value}"), format!("{other_path}={other}")];
            let full = Scenario::read("test.yaml", &format!("{BASE}fidelity: bound\n"), &sets, &NoFiles);
            let mut swept_scenario = scenario("fidelity: bound\n");
            let sweep = swept(&mut swept_scenario, &[&sets[0], &sets[1]], None);
            let mut reader = Points::new(&swept_scenario, &sweep.axes, &NoFiles);
            let values: Vec<AxisValue> = sweep.axes.iter().map(|axis| axis.nth(0, 1)).collect();
            // Twice, since the second time much is remembered.
            for _ in 0..2 {
                match (&full, reader.case(&values)) {
                    (Ok(full), Ok(case)) => {
                        let report = |case: &memwall_scenario::Case| {
                            run_case(case).map(|record| CaseReport::new("case", &record, &Context::default()))
                        };
                        prop_assert_eq!(report(&full.cases[0]), report(&case));
                        prop_assert_eq!(full.cases[0].footprint, case.footprint);
                    }
                    (Err(full), Err(problems)) => {
                        let words = |problems: &memwall_scenario::Diagnostics| {
                            problems.list.iter().map(|problem| problem.message.clone()).collect::<BTreeSet<_>>()
                        };
                        prop_assert_eq!(words(full), words(&problems));
                    }
                    (full, case) => prop_assert!(false, "{:?} is read and {:?} is not, or the other way", full.is_ok(), case.is_ok()),
                }
            }
        }
    }
}

#[test]
fn one_reader_tells_points_apart() {
    let mut scenario = scenario("fidelity: bound\n");
    let axes = [
        "hardware.memory.hbm.bandwidth=1TB/s,2 apples,4TB/s",
        "model=llama-3-8b,lama,llama-2-7b",
        "workload.batch=1,2",
    ];
    let sweep = swept(&mut scenario, &axes, None);
    let plan = SweepPlan::new(&scenario, &sweep, None, Shard::WHOLE);
    for row in rows(&plan, 0, 1, usize::MAX) {
        let values = plan.values(row.index);
        let sets: Vec<String> = sweep
            .axes
            .iter()
            .zip(&values)
            .map(|(axis, value)| format!("{}={}", axis.path, value.to_yaml()))
            .collect();
        let alone = Scenario::read("test.yaml", &format!("{BASE}fidelity: bound\n"), &sets, &NoFiles);
        match alone {
            Ok(alone) => {
                let time = run_case(&alone.cases[0]).unwrap().wall.as_secs_f64();
                assert!(row.cells.contains(&Cell::Number(time)), "{row:?}");
            }
            Err(problems) => {
                let error = row.error().unwrap_or_default();
                assert!(
                    problems.list.iter().all(|problem| error.contains(&problem.message)),
                    "{error}: {problems}"
                );
            }
        }
    }
}
