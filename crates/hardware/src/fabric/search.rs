//! The last resort around dead links: a breadth-first search over the links of one group.

use std::collections::{HashMap, VecDeque};

use super::shape::{Vertex, Wiring};

/// Appends a shortest route over links that are not dead, by their numbers in the group; `None` where there is none, or
/// where it is not found before `steps` links are looked at.
pub(super) fn search(
    wiring: &dyn Wiring,
    from: Vertex,
    to: Vertex,
    is_dead: &dyn Fn(u64) -> bool,
    steps: &mut u64,
) -> Option<Vec<u64>> {
    let mut came_by: HashMap<Vertex, Option<(Vertex, u64)>> = HashMap::from([(from, None)]);
    let mut waiting = VecDeque::from([from]);
    while let Some(vertex) = waiting.pop_front() {
        if vertex == to {
            return Some(trace(&came_by, to));
        }
        if *steps == 0 {
            return None;
        }
        wiring.leaving(vertex, &mut |link, next| {
            *steps = steps.saturating_sub(1);
            if *steps > 0 && !is_dead(link) && !came_by.contains_key(&next) {
                came_by.insert(next, Some((vertex, link)));
                waiting.push_back(next);
            }
        });
    }
    None
}

fn trace(came_by: &HashMap<Vertex, Option<(Vertex, u64)>>, to: Vertex) -> Vec<u64> {
    let (mut links, mut at) = (Vec::new(), to);
    while let Some(&Some((before, link))) = came_by.get(&at) {
        links.push(link);
        at = before;
    }
    links.reverse();
    links
}
