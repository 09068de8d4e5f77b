//! Cases side by side: what differs in their input, and what that did.

use serde::Serialize;

use crate::csv::{unit_cost, write_line};
use crate::number::ratio;
use crate::{CaseReport, SCHEMA_VERSION, cause_text};

/// Everything compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CompareDocument {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The version of memwall that wrote it.
    pub memwall_version: &'static str,
    /// Pairs, each of one case with the one it is compared with.
    pub comparisons: Vec<PairReport>,
}

/// One case beside another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PairReport {
    /// What the first is called.
    pub from: String,
    /// What the second is called.
    pub to: String,
    /// Values of the input that differ.
    pub inputs: Vec<InputChange>,
    /// What changed, in words.
    pub verdict: String,
    /// Figures of both.
    pub figures: Vec<FigureChange>,
    /// The wall of the first.
    pub bound_by_from: String,
    /// The wall of the second.
    pub bound_by_to: String,
    /// The engine whose time the next list divides.
    pub engine: Option<String>,
    /// Where its time went, in seconds of the run: the differences add up to that of the time. The largest first.
    pub stalls: Vec<FigureChange>,
    /// Bytes read from and written to each tier.
    pub bytes: Vec<FigureChange>,
}

/// A value of the input that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InputChange {
    /// Where it stands in the scenario.
    pub path: String,
    /// In the first; absent where it does not have it.
    pub from: Option<String>,
    /// In the second.
    pub to: Option<String>,
}

/// A figure of both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FigureChange {
    /// `time_s`, `bandwidth(hbm)`, `hbm`.
    pub name: String,
    /// Of the first; absent where it has none.
    pub from: Option<f64>,
    /// Of the second.
    pub to: Option<f64>,
    /// The second less the first.
    pub difference: Option<f64>,
    /// That over the first.
    pub change: Option<f64>,
}

impl FigureChange {
    fn new(name: &str, from: Option<f64>, to: Option<f64>) -> Self {
        let difference = from.zip(to).map(|(from, to)| to - from);
        let change = from.zip(difference).and_then(|(from, difference)| ratio(difference, from));
        Self { name: name.to_owned(), from, to, difference, change }
    }
}

impl CompareDocument {
    /// The document of these pairs.
    #[must_use]
    pub fn new(comparisons: Vec<PairReport>) -> Self {
        Self { schema_version: SCHEMA_VERSION, memwall_version: env!("CARGO_PKG_VERSION"), comparisons }
    }

    /// The document as indented JSON, a newline at its end.
    ///
    /// # Errors
    /// When serde cannot write it, which no content of a document causes.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// A line for everything that is compared, a header line first.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let mut text = String::new();
        let header = ["from", "to", "what", "name", "value_from", "value_to", "difference", "change"];
        write_line(&mut text, header.into_iter().map(str::to_owned));
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        for pair in &self.comparisons {
            let mut line = |what: &str, name: &str, rest: [String; 4]| {
                let start = [pair.from.clone(), pair.to.clone(), what.to_owned(), name.to_owned()];
                write_line(&mut text, start.into_iter().chain(rest));
            };
            for input in &pair.inputs {
                let values = [&input.from, &input.to].map(|value| value.clone().unwrap_or_default());
                let [from, to] = values;
                line("input", &input.path, [from, to, String::new(), String::new()]);
            }
            let walls = [pair.bound_by_from.clone(), pair.bound_by_to.clone(), String::new(), String::new()];
            line("figure", "bound_by", walls);
            for (what, list) in [("figure", &pair.figures), ("stall", &pair.stalls), ("bytes", &pair.bytes)] {
                for one in list {
                    let numbers = [one.from, one.to, one.difference, one.change].map(number);
                    line(what, &one.name, numbers);
                }
            }
        }
        text
    }
}

impl PairReport {
    /// `new` beside `old`; `inputs` are the values that differ.
    #[must_use]
    pub fn new(
        (from, old): (&str, &CaseReport),
        (to, new): (&str, &CaseReport),
        inputs: Vec<InputChange>,
    ) -> Self {
        let engine = old.main_engine.clone();
        let stalls = engine.as_deref().map(|engine| stalls(engine, old, new)).unwrap_or_default();
        Self {
            from: from.to_owned(),
            to: to.to_owned(),
            inputs,
            verdict: crate::table::verdict_of(old, new, &stalls),
            figures: figures(old, new),
            bound_by_from: old.bound_by.clone(),
            bound_by_to: new.bound_by.clone(),
            engine,
            stalls,
            bytes: bytes(old, new),
        }
    }
}

fn figures(old: &CaseReport, new: &CaseReport) -> Vec<FigureChange> {
    type Get = fn(&CaseReport) -> Option<f64>;
    let list: [(&str, Get); 9] = [
        ("time_s", |case| Some(case.time_s)),
        ("tokens_per_s", |case| case.tokens_per_s.filter(|rate| *rate > 0.0)),
        ("ttft_s", |case| case.ttft_s),
        ("tpot_s", |case| case.tpot_s),
        ("mfu", |case| case.mfu),
        ("energy_j", |case| known(case).then_some(case.energy.total_j.likely)),
        ("average_power_w", |case| {
            case.energy.average_power_w.filter(|_| known(case)).map(|power| power.likely)
        }),
        ("area_mm2", |case| Some(case.silicon.as_ref()?.area.total_mm2.likely)),
        ("unit_cost_usd", |case| unit_cost(case).map(|cost| cost.likely)),
    ];
    let change = |(name, get): (&str, Get)| FigureChange::new(name, get(old), get(new));
    list.map(change).into_iter().filter(|one| one.from.is_some() || one.to.is_some()).collect()
}

fn known(case: &CaseReport) -> bool {
    case.energy.unknown.is_empty() && case.energy.total_j.likely > 0.0
}

/// Lines of an engine's ledger as seconds of the run: each unit's share of it.
fn stalls(engine: &str, old: &CaseReport, new: &CaseReport) -> Vec<FigureChange> {
    let lines = |case: &CaseReport| -> Vec<(String, f64)> {
        let Some(engine) = case.engines.iter().find(|known| known.name == engine) else { return Vec::new() };
        let seconds = |ps: u128| ps as f64 / f64::from(engine.units.max(1)) * 1e-12;
        let stalls = engine.stalls.iter().map(|stall| (cause_text(stall), seconds(stall.ps)));
        std::iter::once(("computing".to_owned(), seconds(engine.busy_ps))).chain(stalls).collect()
    };
    let mut changes = merged(&lines(old), &lines(new));
    let size = |one: &FigureChange| one.difference.unwrap_or(0.0).abs();
    changes.sort_by(|a, b| size(b).total_cmp(&size(a)));
    changes
}

fn bytes(old: &CaseReport, new: &CaseReport) -> Vec<FigureChange> {
    let lines = |case: &CaseReport| -> Vec<(String, f64)> {
        let moved = |tier: &crate::TierReport| tier.bytes_read as f64 + tier.bytes_written as f64;
        let used = case.tiers.iter().filter(|tier| moved(tier) > 0.0);
        used.map(|tier| (tier.name.clone(), moved(tier))).collect()
    };
    merged(&lines(old), &lines(new))
}

/// Lines by name, in the order of the first list, those only in the second after them. What a list lacks is nothing.
fn merged(old: &[(String, f64)], new: &[(String, f64)]) -> Vec<FigureChange> {
    let find =
        |list: &[(String, f64)], name: &str| list.iter().find(|one| one.0 == name).map_or(0.0, |one| one.1);
    let only_new = new.iter().filter(|one| old.iter().all(|known| known.0 != one.0));
    let names = old.iter().chain(only_new).map(|one| one.0.as_str());
    names.map(|name| FigureChange::new(name, Some(find(old, name)), Some(find(new, name)))).collect()
}
