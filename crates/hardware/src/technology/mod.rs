//! What silicon, memories and packages cost in area, energy and money: constants with ranges and sources, and the
//! arithmetic over them.
//!
//! Every constant is an [`Estimate`]: where the truth likely is, and between what it may well be. Nothing here knows a
//! workload; [`area()`], [`unit_cost`] and [`peak_power`] answer without a simulation.

mod area;
mod constants;
mod cost;
mod energy;
mod estimate;
mod silicon;

pub use area::{AreaEstimate, AreaModel, AreaPart, area, modelled_area};
pub use constants::{Constant, ConstantRow, Technology, technology};
pub use cost::{CostEstimate, CostPart, cost_of, unit_cost};
pub use energy::{EnergyModel, OperationEnergy, link_energy_per_byte, peak_power};
pub use estimate::Estimate;
pub use silicon::{Silicon, TechnologySpec};
pub(crate) use silicon::{read_silicon, silicon_rows, write_silicon};
