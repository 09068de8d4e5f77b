//! Cases side by side, and ours beside published values.

use memwall_units::Picos;

use super::{Axis, Chart, DataTable, Figure, Line, Lines, Mark, Unit, slug};
use crate::number::{count, percent, signed_percent, significant, times};
use crate::{CaseReport, Comparison, Document, Quantity};

/// The key figures of each case, a row each.
#[must_use]
pub fn case_table(document: &Document) -> DataTable {
    let columns = [
        "case",
        "time",
        "tokens a second",
        "TTFT",
        "TPOT",
        "communication",
        "MFU",
        "over the roofline",
        "bound by",
    ];
    let seconds =
        |value: Option<f64>| value.map(|s| Picos::from_secs_f64_ceil(s).to_string()).unwrap_or_default();
    let row = |case: &CaseReport| {
        let exposed = case.team.as_ref().and_then(|team| team.exposed_communication);
        vec![
            case.name.clone(),
            Picos(case.time_ps).to_string(),
            case.tokens_per_s.filter(|rate| *rate > 0.0).map(count).unwrap_or_default(),
            seconds(case.ttft_s),
            seconds(case.tpot_s),
            exposed.map(percent).unwrap_or_default(),
            case.mfu.map(percent).unwrap_or_default(),
            case.times_roofline.map(times).unwrap_or_default(),
            case.bound_by.clone(),
        ]
    };
    DataTable::new(columns.map(str::to_owned).to_vec(), document.cases.iter().map(row))
        .without_empty_columns()
}

/// Published values with ours and the error, a row each; `None` where the scenario names none.
#[must_use]
pub fn published_table(document: &Document) -> Option<DataTable> {
    let columns = ["case", "quantity", "published", "ours", "error"].map(str::to_owned).to_vec();
    let row = |case: &CaseReport, one: &Comparison| {
        let ours = one.ours.map(|ours| significant(ours, 4)).unwrap_or_default();
        let error = one.error.map(signed_percent).unwrap_or_default();
        let published = significant(one.published, 4);
        vec![case.name.clone(), one.quantity.title().to_owned(), published, ours, error]
    };
    let rows: Vec<Vec<String>> =
        document.cases.iter().flat_map(|case| case.comparisons.iter().map(|one| row(case, one))).collect();
    (!rows.is_empty()).then(|| DataTable::new(columns, rows.into_iter()))
}

/// Ours over published, for each quantity that several cases have one of.
pub(super) fn published_figures(document: &Document) -> Vec<Figure> {
    let figure = |quantity: Quantity| {
        let points = |case: &CaseReport| {
            let of = case.comparisons.iter().filter(|one| one.quantity == quantity && !one.by_definition);
            of.filter_map(|one| Some((one.corrected.unwrap_or(one.published), one.ours?))).collect::<Vec<_>>()
        };
        let mut points: Vec<(f64, f64)> = document.cases.iter().flat_map(points).collect();
        points.retain(|(published, ours)| *published > 0.0 && *ours > 0.0);
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (first, last) = (points.first()?.0, points.last()?.0);
        if points.len() < 3 {
            return None;
        }
        let unit = if quantity == Quantity::Time { Unit::Seconds } else { Unit::Plain };
        let title = quantity.title();
        let lines = vec![
            Line {
                name: "equal".to_owned(),
                mark: Mark::Line,
                colour: 0,
                points: vec![(first, first), (last, last)],
            },
            Line { name: "cases".to_owned(), mark: Mark::Dots, colour: 1, points },
        ];
        Some(Figure {
            id: slug(&format!("published {title}"), &[]),
            title: format!("Published and ours: {title}"),
            summary: "Each dot is a case. On the line, both agree.".to_owned(),
            chart: Chart::Lines(Lines { x: Axis::log("published", unit), y: Axis::log("ours", unit), lines }),
        })
    };
    Quantity::ALL.into_iter().filter_map(figure).collect()
}
