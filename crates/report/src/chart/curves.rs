//! The charts of collectives and microbenchmarks: curves, with what was measured beside them.

use super::{Axis, Chart, Figure, Line, Lines, Mark, Section, Unit, slug};
use crate::number::percent;
use crate::{CollectiveDocument, CollectiveReport, CurveAxis, CurveDocument, CurveReport, CurveUnit};

/// The charts of a document of collectives: bus bandwidth and time over size, all cases together.
#[must_use]
pub fn collective_sections(document: &CollectiveDocument) -> Vec<Section> {
    let lines = |value: &dyn Fn(f64, f64, f64) -> f64| {
        let mut lines = Vec::new();
        for (colour, case) in document.cases.iter().enumerate() {
            let predicted = case.points.iter();
            let predicted = predicted.map(|p| (p.bytes as f64, value(p.time_s, p.time_s, p.bus_bandwidth)));
            let measured = case.points.iter().filter_map(|p| {
                let measured = p.measured_s?;
                Some((p.bytes as f64, value(measured, p.time_s, p.bus_bandwidth)))
            });
            lines.extend(pair(&case.name, colour, predicted.collect(), measured.collect()));
        }
        lines
    };
    let x = || Axis::log("size of the buffer", Unit::BinaryBytes);
    let bandwidth = Lines {
        x: x(),
        y: Axis::log("bus bandwidth", Unit::BytesPerSec),
        // Bus bandwidth is in inverse proportion to time.
        lines: lines(&|time, predicted, bandwidth| bandwidth * predicted / time),
    };
    let time = Lines { x: x(), y: Axis::log("time", Unit::Seconds), lines: lines(&|time, _, _| time) };
    let has_measured = document.cases.iter().any(|case| case.compared > 0);
    let beside = if has_measured { " Hollow dots: measured." } else { "" };
    let figures = vec![
        Figure {
            id: "bus-bandwidth".to_owned(),
            title: "Bus bandwidth over size".to_owned(),
            summary: format!(
                "Where curves rise, latency holds; where they are flat, links are full.{beside}"
            ),
            chart: Chart::Lines(bandwidth),
        },
        Figure {
            id: "time".to_owned(),
            title: "Time over size".to_owned(),
            summary: format!(
                "Where curves are flat, latency holds; where they rise, links are full.{beside}"
            ),
            chart: Chart::Lines(time),
        },
    ];
    let fact = |case: &CollectiveReport| {
        let what =
            format!("{} over {} ranks of {}, {}", case.collective, case.ranks, case.title, case.library);
        (case.name.clone(), what + &error(case.mean_error, case.compared))
    };
    let mut notes: Vec<String> = Vec::new();
    for note in document.cases.iter().flat_map(|case| &case.notes) {
        if !notes.contains(note) {
            notes.push(note.clone());
        }
    }
    notes.extend(document.sources.iter().map(|source| format!("Measured: {source}")));
    let facts = document.cases.iter().map(fact).collect();
    vec![Section {
        id: "curves".to_owned(),
        title: "Curves".to_owned(),
        lead: String::new(),
        facts,
        figures,
        tables: Vec::new(),
        notes,
    }]
}

/// More curves than these on one chart cannot be told apart: each device gets its own then.
const MOST_TOGETHER: usize = 8;

/// The charts of a document of microbenchmarks: curves over the same axes together.
#[must_use]
pub fn curve_sections(document: &CurveDocument) -> Vec<Section> {
    let mut groups: Vec<Vec<&CurveReport>> = Vec::new();
    let by_device = document.cases.len() > MOST_TOGETHER;
    for case in &document.cases {
        let same = |group: &&mut Vec<&CurveReport>| {
            let axes = group[0].over == case.over && group[0].unit == case.unit;
            axes && (!by_device || group[0].device == case.device)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(case),
            None => groups.push(vec![case]),
        }
    }
    let mut figures: Vec<Figure> = Vec::new();
    for group in groups {
        let taken: Vec<String> = figures.iter().map(|figure| figure.id.clone()).collect();
        figures.push(curves(&group, by_device, &taken));
    }
    let fact = |case: &CurveReport| {
        let what = format!("{} of {}", case.title, case.device.title);
        (case.name.clone(), what + &error(case.mean_error, case.compared))
    };
    let notes = document.cases.iter().filter_map(|case| case.note.clone());
    let sources = document.sources.iter().map(|source| format!("Measured: {source}"));
    vec![Section {
        id: "curves".to_owned(),
        title: "Curves".to_owned(),
        lead: String::new(),
        facts: document.cases.iter().map(fact).collect(),
        figures,
        tables: Vec::new(),
        notes: notes.chain(sources).collect(),
    }]
}

fn curves(group: &[&CurveReport], by_device: bool, taken: &[String]) -> Figure {
    let (over, unit) = (group[0].over, group[0].unit);
    let mut lines = Vec::new();
    for (colour, case) in group.iter().enumerate() {
        let predicted = case.points.iter().map(|point| (point.at, point.predicted)).collect();
        let measured = case.points.iter().filter_map(|point| Some((point.at, point.measured?))).collect();
        lines.extend(pair(&case.name, colour, predicted, measured));
    }
    let y = match unit {
        CurveUnit::Seconds => Axis::linear("latency", Unit::Seconds),
        CurveUnit::BytesPerSec => Axis::linear("bandwidth", Unit::BytesPerSec),
    };
    let x = match over {
        CurveAxis::Footprint => Axis::log("size of the buffer", Unit::BinaryBytes),
        CurveAxis::Threads => Axis::log("threads on the device", Unit::Plain),
        CurveAxis::Occupancy => Axis::linear("threads, as a share of those there can be", Unit::Share),
        CurveAxis::InFlight => Axis::log("bytes in flight", Unit::BinaryBytes),
    };
    let of_device = if by_device { format!(": {}", group[0].device.title) } else { String::new() };
    let measured = group.iter().any(|case| case.compared > 0);
    let beside = if measured { " Hollow dots: measured." } else { "" };
    Figure {
        id: slug(&format!("{} over {}{of_device}", y.title, over.name()), taken),
        title: format!("{} over {}{of_device}", capital(&y.title), x.title),
        summary: format!("Lines: predicted.{beside}"),
        chart: Chart::Lines(Lines { x, y, lines }),
    }
}

/// A predicted line, and measured dots of the same colour where there are any.
fn pair(name: &str, colour: usize, predicted: Vec<(f64, f64)>, measured: Vec<(f64, f64)>) -> Vec<Line> {
    let mut lines = vec![Line { name: name.to_owned(), mark: Mark::Line, colour, points: predicted }];
    if !measured.is_empty() {
        lines.push(Line { name: format!("{name}, measured"), mark: Mark::Dots, colour, points: measured });
    }
    lines
}

fn error(mean: Option<f64>, compared: usize) -> String {
    let error = mean
        .filter(|_| compared > 0)
        .map(|mean| format!("; mean error {} over {compared} points", percent(mean)));
    error.unwrap_or_default()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
