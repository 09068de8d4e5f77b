//! What would help, for a person: one sentence, then a table.

use memwall_units::Picos;

use super::columns::Columns;
use super::layout::{Tone, View, clean, shorten, wrap};
use crate::number::{percent, significant, times};
use crate::wall::tier_in_words;
use crate::whatif::LEAST_EFFECT;
use crate::{ParameterReport, WhatIfDocument, WhatIfReport};

impl WhatIfDocument {
    /// The document as text for a terminal, with at most `top` figures a case; fewer where the others do nothing.
    #[must_use]
    pub fn to_table(&self, top: usize, view: View) -> String {
        let blocks: Vec<String> = self.cases.iter().map(|case| block(case, top, view)).collect();
        if blocks.is_empty() { "No cases.\n".to_owned() } else { blocks.join("\n") }
    }
}

fn block(case: &WhatIfReport, top: usize, view: View) -> String {
    let what = format!("{} on {}: {}", case.model, case.machine, case.workload);
    let mut text = view.paint(Tone::Title, &clean(&case.name)) + "\n";
    text += &wrap(&clean(&what), view.width, "", "");
    let now = format!("Now {}, bound by {}.", Picos::from_secs_f64_ceil(case.time_s), case.bound_by);
    text += &(view.paint(Tone::Dim, &clean(&now)) + "\n\n");
    text += &(view.paint(Tone::Title, wrap(&clean(&case.advice), view.width, "", "").trim_end()) + "\n\n");
    let matters = |one: &&ParameterReport| view.verbose || does_anything(one);
    let shown: Vec<&ParameterReport> = case.parameters.iter().filter(matters).take(top).collect();
    let mut table = Columns::new(None);
    let mut add = |heading: &str, side: char, drop: u8, cell: &dyn Fn(&ParameterReport) -> String| {
        table.add(heading, side, drop, shown.iter().map(|one| cell(one)));
    };
    add("parameter", '<', 0, &|one| shorten(short_path(&one.path), 34));
    add("now", '>', 6, &|one| one.value.clone());
    add("change", '>', 2, &|one| change(one.change));
    add("time", '>', 0, &|one| effect(one.time_replanned));
    add("same plans", '>', 1, &|one| effect(one.time_fixed));
    add("energy", '>', 4, &|one| effect(one.energy));
    add("cost", '>', 5, &|one| effect(one.cost));
    add("moves the wall", '<', 3, &|one| {
        let moves = one.wall_moves.as_ref();
        moves.map(|moves| format!("{} to {}", factor(moves.factor), moves.to)).unwrap_or_default()
    });
    text += &table.fit(view).render(view);
    let hidden = case.parameters.len() - shown.len();
    if hidden > 0 {
        let line = format!("  and {hidden} more that matter less (--top, -v)");
        text += &(view.paint(Tone::Dim, &line) + "\n");
    }
    text
}

/// What to change first, in one sentence; `parameters` are in order.
pub(crate) fn advice(bound_by: &str, by: f64, parameters: &[ParameterReport]) -> String {
    let helps = |one: &&ParameterReport| one.time_replanned.is_some_and(|time| time <= -LEAST_EFFECT);
    let mut best = parameters.iter().filter(helps);
    let gain = |one: &ParameterReport| percent(-one.time_replanned.unwrap_or(0.0));
    let Some(first) = best.next() else {
        return format!(
            "No single figure matters: none of them, {} better, takes even {} off the time.",
            percent(by),
            percent(LEAST_EFFECT)
        );
    };
    let direction = if first.change > 0.0 { "more" } else { "less" };
    let what = in_words(&first.path);
    let off = gain(first);
    let mut text =
        format!("Change {what} first: {} {direction} takes {off} off the time", percent(first.change.abs()));
    if let Some(next) = best.next() {
        text += &format!(", where the next best, {}, takes {}", in_words(&next.path), gain(next));
    }
    text + &match &first.wall_moves {
        Some(moves) => {
            format!("; at {} the wall moves from {bound_by} to {}.", factor(moves.factor), moves.to)
        }
        None => format!("; however much better it gets, {bound_by} stays the wall."),
    }
}

/// `hardware.memory.hbm.bandwidth` as "the HBM bandwidth".
fn in_words(path: &str) -> String {
    let keys: Vec<String> = path.split('.').map(|key| key.replace('_', " ")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    match keys.as_slice() {
        ["hardware", "memory", tier, key] => format!("the {} {key}", tier_in_words(tier)),
        ["hardware", engine, "peak", format] => format!("the {format} peak of the {engine} engine"),
        ["hardware", engine, "peak"] => format!("the peak of the {engine} engine"),
        ["hardware", "power", "tdp"] => "the power limit".to_owned(),
        ["software", key] => format!("the software's {key}"),
        ["system", "fabric", "levels", level, key] => format!("the {key} of {level}"),
        [.., last] => format!("the {last}"),
        [] => String::new(),
    }
}

fn short_path(path: &str) -> &str {
    let path = path.strip_prefix("hardware.").unwrap_or(path);
    path.strip_prefix("system.fabric.levels.").unwrap_or(path)
}

fn does_anything(one: &ParameterReport) -> bool {
    [one.time_fixed, one.time_replanned].iter().flatten().any(|change| change.abs() >= LEAST_EFFECT)
}

fn change(part: f64) -> String {
    format!("{}{} %", if part > 0.0 { "+" } else { "-" }, significant(part.abs() * 100.0, 3))
}

/// A change with its sign, to a tenth of a percent.
fn effect(part: Option<f64>) -> String {
    part.map(|part| {
        let text = format!("{:+.1} %", part * 100.0);
        if text == "+0.0 %" || text == "-0.0 %" { "0".to_owned() } else { text }
    })
    .unwrap_or_default()
}

/// `1.7x`; `1/2.4` of what has to become less.
fn factor(value: f64) -> String {
    if value < 1.0 { format!("1/{}", significant(1.0 / value, 3)) } else { times(value) }
}
