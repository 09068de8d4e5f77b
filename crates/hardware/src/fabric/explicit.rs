//! Wirings given node by node and link by link: the hybrid cube mesh of a DGX-1, or anything else that is no formula.
//!
//! Routes are shortest in links. Here, and only here, the distances are computed beforehand.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::shape::{Ends, Vertex, Ways, Wiring, mix};

/// The most nodes, members and switches together.
pub(super) const MOST_NODES: usize = 4096;
/// The most directed links.
pub(super) const MOST_LINKS: usize = 65_536;
/// The most steps that finding all distances may take: members x (nodes + links).
pub(super) const MOST_STEPS: usize = 1 << 26;

/// Ways that are tried among shortest ones.
const WAYS: u64 = 64;
const FAR: u16 = u16::MAX;

/// Link `plane x edges + edge`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Explicit {
    members: u32,
    planes: u32,
    /// The nodes that are no members.
    switches: Vec<String>,
    edges: Vec<Edge>,
    /// Numbers of the edges that leave each node.
    out: Vec<Vec<u32>>,
    /// Links from each node to each member, by member.
    distances: Arc<[u16]>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Edge {
    from: u32,
    to: u32,
    copy: u32,
}

impl Explicit {
    /// Nodes are the members, then the switches; `pairs` are directed links between nodes by number. At most
    /// [`MOST_NODES`], [`MOST_LINKS`] and [`MOST_STEPS`].
    pub fn new(members: u32, planes: u32, switches: Vec<String>, pairs: &[(u32, u32)]) -> Self {
        let nodes = members as usize + switches.len();
        let mut out = vec![Vec::new(); nodes];
        let mut copies = HashMap::new();
        let mut edges = Vec::with_capacity(pairs.len());
        for &(from, to) in pairs {
            let copy: &mut u32 = copies.entry((from, to)).or_default();
            out[from as usize].push(edges.len() as u32);
            edges.push(Edge { from, to, copy: *copy });
            *copy += 1;
        }
        let distances = distances(members as usize, nodes, &edges);
        Self { members, planes, switches, edges, out, distances: distances.into() }
    }

    /// Members that the first member cannot reach, or that cannot reach it, in order.
    pub fn cut_off(&self) -> Vec<u32> {
        let is_cut_off = |&member: &u32| self.distance(0, member) == FAR || self.distance(member, 0) == FAR;
        (0..self.members).filter(is_cut_off).collect()
    }

    fn nodes(&self) -> usize {
        self.members as usize + self.switches.len()
    }

    fn distance(&self, from: u32, to_member: u32) -> u16 {
        self.distances.get(to_member as usize * self.nodes() + from as usize).copied().unwrap_or(FAR)
    }

    fn vertex(&self, node: u32, plane: u32) -> Vertex {
        match node.checked_sub(self.members) {
            None => Vertex::Port(node * self.planes + plane),
            Some(tier) => Vertex::Inner { tier: tier as u16, index: plane },
        }
    }

    /// Node and plane of a vertex.
    fn place(&self, vertex: Vertex) -> Option<(u32, u32)> {
        let (node, plane) = match vertex {
            Vertex::Port(port) => (port / self.planes, port % self.planes),
            Vertex::Inner { tier, index } => (self.members + u32::from(tier), index),
        };
        ((node as usize) < self.nodes() && plane < self.planes).then_some((node, plane))
    }

    fn link(&self, plane: u32, edge: u32) -> u64 {
        u64::from(plane) * self.edges.len() as u64 + u64::from(edge)
    }
}

/// Links from each node to each member: a breadth-first search backwards from every member.
fn distances(members: usize, nodes: usize, edges: &[Edge]) -> Vec<u16> {
    let mut into = vec![Vec::new(); nodes];
    for edge in edges {
        into[edge.to as usize].push(edge.from);
    }
    let mut distances = vec![FAR; members * nodes];
    let mut waiting = VecDeque::new();
    for (member, row) in distances.chunks_mut(nodes.max(1)).enumerate() {
        row[member] = 0;
        waiting.push_back(member as u32);
        while let Some(node) = waiting.pop_front() {
            let next = row[node as usize] + 1;
            for &from in &into[node as usize] {
                if row[from as usize] == FAR {
                    row[from as usize] = next;
                    waiting.push_back(from);
                }
            }
        }
    }
    distances
}

impl Wiring for Explicit {
    fn links(&self) -> u64 {
        u64::from(self.planes) * self.edges.len() as u64
    }

    fn ends(&self, link: u64) -> Option<Ends> {
        let count = (self.edges.len() as u64).max(1);
        let plane = u32::try_from(link / count).ok().filter(|&plane| plane < self.planes)?;
        let class = (link % count) as u32;
        let edge = self.edges.get(class as usize)?;
        let (from, to) = (self.vertex(edge.from, plane), self.vertex(edge.to, plane));
        Some(Ends { from, to, copy: edge.copy, class })
    }

    fn between(&self, from: Vertex, to: Vertex, copy: u32) -> Option<u64> {
        let ((from, plane), (to, other)) = (self.place(from)?, self.place(to)?);
        let found = |&&edge: &&u32| {
            let edge = self.edges[edge as usize];
            edge.to == to && edge.copy == copy
        };
        let edge = self.out[from as usize].iter().find(found)?;
        (plane == other).then(|| self.link(plane, *edge))
    }

    fn leaving(&self, vertex: Vertex, visit: &mut dyn FnMut(u64, Vertex)) {
        let Some((node, plane)) = self.place(vertex) else { return };
        for &edge in &self.out[node as usize] {
            visit(self.link(plane, edge), self.vertex(self.edges[edge as usize].to, plane));
        }
    }

    fn ways(&self, _: u32, _: u32) -> Ways {
        Ways { equal: WAYS, detours: 0 }
    }

    /// Way 0 takes the first link listed of those on a shortest route, the others any.
    fn walk(&self, from: u32, to: u32, way: u64, take: &mut dyn FnMut(u64)) -> bool {
        let (plane, member) = (from % self.planes, to / self.planes);
        if way >= WAYS || plane != to % self.planes {
            return false;
        }
        let mut node = from / self.planes;
        while node != member {
            let left = self.distance(node, member);
            if left == FAR || left == 0 {
                return false;
            }
            let nearer = |&&edge: &&u32| self.distance(self.edges[edge as usize].to, member) == left - 1;
            let edges = self.out[node as usize].iter();
            let choices = edges.clone().filter(nearer).count().max(1) as u64;
            let pick = if way == 0 { 0 } else { mix(way ^ (u64::from(node) << 32)) % choices };
            let Some(&edge) = edges.filter(nearer).nth(pick as usize) else { return false };
            take(self.link(plane, edge));
            node = self.edges[edge as usize].to;
        }
        true
    }

    fn tiers(&self) -> u16 {
        self.switches.len() as u16
    }

    fn tier(&self, tier: u16) -> (&str, u32) {
        (self.switches.get(usize::from(tier)).map_or("", String::as_str), self.planes)
    }
}
