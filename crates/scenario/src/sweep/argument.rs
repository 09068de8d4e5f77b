//! `--axis path=values`: an axis from the command line.
//!
//! `workload.batch=1,2,4` is a list, `hardware.memory.hbm.bandwidth=1TB/s..8TB/s:20:log` a range in 20 steps at equal
//! ratios. What starts with `[` or `{` is YAML, as in a file.

use super::axis::Axis;
use super::read::{axis_from, keys_of, list_of, range};
use super::spec::Scale;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::node::{Node, Value};
use crate::scalar;
use crate::set::Set;
use crate::source::{Place, Sources};

/// Reads one argument.
pub(super) fn read(sources: &mut Sources, argument: &str) -> Result<Axis, Diagnostics> {
    let set = Set::read(sources, "--axis", argument).map_err(|problem| Diagnostics::from(*problem))?;
    let Some((path, value)) = argument.split_once('=') else { return Err(Diagnostics::default()) };
    let (keys_place, node) = innermost(&set.tree, path.split('.').count());
    match &node.value {
        Value::List(_) | Value::Map(_) => {
            let field = crate::node::Field { key: keys_place, node: node.clone() };
            axis_from(sources, path.trim(), &field)
        }
        _ => {
            let start = (path.len() + 1) as u32;
            let place = Place { source: set.tree.place.source, start, end: start + value.len() as u32 };
            let keys = keys_of(sources, path.trim(), keys_place, "sweep")?;
            let (unit, spread) = match value.split_once("..") {
                Some((from, rest)) => {
                    let (to, tail) = rest.split_once(':').unwrap_or((rest, ""));
                    let (steps, scale) = steps_and_scale(sources, place, tail)?;
                    let from_node = piece(place.source, start as usize, from);
                    let to_node = piece(place.source, start as usize + from.len() + 2, to);
                    range(sources, &from_node, &to_node, (steps, place), scale)?
                }
                None => {
                    let mut at = start as usize;
                    let pieces = value.split(',').filter(|_| !value.trim().is_empty()).map(|text| {
                        let node = piece(place.source, at, text);
                        at += text.len() + 1;
                        node
                    });
                    let list: Vec<Node> = pieces.collect();
                    list_of(sources, path.trim(), place, &list)?
                }
            };
            Ok(Axis { path: path.trim().to_owned(), unit, keys, place, spread })
        }
    }
}

/// The value below the path's `keys` keys, and where the last of them stands.
fn innermost(tree: &Node, keys: usize) -> (Place, &Node) {
    (0..keys).fold((tree.place, tree), |(place, node), _| {
        let field = node.map().and_then(|map| map.first());
        field.map_or((place, node), |(_, field)| (field.key, &field.node))
    })
}

fn piece(source: u32, start: usize, text: &str) -> Node {
    let blanks = text.len() - text.trim_start().len();
    let trimmed = text.trim();
    let begin = (start + blanks) as u32;
    Node {
        value: scalar::resolve(trimmed),
        place: Place { source, start: begin, end: begin + trimmed.len() as u32 },
    }
}

fn steps_and_scale(sources: &Sources, place: Place, tail: &str) -> Result<(Option<u64>, Scale), Diagnostics> {
    let (steps, scale) = tail.split_once(':').unwrap_or((tail, ""));
    let steps = match steps.trim() {
        "" => Some(None),
        text => text.parse::<u64>().ok().map(Some),
    };
    let scale = match scale.trim() {
        "" | "linear" => Some(Scale::Linear),
        "log" => Some(Scale::Log),
        _ => None,
    };
    match (steps, scale) {
        (Some(steps), Some(scale)) => Ok((steps, scale)),
        _ => {
            let label = "expected `FROM..TO:STEPS` or `FROM..TO:STEPS:log`";
            Err(Diagnostic::at(sources, place, "this is no range", label).into())
        }
    }
}
