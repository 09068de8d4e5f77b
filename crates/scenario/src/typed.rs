//! From trees to typed values, with every problem at its line.

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::nearest::{nearest, one_of};
use crate::node::{Node, Step, Value, path_text};
use crate::parse::shorten;
use crate::source::{Place, SourceKind, Sources};

/// Reads `node`, which stands at `path` in the scenario, as a `T`; `None` when something is wrong, all of which is
/// added to `problems`. serde stops at the first problem, so what it stumbled over is taken out and the rest read
/// again.
pub(crate) fn read<T: DeserializeOwned>(
    sources: &Sources,
    node: &Node,
    path: &str,
    problems: &mut Diagnostics,
) -> Option<T> {
    if problems.is_full() {
        return None;
    }
    // Nearly all values are right. Only of a wrong one must be known where it stands, which costs time.
    if let Ok(value) = T::deserialize(node.to_yaml()) {
        return Some(value);
    }
    let mut rest = node.clone();
    let mut removed: Vec<String> = Vec::new();
    while !problems.is_full() {
        let error = match serde_path_to_error::deserialize::<_, T>(rest.to_yaml()) {
            Ok(value) if removed.is_empty() => return Some(value),
            Ok(_) => return None,
            Err(error) => error,
        };
        let steps = steps(error.path());
        let message = error.inner().to_string();
        let missing = quoted(&message).first().cloned().filter(|_| message.starts_with("missing field"));
        if let Some(field) = &missing {
            // A field that is missing because it was wrong has been spoken of.
            if !removed.iter().any(|gone| gone == field) {
                problems.push(explain(sources, &rest, &steps, path, &message));
            }
            return None;
        }
        problems.push(explain(sources, &rest, &steps, path, &message));
        match steps.last() {
            Some(Step::Key(key)) => removed.push(key.clone()),
            // Indices of the other items would shift: the whole list goes.
            Some(Step::Index(_)) => removed.push(String::new()),
            None => return None,
        }
        let until_list = steps.iter().position(|step| matches!(step, Step::Index(_))).filter(|at| *at > 0);
        let gone = match until_list {
            Some(at) if matches!(steps.last(), Some(Step::Index(_))) => rest.remove(&steps[..at]),
            _ => rest.remove(&steps),
        };
        if !gone {
            return None;
        }
    }
    None
}

/// A problem that some crate found at `path` below `node`.
pub(crate) fn problem_at(
    sources: &Sources,
    node: &Node,
    prefix: &str,
    path: &[Step],
    message: impl Into<String>,
    label: impl Into<String>,
) -> Diagnostic {
    let place = place_of(sources, node, path);
    let full = joined(prefix, path);
    Diagnostic::at(sources, place, message, label).with_path(full)
}

/// Keys of `node` that are not among `known`, each a problem.
pub(crate) fn unknown_keys(
    sources: &Sources,
    node: &Node,
    prefix: &str,
    known: &[&str],
    problems: &mut Diagnostics,
) {
    for (key, field) in node.map().into_iter().flatten() {
        if known.contains(&key.as_ref()) {
            continue;
        }
        // Past the limit they are only counted: finding the nearest word takes time.
        if problems.is_full() {
            problems.more += 1;
        } else {
            problems.push(unknown_key(sources, field.key, prefix, key, known));
        }
    }
}

fn unknown_key(sources: &Sources, place: Place, prefix: &str, key: &str, known: &[&str]) -> Diagnostic {
    let whose = if prefix.is_empty() { "a scenario".to_owned() } else { format!("`{prefix}`") };
    let diagnostic = Diagnostic::at(
        sources,
        place,
        format!("unknown key `{}`", shorten(key)),
        format!("not a key of {whose}"),
    )
    .with_path(joined(prefix, &[Step::Key(key.to_owned())]));
    match nearest(key, known.iter().copied()) {
        Some(word) => diagnostic.with_help(format!("did you mean `{word}`?")),
        None if known.is_empty() => diagnostic,
        None => diagnostic.with_help(format!("keys here are {}", one_of(known.iter().copied(), 30))),
    }
}

/// The diagnostic for serde's `message` at `steps` below `node`.
fn explain(sources: &Sources, node: &Node, steps: &[Step], prefix: &str, message: &str) -> Diagnostic {
    let words = quoted(message);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let place = place_of(sources, node, steps);
    if let (true, Some((key, known))) = (message.starts_with("unknown field"), words.split_first()) {
        let (parent, key_place) = match steps.split_last() {
            Some((Step::Key(_), parent)) => (parent, key_place(node, steps).unwrap_or(place)),
            _ => (steps, place),
        };
        return unknown_key(sources, key_place, &joined(prefix, parent), key, known);
    }
    let path = joined(prefix, steps);
    if let (true, Some((word, known))) = (message.starts_with("unknown variant"), words.split_first()) {
        let what = if path.is_empty() { "here".to_owned() } else { format!("for `{path}`") };
        let message = format!("`{}` will not do {what}", shorten(word));
        let diagnostic = Diagnostic::at(
            sources,
            place,
            message,
            format!("expected {}", one_of(known.iter().copied(), 12)),
        );
        let hint = nearest(word, known.iter().copied()).map(|word| format!("did you mean `{word}`?"));
        return diagnostic.with_path(path).with_help(hint.unwrap_or_default());
    }
    if let (true, Some(field)) = (message.starts_with("missing field"), words.first()) {
        let place = key_place(node, steps).unwrap_or(place);
        let whose = if path.is_empty() { "a scenario".to_owned() } else { format!("`{path}`") };
        return Diagnostic::at(sources, place, format!("`{field}` is missing"), format!("{whose} needs it"))
            .with_path(path);
    }
    if let Some(Value::Int(number)) = node.along(steps).get(steps.len()).map(|node| &node.value)
        && u64::try_from(*number).is_err()
        && *number > 0
    {
        return Diagnostic::at(sources, place, format!("wrong value for `{path}`"), "too large")
            .with_path(path);
    }
    wrong_value(sources, place, &path, message)
}

/// "invalid type: string "x", expected u64", or a message written for people by the type itself.
fn wrong_value(sources: &Sources, place: Place, path: &str, message: &str) -> Diagnostic {
    let expected = message.split_once(", expected ").map(|(_, expected)| plain_words(expected));
    let what = if path.is_empty() { String::new() } else { format!(" for `{path}`") };
    if message.starts_with("data did not match any variant") {
        let label = "expected a number, or a text with a unit";
        return Diagnostic::at(sources, place, format!("wrong value{what}"), label).with_path(path);
    }
    match expected {
        Some(expected) if message.starts_with("invalid") => {
            Diagnostic::at(sources, place, format!("wrong value{what}"), format!("expected {expected}"))
        }
        _ => {
            let (message, help) = message_and_help(message);
            Diagnostic::at(sources, place, message, "").with_help(help)
        }
    }
    .with_path(path)
}

/// Units explain themselves: "what is wrong: what would do", here in its parts.
pub(crate) fn message_and_help(message: &str) -> (&str, String) {
    let (message, help) =
        message.split_once(": ").or_else(|| message.split_once("; ")).unwrap_or((message, ""));
    let help = match help.strip_prefix('(').and_then(|units| units.strip_suffix(')')) {
        Some(units) => format!("its units are {units}"),
        None => help.to_owned(),
    };
    (message, help)
}

/// Rust's names of types as a person would say them.
fn plain_words(expected: &str) -> String {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "a whole number of 0 or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "i128" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a string" | "string" => "a text".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a mapping".to_owned(),
        _ if expected.starts_with("struct ") => "a mapping".to_owned(),
        _ => expected.to_owned(),
    }
}

/// The words between backticks.
fn quoted(message: &str) -> Vec<String> {
    message.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn steps(path: &serde_path_to_error::Path) -> Vec<Step> {
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(Step::Index(*index)),
            Segment::Map { key } => Some(Step::Key(key.clone())),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

fn joined(prefix: &str, path: &[Step]) -> String {
    let path = path_text(path);
    match (prefix.is_empty(), path.is_empty()) {
        (true, _) => path,
        (_, true) => prefix.to_owned(),
        _ if path.starts_with('[') => format!("{prefix}{path}"),
        _ => format!("{prefix}.{path}"),
    }
}

/// Where the value at `path` was written; if in the catalog, the nearest value above it that a person wrote.
fn place_of(sources: &Sources, node: &Node, path: &[Step]) -> Place {
    let along = node.along(path);
    let written = along
        .iter()
        .rev()
        .find(|node| matches!(sources.kind(node.place), SourceKind::File | SourceKind::Set));
    written.map_or(node.place, |node| node.place)
}

/// Where the key of the value at `path` was written.
fn key_place(node: &Node, path: &[Step]) -> Option<Place> {
    let (Step::Key(key), parent) = path.split_last()? else { return None };
    let along = node.along(parent);
    let parent = along.get(parent.len())?;
    parent.map()?.get(key.as_str()).map(|field| field.key)
}
