//! Running what the strategies make.

use memwall_model_graph::{Graph, Step};
use memwall_simulator::{Fidelity, Options, Record, Simulation, SimulationError};

use crate::machines::Machine;

/// Options of a fidelity, everything else as usual.
#[must_use]
pub fn at(fidelity: Fidelity) -> Options {
    Options { fidelity, ..Options::default() }
}

/// Runs the steps of a model one after the other.
///
/// # Errors
/// As [`Simulation::step`].
pub fn run_steps(
    machine: &Machine,
    steps: &[(Step, Graph)],
    options: Options,
) -> Result<Record, SimulationError> {
    let mut simulation = Simulation::new(&machine.device, &machine.software, options)?;
    for (step, graph) in steps {
        simulation.step(graph, step.phase.name(), step.tokens())?;
    }
    Ok(simulation.finish())
}

/// Runs one graph once, on cold caches.
///
/// # Errors
/// As [`Simulation::step`].
pub fn run_graph(machine: &Machine, graph: &Graph, options: Options) -> Result<Record, SimulationError> {
    let mut simulation = Simulation::new(&machine.device, &machine.software, options)?;
    simulation.step(graph, "graph", 1)?;
    Ok(simulation.finish())
}
