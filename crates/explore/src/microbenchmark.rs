//! Running the cases of a microbenchmark.

use memwall_report::{
    CurveAxis, CurveDocument, CurvePointReport, CurveReport, CurveUnit, DeviceReport, Expectation, Served,
};
use memwall_scenario::{MicrobenchmarkCase, Over, Scenario};
use memwall_simulator::{Measured, Microbenchmark, measure};
use rayon::prelude::*;

use crate::run::{RunError, asserted, distinct};

/// Measures every case, on all cores, and reports them in the scenario's order: the same bytes for any number of
/// threads.
///
/// # Errors
/// The first case, in order, that could not be measured.
pub fn run_microbenchmarks(scenario: &Scenario) -> Result<CurveDocument, RunError> {
    let curves: Vec<Result<CurveReport, RunError>> = scenario.microbenchmarks.par_iter().map(run).collect();
    let cases = curves.into_iter().collect::<Result<Vec<_>, _>>()?;
    let sources = distinct(scenario.microbenchmarks.iter().filter_map(|case| case.source.as_ref()));
    let seed = scenario.microbenchmarks.first().map_or(0, |case| case.seed);
    Ok(CurveDocument::new(&scenario.name, scenario.description.as_deref(), seed, cases, sources))
}

fn run(case: &MicrobenchmarkCase) -> Result<CurveReport, RunError> {
    let at: Vec<f64> = case.points.iter().map(|point| point.at).collect();
    let measured = measure(&case.device, &case.benchmark, &at)
        .map_err(|error| RunError { case: case.name.clone(), reason: error.into() })?;
    let points = measured.into_iter().zip(&case.points).map(|(point, wanted)| report(point, wanted.measured));
    let curve = CurveReport {
        name: case.name.clone(),
        description: case.description.clone(),
        device: DeviceReport { name: case.device.name.clone(), title: case.device.title.clone() },
        title: case.title.clone(),
        over: axis(case.over),
        unit: match case.benchmark {
            Microbenchmark::Chase => CurveUnit::Seconds,
            Microbenchmark::Stream(_) | Microbenchmark::Reread(_) => CurveUnit::BytesPerSec,
        },
        points: points.collect(),
        compared: 0,
        mean_error: None,
        worst_error: None,
        note: case.note.clone(),
        expectations: Vec::new(),
    };
    Ok(curve.summed(&curve_expectations(case)))
}

/// The assertions of a microbenchmark, as the report checks them.
#[must_use]
pub fn curve_expectations(case: &MicrobenchmarkCase) -> Vec<Expectation> {
    asserted(&case.expect)
}

fn report(point: Measured, measured: Option<f64>) -> CurvePointReport {
    let bound_by = format!("{}({})", point.cause.name(), point.place);
    let served = point.served.into_iter().map(|(place, share)| Served { place, share }).collect();
    CurvePointReport::new(point.at, point.value, measured, bound_by, served)
}

const fn axis(over: Over) -> CurveAxis {
    match over {
        Over::Footprint => CurveAxis::Footprint,
        Over::Threads => CurveAxis::Threads,
        Over::Occupancy => CurveAxis::Occupancy,
        Over::InFlight => CurveAxis::InFlight,
    }
}
