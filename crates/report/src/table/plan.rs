//! A search for the best way to train, for people.

use super::columns::Columns;
use super::layout::{Tone, View, wrap};
use super::{clean, paragraph, shorten};
use crate::number::{count, percent, signed_percent};
use crate::{LoserReport, MetricUnit, PlanDocument, PlanReport, PlanRow, PublishedRow, metric_text};

/// The most plans of a front that are shown.
const FRONT_SHOWN: usize = 12;
/// The most values of a choice that are shown, the best of them.
const VALUES_SHOWN: usize = 6;
/// Columns that stand before the reasons.
const BEFORE_WHY: usize = 50;
/// A loss beyond which nobody wants to know more exactly.
const FAR: f64 = 10.0;

impl PlanDocument {
    /// The document as text for a terminal: of each case what was screened, the best plans, the plan that somebody used,
    /// and why other choices lost.
    #[must_use]
    pub fn to_table(&self, view: View) -> String {
        let mut text = clean(&self.scenario) + "\n";
        if let Some(description) = &self.description {
            text += &paragraph(description, view);
        }
        for case in &self.cases {
            text.push('\n');
            if self.cases.len() > 1 {
                text += &(view.paint(Tone::Heading, &clean(&case.name)) + "\n");
            }
            text += &case.text(view);
        }
        text
    }
}

impl PlanReport {
    fn text(&self, view: View) -> String {
        let mut text = paragraph(&self.looked_at(), view);
        let heading = |title: &str| format!("\n{}\n", view.paint(Tone::Heading, title));
        if !self.plans.is_empty() {
            text += &heading(if self.simulated > 0 {
                "Best plans, simulated"
            } else {
                "Best plans, as screened"
            });
            text += &table(&self.plans.iter().enumerate().map(numbered).collect::<Vec<_>>(), view);
            for (index, row) in self.plans.iter().enumerate() {
                let why = clean(row.failed.as_deref().unwrap_or(&row.why));
                if !why.is_empty() {
                    text += &wrap(&why, view.width, &format!("  {}: ", index + 1), "     ");
                }
            }
        }
        if let Some(published) = &self.published {
            text += &heading("The published plan");
            text += &table(&[("published".to_owned(), &published.row)], view);
            text += &paragraph(&self.beside(published), view);
        }
        if self.front.len() > 1 {
            let last = self.front.len() - 1;
            let shown = |at: &usize| {
                last < FRONT_SHOWN || (0..FRONT_SHOWN).any(|row| row * last / (FRONT_SHOWN - 1) == *at)
            };
            let rows: Vec<(String, &PlanRow)> =
                (0..=last).filter(shown).map(|at| (String::new(), &self.front[at])).collect();
            text += &heading("Less memory for more time, as screened");
            text += &table(&rows, view);
        }
        if !self.losers.is_empty() {
            text += &heading("Why others lost");
            text += &losers(&self.losers, view);
        }
        for note in &self.notes {
            text.push('\n');
            text += &paragraph(note, view);
        }
        text
    }

    fn looked_at(&self) -> String {
        let fitting = match self.fitting {
            0 => "none fits".to_owned(),
            some => format!("{} fit", count(some as f64)),
        };
        format!(
            "{} on {}, {} sequences of {} tokens. {} plans screened with bound: {fitting} in {} a device. {} simulated \
             with flow.",
            clean(&self.model),
            clean(&self.system),
            self.batch,
            self.tokens,
            count(self.screened as f64),
            metric_text(self.capacity_bytes, MetricUnit::Bytes),
            self.simulated,
        )
    }

    /// What is to be said of the published plan beside ours.
    fn beside(&self, published: &PublishedRow) -> String {
        let mut said = Vec::new();
        if let Some(time) = published.time_s {
            said.push(format!("published {}", metric_text(time, MetricUnit::Seconds)));
        }
        if let Some(mfu) = published.mfu {
            said.push(format!("published MFU {}", percent(mfu)));
        }
        let ahead = published.ahead;
        if published.fits {
            said.push(format!("{} screened plans are quicker", count(ahead as f64)));
        }
        if let Some(best) = self.plans.first() {
            let (own, other) = (published.row.time_s(), best.time_s());
            if published.row.simulated.is_some() == best.simulated.is_some() {
                said.push(format!("it takes {} of the time of the best", percent(own / other)));
            }
        }
        if !published.row.why.is_empty() {
            said.push(clean(&published.row.why));
        }
        let source = clean(&published.source);
        let source = if source.is_empty() { source } else { format!(" Source: {source}.") };
        format!("{}.{source}", said.join("; "))
    }
}

fn numbered((index, row): (usize, &PlanRow)) -> (String, &PlanRow) {
    ((index + 1).to_string(), row)
}

/// Plans, each with what it is called.
fn table(rows: &[(String, &PlanRow)], view: View) -> String {
    let mut table = Columns::new(None);
    let each = |cell: &dyn Fn(&PlanRow) -> String| rows.iter().map(|(_, row)| cell(row)).collect::<Vec<_>>();
    // What is 1 everywhere says nothing.
    let above_one = |size: fn(&PlanRow) -> u64| {
        let any = rows.iter().any(|(_, row)| size(row) > 1);
        each(&|row| if any { size(row).to_string() } else { String::new() })
    };
    table.add("", '<', 0, rows.iter().map(|(name, _)| name.clone()));
    let all_alike = rows.windows(2).all(|pair| pair[0].1.devices == pair[1].1.devices);
    if !all_alike {
        table.add("devices", '>', 0, each(&|row| row.devices.to_string()));
    }
    table.add("TP", '>', 0, each(&|row| format!("{}{}", row.tensor, if row.sequence { "+SP" } else { "" })));
    table.add("PP", '>', 0, each(&|row| row.pipeline.to_string()));
    table.add("CP", '>', 0, above_one(|row| u64::from(row.context)));
    table.add("DP", '>', 0, each(&|row| row.data.to_string()));
    table.add("EP", '>', 0, above_one(|row| u64::from(row.expert)));
    table.add("batch", '>', 0, each(&|row| format!("{}x{}", row.micro_batch, row.micro_batches)));
    table.add("schedule", '<', 0, each(&schedule));
    table.add("recompute", '<', 0, each(&|row| row.recompute.clone()));
    table.add("ZeRO", '>', 0, each(&|row| row.zero.to_string()));
    table.add("bound", '>', 3, each(&|row| metric_text(row.bound_s, MetricUnit::Seconds)));
    let simulated = |row: &PlanRow| match (&row.simulated, &row.failed) {
        (Some(simulated), _) => metric_text(simulated.time_s, MetricUnit::Seconds),
        (None, Some(_)) => "-".to_owned(),
        (None, None) => String::new(),
    };
    table.add("flow", '>', 0, each(&simulated));
    table.add("memory", '>', 0, each(&|row| metric_text(row.memory_bytes(), MetricUnit::Bytes)));
    let mfu = |row: &PlanRow| row.simulated.map_or_else(String::new, |simulated| percent(simulated.mfu));
    table.add("MFU", '>', 1, each(&mfu));
    table.add("bubble", '>', 4, each(&|row| percent(row.parts.bubble_s / row.bound_s)));
    table.add("device-hours/T tokens", '>', 5, each(&|row| count(row.device_hours)));
    table.fit(view).render(view)
}

/// `1f1b`, `interleaved 4`; nothing without a pipeline.
fn schedule(row: &PlanRow) -> String {
    match (row.pipeline, row.schedule, row.chunks) {
        (1, ..) => "-".to_owned(),
        (_, "interleaved", chunks) => format!("interleaved {chunks}"),
        (_, schedule, _) => schedule.to_owned(),
    }
}

fn losers(losers: &[LoserReport], view: View) -> String {
    let shown: Vec<&LoserReport> =
        losers.iter().filter(|loser| view.verbose || is_near(losers, loser)).collect();
    let mut table = Columns::new(None);
    table.add(
        "choice",
        '<',
        0,
        shown.iter().map(|loser| format!("{} {}", loser.choice, clean(&loser.value))),
    );
    table.add("plans", '>', 1, shown.iter().map(|loser| count(loser.plans as f64)));
    table.add("fit", '>', 2, shown.iter().map(|loser| count(loser.fitting as f64)));
    table.add("best loses", '>', 0, shown.iter().map(|loser| loses(loser.loses)));
    let room = view.width.saturating_sub(BEFORE_WHY).max(20);
    let why = |loser: &&LoserReport| {
        if view.verbose { clean(&loser.why) } else { shorten(&clean(&loser.why), room) }
    };
    table.add("because of", '<', 0, shown.iter().map(why));
    let mut text = table.fit(view).render(view);
    let left = losers.len() - shown.len();
    if left > 0 {
        text += &paragraph(&format!("{left} more lose more; --verbose shows them."), view);
    }
    text
}

/// Whether a value is among the best of its choice.
fn is_near(losers: &[LoserReport], loser: &LoserReport) -> bool {
    let better = |other: &&LoserReport| {
        other.choice == loser.choice
            && other.loses.unwrap_or(f64::INFINITY) < loser.loses.unwrap_or(f64::INFINITY)
    };
    losers.iter().filter(better).count() < VALUES_SHOWN
}

/// `+4.2 %`, `12x`; nothing where there is no plan that fits.
fn loses(share: Option<f64>) -> String {
    match share {
        None => "none fits".to_owned(),
        Some(share) if share < FAR => signed_percent(share),
        Some(share) => format!("{:.0}x", share + 1.0),
    }
}
