//! A case that ran, as Chakra traces.

use memwall_scenario::Case;
use memwall_simulator::{ChakraExport, ExportError, ExportedRun, Timeline};

use crate::run::{Reason, RunError};

/// What a rank of each pipeline stage did in a case, of which `timeline` says what happened when.
///
/// # Errors
/// A step of the model could not be built, or the run is too long for a trace.
pub fn chakra_traces(case: &Case, timeline: &Timeline) -> Result<ExportedRun, RunError> {
    let failed = |reason: Reason| RunError { case: case.name.clone(), reason };
    let too_long = |error: ExportError| failed(error.into());
    let mut export = ChakraExport::new(case.parallel(), case.counting, timeline).map_err(too_long)?;
    for step in case.steps() {
        let step = step.map_err(|error| failed(error.into()))?;
        let graphs: Vec<_> = step.graphs.iter().map(AsRef::as_ref).collect();
        export.step(&graphs, step.tokens).map_err(too_long)?;
    }
    Ok(export.finish())
}
