//! `optimize:`: what designs are to be good at, and what they must not pass.

use memwall_units::{Area, Picos, Watts};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::node::Node;
use crate::source::Sources;
use crate::typed;

/// Designs that are simulated when nobody says how many.
const SIMULATE: u32 = 256;
/// The most designs that are simulated.
const MOST_SIMULATED: u32 = 100_000;

/// Something of which less is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// How long the workload takes.
    Time,
    /// Area of the compute dies.
    Area,
    /// What the device costs to make.
    Cost,
    /// What the device would draw with everything at its peak.
    Power,
}

impl Objective {
    /// The word in a scenario.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Area => "area",
            Self::Cost => "cost",
            Self::Power => "power",
        }
    }
}

/// What to look for among the designs of `sweep:`.
#[derive(Debug, Clone, PartialEq)]
pub struct Optimize {
    /// What designs are to be good at: at least one.
    pub minimize: Vec<Objective>,
    /// What they must not pass: seconds, square millimetres, US dollars, watts.
    pub at_most: Vec<(Objective, f64)>,
    /// How many designs are simulated at most.
    pub simulate: u32,
}

/// What to look for among the designs that `sweep:` spans, for `memwall optimize`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OptimizeSpec {
    /// What designs are to be good at. The result is all designs that no other beats in one of these without losing in
    /// another.
    pub minimize: Vec<Objective>,
    /// Designs that pass one of these are out.
    pub at_most: Option<AtMostSpec>,
    /// How many designs are simulated at most, those first that look best by what was simulated before. Default 256.
    pub simulate: Option<u32>,
}

/// Limits of a design.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AtMostSpec {
    /// How long the workload may take.
    pub time: Option<Picos>,
    /// Area of the compute dies.
    pub area: Option<Area>,
    /// What the device may cost to make, in US dollars.
    pub cost: Option<f64>,
    /// What the device may draw with everything at its peak.
    pub power: Option<Watts>,
}

/// Reads the block; adds all that is wrong with it.
pub(crate) fn optimize(sources: &Sources, block: &Node, problems: &mut Diagnostics) -> Option<Optimize> {
    let spec: OptimizeSpec = typed::read(sources, block, "optimize", problems)?;
    let mut wrong = |key: &str, message: String, label: &str| {
        let place = block.get(key).map_or(block.place, |node| node.place);
        let problem = Diagnostic::at(sources, place, message, label);
        problems.push(problem.with_path(format!("optimize.{key}")));
    };
    let mut minimize = spec.minimize;
    minimize.dedup();
    if minimize.is_empty() {
        wrong("minimize", "nothing to minimize".to_owned(), "such as `[time, area]`");
        return None;
    }
    let simulate = spec.simulate.unwrap_or(SIMULATE);
    if !(1..=MOST_SIMULATED).contains(&simulate) {
        wrong(
            "simulate",
            format!("{simulate} designs cannot be simulated"),
            &format!("1 to {MOST_SIMULATED}"),
        );
        return None;
    }
    let limits = spec.at_most.unwrap_or_default();
    let at_most = [
        (Objective::Time, limits.time.map(Picos::as_secs_f64)),
        (Objective::Area, limits.area.map(|area| area.0)),
        (Objective::Cost, limits.cost),
        (Objective::Power, limits.power.map(|power| power.0)),
    ];
    if limits.cost.is_some_and(|cost| !(cost > 0.0 && cost.is_finite())) {
        wrong(
            "at_most",
            "a cost that nothing can have".to_owned(),
            "expected US dollars, such as `cost: 5000`",
        );
        return None;
    }
    let at_most = at_most.into_iter().filter_map(|(objective, limit)| Some((objective, limit?))).collect();
    Some(Optimize { minimize, at_most, simulate })
}
