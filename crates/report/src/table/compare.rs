//! Cases side by side, for a person: what differs, what that did, and where.

use memwall_units::{Bytes, Joules, Picos};

use super::case::section;
use super::columns::Columns;
use super::layout::{Tone, View, clean, shorten, wrap};
use crate::number::{count, percent, signed_percent, significant};
use crate::{CaseReport, CompareDocument, FigureChange, InputChange, PairReport};

/// Inputs and stalls shown unless all are asked for.
const SHOWN: usize = 12;
/// A stall that differs by less than this part of the time is not worth a line.
const LEAST_PART: f64 = 0.001;

impl CompareDocument {
    /// The document as text for a terminal.
    #[must_use]
    pub fn to_table(&self, view: View) -> String {
        let blocks: Vec<String> = self.comparisons.iter().map(|pair| block(pair, view)).collect();
        if blocks.is_empty() { "Nothing to compare.\n".to_owned() } else { blocks.join("\n") }
    }
}

fn block(pair: &PairReport, view: View) -> String {
    let title = wrap(&clean(&format!("{} -> {}", pair.from, pair.to)), view.width, "", "  ");
    let mut text = view.paint(Tone::Title, title.trim_end()) + "\n";
    text += &wrap(&clean(&pair.verdict), view.width, "", "");
    text += &section(view, "What differs");
    text += &inputs(&pair.inputs, view);
    text += &section(view, "What it did");
    text += &figures(pair, view);
    if let Some(engine) = &pair.engine {
        text += &section(view, &format!("Where the time of the {engine} engine went"));
        text += &stalls(pair, view);
    }
    if !pair.bytes.is_empty() {
        text += &section(view, "What moved");
        text += &changes(&pair.bytes.iter().collect::<Vec<_>>(), "tier", bytes, view);
    }
    text
}

fn inputs(inputs: &[InputChange], view: View) -> String {
    if inputs.is_empty() {
        return view.paint(Tone::Dim, "  nothing") + "\n";
    }
    let most = if view.verbose { usize::MAX } else { SHOWN };
    let shown = || inputs.iter().take(most);
    let value =
        |value: &Option<String>| value.as_deref().map_or("(none)".to_owned(), |text| shorten(text, 30));
    let mut table = Columns::new(None);
    table.add("value", '<', 0, shown().map(|input| shorten(&input.path, 44)));
    table.add("before", '<', 0, shown().map(|input| value(&input.from)));
    table.add("after", '<', 0, shown().map(|input| value(&input.to)));
    let mut text = table.fit(view).render(view);
    if inputs.len() > most {
        text +=
            &(view.paint(Tone::Dim, &format!("  and {} more (-v shows all)", inputs.len() - most)) + "\n");
    }
    text
}

fn figures(pair: &PairReport, view: View) -> String {
    let name = |one: &FigureChange| {
        match one.name.as_str() {
            "time_s" => "time",
            "tokens_per_s" => "tokens/s",
            "ttft_s" => "prefill (TTFT)",
            "tpot_s" => "a token (TPOT)",
            "mfu" => "utilisation (MFU)",
            "energy_j" => "energy",
            "average_power_w" => "average power",
            "area_mm2" => "area",
            "unit_cost_usd" => "unit cost",
            other => other,
        }
        .to_owned()
    };
    let text = |one: &FigureChange, value: Option<f64>| {
        let Some(value) = value else { return String::new() };
        match one.name.as_str() {
            "time_s" | "ttft_s" | "tpot_s" => seconds(value),
            "mfu" => percent(value),
            "energy_j" => Joules(value).to_string(),
            "average_power_w" => format!("{} W", significant(value, 3)),
            "area_mm2" => format!("{} mm2", significant(value, 3)),
            "unit_cost_usd" => format!("${}", significant(value.round(), 3)),
            _ => count(value),
        }
    };
    let change = |one: &FigureChange| one.change.map(signed_percent).unwrap_or_default();
    // The same device twice needs no telling.
    let silicon = |one: &FigureChange| matches!(one.name.as_str(), "area_mm2" | "unit_cost_usd");
    let same = |one: &FigureChange| silicon(one) && one.difference == Some(0.0);
    let list: Vec<&FigureChange> = pair.figures.iter().filter(|one| !same(one)).collect();
    let wall = |wall: &String| std::iter::once(wall.clone());
    let mut table = Columns::new(None);
    table.add("", '<', 0, list.iter().copied().map(name).chain(std::iter::once("bound by".to_owned())));
    table.add("before", '>', 0, list.iter().map(|one| text(one, one.from)).chain(wall(&pair.bound_by_from)));
    table.add("after", '>', 0, list.iter().map(|one| text(one, one.to)).chain(wall(&pair.bound_by_to)));
    table.add("change", '>', 0, list.iter().copied().map(change));
    table.fit(view).render(view)
}

// The differences add up to that of the time: the last line.
fn stalls(pair: &PairReport, view: View) -> String {
    let time = pair.figures.iter().find(|one| one.name == "time_s");
    let least = time.and_then(|time| time.from).unwrap_or(0.0) * LEAST_PART;
    let matters = |one: &&FigureChange| view.verbose || one.difference.unwrap_or(0.0).abs() >= least;
    let most = if view.verbose { usize::MAX } else { SHOWN };
    let mut shown: Vec<&FigureChange> = pair.stalls.iter().filter(matters).take(most).collect();
    let all = FigureChange {
        name: "all of it".to_owned(),
        ..time.cloned().unwrap_or(FigureChange {
            name: String::new(),
            from: None,
            to: None,
            difference: None,
            change: None,
        })
    };
    let sum = |get: fn(&FigureChange) -> Option<f64>| -> f64 { pair.stalls.iter().filter_map(get).sum() };
    let seen = |get: fn(&FigureChange) -> Option<f64>| -> f64 { shown.iter().copied().filter_map(get).sum() };
    let rest = |get: fn(&FigureChange) -> Option<f64>| sum(get) - seen(get);
    let others = FigureChange {
        name: "other".to_owned(),
        from: Some(rest(|one| one.from)),
        to: Some(rest(|one| one.to)),
        difference: Some(rest(|one| one.difference)),
        change: None,
    };
    if shown.len() < pair.stalls.len() {
        shown.push(&others);
    }
    shown.push(&all);
    changes(&shown, "", seconds, view)
}

fn changes(list: &[&FigureChange], heading: &str, text: fn(f64) -> String, view: View) -> String {
    let cell = |value: Option<f64>| value.map(text).unwrap_or_default();
    let signed = |value: Option<f64>| match value {
        Some(value) if value < 0.0 => format!("-{}", text(-value)),
        Some(value) if value > 0.0 => format!("+{}", text(value)),
        Some(_) => "0".to_owned(),
        None => String::new(),
    };
    let mut table = Columns::new(None);
    table.add(heading, '<', 0, list.iter().map(|one| shorten(&one.name, 30)));
    table.add("before", '>', 0, list.iter().map(|one| cell(one.from)));
    table.add("after", '>', 0, list.iter().map(|one| cell(one.to)));
    table.add("difference", '>', 0, list.iter().map(|one| signed(one.difference)));
    table.fit(view).render(view)
}

fn seconds(value: f64) -> String {
    Picos::from_secs_f64_ceil(value.max(0.0)).to_string()
}

fn bytes(value: f64) -> String {
    Bytes(value.max(0.0) as u64).to_string()
}

/// What became of the time, and what most of that is.
pub(crate) fn verdict_of(old: &CaseReport, new: &CaseReport, stalls: &[FigureChange]) -> String {
    let difference = new.time_s - old.time_s;
    let change = crate::number::ratio(difference, old.time_s).unwrap_or(0.0);
    if change.abs() < 0.000_5 {
        return "It takes as long as before.".to_owned();
    }
    let more = if difference > 0.0 { "more" } else { "less" };
    let by = if change > 1.0 {
        format!("{} times as long", significant(1.0 + change, 3))
    } else {
        format!("{} {more} time", percent(change.abs()))
    };
    let same_way = |one: &&FigureChange| one.difference.is_some_and(|part| part * difference > 0.0);
    let most = stalls.iter().find(same_way);
    let blame = most.map(|one| {
        let part = one.difference.unwrap_or(0.0) / difference;
        let what = if one.name == "computing" { "computing".to_owned() } else { one.name.clone() };
        match part {
            part if part >= 0.995 => format!("; that is {what}"),
            part => format!("; {} of that is {what}", percent(part)),
        }
    });
    let wall = if old.bound_by == new.bound_by {
        format!(", and {} is still the wall", new.bound_by)
    } else {
        format!(", and the wall moved from {} to {}", old.bound_by, new.bound_by)
    };
    format!("It takes {by}{}{wall}.", blame.unwrap_or_default())
}
