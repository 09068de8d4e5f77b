//! Curves for a terminal: a curve alone point by point, several a line each.

use memwall_units::Bytes;

use super::case::section;
use super::columns::Columns;
use super::layout::{Tone, View, bar, clean, shorten, wrap};
use super::verdict;
use crate::number::{percent, signed_percent, significant};
use crate::{CurveAxis, CurveDocument, CurvePointReport, CurveReport};

/// Rows of a curve's table; the rest is for `--verbose`.
const ROWS: usize = 24;
/// Columns of a bar, and of a curve drawn in a line.
const BAR: usize = 20;
const LINE: usize = 16;

impl CurveDocument {
    /// The document as text for a terminal.
    #[must_use]
    pub fn to_table(&self, view: View) -> String {
        let mut blocks = vec![self.heading(view)];
        match self.cases.as_slice() {
            [only] => blocks.push(curve_block(only, view)),
            cases => {
                blocks.push(summary(cases, view));
                if view.verbose {
                    for case in cases {
                        let title = section(view, &format!("{}: {}", clean(&case.name), subject(case)));
                        blocks.push(title.trim_start().to_owned() + &curve_block(case, view));
                    }
                }
            }
        }
        let closing: String = notes(self, view)
            + &self
                .sources
                .iter()
                .map(|source| wrap(&clean(source), view.width, "Measured: ", "  "))
                .collect::<String>();
        blocks.extend((!closing.is_empty()).then_some(closing));
        let checked = self.cases.iter().map(|case| (case.name.as_str(), case.expectations.as_slice()));
        blocks.extend(verdict(&checked.collect::<Vec<_>>(), view));
        blocks.join("\n")
    }

    fn heading(&self, view: View) -> String {
        let mut text = view.paint(Tone::Title, &clean(&self.scenario)) + "\n";
        if let Some(description) = &self.description {
            text += &wrap(&clean(description), view.width, "", "");
        }
        if let [only] = self.cases.as_slice() {
            text += &wrap(&subject(only), view.width, "", "");
        }
        text
    }
}

/// "NVIDIA A100 SXM4 80 GB: latency over footprint".
fn subject(case: &CurveReport) -> String {
    format!("{}: {} over {}", clean(&case.device.title), clean(&case.title), axis(case))
}

fn axis(case: &CurveReport) -> &'static str {
    match case.over {
        CurveAxis::InFlight => "bytes in flight",
        other => other.name(),
    }
}

fn curve_block(case: &CurveReport, view: View) -> String {
    let shown = shown(&case.points, view);
    let most = case.points.iter().map(|point| point.predicted).fold(0.0, f64::max);
    let mut table = Columns::new(Some(Tone::Heading));
    table.add(case.over.name(), '>', 0, shown.iter().map(|point| place(case.over, point.at)));
    table.add("predicted", '>', 0, shown.iter().map(|point| case.text(point.predicted)));
    let measured =
        |point: &&CurvePointReport| point.measured.map(|value| case.text(value)).unwrap_or_default();
    table.add("measured", '>', 0, shown.iter().map(measured));
    table.add("error", '>', 0, shown.iter().map(|point| point.error.map(signed_percent).unwrap_or_default()));
    table.add("bound by", '<', 1, shown.iter().map(|point| point.bound_by.clone()));
    table.add("", '<', 2, shown.iter().map(|point| bar(point.predicted / most, BAR)));
    let mut text = table.fit(view).render(view);
    if shown.len() < case.points.len() {
        let line = format!(" {} of {} points; --verbose shows all", shown.len(), case.points.len());
        text += &(view.paint(Tone::Dim, &line) + "\n");
    }
    if let (Some(mean), Some(worst)) = (case.mean_error, case.worst_error) {
        let line = format!(
            "mean error {} over {} measured points, the largest {}",
            percent(mean),
            case.compared,
            signed_percent(worst)
        );
        text += &format!("\n{}\n", view.paint(Tone::Title, &line));
    }
    text
}

/// At most [`ROWS`] of the points, spread evenly, the first and the last among them.
fn shown(points: &[CurvePointReport], view: View) -> Vec<&CurvePointReport> {
    if view.verbose || points.len() <= ROWS {
        return points.iter().collect();
    }
    let last = points.len() - 1;
    (0..ROWS).filter_map(|row| points.get(row * last / (ROWS - 1))).collect()
}

fn summary(cases: &[CurveReport], view: View) -> String {
    let mut table = Columns::new(None);
    table.add("case", '<', 0, cases.iter().map(|case| shorten(&case.name, 32)));
    table.add("device", '<', 4, cases.iter().map(|case| case.device.name.clone()));
    let end = |get: fn(&CurveReport) -> Option<&CurvePointReport>| {
        cases.iter().map(move |case| get(case).map(|point| case.text(point.predicted)).unwrap_or_default())
    };
    table.add("first", '>', 2, end(|case| case.points.first()));
    table.add("last", '>', 2, end(|case| case.points.last()));
    table.add("predicted", '<', 3, cases.iter().map(|case| line(case, |point| Some(point.predicted))));
    table.add("measured", '<', 3, cases.iter().map(|case| line(case, |point| point.measured)));
    table.add("points", '>', 1, cases.iter().map(|case| case.points.len().to_string()));
    table.add(
        "mean error",
        '>',
        0,
        cases.iter().map(|case| case.mean_error.map(percent).unwrap_or_default()),
    );
    let worst = |case: &CurveReport| case.worst_error.map(signed_percent).unwrap_or_default();
    table.add("worst", '>', 1, cases.iter().map(worst));
    let mut text = table.fit(view).render(view);
    let errors: Vec<f64> = cases.iter().filter_map(|case| case.mean_error).collect();
    if errors.len() > 1 {
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        let line = format!("mean error {} over {} curves", percent(mean), errors.len());
        text += &format!("\n{}\n", view.paint(Tone::Title, &line));
    }
    text
}

/// A curve in one line: its points in order, each as high as its share of the highest value of both curves.
fn line(case: &CurveReport, get: impl Fn(&CurvePointReport) -> Option<f64>) -> String {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let highest = case.points.iter().flat_map(|point| [Some(point.predicted), point.measured]).flatten();
    let highest = highest.fold(0.0, f64::max);
    let values: Vec<f64> = case.points.iter().filter_map(get).collect();
    let Some(last) = values.len().checked_sub(1) else { return String::new() };
    let columns = LINE.min(values.len());
    let drawn = (0..columns).filter_map(|column| values.get(column * last / (columns - 1).max(1)));
    let height = |value: &f64| {
        let share = if highest > 0.0 { value / highest } else { 0.0 };
        HEIGHTS.get((share * 8.0) as usize).or(HEIGHTS.last()).copied().unwrap_or(' ')
    };
    drawn.map(height).collect()
}

/// Where a point is, as a person would write it.
fn place(over: CurveAxis, at: f64) -> String {
    match over {
        CurveAxis::Footprint => binary(at),
        CurveAxis::InFlight => Bytes(at as u64).to_string(),
        CurveAxis::Threads => significant(at, 4),
        CurveAxis::Occupancy => format!("{} %", significant(at * 100.0, 3)),
    }
}

/// Bytes in powers of 1024, as the sizes of buffers and caches are given.
fn binary(bytes: f64) -> String {
    let units = [(1_073_741_824.0, "GiB"), (1_048_576.0, "MiB"), (1024.0, "KiB"), (1.0, "B")];
    let (factor, unit) = units.into_iter().find(|(factor, _)| bytes >= *factor).unwrap_or((1.0, "B"));
    format!("{} {unit}", significant((bytes / factor * 100.0).round() / 100.0, 4))
}

fn notes(document: &CurveDocument, view: View) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for note in document.cases.iter().filter_map(|case| case.note.as_deref()) {
        if !seen.contains(&note) {
            seen.push(note);
        }
    }
    let line = |note: &&str| {
        view.paint(Tone::Warning, wrap(&clean(note), view.width, "Note: ", "  ").trim_end()) + "\n"
    };
    seen.iter().map(line).collect()
}
