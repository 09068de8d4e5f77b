//! An optimisation for people.

use std::collections::BTreeSet;

use super::columns::Columns;
use super::layout::View;
use super::{clean, paragraph, shorten};
use crate::number::{count, percent, significant};
use crate::sweep::short_name;
use crate::{Cell, DesignReport, FreeAxis, MetricUnit, OptimizeDocument, metric_text};

/// The most designs that are shown.
const SHOWN: usize = 20;

impl OptimizeDocument {
    /// The document as text for a terminal: what was looked at, and the designs nothing beats, evenly chosen where they
    /// are many.
    #[must_use]
    pub fn to_table(&self, view: View) -> String {
        let mut text = clean(&self.scenario) + "\n";
        if let Some(description) = &self.description {
            text += &paragraph(description, view);
        }
        text.push('\n');
        text += &paragraph(&self.looked_at(), view);
        text.push('\n');
        let shown = self.shown();
        text += &self.table(&shown, view);
        if let Some(sentence) = self.advice() {
            text.push('\n');
            text += &paragraph(&sentence, view);
        }
        text
    }

    /// The front where it is short; of a longer one designs evenly chosen, and what the advice is about.
    fn shown(&self) -> Vec<&DesignReport> {
        let last = self.designs.len().saturating_sub(1);
        let better = self.better_than_it_is().and_then(|better| better.design);
        let chosen = |at: usize| {
            let even = last < SHOWN || (0..SHOWN).any(|row| row * last / (SHOWN - 1) == at);
            even || self.designs[at].design == better
        };
        (0..self.designs.len()).filter(|at| chosen(*at)).map(|at| &self.designs[at]).collect()
    }

    /// What the parameters are called: by their last keys where these differ.
    fn names(&self) -> Vec<String> {
        let last = |axis: &FreeAxis| axis.path.rsplit('.').next().unwrap_or_default().to_owned();
        let short: Vec<String> = self.axes.iter().map(last).collect();
        let differ = short.iter().collect::<BTreeSet<_>>().len() == short.len();
        if differ { short } else { self.axes.iter().map(|axis| short_name(&axis.path)).collect() }
    }

    fn looked_at(&self) -> String {
        let mut text = format!("{} designs screened with bound", count(self.screened as f64));
        let mut out = Vec::new();
        if self.unfit > 0 {
            out.push(format!("{} cannot hold the workload or be made", count(self.unfit as f64)));
        }
        for limit in self.at_most.iter().filter(|limit| limit.beyond > 0) {
            let least = quantity(limit.objective, Some(limit.limit));
            out.push(format!("{} are over {least} of {}", count(limit.beyond as f64), limit.objective));
        }
        if !out.is_empty() {
            text += &format!(": {}", out.join(", "));
        }
        let front = count(self.designs.len() as f64);
        let goals = match self.minimize.as_slice() {
            [one] => format!("{front} of them is the best in {one}"),
            many => format!("no other one beats {front} of them in {}", many.join(" and ")),
        };
        let settled = if self.settled {
            "; none of the others looks better"
        } else {
            "; `optimize.simulate` was reached, so there may be better ones"
        };
        text + &format!(". {} simulated; {goals}{settled}.", count(self.simulated as f64))
    }

    fn table(&self, designs: &[&DesignReport], view: View) -> String {
        let rows: Vec<&DesignReport> =
            std::iter::once(&self.as_it_is).chain(designs.iter().copied()).collect();
        let mut table = Columns::new(None);
        table.add("design", '>', 0, rows.iter().map(|row| name(row)));
        for (at, (axis, name)) in self.axes.iter().zip(self.names()).enumerate() {
            let unit = if axis.unit.is_empty() { String::new() } else { format!(" ({})", axis.unit) };
            let value = |row: &&DesignReport| match row.values.get(at) {
                Some(Cell::Number(number)) => significant(*number, 4),
                Some(Cell::Text(text)) => shorten(&clean(text), 24),
                _ => String::new(),
            };
            table.add(&format!("{name}{unit}"), '>', 0, rows.iter().map(value));
        }
        // What was asked for stays, however narrow the terminal.
        let drop =
            |objective: &str, otherwise: u8| if self.minimize.contains(&objective) { 0 } else { otherwise };
        table.add("bound", '>', 1, rows.iter().map(|row| quantity("time", row.bound_s)));
        table.add("simulated", '>', 0, rows.iter().map(|row| quantity("time", Some(row.time_s))));
        table.add("area", '>', drop("area", 2), rows.iter().map(|row| quantity("area", row.area_mm2)));
        table.add("cost", '>', drop("cost", 3), rows.iter().map(|row| quantity("cost", row.cost_usd)));
        table.add("power", '>', drop("power", 4), rows.iter().map(|row| quantity("power", row.power_w)));
        table.add("energy", '>', 5, rows.iter().map(|row| metric_text(row.energy_j, MetricUnit::Joules)));
        table.add("bound by", '<', 6, rows.iter().map(|row| clean(&row.bound_by)));
        table.fit(view).render(view)
    }

    /// What to do, if there is something better to do than nothing.
    fn advice(&self) -> Option<String> {
        let better = self.better_than_it_is()?;
        let (first, others) = self.minimize.split_first()?;
        let (score, own) = (better.score(first)?, self.as_it_is.score(first)?);
        let without =
            if others.is_empty() { String::new() } else { format!("With no more {}, ", others.join(" or ")) };
        let named = self.axes.iter().zip(self.names());
        let changes = named.zip(&better.values).map(|((axis, name), value)| {
            let value = match value {
                Cell::Number(number) => significant(*number, 4),
                Cell::Text(text) => clean(text),
                Cell::Empty => String::new(),
            };
            format!("{name} {value} {}", axis.unit).trim_end().to_owned()
        });
        let sentence = format!(
            "{without}design {} has {} less {first} than the machine as it is: {}.",
            name(better),
            percent(1.0 - score / own),
            changes.collect::<Vec<_>>().join(", "),
        );
        Some(sentence)
    }
}

fn name(design: &DesignReport) -> String {
    design.design.map_or_else(|| "as it is".to_owned(), |number| number.to_string())
}

/// `814 mm2`, `$3120`, `6.6 ms`, `700 W`.
fn quantity(objective: &str, value: Option<f64>) -> String {
    let Some(value) = value else { return String::new() };
    match objective {
        "time" => metric_text(value, MetricUnit::Seconds),
        "area" => format!("{} mm2", significant(value, 4)),
        "cost" => format!("${value:.0}"),
        _ => metric_text(value, MetricUnit::Watts),
    }
}
