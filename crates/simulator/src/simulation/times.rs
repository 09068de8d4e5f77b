//! What each operator of a graph takes.

use memwall_hardware::LaunchMode;
use memwall_model_graph::Graph;
use memwall_units::Picos;

use super::Simulation;
use crate::SimulationError;

impl Simulation {
    /// Runs a graph and says what each of its operators took, its launch included: together, the time of all.
    ///
    /// # Errors
    /// As [`Simulation::step`].
    pub fn times(&mut self, graph: &Graph) -> Result<Vec<Picos>, SimulationError> {
        self.check_memory(graph)?;
        if self.chip.software.launch == LaunchMode::Graph {
            self.issue();
        }
        let mut times = Vec::with_capacity(graph.operators().len());
        for (id, operator) in graph.iter() {
            let start = self.device_free;
            self.run_operator(graph, id, operator)?;
            times.push(self.device_free.saturating_sub(start));
        }
        Ok(times)
    }
}
