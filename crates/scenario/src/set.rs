//! `path=value` arguments: a value laid over a scenario from the command line.

use crate::diagnostic::Diagnostic;
use crate::node::{Field, Map, Node, Value};
use crate::parse::parse;
use crate::source::{Place, Source, SourceKind, Sources};

/// One `--set`, as the tree it lays over the scenario.
#[derive(Debug, Clone)]
pub(crate) struct Set {
    pub tree: Node,
}

impl Set {
    /// Reads `workload.batch=8`, the value of the option called `option`: keys separated by dots, then a YAML value.
    ///
    /// # Errors
    /// One diagnostic that points into the argument.
    pub fn read(sources: &mut Sources, option: &str, argument: &str) -> Result<Self, Box<Diagnostic>> {
        crate::parse::check_text(option, argument)?;
        let Some((path, value)) = argument.split_once('=') else {
            let source = sources.add(Source::new(option, SourceKind::Set, argument));
            let place = Place { source, start: 0, end: narrow(argument.len()) };
            let message = format!("`{option} {}` has no `=`", crate::parse::shorten(argument));
            return Err(Box::new(
                Diagnostic::at(sources, place, message, "expected path=value")
                    .with_help(format!("such as `{option} workload.batch=8`")),
            ));
        };
        // Blanks in place of the path, so that places in the value are places in the argument.
        let padded = format!("{}{value}", " ".repeat(path.len() + 1));
        let source = sources.add(Source::new(option, SourceKind::Set, padded));
        let node = if value.trim().is_empty() {
            let end = narrow(argument.len());
            Node { value: Value::Null, place: Place { source, start: end, end } }
        } else {
            parse(sources, source).map_err(|mut problem| {
                for spot in problem.spots.iter_mut().filter(|spot| spot.text.len() == argument.len()) {
                    spot.text = argument.to_owned();
                }
                problem
            })?
        };
        sources.replace_text(source, argument);
        Self::nest(sources, option, source, path, node)
    }

    fn nest(
        sources: &Sources,
        option: &str,
        source: u32,
        path: &str,
        value: Node,
    ) -> Result<Self, Box<Diagnostic>> {
        let mut node = value;
        let mut end = path.len();
        for segment in path.rsplit('.') {
            let start = end - segment.len();
            let place = Place { source, start: narrow(start), end: narrow(end) };
            if segment.trim().is_empty() {
                let label = "a key is missing here";
                return Err(Box::new(Diagnostic::at(
                    sources,
                    place,
                    format!("an empty key in `{option}`"),
                    label,
                )));
            }
            if path.split('.').count() > crate::MAX_DEPTH {
                return Err(Box::new(Diagnostic::at(sources, place, "a path that is too long", "")));
            }
            let map: Map = [(segment.trim().into(), Field { key: place, node })].into_iter().collect();
            node = Node { value: Value::Map(map), place };
            end = start.saturating_sub(1);
        }
        Ok(Self { tree: node })
    }

    /// The first key of the path.
    pub fn first_key(&self) -> &str {
        self.tree.map().and_then(|map| map.keys().next()).map_or("", |key| key.as_ref())
    }
}

fn narrow(byte: usize) -> u32 {
    u32::try_from(byte).unwrap_or(u32::MAX)
}
