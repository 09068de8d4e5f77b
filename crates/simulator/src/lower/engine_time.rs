//! How long an engine takes for some operations, and how that time divides.

use memwall_model_graph::Dtype;

use crate::SimulationError;
use crate::chip::{Chip, EngineKind};
use crate::plan::EngineShare;

/// Time of one unit of one engine for `useful` operations padded to `padded`, in core-picoseconds by cause.
///
/// `inner_loop` is the fraction of the engine's sustained peak that the software's inner loop reaches.
///
/// # Errors
/// The engine does not compute in `dtype`.
pub(crate) fn unit_time(
    chip: &Chip,
    kind: EngineKind,
    dtype: Dtype,
    useful: f64,
    padded: f64,
    inner_loop: f64,
) -> Result<EngineShare, SimulationError> {
    driven_time(chip, kind, dtype, (useful, padded), inner_loop, Drive::FULL)
}

/// [`unit_time`] of a kernel that drives the chip less than fully.
///
/// # Errors
/// The engine does not compute in `dtype`.
pub(crate) fn driven_time(
    chip: &Chip,
    kind: EngineKind,
    dtype: Dtype,
    (useful, padded): (f64, f64),
    inner_loop: f64,
    drive: Drive,
) -> Result<EngineShare, SimulationError> {
    if padded <= 0.0 {
        return Ok(EngineShare::default());
    }
    let peak = chip.peak(kind, dtype)?;
    let ps_per_flop = 1e12 * f64::from(chip.units) / peak;
    let reached = chip.engine(kind).sustained.value * inner_loop;
    let at_boost = padded * ps_per_flop / reached;
    let slowed = at_boost / clock_fraction(chip, dtype, peak * reached, drive);
    Ok(EngineShare {
        useful: useful * ps_per_flop,
        padding: (padded - useful) * ps_per_flop,
        power: slowed - at_boost,
        efficiency: at_boost - padded * ps_per_flop,
    })
}

/// How hard a kernel drives the chip while it runs: what decides whether the power limit slows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drive {
    /// Fraction of the time for which the engine computes at its pace, idle units and waiting counted as not.
    pub duty: f64,
    /// Bytes from and to device memory in a second.
    pub dram_rate: f64,
}

impl Drive {
    /// Every unit computes all the time, from memories whose energy is counted with the operations.
    pub const FULL: Self = Self { duty: 1.0, dram_rate: 0.0 };
}

/// The fraction of the boost clock at which all units together stay within the board's power, energy per
/// operation held constant (a slower clock also lowers the voltage; that gain is not claimed).
fn clock_fraction(chip: &Chip, dtype: Dtype, flops_per_second: f64, drive: Drive) -> f64 {
    let power = &chip.device.power;
    let Some(energy) = power.energy_per_flop.get(dtype.name()) else { return 1.0 };
    let idle = power.idle.as_ref().map_or(0.0, |figure| figure.value.0);
    let dram = &chip.device.tiers[chip.levels[chip.dram()].tier];
    let moving = dram.energy_per_byte.as_ref().map_or(0.0, |figure| figure.value.0) * drive.dram_rate;
    let available = (power.tdp.value.0 - idle - moving).max(0.0);
    let wanted = flops_per_second * energy.value.0 * drive.duty;
    let floor = power.min_clock.as_ref().map_or(0.1, |figure| figure.value);
    if wanted <= available { 1.0 } else { (available / wanted).max(floor) }
}
