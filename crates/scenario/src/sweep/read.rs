//! From the tree of a `sweep:` block to its axes.

use super::amount::Amount;
use super::axis::{Axis, AxisValue, Spread};
use super::spec::{Scale, SweepRangeSpec, SweepSpec};
use super::{MAX_AXES, Sweep};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::node::{Field, Node, Value};
use crate::parse::shorten;
use crate::source::{Place, Sources};
use crate::typed;

/// Reads the block; adds all that is wrong with it.
pub(crate) fn sweep(sources: &Sources, block: &Node, problems: &mut Diagnostics) -> Option<Sweep> {
    let axes_node = block.get("axes");
    // What is in the axes is looked at one by one below; here only whether the rest is right.
    let mut frame = block.clone();
    if let (Value::Map(map), Some(_)) = (&mut frame.value, axes_node.and_then(Node::map)) {
        let empty = Node { value: Value::Map(Default::default()), place: block.place };
        map.insert("axes".into(), Field { key: block.place, node: empty });
    }
    let spec: Option<SweepSpec> = typed::read(sources, &frame, "sweep", problems);
    let mut axes = Vec::new();
    for (path, field) in axes_node.and_then(Node::map).into_iter().flatten() {
        if problems.is_full() {
            break;
        }
        match axis_from(sources, path, field) {
            Ok(axis) => axes.push(axis),
            Err(found) => found.list.into_iter().for_each(|problem| problems.push(problem)),
        }
    }
    let spec = spec?;
    if axes_node.and_then(Node::map).is_some_and(|map| map.is_empty()) {
        let label = "name at least one path, such as `workload.batch: [1, 8]`";
        problems.push(
            Diagnostic::at(sources, block.place, "a sweep without axes", label).with_path("sweep.axes"),
        );
    }
    Some(Sweep { axes, sample: spec.sample, place: block.place, uncertain: false })
}

/// One axis as it stands in a file.
pub(super) fn axis_from(sources: &Sources, path: &str, field: &Field) -> Result<Axis, Diagnostics> {
    let keys = keys_of(sources, path, field.key, "sweep")?;
    let (unit, spread) = match &field.node.value {
        Value::List(list) => list_of(sources, path, field.node.place, list)?,
        Value::Map(map) if map.contains_key("from") || map.contains_key("to") => {
            range_of(sources, &format!("sweep.axes.{path}"), &field.node)?
        }
        _ => {
            let message = format!("`{}` of a sweep is {}", shorten(path), field.node.kind());
            let label = "expected a list such as `[1, 8]`, or a range such as `{ from: 1, to: 8, steps: 8 }`";
            return Err(Diagnostic::at(sources, field.node.place, message, label).into());
        }
    };
    Ok(Axis { path: path.to_owned(), unit, keys, place: field.node.place, spread })
}

/// The keys of a path, which must lead into a scenario.
pub(super) fn keys_of(
    sources: &Sources,
    path: &str,
    place: Place,
    whose: &str,
) -> Result<Vec<(String, Place)>, Diagnostics> {
    let keys: Vec<_> = path.split('.').map(|key| (key.trim().to_owned(), place)).collect();
    if keys.len() > crate::MAX_DEPTH || keys.iter().any(|(key, _)| key.is_empty()) {
        let message = format!("`{}` is no path into a scenario", shorten(path));
        let label = "expected keys separated by dots, such as `workload.batch`";
        return Err(Diagnostic::at(sources, place, message, label).into());
    }
    const FIXED: [&str; 8] =
        ["cases", "extends", "kind", "sweep", "uncertain", "name", "expect", "reference"];
    if let Some(fixed) = FIXED.iter().find(|fixed| **fixed == keys[0].0) {
        let message = format!("`{fixed}` cannot differ between the points of a {whose}");
        return Err(Diagnostic::at(sources, place, message, "not a value that a run depends on").into());
    }
    Ok(keys)
}

/// A list of values, with the unit of all of them where they are amounts of one kind.
pub(super) fn list_of(
    sources: &Sources,
    path: &str,
    place: Place,
    list: &[Node],
) -> Result<(String, Spread), Diagnostics> {
    if list.is_empty() {
        let message = format!("`{}` of a sweep has no values", shorten(path));
        return Err(Diagnostic::at(sources, place, message, "an empty list").into());
    }
    let unit = list.first().and_then(Amount::of).map(|amount| amount.unit);
    let unit = unit.filter(|unit| {
        list.iter().all(|node| Amount::of(node).is_some_and(|amount| amount.in_unit(unit).is_some()))
    });
    let values = list.iter().map(|node| AxisValue::written(node, unit.as_deref())).collect();
    Ok((unit.unwrap_or_default(), Spread::List(values)))
}

fn range_of(sources: &Sources, path: &str, node: &Node) -> Result<(String, Spread), Diagnostics> {
    let mut problems = Diagnostics::default();
    let spec: Option<SweepRangeSpec> = typed::read(sources, node, path, &mut problems);
    let (Some(spec), Some(from), Some(to)) = (spec, node.get("from"), node.get("to")) else {
        return Err(problems);
    };
    range(
        sources,
        from,
        to,
        (spec.steps, node.get("steps").map_or(node.place, |steps| steps.place)),
        spec.scale,
    )
}

/// The range from one written value to another.
pub(super) fn range(
    sources: &Sources,
    from: &Node,
    to: &Node,
    (steps, steps_place): (Option<u64>, Place),
    scale: Scale,
) -> Result<(String, Spread), Diagnostics> {
    let wrong = |place, message: String, label: &str| -> Result<(String, Spread), Diagnostics> {
        Err(Diagnostic::at(sources, place, message, label).into())
    };
    let (Some(low), Some(high)) = (Amount::of(from), Amount::of(to)) else {
        let bad = if Amount::of(from).is_none() { from } else { to };
        return wrong(
            bad.place,
            "the end of a range is an amount".to_owned(),
            "expected a number or a quantity",
        );
    };
    let Some(end) = high.in_unit(&low.unit) else {
        let unit = if low.unit.is_empty() { "no unit".to_owned() } else { format!("`{}`", low.unit) };
        return wrong(
            to.place,
            "the two ends of a range measure different things".to_owned(),
            &format!("expected an amount like the first, which has {unit}"),
        );
    };
    let log = scale == Scale::Log;
    if log && (low.number <= 0.0 || end <= 0.0) {
        let bad = if low.number <= 0.0 { from } else { to };
        return wrong(
            bad.place,
            "a range of scale `log` is of numbers above zero".to_owned(),
            "not above zero",
        );
    }
    let whole = low.whole && high.whole;
    if steps == Some(0) || steps == Some(1) && low.number != end {
        let message = "a range has two steps at least: its ends".to_owned();
        return wrong(steps_place, message, "too few");
    }
    let room = (end - low.number).abs() + 1.0;
    if let Some(steps) = steps.filter(|steps| whole && *steps as f64 > room) {
        let message = format!("{steps} steps, and only {room} whole numbers from one end to the other");
        return Err(Diagnostics::from(
            Diagnostic::at(sources, steps_place, message, "some would stand twice")
                .with_help("write the ends with a point (`0.0`) where fractions are meant"),
        ));
    }
    Ok((low.unit.clone(), Spread::Range { from: low.number, to: end, steps, log, whole }))
}

/// Whether there are not too many axes, no axis twice, and not too many points.
pub(super) fn check(sources: &Sources, sweep: &Sweep) -> Result<(), Diagnostics> {
    if sweep.axes.len() > MAX_AXES {
        let message = format!("{} axes are too many", sweep.axes.len());
        return Err(Diagnostic::at(sources, sweep.place, message, format!("at most {MAX_AXES}")).into());
    }
    if sweep.sample.is_none()
        && let Some(axis) = sweep.axes.iter().find(|axis| axis.len().is_none())
    {
        let message = format!("`{}` does not say in how many steps", shorten(&axis.path));
        let label = "expected `steps:`, such as `{ from: 1, to: 8, steps: 8 }`";
        let help = "a `sample:` draws points and needs no steps";
        return Err(Diagnostics::from(
            Diagnostic::at(sources, axis.place, message, label).with_path("sweep").with_help(help),
        ));
    }
    let points = sweep.points_unbounded();
    if points == 0 || points > u128::from(super::MAX_SWEEP_POINTS) {
        let message = match points {
            0 => "a sweep of no points".to_owned(),
            _ if points > 10_u128.pow(18) => "the sweep has more than 10^18 points".to_owned(),
            _ => format!("the sweep has {points} points"),
        };
        let label = format!("expected 1 to {}", super::MAX_SWEEP_POINTS);
        let help = "a `sample:` takes some of them";
        return Err(Diagnostics::from(
            Diagnostic::at(sources, sweep.place, message, label).with_path("sweep").with_help(help),
        ));
    }
    Ok(())
}
