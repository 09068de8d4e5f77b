//! What a change of each figure of a machine does, as the data that every output format prints.

use serde::Serialize;

use crate::csv::write_line;
use crate::{CaseReport, EnergyReport, SCHEMA_VERSION};

/// Below this a figure does not matter.
pub(crate) const LEAST_EFFECT: f64 = 0.001;

/// Every case of a scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WhatIfDocument {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The version of memwall that wrote it.
    pub memwall_version: &'static str,
    /// The scenario's name.
    pub scenario: String,
    /// What the scenario shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How much better each figure was made: 0.1 is 10 %.
    pub by: f64,
    /// The cases, in the order of the scenario.
    pub cases: Vec<WhatIfReport>,
}

/// One case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WhatIfReport {
    /// The case's name.
    pub name: String,
    /// The model.
    pub model: String,
    /// The work, for people.
    pub workload: String,
    /// The machine, for people.
    pub machine: String,
    /// What to change first, in words.
    pub advice: String,
    /// Its time as it is, in seconds.
    pub time_s: f64,
    /// Largest entry of the main engine's ledger as it is.
    pub bound_by: String,
    /// Its energy as it is.
    pub energy: EnergyReport,
    /// What the device costs to make as it is, in dollars.
    pub unit_cost_usd: Option<f64>,
    /// The figures, those that take most off the time (re-planned) first.
    pub parameters: Vec<ParameterReport>,
}

/// What a change of one figure does. Changes are parts: -0.053 is 5.3 % less.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ParameterReport {
    /// Where it is in a scenario: `hardware.memory.hbm.bandwidth`.
    pub path: String,
    /// Its value now.
    pub value: String,
    /// How it was changed: 0.1, or -0.1 of what is better when less.
    pub change: f64,
    /// Change of time with the plans held fixed.
    pub time_fixed: Option<f64>,
    /// Change of time with new plans.
    pub time_replanned: Option<f64>,
    /// Change of time over the change of the figure, both over their means: -1 where the time is as 1 over a bandwidth,
    /// 1 where it is as a latency.
    pub elasticity: Option<f64>,
    /// Change of energy; absent where some of it is not known.
    pub energy: Option<f64>,
    /// Change of the device's cost; absent for software and links, and where it is not known.
    pub cost: Option<f64>,
    /// The smallest change that moves the wall elsewhere, up to 64 times better.
    pub wall_moves: Option<WallMove>,
}

/// A wall that moves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WallMove {
    /// What the figure must be multiplied by.
    pub factor: f64,
    /// The wall as it is.
    pub from: String,
    /// The wall then.
    pub to: String,
}

impl WhatIfDocument {
    /// The document of `cases`, each figure made better by `by`.
    #[must_use]
    pub fn new(scenario: &str, description: Option<&str>, by: f64, cases: Vec<WhatIfReport>) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            memwall_version: env!("CARGO_PKG_VERSION"),
            scenario: scenario.to_owned(),
            description: description.map(str::to_owned),
            by,
            cases,
        }
    }

    /// The document as indented JSON, a newline at its end.
    ///
    /// # Errors
    /// When serde cannot write it, which no content of a document causes.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// A line for each figure of each case, a header line first.
    #[must_use]
    pub fn to_csv(&self) -> String {
        const COLUMNS: [&str; 11] = [
            "case",
            "parameter",
            "value",
            "change",
            "time_fixed",
            "time_replanned",
            "elasticity",
            "energy",
            "cost",
            "wall_moves_at",
            "wall_moves_to",
        ];
        let mut text = String::new();
        write_line(&mut text, COLUMNS.iter().map(|name| (*name).to_owned()));
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        for (case, one) in
            self.cases.iter().flat_map(|case| case.parameters.iter().map(move |one| (case, one)))
        {
            let moves = one.wall_moves.as_ref();
            let fields = [
                case.name.clone(),
                one.path.clone(),
                one.value.clone(),
                one.change.to_string(),
                number(one.time_fixed),
                number(one.time_replanned),
                number(one.elasticity),
                number(one.energy),
                number(one.cost),
                number(moves.map(|moves| moves.factor)),
                moves.map(|moves| moves.to.clone()).unwrap_or_default(),
            ];
            write_line(&mut text, fields.into_iter());
        }
        text
    }
}

impl WhatIfReport {
    /// The report of a case that as it is gave `base`.
    #[must_use]
    pub fn new(base: &CaseReport, by: f64, mut parameters: Vec<ParameterReport>) -> Self {
        let effect = |one: &ParameterReport| one.time_replanned.unwrap_or(0.0);
        // Equal ones stay in the machine's order.
        parameters.sort_by(|a, b| effect(a).total_cmp(&effect(b)));
        let machine = base.team.as_ref().map_or_else(
            || base.device.title.clone(),
            |team| format!("{} ({} x {}, {})", team.system, team.ranks, base.device.title, team.parallel),
        );
        Self {
            name: base.name.clone(),
            model: base.model.clone(),
            workload: base.workload.clone(),
            machine,
            advice: crate::table::advice(&base.bound_by, by, &parameters),
            time_s: base.time_s,
            bound_by: base.bound_by.clone(),
            energy: base.energy.clone(),
            unit_cost_usd: crate::csv::unit_cost(base).map(|cost| cost.likely),
            parameters,
        }
    }
}
