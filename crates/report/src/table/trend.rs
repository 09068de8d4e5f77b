//! Trends for a terminal.

use super::columns::Columns;
use super::layout::{Tone, View, clean, shorten, wrap};
use super::verdict;
use crate::number::{count, signed_percent, significant};
use crate::{Crossing, Growth, GrowthReport, RatioReport, TrendDocument, TrendReport};

impl TrendDocument {
    /// The document as text for a terminal.
    #[must_use]
    pub fn to_table(&self, view: View) -> String {
        let mut heading = view.paint(Tone::Title, &clean(&self.scenario)) + "\n";
        if let Some(description) = &self.description {
            heading += &wrap(&clean(description), view.width, "", "");
        }
        let mut blocks = vec![heading];
        for case in &self.cases {
            if self.cases.len() > 1 {
                blocks.push(view.paint(Tone::Heading, &clean(&case.name)) + "\n" + &growth(case, view));
            } else {
                blocks.push(growth(case, view));
            }
            blocks.extend(case.ratios.iter().map(|ratio| over(ratio, view)));
        }
        let note = |text: &str| {
            view.paint(Tone::Warning, wrap(&clean(text), view.width, "Note: ", "  ").trim_end()) + "\n"
        };
        let notes = self.cases.iter().filter_map(|case| case.note.as_deref()).map(note);
        let sources = self.sources.iter().map(|source| wrap(&clean(source), view.width, "Points: ", "  "));
        let closing: String = notes.chain(sources).collect();
        blocks.extend((!closing.is_empty()).then_some(closing));
        let checked = self.cases.iter().map(|case| (case.name.as_str(), case.expectations.as_slice()));
        blocks.extend(verdict(&checked.collect::<Vec<_>>(), view));
        blocks.join("\n")
    }
}

fn growth(case: &TrendReport, view: View) -> String {
    let all = || case.series.iter();
    let mut table = Columns::new(None);
    table.add("series", '<', 0, all().map(|series| shorten(&series.name, 34)));
    table.add("points", '>', 2, all().map(|series| series.points.to_string()));
    let years = |series: &GrowthReport| {
        format!("{:.0}-{:.0}", series.period.first.floor(), series.period.last.floor())
    };
    table.add("years", '>', 4, all().map(years));
    table.add("in 2 years", '>', 0, all().map(|series| factor(series.two_years.factor)));
    table.add("95 % interval", '>', 3, all().map(|series| interval(&series.two_years)));
    table.add("published", '>', 0, all().map(|series| published(&series.two_years)));
    table.add("error", '>', 0, all().map(|series| error(&series.two_years)));
    table.add("in 20 years", '>', 1, all().map(|series| factor(series.twenty_years.factor)));
    table.add("published", '>', 1, all().map(|series| published(&series.twenty_years)));
    table.add("error", '>', 5, all().map(|series| error(&series.twenty_years)));
    table.add("R2", '>', 2, all().map(|series| series.r2.map(|r2| format!("{r2:.2}")).unwrap_or_default()));
    let mut text = table.fit(view).render(view);
    let equal = all().any(|series| {
        [series.two_years, series.twenty_years].iter().any(|growth| growth.within_rounding == Some(true))
    });
    if equal {
        text += &(view.paint(Tone::Dim, " = equal within the print's rounding") + "\n");
    }
    text
}

fn over(ratio: &RatioReport, view: View) -> String {
    let (name, of, over) = (clean(&ratio.name), clean(&ratio.of), clean(&ratio.over));
    let mut text = view.paint(Tone::Heading, &name) + &format!(": {of} over {over}\n");
    let line = format!(
        "x{} in 2 years, x{} in 20; {} {} in {:.0}",
        significant(ratio.two_years, 4),
        large(ratio.twenty_years),
        count(ratio.then),
        clean(&ratio.unit),
        ratio.year.floor(),
    );
    text += &wrap(&line, view.width, " ", "  ");
    if ratio.crossings.is_empty() {
        return text;
    }
    let marks = || ratio.crossings.iter();
    let mut table = Columns::new(None);
    table.add("reaches", '>', 0, marks().map(|mark| count(mark.at)));
    table.add("in", '<', 0, marks().map(year));
    table.add("where", '<', 0, marks().map(|mark| mark.name.clone()));
    text += &table.fit(view).render(view);
    if marks().any(|mark| mark.projected) {
        text += &(view.paint(Tone::Dim, " * where one of the two has no points") + "\n");
    }
    text
}

/// A year; one that is read off the fits beyond their points says so.
fn year(mark: &Crossing) -> String {
    match mark.year {
        Some(year) if year.abs() < 1e5 => {
            format!("{:.0}{}", year.floor(), if mark.projected { " *" } else { "" })
        }
        Some(_) | None => "never".to_owned(),
    }
}

fn factor(value: Option<f64>) -> String {
    value.map(|value| format!("x{}", large(value))).unwrap_or_default()
}

/// A factor may be beyond any name for it.
fn large(value: f64) -> String {
    if value < 1e15 { count(value) } else { format!("{value:.1e}") }
}

fn interval(growth: &Growth) -> String {
    let ends = growth.low.zip(growth.high);
    ends.map(|(low, high)| format!("{} to {}", significant(low, 3), significant(high, 3))).unwrap_or_default()
}

fn published(growth: &Growth) -> String {
    growth.published.map(|value| significant(value, 6)).unwrap_or_default()
}

fn error(growth: &Growth) -> String {
    match (growth.within_rounding, growth.error) {
        (Some(true), _) => "=".to_owned(),
        (_, Some(error)) => signed_percent(error),
        _ => String::new(),
    }
}
