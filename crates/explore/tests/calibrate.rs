//! Fits on rows that the simulator itself made, so that the right answer is known.

use memwall_explore::calibrate::{CalibrateError, ROWS_A_PARAMETER, Request, calibrate};
use memwall_explore::validate::{Overlay, Reading, held_out, read_rows, validate_on};
use memwall_report::{Calibration, Outcome};
use rand::Rng;
use rand_pcg::Pcg64Mcg;

/// The machine that "measured" the rows: an A100 that is worse than its catalog entry in three ways.
const TRUTH: &str = "
hardware: { extends: a100-sxm-80gb, matrix: { sustained: 0.7 }, memory: { hbm: { tiled_efficiency: 0.62 } } }
software: { extends: tensorrt-llm, kernel_gap: 4 us }
";
const THREE: [(&str, f64); 3] = [
    ("hardware.matrix.sustained", 0.7),
    ("hardware.memory.hbm.tiled_efficiency", 0.62),
    ("software.kernel_gap", 4e-6),
];

/// Matmuls of many shapes, timed on the machine of `truth`, each off by some `noise` (a standard deviation of the
/// logarithm).
fn rows(count: usize, truth: &str, noise: f64, seed: u64) -> Vec<(String, Reading)> {
    let mut text = "kind,device,software,dtype,batch,m,n,k,seconds,weight_copies,source\n".to_owned();
    let side = |index: usize, step: usize| 64 + (index * step) % 61 * 128;
    for index in 0..count {
        let m = [1, 16, 128, 700, 2048, 6000][index % 6];
        let (n, k) = (side(index, 17), side(index, 23));
        text += &format!("gemm,a100-sxm-80gb,trtllm-1.0.0,bf16,1,{m},{n},{k},1,5,made up\n");
    }
    let mut readings = vec![("made_up.csv".to_owned(), read_rows("made_up.csv", text.as_bytes()))];
    let mut overlay = Overlay::default();
    overlay.add(truth).unwrap();
    let timed = validate_on(&readings, &|device, software| overlay.parts(device, software));
    let mut random = Pcg64Mcg::new(u128::from(seed) << 64 | 1);
    let reading = &mut readings[0].1;
    assert_eq!(reading.rows.len(), count, "{:?}", reading.problems);
    for row in &mut reading.rows {
        let found = timed.rows.iter().find(|timed| timed.line == row.place.line).unwrap();
        row.seconds = found.predicted_s.unwrap() * (noise * normal(&mut random)).exp();
    }
    readings
}

/// A normally distributed number: twelve uniform ones less their mean.
fn normal(random: &mut Pcg64Mcg) -> f64 {
    (0..12).map(|_| random.next_u64() as f64 / 2.0_f64.powi(64)).sum::<f64>() - 6.0
}

fn request(parameters: &[&str]) -> Request {
    Request {
        device: "a100-sxm-80gb".to_owned(),
        software: None,
        parameters: Some(parameters.iter().map(|path| (*path).to_owned()).collect()),
    }
}

fn three() -> Request {
    request(&THREE.map(|(path, _)| path))
}

fn fit(readings: &[(String, Reading)], request: &Request) -> Calibration {
    calibrate(readings, request, &mut |_| {}).unwrap()
}

fn value(calibration: &Calibration, path: &str) -> f64 {
    calibration.parameters.iter().find(|parameter| parameter.path == path).unwrap().value
}

#[test]
fn known_parameters_are_recovered() {
    let calibration = fit(&rows(200, TRUTH, 0.0, 0), &three());
    for (path, truth) in THREE {
        let found = value(&calibration, path);
        assert!((found / truth - 1.0).abs() < 0.02, "{path}: {found} for {truth}");
    }
    let all = &calibration.errors[0];
    assert!(all.held_out_before.mape_pct > 15.0, "{all:?}");
    assert!(all.held_out_after.mape_pct < 1.0, "{all:?}");
}

#[test]
fn intervals_hold_the_truth_about_as_often_as_they_say() {
    let (mut inside, mut all) = (0, 0);
    for seed in 1..=7 {
        let calibration = fit(&rows(160, TRUTH, 0.05, seed), &three());
        for (path, truth) in THREE {
            let parameter = calibration.parameters.iter().find(|parameter| parameter.path == path).unwrap();
            let (low, high) = (parameter.low_95.unwrap(), parameter.high_95.unwrap());
            assert!((parameter.value / truth - 1.0).abs() < 0.2, "{parameter:?}");
            assert!(low < high && high - low < 0.4 * truth, "{parameter:?}");
            all += 1;
            inside += usize::from((low..=high).contains(&truth));
        }
    }
    // 95 % of 21 is 20; fewer than 16 happen once in a thousand times.
    assert!(all == 21 && inside >= 16, "{inside} of {all}");
}

#[test]
fn rows_held_out_do_not_touch_the_fit() {
    let readings = rows(120, TRUTH, 0.03, 3);
    let mut changed = readings.clone();
    let mut count = 0;
    for row in changed[0].1.rows.iter_mut().filter(|row| held_out(row)) {
        row.seconds *= 7.0;
        count += 1;
    }
    assert!(count > 30, "only {count} are held out");
    let (plain, other) = (fit(&readings, &three()), fit(&changed, &three()));
    assert_eq!(plain.parameters, other.parameters);
    assert_eq!(plain.errors[0].fitted_after, other.errors[0].fitted_after);
    assert_ne!(plain.errors[0].held_out_after, other.errors[0].held_out_after);
}

#[test]
fn bounds_hold_whatever_was_measured() {
    for factor in [0.01, 50.0] {
        let mut readings = rows(120, TRUTH, 0.03, 4);
        readings[0].1.rows.iter_mut().for_each(|row| row.seconds *= factor);
        let calibration = fit(&readings, &Request { parameters: None, ..three() });
        assert!(calibration.parameters.len() > 10);
        for parameter in &calibration.parameters {
            let allowed = parameter.lowest..=parameter.highest;
            assert!(allowed.contains(&parameter.value), "{parameter:?}");
            let ends = [parameter.low_95, parameter.high_95];
            assert!(ends.into_iter().flatten().all(|end| allowed.contains(&end)), "{parameter:?}");
        }
    }
}

#[test]
fn more_parameters_than_rows_carry_are_dropped_or_refused() {
    let readings = rows(90, TRUTH, 0.03, 5);
    let usual = fit(&readings, &Request { parameters: None, ..three() });
    let fitted = usual.parameters.iter().filter(|parameter| parameter.outcome.is_fitted()).count();
    assert!(
        (1..=usual.fitted_rows / ROWS_A_PARAMETER).contains(&fitted),
        "{fitted} on {}",
        usual.fitted_rows
    );
    assert!(usual.parameters.iter().any(|parameter| parameter.outcome == Outcome::TooFewRows));

    let refused = calibrate(&readings, &three(), &mut |_| {}).unwrap_err();
    let CalibrateError::TooManyParameters { asked: 3, most, .. } = refused else { panic!("{refused}") };
    assert_eq!(most, usual.fitted_rows / ROWS_A_PARAMETER);

    let few = rows(12, TRUTH, 0.03, 5);
    let refused = calibrate(&few, &three(), &mut |_| {}).unwrap_err();
    assert!(matches!(refused, CalibrateError::TooFewRows { needed: 20, .. }), "{refused}");
}

#[test]
fn parameters_that_act_alike_or_not_at_all_are_named_and_left_alone() {
    let paths = ["hardware.matrix.sustained", "software.matmul_efficiency", "hardware.special.sustained"];
    let calibration = fit(&rows(140, TRUTH, 0.02, 6), &request(&paths));
    let [sustained, special, efficiency] = calibration.parameters.as_slice() else { panic!("not three") };
    assert_eq!(sustained.outcome, Outcome::Fitted);
    assert_eq!((special.outcome, special.value), (Outcome::NoEffect, special.start));
    assert_eq!((efficiency.outcome, efficiency.value), (Outcome::ActsAs, efficiency.start));
    assert_eq!(efficiency.acts_as.as_deref(), Some("hardware.matrix.sustained"));
    assert!(!calibration.overlay.contains("matmul_efficiency"), "{}", calibration.overlay);
}

#[test]
fn the_overlay_gives_the_errors_that_were_reported() {
    let readings = rows(140, TRUTH, 0.05, 7);
    let calibration = fit(&readings, &three());
    let mut overlay = Overlay::default();
    overlay.add(&calibration.overlay).unwrap();
    let validation = validate_on(&readings, &|device, software| overlay.parts(device, software));
    let [group] = validation.groups.as_slice() else { panic!("not one group") };
    assert_eq!(group.held_out, calibration.errors[0].held_out_after);
    assert_eq!(group.fitted, calibration.errors[0].fitted_after);
    assert_eq!(calibration.overlay.matches("kind: fitted").count(), 3, "{}", calibration.overlay);
    assert!(calibration.overlay.contains("rows of made_up.csv; mean error on"), "{}", calibration.overlay);
}

#[test]
fn the_same_for_any_number_of_threads() {
    let readings = rows(100, TRUTH, 0.05, 8);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| fit(&readings, &Request { parameters: None, ..three() }))
    };
    assert_eq!(with(1), with(4));
}

#[test]
fn rows_of_other_parts_are_left_out_and_counted() {
    let mut readings = rows(120, TRUTH, 0.03, 9);
    let rows_here = &mut readings[0].1.rows;
    let mut strangers = rows_here.clone();
    strangers.truncate(7);
    strangers.iter_mut().for_each(|row| row.device = "t4".to_owned());
    let mut elsewhere = rows_here.clone();
    elsewhere.truncate(5);
    elsewhere.iter_mut().for_each(|row| row.software = "vllm-0.14".to_owned());
    let plain = fit(&[("a".to_owned(), Reading { rows: rows_here.clone(), ..Reading::default() })], &three());
    rows_here.extend(strangers.into_iter().chain(elsewhere));

    let several = calibrate(&readings, &three(), &mut |_| {}).unwrap_err();
    let CalibrateError::SeveralProfiles { found } = &several else { panic!("{several}") };
    assert_eq!(found, &["tensorrt-llm (120)", "vllm (5)"]);

    let chosen = Request { software: Some("trtllm".to_owned()), ..three() };
    let calibration = fit(&readings, &chosen);
    assert_eq!(calibration.parameters, plain.parameters);
    assert_eq!(
        calibration.notes,
        ["7 rows of other devices left out: t4 (7)", "5 rows of other software left out: vllm-0.14 (5)"]
    );
}

#[test]
fn wrong_names_are_answered_with_the_nearest_right_one() {
    let readings = rows(12, TRUTH, 0.0, 0);
    let message = |request: Request| calibrate(&readings, &request, &mut |_| {}).unwrap_err().to_string();
    let device = message(Request { device: "a100-smx-80gb".to_owned(), ..three() });
    assert!(device.contains("did you mean `a100-sxm-80gb`"), "{device}");
    let software = message(Request { software: Some("vlm".to_owned()), ..three() });
    assert!(software.contains("did you mean `vllm`"), "{software}");
    let parameter = message(request(&["hardware.memory.hbm.eficiency"]));
    assert!(parameter.contains("did you mean `hardware.memory.hbm.efficiency`"), "{parameter}");
    let other = message(Request { device: "h100".to_owned(), ..three() });
    assert_eq!(other, "no row can be fitted to: none is of h100-sxm; they are of a100-sxm-80gb (12)");
}
