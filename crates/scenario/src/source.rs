//! The texts a scenario is made of, and places in them.

use std::sync::{Arc, OnceLock};

/// What kind of text a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SourceKind {
    /// A scenario file.
    File,
    /// An entry of the built-in catalog.
    Catalog,
    /// Made by us from another text, such as a model's `config.json`.
    Derived,
    /// A `--set path=value` argument.
    Set,
    /// What holds when nobody says anything.
    Default,
}

/// One text.
#[derive(Debug)]
pub(crate) struct Source {
    pub name: String,
    pub kind: SourceKind,
    pub text: Arc<str>,
    line_starts: OnceLock<Vec<usize>>,
}

/// All texts of one scenario; a [`Place`] is an index into them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    list: Vec<Arc<Source>>,
}

/// Bytes `start..end` of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub source: u32,
    pub start: u32,
    pub end: u32,
}

impl Source {
    pub fn new(name: impl Into<String>, kind: SourceKind, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), kind, text: text.into(), line_starts: OnceLock::new() }
    }

    /// Line and column (in characters) of a byte, both from 1.
    pub fn line_and_column(&self, byte: usize) -> (usize, usize) {
        let starts = self.line_starts();
        let line = starts.partition_point(|start| *start <= byte).max(1);
        let before = self.text.get(starts[line - 1]..byte).unwrap_or_default();
        (line, before.chars().count() + 1)
    }

    /// Bytes of a line (from 1), without its end.
    pub fn line_range(&self, line: usize) -> std::ops::Range<usize> {
        let starts = self.line_starts();
        let start = starts.get(line - 1).copied().unwrap_or(self.text.len());
        let end = starts.get(line).copied().unwrap_or(self.text.len());
        let line = self.text[start..end].trim_end_matches(['\n', '\r']);
        start..start + line.len()
    }

    fn line_starts(&self) -> &[usize] {
        self.line_starts.get_or_init(|| {
            let after_breaks = self.text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1);
            std::iter::once(0).chain(after_breaks).collect()
        })
    }
}

impl Sources {
    /// Adds a text and returns the number that places in it carry.
    pub fn add(&mut self, source: Source) -> u32 {
        self.list.push(Arc::new(source));
        u32::try_from(self.list.len() - 1).unwrap_or(u32::MAX)
    }

    /// Changes a text to another of the same length, so that places stay right.
    pub fn replace_text(&mut self, source: u32, text: &str) {
        if let Some(old) = self.list.get_mut(source as usize) {
            *old = Arc::new(Source::new(old.name.clone(), old.kind, text));
        }
    }

    pub fn get(&self, place: Place) -> Option<&Arc<Source>> {
        self.list.get(place.source as usize)
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// All texts, in the order in which they came up.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|source| source.text.as_ref())
    }

    /// The scenario itself.
    pub fn first(&self) -> Option<&Arc<Source>> {
        self.list.first()
    }

    /// Names and texts of what a person wrote.
    pub fn written(&self) -> impl Iterator<Item = (&str, &str)> {
        let written = |source: &&Arc<Source>| matches!(source.kind, SourceKind::File | SourceKind::Set);
        self.list.iter().filter(written).map(|source| (source.name.as_str(), source.text.trim_end()))
    }

    pub fn text_of(&self, source: u32) -> Arc<str> {
        self.list.get(source as usize).map_or_else(|| Arc::from(""), |s| s.text.clone())
    }

    pub fn kind(&self, place: Place) -> SourceKind {
        self.get(place).map_or(SourceKind::Default, |source| source.kind)
    }

    /// `first_run.yaml:12`, `catalog:h100-sxm`, `--set`, `default`.
    pub fn describe(&self, place: Place) -> String {
        let Some(source) = self.get(place) else { return "default".to_owned() };
        match source.kind {
            SourceKind::File => format!("{}:{}", source.name, source.line_and_column(place.start as usize).0),
            SourceKind::Catalog => format!("catalog:{}", source.name),
            SourceKind::Derived => source.name.clone(),
            SourceKind::Set => "--set".to_owned(),
            SourceKind::Default => "default".to_owned(),
        }
    }
}
