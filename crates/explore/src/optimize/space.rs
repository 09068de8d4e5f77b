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

    /// Where a design stands: for each figure, 0 at its first value and 1 at its last. `place` may be shorter.
    pub fn place(&self, design: u64, place: &mut [f64]) {
        let mut rest = design;
        for (index, figure) in self.figures.iter().enumerate().rev() {
            let count = figure.values.len() as u64;
            if let Some(place) = place.get_mut(index) {
                *place = if count > 1 { (rest % count) as f64 / (count - 1) as f64 } else { 0.0 };
            }
            rest /= count;
        }
    }

    /// Design number `number` of a sequence that is spread over the whole space: each figure's value follows multiples of
    /// an irrational number of its own (Roberts 2018, "The unreasonable effectiveness of quasirandom sequences").
    #[must_use]
    pub fn spread(&self, number: u64) -> u64 {
        // The real root of x^(d + 1) = x + 1, by the fixed-point iteration x = (1 + x)^(1 / (d + 1)).
        let power = 1.0 / (self.figures.len() + 1) as f64;
        let root = (0..40).fold(2.0_f64, |root, _| libm::pow(1.0 + root, power));
        let mut step = 1.0;
        self.figures.iter().fold(0, |design, figure| {
            step /= root;
            let count = figure.values.len() as u64;
            let along = (0.5 + (number + 1) as f64 * step).fract();
            design * count + ((along * count as f64) as u64).min(count - 1)
        })
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
