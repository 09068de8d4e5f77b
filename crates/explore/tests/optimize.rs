//! Optimisation: at `bound` fidelity, where screening is exact, the result is the front that trying everything gives;
//! limits are kept, and who searches with how many threads makes no difference.

use memwall_explore::optimize::{OptimizeError, optimize};
use memwall_explore::run_case;
use memwall_hardware::{area, unit_cost};
use memwall_report::OptimizeDocument;
use memwall_scenario::{NoFiles, Points, Scenario};

const BASE: &str = "
model: gpt2
software: tensorrt-llm
workload: { phase: decode, batch: 4, context: 256, tokens: 1, dtype: bf16 }
";

const AXES: &str = "
hardware: h100-sxm
sweep:
  axes:
    hardware.memory.hbm.bandwidth: { from: 1 TB/s, to: 6 TB/s, steps: 6 }
    hardware.memory.l2.capacity: [10 MiB, 50 MiB, 200 MiB]
    hardware.matrix.peak.fp16: [500 TFLOP/s, 2000 TFLOP/s]
";

fn scenario(more: &str) -> Scenario {
    let text = format!("{BASE}{more}");
    Scenario::read("test.yaml", &text, &[], &NoFiles)
        .unwrap_or_else(|problems| panic!("{}", problems.render(false, 100)))
}

fn run(more: &str) -> Result<OptimizeDocument, OptimizeError> {
    let scenario = scenario(more);
    let sweep = scenario.sweep.clone().expect("it has axes");
    let goal = scenario.optimize.clone().expect("it has a goal");
    optimize(&scenario, &sweep, &goal, &NoFiles)
}

/// Number, time, area and cost of every design, each read and run like a scenario of its own.
fn all(scenario: &Scenario) -> Vec<(u64, [f64; 3])> {
    let sweep = scenario.sweep.clone().expect("it has axes");
    let grid = sweep.grid();
    let mut points = Points::new(scenario, &sweep.axes, &NoFiles);
    let designs = 0..grid.iter().product::<u64>();
    let score = |design: u64| {
        let mut rest = design;
        let mut values = Vec::new();
        for (axis, steps) in sweep.axes.iter().zip(&grid).rev() {
            values.insert(0, axis.nth(rest % steps, *steps));
            rest /= steps;
        }
        let case = points.case(&values).expect("a sound design");
        let time = run_case(&case).expect("it runs").wall.as_secs_f64();
        let mm2 = area(&case.device).expect("its process is known").total_mm2.likely;
        let usd = unit_cost(&case.device).expect("its process is known").total_usd.likely;
        (design, [time, mm2, usd])
    };
    designs.map(score).collect()
}

#[test]
fn at_bound_the_front_is_that_of_trying_everything() {
    let goal = "fidelity: bound\noptimize: { minimize: [time, area], at_most: { cost: 3100 } }\n";
    let more = format!("{AXES}{goal}");
    let all: Vec<_> = all(&scenario(&more)).into_iter().filter(|(_, scores)| scores[2] <= 3100.0).collect();
    let beaten = |(own, scores): &(u64, [f64; 3])| {
        all.iter().any(|(other, better)| {
            let same = better[..2] == scores[..2];
            better[0] <= scores[0] && better[1] <= scores[1] && (!same || other < own)
        })
    };
    let wanted: Vec<u64> = all.iter().filter(|one| !beaten(one)).map(|(design, _)| *design).collect();
    let document = run(&more).unwrap();
    let mut found: Vec<u64> = document.designs.iter().filter_map(|design| design.design).collect();
    found.sort_unstable();
    assert_eq!(found, wanted);
    assert!(document.settled);
    assert_eq!(document.screened, 36);
    assert_eq!(document.at_most[0].beyond as usize, 36 - all.len());
    for design in &document.designs {
        assert_eq!(Some(design.time_s), design.bound_s);
    }
}

#[test]
fn the_simulated_front_keeps_its_limits_and_is_no_faster_than_its_bounds() {
    let goal = "optimize: { minimize: [time, cost], at_most: { area: 850 mm2, time: 1 s }, simulate: 24 }\n";
    let document = run(&format!("{AXES}{goal}")).unwrap();
    assert!(document.simulated <= 24 && !document.designs.is_empty());
    for design in &document.designs {
        assert!(design.area_mm2.is_some_and(|area| area <= 850.0));
        assert!(design.bound_s.is_some_and(|bound| bound <= design.time_s));
    }
    for pair in document.designs.windows(2) {
        assert!(pair[0].time_s < pair[1].time_s && pair[0].cost_usd > pair[1].cost_usd);
    }
}

#[test]
fn threads_make_no_difference() {
    let more = format!("{AXES}optimize: {{ minimize: [time, area] }}\n");
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| run(&more).unwrap()).to_json().unwrap()
    };
    assert_eq!(with(1), with(3));
}

/// A search that would take hours is refused, with what would do.
#[test]
fn a_search_that_takes_too_long_is_told_beforehand() {
    let more = "
hardware: h100-sxm
sweep:
  axes:
    hardware.memory.hbm.bandwidth: { from: 1 TB/s, to: 6 TB/s, steps: 1000 }
    hardware.memory.l2.capacity: { from: 10 MiB, to: 100 MiB, steps: 1000 }
optimize: { minimize: [time], simulate: 100000 }
";
    let error = run(more).unwrap_err();
    assert!(matches!(error, OptimizeError::TooMuch { most: 1414, .. }), "{error}");
}

/// Other parts and settings are choices beside the figures, and each is screened.
#[test]
fn parts_are_choices_too() {
    let more = "
hardware: { extends: h100-sxm }
sweep:
  axes:
    software: [tensorrt-llm, generic]
    hardware.memory.hbm.bandwidth: [2 TB/s, 4 TB/s]
optimize: { minimize: [time] }
";
    let document = run(more).unwrap();
    assert_eq!(document.screened, 4);
    let best = &document.designs[0];
    assert!(best.time_s <= document.as_it_is.time_s);
    assert_eq!(best.values.len(), 2);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let refused = |more: &str| run(more).unwrap_err().to_string();
    let goal = "optimize: { minimize: [time, area] }\n";
    let work = format!("hardware: h100-sxm\nsweep: {{ axes: {{ workload.batch: [1, 2] }} }}\n{goal}");
    assert!(refused(&work).contains("changes the work"), "{}", refused(&work));
    let sample = format!("{AXES}  sample: {{ method: random, points: 10 }}\n{goal}");
    assert!(refused(&sample).contains("leave `sample` out"), "{}", refused(&sample));
    let many = (0..65).map(|batch| format!("{batch} us")).collect::<Vec<_>>().join(", ");
    let many = format!("hardware: h100-sxm\nsweep: {{ axes: {{ software.issue: [{many}] }} }}\n{goal}");
    assert!(refused(&many).contains("at most 64"), "{}", refused(&many));
    let unknown = format!(
        "hardware: {{ extends: h100-sxm, process: null }}\nsweep: {{ axes: {{ hardware.memory.hbm.bandwidth: [1 TB/s] }} }}\n{goal}"
    );
    assert!(refused(&unknown).contains("the area of"), "{}", refused(&unknown));
}
