//! What uncertain parameters do to the figures.

use super::table::short_name;
use crate::number::significant;
use crate::table::{Columns, Tone, View};
use crate::{MetricUnit, metric_text};

/// Every figure with its spread, and which parameter it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct MonteCarloReport {
    /// The scenario's name.
    pub scenario: String,
    /// Samples with figures.
    pub samples: u64,
    /// Samples without.
    pub failed: u64,
    /// Figures in the order of the columns.
    pub figures: Vec<SpreadReport>,
    /// Parameters, the one that matters most first.
    pub influences: Vec<Influence>,
}

/// How one figure is spread.
#[derive(Debug, Clone, PartialEq)]
pub struct SpreadReport {
    /// `time_s`.
    pub name: String,
    /// What it is measured in.
    pub unit: MetricUnit,
    /// Samples that have it.
    pub samples: u64,
    /// Its mean.
    pub mean: f64,
    /// Its standard deviation.
    pub deviation: f64,
    /// Five of a hundred samples are below.
    pub p5: f64,
    /// Half of the samples are below.
    pub p50: f64,
    /// Five of a hundred samples are above.
    pub p95: f64,
    /// Half the width of the 95 % confidence interval of the mean (Student's t).
    pub mean_within: f64,
}

/// How much a parameter matters to the time.
#[derive(Debug, Clone, PartialEq)]
pub struct Influence {
    /// The parameter's column.
    pub parameter: String,
    /// Spearman's rank correlation with the time, -1 to 1; absent where one of the two does not vary.
    pub rank_correlation: Option<f64>,
}

impl MonteCarloReport {
    /// As text for a terminal.
    #[must_use]
    pub fn to_table(&self, view: View) -> String {
        let mut text = view.paint(Tone::Title, &self.scenario) + "\n";
        let failed =
            if self.failed > 0 { format!(", {} more without a result", self.failed) } else { String::new() };
        text += &view.paint(Tone::Dim, &format!("{} samples{failed}", self.samples));
        text += "\n\n";
        let mut table = Columns::new(None);
        table.add("figure", '<', 0, self.figures.iter().map(|figure| figure.name.clone()));
        let mut add = |heading: &str, drop: u8, get: fn(&SpreadReport) -> f64| {
            let cell = |figure: &SpreadReport| metric_text(get(figure), figure.unit);
            table.add(heading, '>', drop, self.figures.iter().map(cell));
        };
        add("mean", 0, |figure| figure.mean);
        add("sd", 1, |figure| figure.deviation);
        add("5 %", 2, |figure| figure.p5);
        add("median", 3, |figure| figure.p50);
        add("95 %", 2, |figure| figure.p95);
        add("mean within +-", 4, |figure| figure.mean_within);
        text += &table.fit(view).render(view);
        text += "\nWhat the time depends on (rank correlation):\n\n";
        let mut table = Columns::new(None);
        table.add("parameter", '<', 0, self.influences.iter().map(|one| short_name(&one.parameter)));
        let correlation = |one: &Influence| {
            one.rank_correlation.map_or_else(
                || "none".to_owned(),
                |value| {
                    format!(
                        "{}{}",
                        if value > 0.0 { "+" } else { "" },
                        significant((value * 100.0).round() / 100.0, 2)
                    )
                },
            )
        };
        table.add("correlation", '>', 0, self.influences.iter().map(correlation));
        text + &table.fit(view).render(view)
    }
}
