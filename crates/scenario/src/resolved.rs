//! What `--dry-run` shows: one case with every value, and where each came from.

use memwall_model_graph::networks;

use crate::diagnostic::Diagnostics;
use crate::loader::Loader;
use crate::node::{Field, Map, Node, Value};
use crate::resolve::{Block, Resolver};
use crate::source::Sources;
use crate::spec::SCENARIO_KEYS;

/// A resolved case: YAML lines, each with the origin of its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The lines, in order.
    pub lines: Vec<ResolvedLine>,
    /// Paths and values, in the same order: `workload.batch`, `16`. What says nothing of the experiment itself (names,
    /// descriptions, assertions) is left out.
    pub values: Vec<(String, String)>,
}

/// One line of YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedLine {
    /// The text, indented: `  batch: 16`.
    pub text: String,
    /// Where the value came from: `first_run.yaml:5`, `catalog:h100-sxm`, `--set`, `default`; empty for lines that
    /// only open a block.
    pub origin: String,
}

impl Resolved {
    pub(crate) fn new(tree: &Node, sources: Sources, loader: &dyn Loader) -> Result<Self, Diagnostics> {
        let mut problems = Diagnostics::default();
        let mut resolver = Resolver::new(sources, loader);
        let mut tree = tree.clone();
        if let Value::Map(map) = &mut tree.value {
            expand(&mut resolver, map, &mut problems);
            // As the reference page lists them, wherever they were written.
            map.sort_by_cached_key(|key, _| SCENARIO_KEYS.iter().position(|known| *known == key.as_ref()));
        }
        if problems.has_errors() {
            return Err(problems);
        }
        let mut lines = Vec::new();
        write(&resolver.sources, &tree, 0, &mut lines);
        let mut values = Vec::new();
        for (key, field) in tree.map().into_iter().flatten() {
            if !["name", "description", "expect", "reference"].contains(&key.as_ref()) {
                collect(&field.node, key, &mut values);
            }
        }
        Ok(Self { lines, values })
    }

    /// The lines as YAML, origins as comments in one column.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        // A few long lines do not push all comments out of sight.
        let width =
            self.lines.iter().map(|line| line.text.chars().count()).filter(|width| *width <= 56).max();
        let width = width.unwrap_or(0);
        let mut text = String::new();
        for line in &self.lines {
            if line.origin.is_empty() {
                text.push_str(&line.text);
            } else {
                text.push_str(&format!("{:<width$}  # {}", line.text, line.origin));
            }
            text.push('\n');
        }
        text
    }
}

fn expand(resolver: &mut Resolver<'_>, map: &mut Map, problems: &mut Diagnostics) {
    for block in [Block::Model, Block::Hardware, Block::System, Block::Communication, Block::Software] {
        let Some(field) = map.get_mut(block.key()) else { continue };
        let is_network = || field.node.text().is_some_and(|name| networks::find(name).is_some());
        if matches!(field.node.value, Value::Null) || (block == Block::Model && is_network()) {
            continue;
        }
        if let Some(document) = resolver.document(block, &field.node, problems) {
            field.node = document;
        }
    }
}

/// The values below `path`; a figure with its source is one.
fn collect(node: &Node, path: &str, values: &mut Vec<(String, String)>) {
    match &node.value {
        Value::Map(map) if !map.is_empty() && !map.contains_key("value") => {
            for (key, field) in map {
                collect(&field.node, &format!("{path}.{key}"), values);
            }
        }
        Value::List(list) if list.iter().any(|item| matches!(item.value, Value::Map(_) | Value::List(_))) => {
            for (index, item) in list.iter().enumerate() {
                collect(item, &format!("{path}[{index}]"), values);
            }
        }
        _ => values.push((path.to_owned(), inline(node.get("value").unwrap_or(node)))),
    }
}

fn write(sources: &Sources, node: &Node, indent: usize, lines: &mut Vec<ResolvedLine>) {
    match &node.value {
        Value::Map(map) => {
            for (key, field) in map {
                write_entry(
                    sources,
                    &format!("{}{}:", " ".repeat(indent), plain_key(key)),
                    field,
                    indent,
                    lines,
                );
            }
        }
        Value::List(list) => {
            for item in list {
                let text = format!("{}- {}", " ".repeat(indent), inline(item));
                lines.push(ResolvedLine { text, origin: sources.describe(item.place) });
            }
        }
        _ => lines.push(ResolvedLine { text: inline(node), origin: sources.describe(node.place) }),
    }
}

fn write_entry(sources: &Sources, head: &str, field: &Field, indent: usize, lines: &mut Vec<ResolvedLine>) {
    match &field.node.value {
        // A figure with its source is one value.
        Value::Map(map) if !map.is_empty() && !map.contains_key("value") => {
            lines.push(ResolvedLine { text: head.to_owned(), origin: String::new() });
            write(sources, &field.node, indent + 2, lines);
        }
        Value::List(list) if list.iter().any(|item| matches!(item.value, Value::Map(_) | Value::List(_))) => {
            lines.push(ResolvedLine { text: head.to_owned(), origin: String::new() });
            write(sources, &field.node, indent + 2, lines);
        }
        _ => {
            let node = field.node.get("value").unwrap_or(&field.node);
            let text = format!("{head} {}", inline(node));
            lines.push(ResolvedLine { text, origin: sources.describe(node.place) });
        }
    }
}

/// A value on one line.
fn inline(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) if value.is_nan() => ".nan".to_owned(),
        Value::Float(value) if value.is_infinite() => if *value > 0.0 { ".inf" } else { "-.inf" }.to_owned(),
        Value::Float(value) => value.to_string(),
        Value::Text(text) => quoted(text),
        Value::List(list) => format!("[{}]", list.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Map(map) => {
            let fields: Vec<String> = map
                .iter()
                .map(|(key, field)| format!("{}: {}", plain_key(key), inline(&field.node)))
                .collect();
            format!("{{ {} }}", fields.join(", "))
        }
    }
}

fn plain_key(key: &str) -> String {
    quoted(key)
}

/// A text as YAML: plain where that reads back as the same text.
fn quoted(text: &str) -> String {
    let first_is_safe = text.chars().next().is_some_and(|first| first.is_alphanumeric() || first == '/');
    let safe =
        |c: char| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | '/' | '(' | ')' | '+' | '%');
    let is_text = matches!(crate::scalar::resolve(text), Value::Text(_));
    if first_is_safe && is_text && text.chars().all(safe) && text.trim() == text {
        return text.to_owned();
    }
    // JSON strings are YAML strings.
    serde_json::to_string(text).unwrap_or_default()
}
