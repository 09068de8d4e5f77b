//! How fast an engine computes in a number format, also when it lacks that format.

use memwall_units::FlopsPerSec;

use crate::{Device, Engine, widening};

/// Which engine of a device multiplies matrices of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MatmulOn {
    /// The matrix engine.
    Matrix,
    /// The vector engine: fp32 on a GPU whose tensor cores lack it.
    Vector,
}

/// The rate at which a device runs a format, and what it really computes in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// The engine.
    pub on: MatmulOn,
    /// Peak of the whole device, dense.
    pub rate: FlopsPerSec,
    /// The format the arithmetic is done in: the one asked for, or the nearest wider one the device has.
    pub runs_as: &'static str,
}

impl Peak {
    /// "fp8 runs as fp16" when the format had to be widened, for a report's notes.
    #[must_use]
    pub fn note(&self, format: &str) -> Option<String> {
        (self.runs_as != format)
            .then(|| format!("{format} has no units of its own and runs as {}", self.runs_as))
    }
}

impl Engine {
    /// Peak in exactly this format, or `None` when the engine lacks it.
    #[must_use]
    pub fn peak(&self, format: &str) -> Option<FlopsPerSec> {
        self.peak.get(format).map(|figure| figure.value)
    }

    /// Peak in this format or, when the engine lacks it, in the nearest wider one, with the name of the
    /// format used. The order is that of [`widening`]: fp8 on an A100 runs as fp16. `None` when no wider
    /// format exists either.
    #[must_use]
    pub fn peak_or_wider(&self, format: &str) -> Option<(FlopsPerSec, &'static str)> {
        widening(format).iter().find_map(|&wider| self.peak(wider).map(|rate| (rate, wider)))
    }
}

impl Device {
    /// The engine and rate at which matrices of `format` are multiplied: the matrix engine if it has the
    /// format, else the vector engine, else the same question for the next wider format (see [`widening`]).
    /// So fp32 on an A100 runs on the vector engine, and not in tf32, which would change the result. `None`
    /// when nothing fits.
    #[must_use]
    pub fn matmul_peak(&self, format: &str) -> Option<Peak> {
        widening(format).iter().find_map(|&runs_as| {
            let on = |on, engine: &Engine| engine.peak(runs_as).map(|rate| Peak { on, rate, runs_as });
            on(MatmulOn::Matrix, &self.matrix).or_else(|| on(MatmulOn::Vector, &self.vector))
        })
    }

    /// The rate of elementwise arithmetic in `format`, in the nearest wider format if need be.
    #[must_use]
    pub fn vector_peak(&self, format: &str) -> Option<(FlopsPerSec, &'static str)> {
        self.vector.peak_or_wider(format)
    }

    /// FLOPs per byte of device memory at which a matmul in `format` stops being bound by memory, at
    /// datasheet rates. `None` when the device cannot run the format or has no memory tier.
    #[must_use]
    pub fn ridge_point(&self, format: &str) -> Option<f64> {
        let memory = self.memory()?;
        Some(self.matmul_peak(format)?.rate.0 / memory.bandwidth.value.0)
    }

    /// The device's own memory.
    #[must_use]
    pub fn memory(&self) -> Option<&crate::Tier> {
        self.tiers.iter().find(|tier| tier.kind == crate::TierKind::Dram)
    }

    /// The tiers that the cores share, innermost first, up to the device's own memory.
    pub fn shared_tiers(&self) -> impl Iterator<Item = &crate::Tier> {
        let dram = self.tiers.iter().position(|tier| tier.kind == crate::TierKind::Dram);
        self.tiers[..dram.map_or(0, |index| index + 1)].iter().filter(|tier| tier.is_shared())
    }
}
