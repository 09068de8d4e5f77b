//! Whether the nodes of a trace can be run in some order.

use super::error::{ChakraError, SHOWN_CYCLE};
use super::trace::{MAX_DEPENDENCIES, MAX_NODES, TraceNode};

pub(super) fn check(nodes: &[TraceNode]) -> Result<(), ChakraError> {
    if nodes.len() > MAX_NODES {
        return Err(ChakraError::TooMany { what: "nodes", limit: MAX_NODES });
    }
    let dependencies = dependencies(nodes)?;
    let waits = run(&dependencies);
    match waits.iter().position(|waits| *waits > 0) {
        None => Ok(()),
        Some(stuck) => Err(cycle(nodes, &dependencies, &waits, stuck)),
    }
}

/// For each node, the positions of those it depends on.
pub(crate) fn dependencies(nodes: &[TraceNode]) -> Result<Vec<Vec<usize>>, ChakraError> {
    let count = nodes.iter().fold(0_usize, |count, node| count.saturating_add(node.after.len()));
    if count > MAX_DEPENDENCIES {
        return Err(ChakraError::TooMany { what: "dependencies", limit: MAX_DEPENDENCIES });
    }
    let mut by_id: Vec<(u64, &TraceNode, usize)> =
        nodes.iter().enumerate().map(|(position, node)| (node.id, node, position)).collect();
    by_id.sort_by_key(|(id, _, position)| (*id, *position));
    for pair in by_id.windows(2) {
        if let [(first_id, first, _), (second_id, second, _)] = pair
            && first_id == second_id
        {
            return Err(ChakraError::DuplicateId { first: first.label(), second: second.label() });
        }
    }
    let position_of = |node: &TraceNode, dependency: &u64| {
        let found = by_id.binary_search_by_key(dependency, |(id, _, _)| *id).ok();
        let found = found.and_then(|at| by_id.get(at)).map(|(_, _, position)| *position);
        found.ok_or_else(|| ChakraError::MissingDependency { node: node.label(), dependency: *dependency })
    };
    nodes.iter().map(|node| node.after.iter().map(|id| position_of(node, id)).collect()).collect()
}

/// Runs whatever is not waiting until nothing is left that can run. What remains: for how many each still waits.
fn run(dependencies: &[Vec<usize>]) -> Vec<usize> {
    let mut waits: Vec<usize> = dependencies.iter().map(Vec::len).collect();
    let mut followers = vec![Vec::new(); dependencies.len()];
    for (node, dependencies) in dependencies.iter().enumerate() {
        for dependency in dependencies {
            followers[*dependency].push(node);
        }
    }
    let mut ready: Vec<usize> = (0..waits.len()).filter(|node| waits[*node] == 0).collect();
    while let Some(done) = ready.pop() {
        for follower in std::mem::take(&mut followers[done]) {
            waits[follower] -= 1;
            if waits[follower] == 0 {
                ready.push(follower);
            }
        }
    }
    waits
}

/// Follows dependencies from a node that never ran. Each such node waits for another, so the walk comes round.
fn cycle(nodes: &[TraceNode], dependencies: &[Vec<usize>], waits: &[usize], stuck: usize) -> ChakraError {
    let mut met: Vec<Option<usize>> = vec![None; nodes.len()];
    let mut walk = Vec::new();
    let mut node = stuck;
    while met[node].is_none() {
        met[node] = Some(walk.len());
        walk.push(node);
        node = dependencies[node].iter().copied().find(|next| waits[*next] > 0).unwrap_or(node);
    }
    let round = &walk[met[node].unwrap_or(0)..];
    let shown = round.iter().take(SHOWN_CYCLE).map(|node| nodes[*node].label()).collect();
    ChakraError::Cycle { shown, length: round.len() }
}
