//! The fit for people.

use super::{Calibration, FittedParameter, Outcome};
use crate::table::{Grid, Tone, View, wrap};
use crate::validation::{ErrorStatistics, listed};

impl Calibration {
    /// Parameters, those that could not be fitted, errors, and what a reader should know.
    #[must_use]
    pub fn to_table(&self, view: View) -> String {
        let mut text = wrap(&self.summary(), view.width, "", "");
        text += &self.fitted_text(view);
        text += &self.kept_text(view);
        text += &self.errors_text(view);
        let title = format!("{} lines could not be used", self.problems.len());
        text += &listed(&title, self.problems.clone(), view);
        if !self.notes.is_empty() {
            text.push('\n');
        }
        for note in &self.notes {
            text += &view.paint(Tone::Warning, wrap(note, view.width, "Note: ", "  ").trim_end());
            text.push('\n');
        }
        text
    }

    fn summary(&self) -> String {
        let fitted = self.parameters.iter().filter(|parameter| parameter.outcome.is_fitted()).count();
        format!(
            "{} of {} parameters of {} with {} fitted to {} rows; {} rows held out.",
            fitted,
            self.parameters.len(),
            self.device,
            self.software,
            self.fitted_rows,
            self.held_out_rows
        )
    }

    fn fitted_text(&self, view: View) -> String {
        let mut grid = Grid::new("<>>><<<");
        grid.header(&["parameter", "start", "fitted", "95 % interval", "", "", ""]);
        let mut any = false;
        for parameter in self.parameters.iter().filter(|parameter| parameter.outcome.is_fitted()) {
            any = true;
            let (low, high) = parameter.texts.interval.clone().unwrap_or_default();
            let remark = match parameter.outcome {
                Outcome::AtLowest => "at its lower bound",
                Outcome::AtHighest => "at its upper bound",
                _ => "",
            };
            let texts = &parameter.texts;
            grid.row(
                None,
                &[&parameter.path, &texts.start, &texts.value, &low, "to", high.as_str(), remark]
                    .map(str::to_owned),
            );
        }
        if any { format!("\n{}", grid.render(view)) } else { String::new() }
    }

    fn kept_text(&self, view: View) -> String {
        let kept = |same: bool| {
            self.parameters
                .iter()
                .filter(move |parameter| !parameter.outcome.is_fitted())
                .filter(move |parameter| (parameter.outcome == Outcome::NoEffect) == same)
        };
        let (mut grid, mut text) = (Grid::new("<><"), String::new());
        for parameter in kept(false) {
            grid.row(None, &[parameter.path.clone(), parameter.texts.start.clone(), reason(parameter)]);
        }
        if kept(false).next().is_some() {
            text += &grid.render(view);
        }
        let silent: Vec<&str> = kept(true).map(|parameter| parameter.path.as_str()).collect();
        if !silent.is_empty() {
            text += &wrap(&format!("No row changes with {}.", silent.join(", ")), view.width, "  ", "  ");
        }
        if text.is_empty() {
            return text;
        }
        format!("\n{}\n{text}", view.paint(Tone::Heading, "Not fitted, left as they are"))
    }

    fn errors_text(&self, view: View) -> String {
        let mut grid = Grid::new("<>>>>>>");
        grid.header(&["rows", "fitted", "before", "after", "held out", "before", "after"]);
        for errors in &self.errors {
            let mut cells = vec![errors.rows.clone()];
            for (before, after) in [
                (&errors.fitted_before, &errors.fitted_after),
                (&errors.held_out_before, &errors.held_out_after),
            ] {
                cells.extend([before.n.to_string(), mean(before), mean(after)]);
            }
            grid.row(None, &cells);
        }
        let title = view.paint(Tone::Heading, "Mean error of the predicted times, in % of the measured ones");
        format!("\n{title}\n{}", grid.render(view))
    }
}

fn mean(errors: &ErrorStatistics) -> String {
    if errors.n == 0 { "-".to_owned() } else { format!("{:.1}", errors.mape_pct) }
}

fn reason(parameter: &FittedParameter) -> String {
    match parameter.outcome {
        Outcome::ActsAs => {
            format!("acts on these rows as {} does", parameter.acts_as.as_deref().unwrap_or("another"))
        }
        Outcome::Wide => {
            let (low, high) = &parameter.texts.bounds;
            format!("could be anything from {low} to {high}")
        }
        Outcome::TooFewRows => "too few rows for one more".to_owned(),
        Outcome::NoEffect | Outcome::Fitted | Outcome::AtLowest | Outcome::AtHighest => String::new(),
    }
}
