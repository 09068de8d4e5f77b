//! The designs to choose from: every combination of values of a few figures of a device.

use memwall_hardware::{Device, DeviceParameter};

/// A figure that is free, and the values it may take.
#[derive(Debug, Clone, PartialEq)]
pub struct FreeFigure {
    /// Which figure.
    pub parameter: DeviceParameter,
    /// In the parameter's unit, in the order of the report.
    pub values: Vec<f64>,
}

/// All combinations of the values of free figures, numbered with the last figure turning fastest.
#[derive(Debug, Clone, PartialEq)]
pub struct DesignSpace {
    figures: Vec<FreeFigure>,
    designs: u64,
}

impl DesignSpace {
    /// The space of these figures; `None` where there are no designs, or more than `u64` counts.
    #[must_use]
    pub fn new(figures: Vec<FreeFigure>) -> Option<Self> {
        let designs =
            figures.iter().try_fold(1_u64, |all, figure| all.checked_mul(figure.values.len() as u64))?;
        (designs > 0).then_some(Self { figures, designs })
    }

    /// How many designs there are.
    #[must_use]
    pub const fn designs(&self) -> u64 {
        self.designs
    }

    /// The free figures.
    #[must_use]
    pub fn figures(&self) -> &[FreeFigure] {
        &self.figures
    }

    /// The values of a design, figure by figure.
    #[must_use]
    pub fn values(&self, design: u64) -> Vec<f64> {
        let mut values = vec![0.0; self.figures.len()];
        self.visit(design, |figure, value| values[figure] = value);
        values
    }

    /// Gives `device` the figures of a design.
    pub fn apply(&self, design: u64, device: &mut Device) {
        self.visit(design, |figure, value| self.figures[figure].parameter.set(device, value));
    }

    fn visit(&self, design: u64, mut see: impl FnMut(usize, f64)) {
        let mut rest = design;
        for (index, figure) in self.figures.iter().enumerate().rev() {
            let count = figure.values.len() as u64;
            see(index, figure.values[(rest % count) as usize]);
            rest /= count;
        }
    }
}
