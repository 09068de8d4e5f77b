//! `cases:`: a list of variants, or a grid of values whose every combination is one.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::limits::MAX_CASES;
use crate::node::{Field, Map, Node, Value};
use crate::overlay::overlay;
use crate::parse::shorten;
use crate::source::{Place, Sources};

/// A variant: its name, if it has one of its own, and what it lays over the scenario.
#[derive(Debug, Clone)]
pub(crate) struct Variant {
    pub name: Option<String>,
    /// Where it is called so.
    pub place: Option<Place>,
    pub over: Option<Node>,
}

/// The variants that `cases` describes; one plain variant when there is no such key.
pub(crate) fn variants(sources: &Sources, cases: Option<&Node>, problems: &mut Diagnostics) -> Vec<Variant> {
    let plain = Variant { name: None, place: None, over: None };
    let Some(cases) = cases else { return vec![plain] };
    match &cases.value {
        Value::Null => vec![plain],
        Value::List(list) if list.is_empty() => empty(sources, cases, problems),
        Value::Map(map) if map.is_empty() => empty(sources, cases, problems),
        Value::List(list) if list.len() > MAX_CASES => too_many(sources, cases, list.len() as u128, problems),
        Value::List(list) => list
            .iter()
            .enumerate()
            .filter_map(|(index, item)| listed(sources, index, item, problems))
            .collect(),
        Value::Map(map) => grid(sources, cases, map, problems),
        _ => {
            let message = format!("`cases` is {}", cases.kind());
            let label = "expected a list of cases, or a grid such as `{ workload.batch: [1, 8] }`";
            problems.push(Diagnostic::at(sources, cases.place, message, label).with_path("cases"));
            Vec::new()
        }
    }
}

fn empty(sources: &Sources, cases: &Node, problems: &mut Diagnostics) -> Vec<Variant> {
    let label = "list at least one case, or leave the key out";
    problems.push(Diagnostic::at(sources, cases.place, "`cases` is empty", label).with_path("cases"));
    Vec::new()
}

fn too_many(sources: &Sources, cases: &Node, count: u128, problems: &mut Diagnostics) -> Vec<Variant> {
    let label = format!("at most {MAX_CASES}");
    problems.push(
        Diagnostic::at(sources, cases.place, format!("{count} cases are too many"), label).with_path("cases"),
    );
    Vec::new()
}

fn listed(sources: &Sources, index: usize, item: &Node, problems: &mut Diagnostics) -> Option<Variant> {
    let path = format!("cases[{index}]");
    let Some(map) = item.map() else {
        let message = format!("a case is a mapping, and this is {}", item.kind());
        let label = "expected a name and what differs, such as `{ name: big, workload: { batch: 64 } }`";
        problems.push(Diagnostic::at(sources, item.place, message, label).with_path(path));
        return None;
    };
    for key in ["cases", "extends", "kind", "sweep", "uncertain", "optimize"] {
        if let Some(field) = map.get(key) {
            let message = format!("a case cannot have its own `{key}`");
            problems
                .push(Diagnostic::at(sources, field.key, message, "not in a case").with_path(path.clone()));
            return None;
        }
    }
    let name = map.get("name").and_then(|field| field.node.text()).map(str::to_owned);
    let place = map.get("name").map_or(item.place, |field| field.node.place);
    Some(Variant {
        name: Some(name.unwrap_or_else(|| format!("case {}", index + 1))),
        place: Some(place),
        over: Some(item.clone()),
    })
}

/// One axis of a grid: the keys of its path, its values, and what to call it.
struct Axis<'a> {
    keys: Vec<(&'a str, Place)>,
    values: Vec<&'a Node>,
    label: &'a str,
}

fn grid(sources: &Sources, cases: &Node, map: &Map, problems: &mut Diagnostics) -> Vec<Variant> {
    let Some(axes) = axes(sources, map, problems) else { return Vec::new() };
    let count = axes.iter().fold(1_u128, |product, axis| product.saturating_mul(axis.values.len() as u128));
    if count > MAX_CASES as u128 {
        return too_many(sources, cases, count, problems);
    }
    let mut variants = Vec::new();
    let mut index = vec![0_usize; axes.len()];
    // An odometer: the last axis turns fastest.
    for _ in 0..count {
        variants.push(combination(&axes, &index, cases.place));
        for (digit, axis) in index.iter_mut().zip(&axes).rev() {
            *digit += 1;
            if *digit < axis.values.len() {
                break;
            }
            *digit = 0;
        }
    }
    variants
}

fn axes<'a>(sources: &Sources, map: &'a Map, problems: &mut Diagnostics) -> Option<Vec<Axis<'a>>> {
    let before = problems.list.len();
    let mut axes = Vec::new();
    for (path, field) in map {
        let whole = format!("cases.{path}");
        let Value::List(values) = &field.node.value else {
            let label = "expected a list of values, such as `[1, 8]`";
            let message = format!("`{}` of a grid is {}", shorten(path), field.node.kind());
            problems.push(Diagnostic::at(sources, field.node.place, message, label).with_path(whole));
            continue;
        };
        if values.is_empty() {
            let message = format!("`{}` of a grid has no values", shorten(path));
            problems
                .push(Diagnostic::at(sources, field.node.place, message, "an empty list").with_path(whole));
            continue;
        }
        let keys: Vec<_> = path.split('.').map(|key| (key.trim(), field.key)).collect();
        if keys.len() > crate::MAX_DEPTH || keys.iter().any(|(key, _)| key.is_empty()) {
            let message = format!("`{}` is no path into a scenario", shorten(path));
            let label = "expected keys separated by dots, such as `workload.batch`";
            problems.push(Diagnostic::at(sources, field.key, message, label).with_path(whole));
            continue;
        }
        axes.push(Axis { keys, values: values.iter().collect(), label: path });
    }
    shorten_labels(&mut axes);
    (problems.list.len() == before).then_some(axes)
}

/// The last key of each path, where those differ.
fn shorten_labels(axes: &mut [Axis<'_>]) {
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let mut names: Vec<String> = axes.iter().map(|axis| last(axis.label)).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() == axes.len() {
        for axis in axes {
            axis.label = axis.label.rsplit('.').next().unwrap_or(axis.label);
        }
    }
}

fn combination(axes: &[Axis<'_>], index: &[usize], place: Place) -> Variant {
    let mut over = Node { value: Value::Map(Map::new()), place };
    let mut names = Vec::new();
    for (axis, digit) in axes.iter().zip(index) {
        let value = axis.values[*digit];
        names.push(format!("{}={}", axis.label, value_name(value, *digit)));
        over = overlay(over, nested(&axis.keys, value.clone()));
    }
    Variant { name: Some(names.join(" ")), place: Some(place), over: Some(over) }
}

/// `value` under `keys`, outermost first.
pub(crate) fn nested<K: AsRef<str>>(keys: &[(K, Place)], value: Node) -> Node {
    keys.iter().rev().fold(value, |node, (key, place)| {
        let map: Map = [(Arc::from(key.as_ref()), Field { key: *place, node })].into_iter().collect();
        Node { value: Value::Map(map), place: *place }
    })
}

fn value_name(node: &Node, index: usize) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Text(text) => shorten(text),
        Value::List(_) => format!("#{}", index + 1),
        Value::Map(_) => {
            let named = ["name", "extends"].iter().find_map(|key| node.get(key)?.text());
            named.map_or_else(|| format!("#{}", index + 1), shorten)
        }
    }
}
