//! Rings inside a node. Where every pair of devices meets in a switch, any ring will do. Where devices have links of
//! their own to some others, several rings are found so that as many links as possible carry something, as libraries
//! do.

use memwall_hardware::{Fabric, FabricLink};

use super::layout::{Ring, plain};

/// The most ranks among which rings are searched for: 7! orders are tried.
const MAX_RANKS: usize = 8;
/// The most rings taken.
const MAX_RINGS: usize = 32;

/// Rings over these devices of one node, with the share of the bytes that each takes.
pub(super) fn rings(fabric: &Fabric, group: &[u32]) -> Vec<Ring> {
    let found = direct_links(fabric, group).map(|links| search(group, links)).unwrap_or_default();
    if found.is_empty() { vec![plain(group)] } else { found }
}

/// The bandwidth of the direct link from each rank to each other, 0 where there is none; `None` where that is no help:
/// too many ranks, or no links of their own.
fn direct_links(fabric: &Fabric, group: &[u32]) -> Option<Vec<Vec<f64>>> {
    if !(3..=MAX_RANKS).contains(&group.len()) {
        return None;
    }
    let mut seen: Vec<FabricLink> = Vec::new();
    let mut links = vec![vec![0.0; group.len()]; group.len()];
    let mut path = Vec::new();
    for (rank, &from) in group.iter().enumerate() {
        for (other, &to) in group.iter().enumerate() {
            path.clear();
            if rank == other || fabric.route(from, to, 0, &mut path).is_err() {
                continue;
            }
            if let [link] = path[..] {
                seen.push(link);
                links[rank][other] = fabric.link(link).bandwidth;
            }
        }
    }
    let count = seen.len();
    seen.sort_unstable();
    seen.dedup();
    // A link that serves two pairs is a port, not a link of their own.
    (count > 0 && seen.len() == count).then_some(links)
}

/// Takes the ring whose narrowest link has most left, gives it a unit, and goes on until no ring is left. The unit is
/// the narrowest link there is.
fn search(group: &[u32], mut left: Vec<Vec<f64>>) -> Vec<Ring> {
    let unit =
        left.iter().flatten().copied().filter(|&bandwidth| bandwidth > 0.0).fold(f64::INFINITY, f64::min);
    let mut found: Vec<Vec<usize>> = Vec::new();
    while found.len() < MAX_RINGS {
        let Some(ring) = widest(&left, unit) else { break };
        for (at, &rank) in ring.iter().enumerate() {
            left[rank][ring[(at + 1) % ring.len()]] -= unit;
        }
        found.push(ring);
    }
    let share = 1.0 / found.len().max(1) as f64;
    let devices = |ring: &[usize]| ring.iter().map(|&rank| group[rank]).collect::<Vec<u32>>();
    found.iter().map(|ring| Ring { share, ..plain(&devices(ring)) }).collect()
}

/// A ring all of whose links have a unit left; of several, the one whose narrowest link has most left, so that scarce
/// links are kept for later.
fn widest(left: &[Vec<f64>], unit: f64) -> Option<Vec<usize>> {
    let mut best: Option<(f64, Vec<usize>)> = None;
    let mut ring = vec![0];
    let mut used = vec![false; left.len()];
    used[0] = true;
    extend(left, unit * 0.999, f64::INFINITY, &mut ring, &mut used, &mut best);
    best.map(|(_, ring)| ring)
}

fn extend(
    left: &[Vec<f64>],
    least: f64,
    narrowest: f64,
    ring: &mut Vec<usize>,
    used: &mut [bool],
    best: &mut Option<(f64, Vec<usize>)>,
) {
    let Some(&last) = ring.last() else { return };
    if ring.len() == left.len() {
        let width = narrowest.min(left[last][0]);
        if width >= least && best.as_ref().is_none_or(|(most, _)| width > *most) {
            *best = Some((width, ring.clone()));
        }
        return;
    }
    for next in 0..left.len() {
        if !used[next] && left[last][next] >= least {
            used[next] = true;
            ring.push(next);
            extend(left, least, narrowest.min(left[last][next]), ring, used, best);
            ring.pop();
            used[next] = false;
        }
    }
}
