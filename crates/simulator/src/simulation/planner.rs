//! Plans held fixed: a machine for which a run is planned while another executes it.

use memwall_hardware::Device;
use memwall_model_graph::{Graph, OpId, Operator};

use super::{Simulation, touch_cache};
use crate::SimulationError;
use crate::chip::Chip;
use crate::demand::{self, Demand};
use crate::residency::Residency;

/// The machine that is planned for, with what its cache would hold: its plans are those of a run of its own.
#[derive(Debug)]
pub(super) struct PlannerState {
    pub chip: Chip,
    cache: Option<Residency>,
}

impl Simulation {
    /// The same simulation with the plans that would be made for `device`: tiles, waves and the order of everything as
    /// if it ran there, executed here. What a change of the machine does to a plan can so be told from what a new plan
    /// makes of it. The bound fidelity has no plans.
    ///
    /// # Errors
    /// [`SimulationError::Machine`] when `device` cannot be simulated, or has other cores or tiers, for which no plan of
    /// one fits the other.
    pub fn with_plans_of(mut self, device: &Device) -> Result<Self, SimulationError> {
        let chip = Chip::new(device, &self.chip.software)?;
        let tiers = |chip: &Chip| chip.levels.iter().map(|level| level.tier).collect::<Vec<_>>();
        if chip.units != self.chip.units
            || tiers(&chip) != tiers(&self.chip)
            || chip.feeds.len() != self.chip.feeds.len()
            || chip.places != self.chip.places
        {
            let reason = format!("plans of {} have other cores or tiers", device.name);
            return Err(SimulationError::Machine { device: self.chip.device.name.clone(), reason });
        }
        let cache = chip.last_cache().map(|level| Residency::new(chip.levels[level].capacity as u64));
        self.planner = Some(PlannerState { chip, cache });
        Ok(self)
    }
}

impl PlannerState {
    /// The operator as it would find its operands there.
    pub fn demand<'a>(
        &mut self,
        graph: &Graph,
        id: OpId,
        operator: &'a Operator,
        name: &'a str,
    ) -> Demand<'a> {
        let mut demand = demand::cold(graph, operator, name);
        if let Some(cache) = &mut self.cache {
            touch_cache(cache, self.chip.fetch_on_write, graph, id, operator, &mut demand);
        }
        demand
    }
}
