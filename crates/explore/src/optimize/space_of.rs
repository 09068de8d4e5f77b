//! From the axes of a sweep to spaces of designs: one for each choice of what no figure of a device is.

use memwall_hardware::{Device, DeviceParameter};
use memwall_scenario::{Axis, AxisValue, Case, Loader, Points, Scenario, Shown, Sweep};

use super::OptimizeError;
use super::space::{DesignSpace, FreeFigure};

/// Choices of other parts, software and settings; each is screened by itself.
const MOST_CHOICES: u64 = 64;

/// The axes of a sweep, sorted into figures of the device and other choices.
pub(super) struct Axes<'a> {
    scenario: &'a Scenario,
    all: &'a [Axis],
    grid: Vec<u64>,
    /// For each axis, the figure it turns; `None` where it is another choice.
    figures: Vec<Option<DeviceParameter>>,
}

/// One choice of everything that no figure is, and the designs it leaves.
pub(super) struct Choice {
    /// The case with the first value of every figure.
    pub case: Case,
    /// Its designs.
    pub space: DesignSpace,
    /// Number of each axis's value; of figures, 0.
    numbers: Vec<u64>,
}

impl<'a> Axes<'a> {
    pub fn new(scenario: &'a Scenario, sweep: &'a Sweep, device: &Device) -> Result<Self, OptimizeError> {
        let refuse = |reason: String| Err(OptimizeError::Refused(reason));
        if sweep.sample.is_some() {
            return refuse("designs are screened one and all: leave `sample` out".to_owned());
        }
        let mut figures = Vec::new();
        for axis in &sweep.axes {
            let (block, path) = axis.path.split_once('.').unwrap_or((&axis.path, ""));
            if !matches!(block, "hardware" | "software") {
                return refuse(format!(
                    "`{}` changes the work, and designs are compared on the same: free paths lead into `hardware` or \
                     `software`",
                    axis.path
                ));
            }
            figures.push((block == "hardware").then(|| DeviceParameter::find(device, path).ok()).flatten());
        }
        let axes = Self { scenario, all: &sweep.axes, grid: sweep.grid(), figures };
        match axes.choices() {
            1..=MOST_CHOICES => Ok(axes),
            more => refuse(format!(
                "{more} combinations of values that are no figures of a device, each of which is screened by itself: at \
                 most {MOST_CHOICES}"
            )),
        }
    }

    /// How many choices of what no figure is there are.
    pub fn choices(&self) -> u64 {
        let others = self.grid.iter().zip(&self.figures).filter(|(_, figure)| figure.is_none());
        others.fold(1, |product, (values, _)| product.saturating_mul(*values))
    }

    /// Choice number `choice`, read like any scenario: so is each value of each figure.
    pub fn choice(&self, choice: u64, loader: &dyn Loader) -> Result<Choice, OptimizeError> {
        let mut numbers = vec![0; self.all.len()];
        let mut rest = choice;
        for (axis, figure) in self.figures.iter().enumerate().rev() {
            if figure.is_none() {
                numbers[axis] = rest % self.grid[axis];
                rest /= self.grid[axis];
            }
        }
        let mut points = Points::new(self.scenario, self.all, loader);
        let case = points.case(&self.values(&numbers))?;
        let mut free = Vec::new();
        for (axis, figure) in self.figures.iter().enumerate() {
            let Some(parameter) = figure else { continue };
            let mut values = Vec::new();
            for number in 0..self.grid[axis] {
                let mut changed = numbers.clone();
                changed[axis] = number;
                values.push(parameter.get(&points.case(&self.values(&changed))?.device));
            }
            free.push(FreeFigure { parameter: parameter.clone(), values });
        }
        let space = DesignSpace::new(free)
            .ok_or_else(|| OptimizeError::Refused("more designs than can be counted".to_owned()))?;
        Ok(Choice { case, space, numbers })
    }

    /// Number of each axis's value in a design of a choice.
    pub fn numbers(&self, choice: &Choice, design: u64) -> Vec<u64> {
        let mut numbers = choice.numbers.clone();
        let mut rest = design;
        for (axis, figure) in self.figures.iter().enumerate().rev() {
            if figure.is_some() {
                numbers[axis] = rest % self.grid[axis];
                rest /= self.grid[axis];
            }
        }
        numbers
    }

    /// The values of those numbers, as a point of the sweep.
    pub fn values(&self, numbers: &[u64]) -> Vec<AxisValue> {
        let axes = self.all.iter().zip(numbers).zip(&self.grid);
        axes.map(|((axis, number), steps)| axis.nth(*number, *steps)).collect()
    }

    /// What a point of the sweep with these numbers is called: its place in the grid of all axes.
    pub fn index(&self, numbers: &[u64]) -> u64 {
        numbers.iter().zip(&self.grid).fold(0, |index, (number, steps)| index * steps + number)
    }

    /// The values that `device` has, in the units of the axes; `None` where an axis is no figure.
    pub fn own_values(&self, device: &Device, choice: &Choice) -> Vec<Option<f64>> {
        let own = |(axis, figure): (&Axis, &Option<DeviceParameter>)| {
            let parameter = figure.as_ref()?;
            let Shown::Number(shown) = axis.nth(0, 1).shown else { return None };
            let first = parameter.get(&choice.case.device);
            (first > 0.0).then(|| parameter.get(device) * (shown / first))
        };
        self.all.iter().zip(&self.figures).map(own).collect()
    }
}
