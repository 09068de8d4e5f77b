//! The points of one series: written out, of the catalog's parts, or in a file.

use std::sync::Arc;

use memwall_hardware::{Device, TierKind};

use super::DatedPoint;
use super::date::Date;
use super::spec::{PartFigure, SeriesSpec};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::limits::MAX_POINTS;
use crate::microbenchmark::{Table, Tables};
use crate::nearest::{nearest, one_of};
use crate::node::{Node, Step};
use crate::parse::shorten;
use crate::resolve::Resolver;
use crate::typed;

/// Where a series stands in the scenario, and where its problems go.
pub(super) struct Place<'a, 'b> {
    pub resolver: &'a mut Resolver<'b>,
    pub node: &'a Node,
    pub prefix: String,
    pub problems: &'a mut Diagnostics,
}

impl Place<'_, '_> {
    pub fn problem(&mut self, path: &[Step], message: impl Into<String>) -> &mut Self {
        self.helped(path, message, "")
    }

    pub fn helped(
        &mut self,
        path: &[Step],
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> &mut Self {
        let sources = &self.resolver.sources;
        let problem = typed::problem_at(sources, self.node, &self.prefix, path, message, "");
        self.problems.push(problem.with_help(help));
        self
    }
}

pub(super) fn key(name: &str) -> Step {
    Step::Key(name.to_owned())
}

/// The points of `spec`, its factor in them; what is wrong is added to the problems.
pub(super) fn resolve(place: &mut Place<'_, '_>, tables: &mut Tables, spec: &SeriesSpec) -> Vec<DatedPoint> {
    let factor = spec.factor.unwrap_or(1.0);
    if !(factor.is_finite() && factor > 0.0) {
        place.problem(&[key("factor")], "a factor is a number above 0");
    }
    let in_file =
        [("where", spec.only.is_some()), ("date", spec.date.is_some()), ("value", spec.value.is_some())];
    for (name, _) in in_file.into_iter().filter(|(_, there)| *there && spec.file.is_none()) {
        place.problem(&[key(name)], format!("`{name}` goes with `file`"));
    }
    let points = match (&spec.points, &spec.file) {
        (Some(_), Some(_)) => {
            place.problem(&[key("file")], "both `points` and `file`: the points come from one of them");
            Vec::new()
        }
        (Some(_), None) => written(place, spec),
        (None, Some(file)) => in_table(place, tables, spec, file),
        (None, None) => {
            place.helped(
                &[],
                "a series without points",
                "such as `points: [{ date: 2017-06-12, value: 65 }, ...]`, or `file: points.csv`",
            );
            Vec::new()
        }
    };
    let points: Vec<DatedPoint> =
        points.into_iter().map(|point| DatedPoint { value: point.value * factor, ..point }).collect();
    check_count(place, &points);
    points
}

/// A line needs two days, and says nothing of its error without a third point.
fn check_count(place: &mut Place<'_, '_>, points: &[DatedPoint]) {
    if !place.problems.is_empty() {
        return;
    }
    let first = points.first().map(|point| point.date);
    if points.len() < 3 || points.iter().all(|point| Some(point.date) == first) {
        let message = format!("{} points: at least 3, on at least 2 days", points.len());
        place.problem(&[], message);
    }
    if points.len() > MAX_POINTS {
        place.problem(&[], format!("{} points: at most {MAX_POINTS}", points.len()));
    }
}

fn written(place: &mut Place<'_, '_>, spec: &SeriesSpec) -> Vec<DatedPoint> {
    let mut points = Vec::new();
    for (index, point) in spec.points.iter().flatten().enumerate() {
        let at = |name: &str| [key("points"), Step::Index(index), key(name)];
        let date = Date::from_text(&point.date.text());
        if date.is_none() {
            place.helped(&at("date"), "this is not a day", "such as 2017-06-12, 2017-06 or 2017");
        }
        let value = match (point.value, &point.part) {
            (Some(value), None) if value.is_finite() && value > 0.0 => Some(value),
            (Some(_), None) => {
                place.problem(&at("value"), "a value is a number above 0");
                None
            }
            (None, Some(part)) => of_part(place, spec.figure, part, &at("part")),
            (Some(_), Some(_)) => {
                place.problem(&at("part"), "both `value` and `part`: a point has one of them");
                None
            }
            (None, None) => {
                place.problem(&at("date"), "a point without `value` or `part`");
                None
            }
        };
        points.extend(date.zip(value).map(|(date, value)| DatedPoint { date, value }));
        if place.problems.is_full() {
            break;
        }
    }
    points
}

fn of_part(place: &mut Place<'_, '_>, figure: Option<PartFigure>, part: &str, path: &[Step]) -> Option<f64> {
    let Some(figure) = figure else {
        place.helped(path, "`part` goes with the series' `figure`", "`peak`, `bandwidth` or `capacity`");
        return None;
    };
    let node = place.node.along(path).last().copied()?.clone();
    let device: Arc<Device> = place.resolver.device(&node, place.problems)?;
    let value = part_figure(&device, figure);
    if value.is_none() {
        place.problem(path, format!("`{}` has no such figure", shorten(part)));
    }
    value
}

fn part_figure(device: &Device, figure: PartFigure) -> Option<f64> {
    let memory = || device.tiers.iter().rfind(|tier| tier.kind == TierKind::Dram);
    let giga = |value: f64| value / 1e9;
    match figure {
        PartFigure::Peak => {
            let of = |name: &str| device.matrix.peak.get(name).map(|peak| giga(peak.value.0));
            of("fp16").or_else(|| of("bf16")).or_else(|| of("fp32"))
        }
        PartFigure::Bandwidth => memory().map(|tier| giga(tier.bandwidth.value.0)),
        PartFigure::Capacity => memory().map(|tier| giga(tier.capacity.value.as_f64())),
    }
}

fn in_table(
    place: &mut Place<'_, '_>,
    tables: &mut Tables,
    spec: &SeriesSpec,
    file: &str,
) -> Vec<DatedPoint> {
    let named = place.node.get("file").map_or(place.node.place, |node| node.place);
    let loaded = tables.load(place.resolver, file, (named, &format!("{}.file", place.prefix)));
    let table = match loaded {
        Ok(Some(table)) => table,
        Ok(None) => return Vec::new(),
        Err(problem) => {
            place.problems.push(*problem);
            return Vec::new();
        }
    };
    let date = column(place, &table, &[key("date")], spec.date.as_deref().unwrap_or("date"));
    let value = column(place, &table, &[key("value")], spec.value.as_deref().unwrap_or("value"));
    let mut only = Vec::new();
    for (name, wanted) in spec.only.iter().flatten() {
        let found = column(place, &table, &[key("where"), key(name)], name);
        only.extend(found.map(|column| (column, wanted.text())));
    }
    let (Some(date), Some(value)) = (date, value) else { return Vec::new() };
    let mut points = Vec::new();
    for row in table.rows.iter().filter(|row| only.iter().all(|(column, text)| row[*column].text == *text)) {
        let (day, number) = (&row[date], &row[value]);
        // Nobody knows this figure of this point.
        if number.text.is_empty() {
            continue;
        }
        let read = number.text.parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
        match (Date::from_text(&day.text), read) {
            (Some(date), Some(value)) => points.push(DatedPoint { date, value }),
            (date, _) => {
                let (cell, what) =
                    if date.is_none() { (day, "not a day") } else { (number, "no number above 0") };
                let message = format!("`{}` is {what}", shorten(&cell.text));
                let problem = Diagnostic::at(&place.resolver.sources, cell.place, message, "");
                place.problems.push(problem.with_path(&place.prefix));
            }
        }
        if place.problems.is_full() {
            break;
        }
    }
    points
}

fn column(place: &mut Place<'_, '_>, table: &Table, path: &[Step], name: &str) -> Option<usize> {
    let found = table.columns.iter().position(|known| known == name);
    if found.is_none() {
        let known = || table.columns.iter().map(String::as_str);
        let help = nearest(name, known()).map_or_else(
            || format!("its columns are {}", one_of(known(), 20)),
            |word| format!("did you mean `{word}`?"),
        );
        place.helped(path, format!("`{}` has no column `{}`", shorten(&table.name), shorten(name)), help);
    }
    found
}
