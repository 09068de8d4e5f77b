//! Rings inside a node. Where every pair of devices meets in a switch, any ring will do. Where devices have links of
//! their own to some others, several rings are found so that as many links as possible carry something, as libraries
//! do.

use memwall_hardware::{Fabric, FabricLink};

use super::layout::{Ring, plain};

/// The most ranks among which rings are searched for.
const MAX_RANKS: usize = 8;
/// The most places at which the search goes on.
const MAX_TRIES: u32 = 200_000;
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

/// As many rings as the links have room for, each taking a unit of each of its links: the narrowest link there is. The
/// wide links of a mesh are scarce, and which rings leave most for others only shows at the end, so several are tried.
fn search(group: &[u32], links: Vec<Vec<f64>>) -> Vec<Ring> {
    let unit =
        links.iter().flatten().copied().filter(|&bandwidth| bandwidth > 0.0).fold(f64::INFINITY, f64::min);
    // Units that are left, with room for what dividing rounds.
    let left = links.iter().map(|row| row.iter().map(|link| (link / unit + 1e-3) as u32).collect()).collect();
    let mut packing = Packing { left, taken: Vec::new(), best: Vec::new(), budget: MAX_TRIES, ring: vec![0] };
    packing.fill();
    let share = 1.0 / packing.best.len().max(1) as f64;
    let devices = |ring: &[usize]| ring.iter().map(|&rank| group[rank]).collect::<Vec<u32>>();
    packing.best.iter().map(|ring| Ring { share, ..plain(&devices(ring)) }).collect()
}

/// Rings through all ranks that share the links, by depth-first search.
struct Packing {
    /// Units that each link from one rank to another has left.
    left: Vec<Vec<u32>>,
    taken: Vec<Vec<usize>>,
    best: Vec<Vec<usize>>,
    /// Places that may still be looked at.
    budget: u32,
    /// The ring being made, which begins at rank 0.
    ring: Vec<usize>,
}

impl Packing {
    /// Adds rings while there is room, and keeps the most there have been.
    fn fill(&mut self) {
        if self.taken.len() > self.best.len() {
            self.best.clone_from(&self.taken);
        }
        // No ring leaves a rank by a unit that it has not.
        let out = |row: &Vec<u32>| row.iter().sum::<u32>() as usize;
        let room = self.left.iter().map(out).min().unwrap_or_default();
        if self.taken.len() < MAX_RINGS && self.taken.len() + room > self.best.len() {
            self.extend();
        }
    }

    /// Makes the ring longer by every rank that it can go on to, that with most units left first.
    fn extend(&mut self) {
        let last = self.ring.last().copied().unwrap_or_default();
        if self.ring.len() == self.left.len() {
            if self.left[last][0] > 0 {
                self.close();
            }
            return;
        }
        let mut next: Vec<usize> = (0..self.left.len())
            .filter(|rank| self.left[last][*rank] > 0 && !self.ring.contains(rank))
            .collect();
        next.sort_by_key(|&rank| std::cmp::Reverse(self.left[last][rank]));
        for rank in next {
            if self.budget == 0 {
                return;
            }
            self.budget -= 1;
            self.ring.push(rank);
            self.extend();
            self.ring.pop();
        }
    }

    /// Takes the ring, fills what is left, and gives it back.
    fn close(&mut self) {
        let ring = std::mem::replace(&mut self.ring, vec![0]);
        self.change(&ring, |units| *units -= 1);
        self.taken.push(ring);
        self.fill();
        let ring = self.taken.pop().unwrap_or_default();
        self.change(&ring, |units| *units += 1);
        self.ring = ring;
    }

    fn change(&mut self, ring: &[usize], how: impl Fn(&mut u32)) {
        for (at, &rank) in ring.iter().enumerate() {
            how(&mut self.left[rank][ring[(at + 1) % ring.len()]]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The undirected links of a machine, with their width, as rings are counted over them.
    fn rings_over(ranks: usize, links: &[(usize, usize, f64)]) -> usize {
        let mut bandwidth = vec![vec![0.0; ranks]; ranks];
        for &(a, b, width) in links {
            bandwidth[a][b] = width * 25e9;
            bandwidth[b][a] = width * 25e9;
        }
        let group: Vec<u32> = (0..ranks as u32).collect();
        let rings = search(&group, bandwidth.clone());
        for Ring { edges, share } in &rings {
            assert_eq!(edges.len(), ranks);
            assert!((share * rings.len() as f64 - 1.0).abs() < 1e-12);
            for &(from, to) in edges {
                bandwidth[from as usize][to as usize] -= 25e9;
            }
        }
        assert!(bandwidth.iter().flatten().all(|&left| left >= 0.0), "a link is taken twice");
        rings.len()
    }

    #[test]
    fn a_hybrid_cube_mesh_has_six_rings_of_eight() {
        let links = [
            (0, 1, 1.0),
            (0, 2, 1.0),
            (0, 3, 2.0),
            (0, 4, 2.0),
            (1, 2, 2.0),
            (1, 3, 1.0),
            (1, 5, 2.0),
            (2, 3, 2.0),
            (2, 6, 1.0),
            (3, 7, 1.0),
            (4, 5, 1.0),
            (4, 6, 1.0),
            (4, 7, 2.0),
            (5, 6, 2.0),
            (5, 7, 1.0),
            (6, 7, 2.0),
        ];
        assert_eq!(rings_over(8, &links), 6);
    }

    /// A complete digraph divides into rings, except over four ranks and six (Tillson 1980).
    #[test]
    fn full_meshes_divide_into_rings() {
        for (ranks, rings) in [(3, 2), (4, 2), (5, 4), (7, 6), (8, 7)] {
            let pairs = (0..ranks).flat_map(|a| (0..a).map(move |b| (a, b, 1.0)));
            let pairs: Vec<(usize, usize, f64)> = pairs.collect();
            assert_eq!(rings_over(ranks, &pairs), rings, "{ranks} ranks");
        }
    }

    #[test]
    fn a_line_has_no_ring() {
        assert_eq!(rings_over(3, &[(0, 1, 1.0), (1, 2, 1.0)]), 0);
    }
}
