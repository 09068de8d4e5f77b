//! What is wrong with a `config.json`, for people.

use memwall_model_graph::ConfigError;

use crate::diagnostic::Diagnostic;
use crate::parse::shorten;
use crate::source::{Place, Source, SourceKind, Sources};

/// What is wrong with a `config.json`, at its line where that can be told, and where it was named.
pub(crate) fn problem(
    sources: &mut Sources,
    file: &str,
    text: &str,
    named: Place,
    error: &ConfigError,
) -> Diagnostic {
    let source = sources.add(Source::new(file, SourceKind::File, text));
    let key = match error {
        ConfigError::Field { field, .. } => Some(*field),
        ConfigError::UnknownModelType { .. } => Some("model_type"),
        _ => None,
    };
    let at_key = key.and_then(|key| {
        let quoted = format!("\"{key}\"");
        text.find(&quoted).map(|start| (start, start + quoted.len()))
    });
    let at_syntax = match error {
        ConfigError::Syntax { line, column, .. } => byte_of(text, *line, *column),
        _ => None,
    };
    let (message, help) = error.to_string().split_once("; ").map_or_else(
        || (error.to_string(), String::new()),
        |(message, help)| (message.to_owned(), help.to_owned()),
    );
    match at_key.or(at_syntax) {
        Some((start, end)) => {
            let place = Place { source, start: narrow(start), end: narrow(end) };
            Diagnostic::at(sources, place, message, "").and_at(sources, named, "named here")
        }
        None => Diagnostic::at(sources, named, format!("{}: {message}", shorten(file)), "named here"),
    }
    .with_path("model")
    .with_help(help)
}

/// The character at a line and a column, both from 1; `None` when they are not known.
fn byte_of(text: &str, line: usize, column: usize) -> Option<(usize, usize)> {
    let index = line.checked_sub(1)?;
    let start: usize = text.split_inclusive('\n').take(index).map(str::len).sum();
    let length = text.get(start..)?.lines().next().map_or(0, str::len);
    let byte = text.floor_char_boundary((start + column.saturating_sub(1)).min(start + length));
    Some((byte, byte + 1))
}

fn narrow(byte: usize) -> u32 {
    u32::try_from(byte).unwrap_or(u32::MAX)
}
