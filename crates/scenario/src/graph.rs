//! `graph:` blocks: a model as a list of operators.

use memwall_model_graph::{Graph, OperatorSpec, Precision};

use crate::diagnostic::Diagnostics;
use crate::node::{Node, Step};
use crate::source::Sources;
use crate::typed;

/// The graph that a list of operators describes; adds all problems, each at its operator's line.
pub(crate) fn read(
    sources: &Sources,
    node: &Node,
    precision: &Precision,
    problems: &mut Diagnostics,
) -> Option<Graph> {
    let specs: Vec<OperatorSpec> = typed::read(sources, node, "graph", problems)?;
    let errors = match Graph::from_spec(&specs, precision) {
        Ok(graph) => return Some(graph),
        Err(errors) => errors,
    };
    for error in errors {
        let mut path = vec![Step::Index(error.operator)];
        path.extend(error.path.iter().map(|key| match key.parse::<usize>() {
            Ok(index) => Step::Index(index),
            Err(_) => Step::Key(key.clone()),
        }));
        let diagnostic = typed::problem_at(sources, node, "graph", &path, error.message, "");
        problems.push(diagnostic.with_help(error.hint.unwrap_or_default()));
    }
    None
}
