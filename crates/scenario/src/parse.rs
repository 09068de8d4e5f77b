//! Text to [`Node`]s: YAML with the place of every key and value, within limits.

use std::collections::BTreeMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};

use crate::diagnostic::Diagnostic;
use crate::limits::{MAX_DEPTH, MAX_NODES, MAX_TEXT_BYTES};
use crate::node::{Field, Map, Node, Value};
use crate::scalar;
use crate::source::{Place, Sources};

/// Parses the text of `source` (a number from [`Sources::add`]) as one YAML document.
///
/// # Errors
/// One diagnostic: the first thing that is not YAML, or is past a limit, or a key that stands twice.
pub(crate) fn parse(sources: &Sources, source: u32) -> Result<Node, Box<Diagnostic>> {
    let text = sources.text_of(source);
    let mut builder = Builder::new(sources, source, &text);
    builder.run(&text)
}

/// The text of a file's bytes, within the size limit.
///
/// # Errors
/// One diagnostic: too large, or not UTF-8.
pub(crate) fn check_text<'a>(name: &str, text: &'a str) -> Result<&'a str, Box<Diagnostic>> {
    if text.len() > MAX_TEXT_BYTES {
        let message =
            format!("the file has {} bytes, over the limit of {MAX_TEXT_BYTES} (8 MiB)", text.len());
        return Err(Box::new(Diagnostic::of_file(name, message)));
    }
    Ok(text)
}

/// A collection that is not finished.
struct Open {
    anchor: usize,
    start: usize,
    content: Content,
    /// Nodes inside, itself included.
    nodes: usize,
}

enum Content {
    List(Vec<Node>),
    /// The mapping so far, and the key whose value comes next.
    Map(Map, Option<(Arc<str>, Place)>),
}

struct Builder<'a> {
    sources: &'a Sources,
    source: u32,
    /// Byte of each character; `None` when every character is one byte.
    byte_of: Option<Vec<u32>>,
    length: usize,
    stack: Vec<Open>,
    anchors: BTreeMap<usize, (Node, usize)>,
    nodes: usize,
    root: Option<Node>,
}

impl<'a> Builder<'a> {
    fn new(sources: &'a Sources, source: u32, text: &str) -> Self {
        let byte_of = (!text.is_ascii())
            .then(|| text.char_indices().map(|(byte, _)| u32::try_from(byte).unwrap_or(u32::MAX)).collect());
        Self {
            sources,
            source,
            byte_of,
            length: text.len(),
            stack: Vec::new(),
            anchors: BTreeMap::new(),
            nodes: 0,
            root: None,
        }
    }

    fn run(&mut self, text: &str) -> Result<Node, Box<Diagnostic>> {
        let mut parser = Parser::new_from_str(text);
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| self.syntax_error(&error))?;
            self.event(event, span)?;
        }
        let name = self.sources.get(self.place(0, 0)).map(|source| source.name.clone()).unwrap_or_default();
        self.root.take().ok_or_else(|| {
            let empty = Diagnostic::of_file(&name, "the file is empty");
            empty.with_help("a scenario says at least `model`, `hardware` and `workload`").into()
        })
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Box<Diagnostic>> {
        match event {
            Event::DocumentStart(_) if self.root.is_some() => {
                let place = self.span(span);
                Err(self
                    .error(place, "a second document in the file", "one scenario a file")
                    .with_help("several cases of one scenario go under `cases:`")
                    .into())
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.no_tag(tag.is_some(), span)?;
                self.count(1, span)?;
                let value = if style == ScalarStyle::Plain {
                    scalar::resolve(&text)
                } else {
                    Value::Text(Arc::from(text.as_ref()))
                };
                self.value(Node { value, place: self.span(span) }, anchor, 1, Some(&text))
            }
            Event::SequenceStart(anchor, tag) => {
                self.no_tag(tag.is_some(), span)?;
                self.open(anchor, span, Content::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                self.no_tag(tag.is_some(), span)?;
                self.open(anchor, span, Content::Map(Map::new(), None))
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(anchor) => self.alias(anchor, span),
            _ => Ok(()),
        }
    }

    fn open(&mut self, anchor: usize, span: Span, content: Content) -> Result<(), Box<Diagnostic>> {
        if self.stack.len() >= MAX_DEPTH {
            let message = format!("nested more than {MAX_DEPTH} deep");
            return Err(self.error(self.span(span), message, "too deep").into());
        }
        if let Some(Open { content: Content::Map(_, None), .. }) = self.stack.last() {
            return Err(self
                .error(self.span(span), "a key that is not a plain word", "keys are texts")
                .into());
        }
        self.count(1, span)?;
        let start = self.byte(span.start.index());
        self.stack.push(Open { anchor, start, content, nodes: 1 });
        Ok(())
    }

    fn close(&mut self, span: Span) -> Result<(), Box<Diagnostic>> {
        let Some(open) = self.stack.pop() else { return Ok(()) };
        let place = self.place(open.start, self.byte(span.end.index()));
        let value = match open.content {
            Content::List(list) => Value::List(list),
            Content::Map(map, _) => Value::Map(map),
        };
        self.value(Node { value, place }, open.anchor, open.nodes, None)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Box<Diagnostic>> {
        let place = self.span(span);
        let Some(nodes) = self.anchors.get(&anchor).map(|(_, nodes)| *nodes) else {
            return Err(self
                .error(place, "an alias inside the value it stands for", "refers to itself")
                .into());
        };
        self.count(nodes, span)?;
        let Some((node, _)) = self.anchors.get(&anchor).cloned() else { return Ok(()) };
        self.value(node, 0, nodes, None)
    }

    /// Takes a finished value (or a key, where a key is due) into the collection it stands in.
    fn value(
        &mut self,
        node: Node,
        anchor: usize,
        nodes: usize,
        raw: Option<&str>,
    ) -> Result<(), Box<Diagnostic>> {
        let is_key = matches!(self.stack.last(), Some(Open { content: Content::Map(_, None), .. }));
        if is_key {
            return self.key(&node, raw);
        }
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), nodes));
        }
        let Some(open) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.nodes += nodes;
        match &mut open.content {
            Content::List(list) => list.push(node),
            Content::Map(map, key) => {
                if let Some((key, place)) = key.take() {
                    map.insert(key, Field { key: place, node });
                }
            }
        }
        Ok(())
    }

    fn key(&mut self, node: &Node, raw: Option<&str>) -> Result<(), Box<Diagnostic>> {
        let text = match (&node.value, raw) {
            (Value::Text(text), _) => text.clone(),
            (_, Some(raw)) => Arc::from(raw),
            _ => {
                return Err(self
                    .error(node.place, "a key that is not a plain word", "keys are texts")
                    .into());
            }
        };
        if text.as_ref() == "<<" {
            return Err(self
                .error(node.place, "merge keys (`<<`) are not supported", "not a key")
                .with_help("use `extends:` to start from another part or scenario and override some of it")
                .into());
        }
        let Some(Open { content: Content::Map(map, next), .. }) = self.stack.last_mut() else {
            return Ok(());
        };
        if let Some(first) = map.get(&text).map(|field| field.key) {
            let message = format!("the key `{}` stands twice", shorten(&text));
            return Err(self
                .error(node.place, message, "again here")
                .and_at(self.sources, first, "first here")
                .into());
        }
        *next = Some((text, node.place));
        Ok(())
    }

    fn no_tag(&self, tagged: bool, span: Span) -> Result<(), Box<Diagnostic>> {
        if tagged {
            let help = "write the value without `!`; texts that look like numbers go in quotes";
            return Err(self
                .error(self.span(span), "YAML tags are not supported", "a tag")
                .with_help(help)
                .into());
        }
        Ok(())
    }

    fn count(&mut self, nodes: usize, span: Span) -> Result<(), Box<Diagnostic>> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            let message = format!("more than {MAX_NODES} values, those that aliases repeat included");
            return Err(self.error(self.span(span), message, "here the limit is passed").into());
        }
        Ok(())
    }

    fn syntax_error(&self, error: &ScanError) -> Diagnostic {
        let byte = self.byte(error.marker().index());
        // An error at the end of the text is shown at its last character.
        let byte = if byte >= self.length { self.length.saturating_sub(1) } else { byte };
        let place = self.place(byte, byte + 1);
        let info = error.info();
        if info.contains("recursion") {
            return self.error(place, format!("nested more than {MAX_DEPTH} deep"), "too deep");
        }
        let diagnostic = self.error(place, format!("this is not YAML: {info}"), "");
        diagnostic.with_help(advice(info))
    }

    fn error(&self, place: Place, message: impl Into<String>, label: &str) -> Diagnostic {
        Diagnostic::at(self.sources, place, message, label)
    }

    fn span(&self, span: Span) -> Place {
        let start = self.byte(span.start.index());
        self.place(start, self.byte(span.end.index()).max(start))
    }

    fn place(&self, start: usize, end: usize) -> Place {
        let narrow = |byte| u32::try_from(byte).unwrap_or(u32::MAX);
        Place { source: self.source, start: narrow(start), end: narrow(end) }
    }

    fn byte(&self, character: usize) -> usize {
        match &self.byte_of {
            Some(bytes) => bytes.get(character).map_or(self.length, |byte| *byte as usize),
            None => character.min(self.length),
        }
    }
}

/// What usually lies behind a syntax error.
fn advice(info: &str) -> &'static str {
    if info.contains("tab") {
        "indent with spaces: YAML allows no tabs there"
    } else if info.contains("mapping values are not allowed") {
        "two `:` on one line: put a text that contains `: ` in quotes, or start a new line"
    } else if info.contains("unexpected character") {
        "put a text that starts with a special character in quotes"
    } else if info.contains("quoted scalar") {
        "a quote that is opened here is never closed"
    } else if info.contains("flow")
        || info.contains("expected node content")
        || info.contains("illegal placement")
    {
        "a `[` or `{` may be missing its `]` or `}`, or a comma is missing"
    } else if info.contains("unknown anchor") {
        "an alias `*name` needs an anchor `&name` before it; a text that starts with `*` goes in quotes"
    } else {
        ""
    }
}

/// At most 60 characters of a text, for messages.
pub(crate) fn shorten(text: &str) -> String {
    if text.chars().count() <= 60 {
        return text.to_owned();
    }
    text.chars().take(57).chain("...".chars()).collect()
}
