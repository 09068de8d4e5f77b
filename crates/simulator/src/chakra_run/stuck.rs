//! Who waits for whom when nothing goes on.

use std::collections::HashMap;

use super::error::{SHOWN_DEADLOCK, TraceRunError};
use super::matching::Matched;
use super::program::Programs;
use crate::chakra::positions_of_dependencies;

/// Names a cycle among the nodes of which `done` is not true. `waits` has for how many each still waits.
pub(super) fn deadlock(
    programs: &Programs<'_>,
    matched: &Matched,
    done: &[bool],
    waits: &[u32],
) -> TraceRunError {
    let sender: HashMap<u32, u32> =
        matched.messages.iter().map(|message| (message.receive, message.send)).collect();
    // The member of each collective that has not come; the others wait for it.
    let mut late: HashMap<u32, u32> = HashMap::new();
    for joint in &matched.collectives {
        if let Some(&missing) = joint.nodes.iter().find(|node| waits[**node as usize] > 0) {
            late.extend(joint.nodes.iter().map(|node| (*node, missing)));
        }
    }
    let mut dependencies: HashMap<u32, Vec<Vec<usize>>> = HashMap::new();
    let mut own = |node: u32| {
        let rank = programs.rank(node);
        let range = programs.of_rank(rank);
        let of_rank = dependencies
            .entry(rank)
            .or_insert_with(|| positions_of_dependencies(programs.nodes(rank)).unwrap_or_default());
        let of_node = of_rank.get((node - range.start) as usize);
        let mut found = of_node.into_iter().flatten().map(|position| range.start + *position as u32);
        found.find(|dependency| !done[*dependency as usize])
    };
    let mut next = |node: u32| {
        own(node)
            .or_else(|| sender.get(&node).copied().filter(|send| !done[*send as usize]))
            .or_else(|| late.get(&node).copied().filter(|late| *late != node))
    };
    let Some(start) = done.iter().position(|done| !done) else {
        return TraceRunError::Deadlock { shown: Vec::new(), length: 0 };
    };
    let (mut met, mut walk, mut node) = (HashMap::new(), Vec::new(), start as u32);
    while !met.contains_key(&node) {
        met.insert(node, walk.len());
        walk.push(node);
        node = next(node).unwrap_or(node);
    }
    let cycle = &walk[met[&node]..];
    let shown = cycle.iter().take(SHOWN_DEADLOCK).map(|node| programs.at(*node)).collect();
    TraceRunError::Deadlock { shown, length: cycle.len() }
}
