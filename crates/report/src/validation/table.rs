//! The accuracy table for people.

use super::{RowResult, Validation, ValidationGroup};
use crate::table::{Grid, Tone, View, wrap};
use memwall_units::Picos;

/// Problems and refusals shown before the rest is only counted.
const MOST_LINES: usize = 20;

impl Validation {
    /// Groups with their errors, then the `worst` rows, refused rows, and what could not be read.
    #[must_use]
    pub fn to_table(&self, worst: usize, view: View) -> String {
        let mut text = String::new();
        let mut kind = "";
        let mut grid: Option<Grid> = None;
        for group in &self.groups {
            if group.key.kind != kind {
                text += &finished(grid.take(), view);
                kind = group.key.kind;
                text += &format!("{}\n", view.paint(Tone::Heading, kind));
                grid = Some(new_grid(group));
            }
            if let Some(grid) = &mut grid {
                grid.row(None, &cells(group));
            }
        }
        text += &finished(grid, view);
        if self.groups.is_empty() {
            text += "No rows to compare with.\n\n";
        } else {
            text += &wrap(LEGEND, view.width, "", "");
        }
        text + &self.worst_text(worst, view) + &self.refused_text(view) + &self.remarks_text(view)
    }

    fn worst_text(&self, worst: usize, view: View) -> String {
        let mut rows: Vec<&RowResult> = self.rows.iter().filter(|row| row.refused.is_none()).collect();
        rows.sort_by(|a, b| b.error().abs().total_cmp(&a.error().abs()));
        rows.truncate(worst);
        if rows.is_empty() {
            return String::new();
        }
        let mut grid = Grid::new("<<<>>><");
        grid.header(&[
            "row",
            "device, software, format",
            "shape",
            "measured",
            "predicted",
            "error",
            "bound by",
        ]);
        for row in rows {
            let time = |seconds: f64| Picos::from_secs_f64_ceil(seconds).to_string();
            let key = &row.key;
            grid.row(
                None,
                &[
                    format!("{}:{}", row.file, row.line),
                    format!("{}, {}, {}", key.device, key.software, key.dtype),
                    row.shape.clone(),
                    time(row.measured_s),
                    row.predicted_s.map(time).unwrap_or_default(),
                    format!("{:+.0} %", row.error() * 100.0),
                    row.bound_by.clone(),
                ],
            );
        }
        format!("\n{}\n{}", view.paint(Tone::Heading, "The worst rows"), grid.render(view))
    }

    fn refused_text(&self, view: View) -> String {
        let refused: Vec<&RowResult> = self.rows.iter().filter(|row| row.refused.is_some()).collect();
        let lines = refused.iter().map(|row| {
            format!(
                "{}:{}: {}: {}",
                row.file,
                row.line,
                row.shape,
                row.refused.as_deref().unwrap_or_default()
            )
        });
        listed("Refused rows, each counted as an error of 100 %", lines.collect(), view)
    }

    fn remarks_text(&self, view: View) -> String {
        let title = format!("{} lines could not be used", self.problems.len());
        let mut text = listed(&title, self.problems.clone(), view);
        for remark in
            self.passed_over.iter().map(|line| format!("Passed over: {line}")).chain(self.notes.clone())
        {
            text += &view.paint(Tone::Warning, wrap(&remark, view.width, "Note: ", "  ").trim_end());
            text.push('\n');
        }
        if text.is_empty() { text } else { format!("\n{text}") }
    }
}

const LEGEND: &str = "Errors are of the measured time, in %. Fitted rows are those a fit may have seen; held-out rows no fit saw (a \
    hash of kind and shape decides). Bias is the mean signed error. Beside them: the plain roofline, and a three-parameter \
    roofline calibrated on the group's fitted rows, on the held-out ones.";

fn new_grid(group: &ValidationGroup) -> Grid {
    let part = part_heading(group);
    let mut grid = Grid::new(if part.is_empty() { "<<<>>>>>>>>>" } else { "<<<<>>>>>>>>>" });
    let mut heading = vec!["device", "software", "dtype"];
    if !part.is_empty() {
        heading.push(part);
    }
    heading.extend(["n", "mean", "median", "p90", "bias", "fitted", "held out", "roofline", "calibrated"]);
    grid.header(&heading);
    grid
}

fn part_heading(group: &ValidationGroup) -> &'static str {
    if group.key.phase.is_some() {
        "phase"
    } else if group.key.size.is_some() {
        "size"
    } else {
        ""
    }
}

fn cells(group: &ValidationGroup) -> Vec<String> {
    let key = &group.key;
    let mut cells = vec![key.device.clone(), key.software.clone(), key.dtype.clone()];
    cells.extend(key.phase.or(key.size).map(str::to_owned));
    let percent = |value: f64| format!("{value:.1}");
    let some = |n: usize, value: f64| if n > 0 { percent(value) } else { "-".to_owned() };
    cells.extend([
        group.all.n.to_string(),
        percent(group.all.mape_pct),
        percent(group.all.median_pct),
        percent(group.all.p90_pct),
        format!("{:+.1}", group.all.bias_pct),
        some(group.fitted.n, group.fitted.mape_pct),
        some(group.held_out.n, group.held_out.mape_pct),
        percent(group.roofline_mape_pct),
        group.calibrated_roofline_held_out_mape_pct.map_or("-".to_owned(), percent),
    ]);
    cells
}

fn finished(grid: Option<Grid>, view: View) -> String {
    grid.map(|grid| grid.render(view) + "\n").unwrap_or_default()
}

/// A heading and lines below it, the first twenty unless everything is wanted; nothing for no lines.
pub(crate) fn listed(title: &str, lines: Vec<String>, view: View) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let shown = if view.verbose { lines.len() } else { MOST_LINES.min(lines.len()) };
    let mut text = format!("\n{}\n", view.paint(Tone::Heading, title));
    for line in &lines[..shown] {
        text += &wrap(line, view.width, "  ", "    ");
    }
    if shown < lines.len() {
        text += &format!("  and {} more (-v shows all)\n", lines.len() - shown);
    }
    text
}
