//! How a group's ranks lie on the fabric: nodes, and the rings a library finds through them.

use memwall_hardware::{Fabric, Topology};

use super::ring_search;

/// A ring over all ranks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ring {
    /// From each device to the next.
    pub edges: Vec<(u32, u32)>,
    /// Of each byte that goes round, the part that goes over each of these edges.
    pub share: f64,
}

/// Where the ranks of a group are.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    /// The devices of each node, in the order of the ranks. A node is a group of the fabric's innermost level.
    pub nodes: Vec<Vec<u32>>,
    /// Whether every node has as many ranks.
    pub is_even: bool,
    /// Edges that carry the same share of the bytes, together rings over all ranks.
    pub rings: Vec<Ring>,
    /// Steps in a row until every part has been everywhere once.
    pub steps: f64,
}

impl Layout {
    /// The layout of these devices.
    pub fn new(fabric: &Fabric, group: &[u32]) -> Self {
        let nodes = nodes(fabric, group);
        let width = nodes.first().map_or(0, Vec::len);
        let is_even = nodes.iter().all(|node| node.len() == width);
        let torus = whole_torus(fabric, group);
        let mut steps = group.len().saturating_sub(1) as f64;
        let rings = match nodes.len() {
            0 => Vec::new(),
            1 if torus.is_some() => {
                let dims = torus.unwrap_or_default();
                steps = dims.iter().map(|&size| f64::from(size) - 1.0).sum();
                rings_along(dims, group)
            }
            1 => ring_search::rings(fabric, group),
            _ if is_even => rings_over_nodes(&nodes),
            _ => vec![plain(&nodes.concat())],
        };
        Self { nodes, is_even, rings, steps }
    }
}

/// The devices of a group by node; nodes in the order of their first rank.
fn nodes(fabric: &Fabric, group: &[u32]) -> Vec<Vec<u32>> {
    let mut order: Vec<(u32, usize)> =
        group.iter().enumerate().map(|(rank, &device)| (fabric.group(device, 0), rank)).collect();
    order.sort_unstable();
    let mut nodes: Vec<(usize, Vec<u32>)> = Vec::new();
    let mut last = None;
    for (node, rank) in order {
        if last != Some(node) {
            last = Some(node);
            nodes.push((rank, Vec::new()));
        }
        if let Some((_, devices)) = nodes.last_mut() {
            devices.push(group[rank]);
        }
    }
    nodes.sort_unstable_by_key(|(rank, _)| *rank);
    nodes.into_iter().map(|(_, devices)| devices).collect()
}

/// One ring in the order given.
pub(super) fn plain(devices: &[u32]) -> Ring {
    let next = devices.iter().cycle().skip(1);
    Ring { edges: devices.iter().copied().zip(next.copied()).collect(), share: 1.0 }
}

/// The dimensions of the torus that these devices are all of, in order; `None` where they are not, or where it does not
/// wrap around everywhere.
fn whole_torus<'f>(fabric: &'f Fabric, group: &[u32]) -> Option<&'f [u32]> {
    let level = fabric.levels().first()?;
    let Topology::Torus { dims, wrap } = &level.kind else { return None };
    let is_whole =
        group.len() == level.devices as usize && group.windows(2).all(|pair| pair[0] + 1 == pair[1]);
    let wraps = dims.iter().zip(wrap).all(|(&size, &wrap)| wrap || size < 3);
    (is_whole && wraps).then_some(dims)
}

/// Rings along every dimension in both directions, each taking an equal part of the bytes: a part is reduced along one
/// dimension after the other, and different parts begin with different dimensions (as XLA does on TPU pods; Kumar and
/// Jouppi 2020, "Highly available data parallel ML training on mesh networks").
fn rings_along(dims: &[u32], group: &[u32]) -> Vec<Ring> {
    let used: Vec<usize> = (0..dims.len()).filter(|&dimension| dims[dimension] > 1).collect();
    let mut rings = Vec::new();
    let mut stride = 1_usize;
    for (dimension, &size) in dims.iter().enumerate() {
        let size = size as usize;
        // A ring of two has one link between the two and no other way round.
        let ways: &[usize] = if size > 2 { &[1, size - 1] } else { &[1] };
        for &way in ways.iter().filter(|_| used.contains(&dimension)) {
            let edges = (0..group.len()).map(|at| {
                let place = at / stride % size;
                let next = at - place * stride + (place + way) % size * stride;
                (group[at], group[next])
            });
            rings.push(Ring { edges: edges.collect(), share: 1.0 });
        }
        stride *= size;
    }
    let share = 1.0 / rings.len().max(1) as f64;
    rings.into_iter().map(|ring| Ring { share, ..ring }).collect()
}

/// As many rings as a node has ranks, so that each leaves the node by another device. Ring number `lane` enters a node
/// at one device, passes all others and leaves by the one before; the next node it enters at the device in the same
/// place as that, so that rails are kept. Added up over the rings, each edge inside a node carries all but one of
/// them, and each edge between nodes one.
fn rings_over_nodes(nodes: &[Vec<u32>]) -> Vec<Ring> {
    let width = nodes.first().map_or(1, Vec::len);
    let lanes = width as f64;
    let mut inside = Vec::new();
    let mut between = Vec::new();
    for (at, node) in nodes.iter().enumerate() {
        let next = &nodes[(at + 1) % nodes.len()];
        if width > 1 {
            inside.extend((0..width).map(|lane| (node[lane], node[(lane + 1) % width])));
        }
        between.extend(node.iter().copied().zip(next.iter().copied()));
    }
    let mut rings = vec![Ring { edges: between, share: 1.0 / lanes }];
    if width > 1 {
        rings.push(Ring { edges: inside, share: (lanes - 1.0) / lanes });
    }
    rings
}
