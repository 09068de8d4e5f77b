//! Measured points of a `reference:` block, written in it or in a file that it names.

use memwall_units::{Bytes, BytesPerSec, Picos, Quantity};

use super::CurvePoint;
use super::points::amount;
use super::spec::{CurveReferenceSpec, MeasureSpec, Over};
use super::table::{Cell, Table, Tables};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expect::Amount;
use crate::limits::MAX_POINTS;
use crate::nearest::{nearest, one_of};
use crate::node::{Node, Step};
use crate::parse::shorten;
use crate::resolve::Resolver;
use crate::typed;

const PREFIX: &str = "reference";

/// The measured points of `spec`, written at `node`; `None` when something is wrong, which was added to `problems`.
pub(crate) fn resolve(
    resolver: &mut Resolver<'_>,
    tables: &mut Tables,
    node: &Node,
    spec: &CurveReferenceSpec,
    (measure, over): (MeasureSpec, Over),
    problems: &mut Diagnostics,
) -> Option<Vec<CurvePoint>> {
    let before = problems.list.len() + problems.more;
    let points = match (&spec.points, &spec.file) {
        (Some(_), Some(_)) => {
            let message = "both `points` and `file`: the measured points come from one of them";
            problems.push(at(resolver, node, "file", message));
            None
        }
        (Some(list), None) => Some(written(resolver, node, list, measure, over, problems)),
        (None, Some(path)) => {
            let place = place_of(node, "file");
            let table = tables.load(resolver, path, (place, "reference.file")).unwrap_or_else(|problem| {
                problems.push(*problem);
                None
            });
            in_table(resolver, node, spec, &*table?, (measure, over), problems)
        }
        (None, None) => Some(Vec::new()),
    };
    let stray = [
        ("x", spec.x.is_some()),
        ("y", spec.y.is_some()),
        ("x_unit", spec.x_unit.is_some()),
        ("y_unit", spec.y_unit.is_some()),
        ("where", spec.only.is_some()),
    ];
    for (key, there) in stray {
        if there && spec.file.is_none() {
            problems.push(at(resolver, node, key, format!("`{key}` goes with `file`")));
        }
    }
    let points = points?;
    if points.len() > MAX_POINTS {
        let message = format!("{} measured points: at most {MAX_POINTS}", points.len());
        problems.push(typed::problem_at(&resolver.sources, node, PREFIX, &[], message, ""));
    }
    (problems.list.len() + problems.more == before).then_some(points)
}

fn place_of(node: &Node, key: &str) -> crate::source::Place {
    node.get(key).map_or(node.place, |value| value.place)
}

fn at(resolver: &Resolver<'_>, node: &Node, key: &str, message: impl Into<String>) -> Diagnostic {
    typed::problem_at(&resolver.sources, node, PREFIX, &[Step::Key(key.to_owned())], message, "")
}

fn written(
    resolver: &Resolver<'_>,
    node: &Node,
    list: &[(Amount, Amount)],
    measure: MeasureSpec,
    over: Over,
    problems: &mut Diagnostics,
) -> Vec<CurvePoint> {
    let mut points = Vec::with_capacity(list.len());
    for (index, (x, y)) in list.iter().enumerate() {
        let (x, y) = (amount(over, x), value(measure, &y.text()));
        for (part, failed) in [(0, x.as_ref().err()), (1, y.as_ref().err())] {
            if let Some(message) = failed {
                let (message, help) = typed::message_and_help(message);
                let path = [Step::Key("points".to_owned()), Step::Index(index), Step::Index(part)];
                let problem = typed::problem_at(&resolver.sources, node, PREFIX, &path, message, "");
                problems.push(problem.with_help(help));
            }
        }
        if let (Ok(at), Ok(value)) = (x, y) {
            points.push(CurvePoint { at, measured: Some(value) });
        }
    }
    points
}

/// A measured value with its unit, in seconds or bytes per second.
fn value(measure: MeasureSpec, text: &str) -> Result<f64, String> {
    let found = match measure {
        MeasureSpec::Latency => Picos::from_text(text).map(Picos::as_secs_f64),
        MeasureSpec::Bandwidth | MeasureSpec::CacheBandwidth => {
            BytesPerSec::from_text(text).map(|rate| rate.0)
        }
    };
    let found = found.map_err(|error| error.to_string())?;
    if found > 0.0 { Ok(found) } else { Err(format!("`{}` measured: it must be above 0", shorten(text))) }
}

/// The columns that `spec` asks for and what their numbers are in.
struct Columns {
    x: usize,
    y: usize,
    x_factor: f64,
    y_factor: f64,
    only: Vec<(usize, String)>,
}

fn in_table(
    resolver: &Resolver<'_>,
    node: &Node,
    spec: &CurveReferenceSpec,
    table: &Table,
    (measure, over): (MeasureSpec, Over),
    problems: &mut Diagnostics,
) -> Option<Vec<CurvePoint>> {
    let columns = columns(resolver, node, spec, table, (measure, over), problems)?;
    let mut points = Vec::new();
    let kept = |row: &&Vec<Cell>| {
        columns.only.iter().all(|(column, value)| row.get(*column).is_some_and(|cell| cell.text == *value))
    };
    for row in table.rows.iter().filter(kept) {
        if problems.is_full() {
            return None;
        }
        let (Some(x), Some(y)) = (row.get(columns.x), row.get(columns.y)) else { continue };
        let mut number = |cell: &Cell, factor: f64| {
            let number = cell.text.parse::<f64>().ok().map(|number| number * factor);
            let fine = number.filter(|number| number.is_finite() && *number > 0.0);
            if fine.is_none() {
                let message = format!("`{}` is no number above 0", shorten(&cell.text));
                problems.push(Diagnostic::at(&resolver.sources, cell.place, message, "").with_path(PREFIX));
            }
            fine
        };
        if let (Some(at), Some(value)) = (number(x, columns.x_factor), number(y, columns.y_factor)) {
            points.push(CurvePoint { at, measured: Some(value) });
        }
    }
    if points.is_empty() && !problems.has_errors() {
        let message = format!("no row of `{}` is as `where` says", shorten(&table.name));
        problems.push(at(resolver, node, "where", message));
    }
    Some(points)
}

fn columns(
    resolver: &Resolver<'_>,
    node: &Node,
    spec: &CurveReferenceSpec,
    table: &Table,
    (measure, over): (MeasureSpec, Over),
    problems: &mut Diagnostics,
) -> Option<Columns> {
    let mut find = |path: &[Step], name: &str| {
        let found = table.columns.iter().position(|known| known == name);
        if found.is_none() {
            let message = format!("`{}` has no column `{}`", shorten(&table.name), shorten(name));
            let known = || table.columns.iter().map(String::as_str);
            let help = nearest(name, known()).map_or_else(
                || format!("its columns are {}", one_of(known(), 20)),
                |word| format!("did you mean `{word}`?"),
            );
            let problem = typed::problem_at(&resolver.sources, node, PREFIX, path, message, "");
            problems.push(problem.with_help(help));
        }
        found
    };
    let key = |key: &str| Step::Key(key.to_owned());
    let x = spec.x.as_ref().map(|name| find(&[key("x")], name));
    let y = spec.y.as_ref().map(|name| find(&[key("y")], name));
    let mut only = Vec::new();
    for (name, value) in spec.only.iter().flatten() {
        only.extend(find(&[key("where"), key(name)], name).map(|column| (column, value.text())));
    }
    for (name, missing) in [("x", spec.x.is_none()), ("y", spec.y.is_none())] {
        if missing {
            let message = format!("`{name}` is missing: the column of the {}", meaning(name));
            problems.push(at(resolver, node, "file", message));
        }
    }
    let x_factor =
        unit(resolver, node, "x_unit", spec.x_unit.as_deref(), problems, |unit| point_unit(over, unit));
    let y_factor = unit(resolver, node, "y_unit", spec.y_unit.as_deref(), problems, |unit| {
        value(measure, &format!("1 {}", unit.unwrap_or_default()))
    });
    Some(Columns { x: x??, y: y??, x_factor: x_factor?, y_factor: y_factor?, only })
}

fn meaning(axis: &str) -> &'static str {
    if axis == "x" { "points" } else { "values" }
}

/// What one of the file's units is in ours.
fn unit(
    resolver: &Resolver<'_>,
    node: &Node,
    key: &str,
    written: Option<&str>,
    problems: &mut Diagnostics,
    factor: impl Fn(Option<&str>) -> Result<f64, String>,
) -> Option<f64> {
    factor(written)
        .map_err(|message| {
            let (message, help) = typed::message_and_help(&message);
            let place = if written.is_some() { key } else { "file" };
            let message = if written.is_some() { message.to_owned() } else { format!("`{key}` is missing") };
            problems.push(at(resolver, node, place, message).with_help(help));
        })
        .ok()
}

fn point_unit(over: Over, unit: Option<&str>) -> Result<f64, String> {
    match (over, unit) {
        (Over::Footprint | Over::InFlight, unit) => {
            let text = format!("1 {}", unit.unwrap_or_default());
            Bytes::from_text(&text).map(Bytes::as_f64).map_err(|error| error.to_string())
        }
        (Over::Occupancy, Some("%")) => Ok(0.01),
        (Over::Occupancy | Over::Threads, None) => Ok(1.0),
        (Over::Occupancy, Some(unit)) => Err(format!("`{}` is no unit of an occupancy; `%`", shorten(unit))),
        (Over::Threads, Some(_)) => Err("threads have no unit; leave `x_unit` out".to_owned()),
    }
}
