//! What an optimisation leaves: how many designs were looked at, and those that no other beats.

use serde::Serialize;

use crate::csv::write_line;
use crate::{Cell, SCHEMA_VERSION};

/// The document of an optimisation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OptimizeDocument {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The version of memwall that wrote it.
    pub memwall_version: &'static str,
    /// `optimize`.
    pub kind: &'static str,
    /// The scenario's name.
    pub scenario: String,
    /// What the scenario shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What designs are to be good at: `time`, `area`, `cost`, `power`.
    pub minimize: Vec<&'static str>,
    /// What they must not pass.
    pub at_most: Vec<LimitReport>,
    /// What is free: a path into the scenario and the unit of its values.
    pub axes: Vec<FreeAxis>,
    /// Designs screened with `bound`: all there are.
    pub screened: u64,
    /// Of these, designs whose memory the workload does not fit, or that cannot be made.
    pub unfit: u64,
    /// Designs that were simulated.
    pub simulated: u64,
    /// Whether the search ended because no design that was not simulated looked good any more, rather than because
    /// enough were simulated.
    pub settled: bool,
    /// The machine as the scenario has it.
    pub as_it_is: DesignReport,
    /// The simulated designs that no other one beats in one objective without losing in another, the best in the first
    /// objective first.
    pub designs: Vec<DesignReport>,
}

/// A limit, and how many designs passed it: each is counted at the first limit that it passes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LimitReport {
    /// `time`, `area`, `cost`, `power`.
    pub objective: &'static str,
    /// Seconds, square millimetres, US dollars, watts.
    pub limit: f64,
    /// Designs beyond it.
    pub beyond: u64,
}

/// A parameter that is free.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FreeAxis {
    /// Its path.
    pub path: String,
    /// What its numbers are in; empty for plain numbers and for what is none.
    pub unit: String,
}

/// One design.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DesignReport {
    /// Its number in the grid of all axes, the last varying fastest; absent for the machine as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub design: Option<u64>,
    /// The values of its free parameters; empty where one of the machine as it is is not known.
    pub values: Vec<Cell>,
    /// Seconds at `bound` fidelity; absent where the workload does not fit.
    pub bound_s: Option<f64>,
    /// Area of its compute dies in square millimetres.
    pub area_mm2: Option<f64>,
    /// What it costs to make, in US dollars.
    pub cost_usd: Option<f64>,
    /// What it would draw with everything at its peak, in watts.
    pub power_w: Option<f64>,
    /// What simulating it gave: seconds.
    pub time_s: f64,
    /// The same: joules.
    pub energy_j: f64,
    /// The same: what it waits for most.
    pub bound_by: String,
}

impl DesignReport {
    /// What it scores in an objective; the time is the simulated one.
    #[must_use]
    pub fn score(&self, objective: &str) -> Option<f64> {
        match objective {
            "time" => Some(self.time_s),
            "area" => self.area_mm2,
            "cost" => self.cost_usd,
            _ => self.power_w,
        }
    }
}

impl OptimizeDocument {
    /// The version that documents of this program have.
    #[must_use]
    pub const fn versions() -> (u32, &'static str) {
        (SCHEMA_VERSION, env!("CARGO_PKG_VERSION"))
    }

    /// Of the designs that are no worse than the machine as it is in every objective but the first, the best in
    /// the first, if it is better there.
    #[must_use]
    pub fn better_than_it_is(&self) -> Option<&DesignReport> {
        let (first, others) = self.minimize.split_first()?;
        let own = |objective: &str| self.as_it_is.score(objective);
        let no_worse = |design: &&DesignReport| {
            others.iter().all(|objective| match (design.score(objective), own(objective)) {
                (Some(score), Some(own)) => score <= own * (1.0 + 1e-9),
                _ => false,
            })
        };
        let best = self
            .designs
            .iter()
            .filter(no_worse)
            .filter_map(|design| Some((design.score(first)?, design)))
            .min_by(|a, b| a.0.total_cmp(&b.0))?;
        (best.0 < own(first)?).then_some(best.1)
    }

    /// The document as indented JSON, a newline at its end.
    ///
    /// # Errors
    /// When serde cannot write it, which no content of a document causes.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// One line a design as CSV: the machine as it is, then the front.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut text = String::new();
        let axes = self.axes.iter().map(|axis| match axis.unit.as_str() {
            "" => axis.path.clone(),
            unit => format!("{} ({unit})", axis.path),
        });
        let figures = ["bound_s", "area_mm2", "cost_usd", "power_w", "time_s", "energy_j"];
        let design = std::iter::once("design".to_owned());
        write_line(
            &mut text,
            design.chain(axes).chain(figures.map(str::to_owned)).chain(["bound_by".to_owned()]),
        );
        for design in std::iter::once(&self.as_it_is).chain(&self.designs) {
            let number = design.design.map_or_else(|| "as it is".to_owned(), |design| design.to_string());
            let values = (0..self.axes.len())
                .map(|axis| design.values.get(axis).map_or_else(String::new, Cell::field));
            let known = [design.bound_s, design.area_mm2, design.cost_usd, design.power_w];
            let simulated = [Some(design.time_s), Some(design.energy_j)];
            let figures = known.into_iter().chain(simulated).map(figure);
            let bound_by = std::iter::once(design.bound_by.clone());
            write_line(&mut text, std::iter::once(number).chain(values).chain(figures).chain(bound_by));
        }
        text
    }
}

fn figure(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
