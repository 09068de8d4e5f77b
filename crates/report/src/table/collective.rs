//! Collectives for a terminal: one size a line, several cases one line each.

use memwall_units::{Bytes, BytesPerSec, Picos};

use super::case::section;
use super::columns::Columns;
use super::layout::{Tone, View, bar, clean, shorten, wrap};
use super::verdict;
use crate::number::{percent, signed_percent};
use crate::{CollectiveDocument, CollectivePoint, CollectiveReport};

/// Rows of a table; the rest is for `--verbose`.
const ROWS: usize = 32;
const BAR: usize = 20;

impl CollectiveDocument {
    /// The document as text for a terminal.
    #[must_use]
    pub fn to_table(&self, view: View) -> String {
        let mut heading = view.paint(Tone::Title, &clean(&self.scenario)) + "\n";
        if let Some(description) = &self.description {
            heading += &wrap(&clean(description), view.width, "", "");
        }
        let mut blocks = vec![heading];
        match self.cases.as_slice() {
            [only] => blocks.push(wrap(&subject(only), view.width, "", "") + "\n" + &case_block(only, view)),
            cases => {
                blocks.push(summary(cases, view));
                // Curves are few lines each where somebody compares machines; longer ones are for --verbose.
                let short = cases.iter().map(|case| case.points.len()).sum::<usize>() <= 3 * ROWS;
                if view.verbose || short {
                    for case in cases.iter().filter(|case| case.points.len() > 1 || view.verbose) {
                        let title = section(view, &format!("{}: {}", clean(&case.name), subject(case)));
                        blocks.push(title.trim_start().to_owned() + &case_block(case, view));
                    }
                }
            }
        }
        let mut closing = String::new();
        let mut seen: Vec<&str> = Vec::new();
        for note in self.cases.iter().flat_map(|case| &case.notes) {
            if !seen.contains(&note.as_str()) {
                seen.push(note);
                let line = wrap(&clean(note), view.width, "Note: ", "  ");
                closing += &(view.paint(Tone::Warning, line.trim_end()) + "\n");
            }
        }
        for source in &self.sources {
            closing += &wrap(&clean(source), view.width, "Measured: ", "  ");
        }
        blocks.extend((!closing.is_empty()).then_some(closing));
        let checked = self.cases.iter().map(|case| (case.name.as_str(), case.expectations.as_slice()));
        blocks.extend(verdict(&checked.collect::<Vec<_>>(), view));
        blocks.join("\n")
    }
}

/// "all_reduce over 8 ranks of NVIDIA DGX H100, NCCL".
fn subject(case: &CollectiveReport) -> String {
    let groups = if case.groups > 1 { format!(", {} groups at once", case.groups) } else { String::new() };
    let ranks = format!("{} over {} ranks{groups}", case.collective, case.ranks);
    format!("{ranks} of {}, {}", clean(&case.title), clean(&case.library))
}

fn case_block(case: &CollectiveReport, view: View) -> String {
    let last = case.points.len().saturating_sub(1);
    let shown: Vec<&CollectivePoint> = if view.verbose || case.points.len() <= ROWS {
        case.points.iter().collect()
    } else {
        (0..ROWS).filter_map(|row| case.points.get(row * last / (ROWS - 1))).collect()
    };
    let most = case.points.iter().map(|point| point.bus_bandwidth).fold(0.0, f64::max);
    let time = |seconds: f64| Picos::from_secs_f64_ceil(seconds).to_string();
    let mut table = Columns::new(Some(Tone::Heading));
    table.add("size", '>', 0, shown.iter().map(|point| Bytes(point.bytes).to_string()));
    table.add("time", '>', 0, shown.iter().map(|point| time(point.time_s)));
    table.add("measured", '>', 0, shown.iter().map(|point| point.measured_s.map(time).unwrap_or_default()));
    table.add("error", '>', 0, shown.iter().map(|point| point.error.map(signed_percent).unwrap_or_default()));
    table.add(
        "bus bandwidth",
        '>',
        0,
        shown.iter().map(|point| BytesPerSec(point.bus_bandwidth).to_string()),
    );
    table.add("", '<', 3, shown.iter().map(|point| bar(point.bus_bandwidth / most.max(1.0), BAR)));
    table.add("won", '<', 1, shown.iter().map(|point| format!("{}, {}", point.algorithm, point.protocol)));
    table.add("bound by", '<', 2, shown.iter().map(|point| shorten(&point.bound_by, 36)));
    let mut text = table.fit(view).render(view);
    if shown.len() < case.points.len() {
        let line = format!(" {} of {} sizes; --verbose shows all", shown.len(), case.points.len());
        text += &(view.paint(Tone::Dim, &line) + "\n");
    }
    if let (Some(mean), Some(median), Some(worst)) = (case.mean_error, case.median_error, case.worst_error) {
        let line = format!(
            "mean error {}, median {} over {} measured sizes, the largest {}",
            percent(mean),
            percent(median),
            case.compared,
            signed_percent(worst)
        );
        text += &format!("\n{}\n", view.paint(Tone::Title, &line));
    }
    text
}

fn summary(cases: &[CollectiveReport], view: View) -> String {
    let end = |get: fn(&CollectiveReport) -> Option<&CollectivePoint>,
               cell: fn(&CollectivePoint) -> String| {
        cases.iter().map(move |case| get(case).map(cell).unwrap_or_default())
    };
    let time = |point: &CollectivePoint| Picos::from_secs_f64_ceil(point.time_s).to_string();
    let several = cases.iter().any(|case| case.points.len() > 1);
    let size = |point: &CollectivePoint| Bytes(point.bytes).to_string();
    let mut table = Columns::new(None);
    table.add("case", '<', 0, cases.iter().map(|case| shorten(&case.name, 32)));
    table.add("system", '<', 4, cases.iter().map(|case| case.system.clone()));
    table.add("ranks", '>', 2, cases.iter().map(|case| case.ranks.to_string()));
    if several {
        table.add("smallest", '>', 2, end(|case| case.points.first(), time));
    }
    table.add(if several { "largest" } else { "size" }, '>', 1, end(|case| case.points.last(), size));
    table.add("time", '>', 0, end(|case| case.points.last(), time));
    table.add(
        "bus bandwidth",
        '>',
        0,
        end(|case| case.points.last(), |point| BytesPerSec(point.bus_bandwidth).to_string()),
    );
    table.add(
        "won",
        '<',
        3,
        end(|case| case.points.last(), |point| format!("{}, {}", point.algorithm, point.protocol)),
    );
    table.add("bound by", '<', 5, end(|case| case.points.last(), |point| shorten(&point.bound_by, 28)));
    table.add(
        "mean error",
        '>',
        1,
        cases.iter().map(|case| case.mean_error.map(percent).unwrap_or_default()),
    );
    table.fit(view).render(view)
}
