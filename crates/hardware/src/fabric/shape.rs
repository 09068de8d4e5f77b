//! What every wiring of a level can say about itself, without storing anything for a pair of devices.

use super::dragonfly::Dragonfly;
use super::explicit::Explicit;
use super::fat_tree::FatTree;
use super::full::Full;
use super::pcie::Pcie;
use super::star::Star;
use super::torus::Torus;

/// A place where links of one group of a level meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Vertex {
    /// A port of a member: number `member x ports of a member + port`.
    Port(u32),
    /// A switch, router or host bridge.
    Inner {
        /// Which kind of the wiring's inner vertices.
        tier: u16,
        /// Which of that kind, in this group.
        index: u32,
    },
}

/// What a directed link joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    pub from: Vertex,
    pub to: Vertex,
    /// Tells parallel links between the same two vertices apart.
    pub copy: u32,
    /// Which of the level's figures it has.
    pub class: u32,
}

impl Ends {
    pub fn new(from: Vertex, to: Vertex, class: u32) -> Self {
        Self { from, to, copy: 0, class }
    }
}

/// How many ways lead from one port to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ways {
    /// Of the same, least cost: ways `0..equal`. At least 1; way 0 is the default.
    pub equal: u64,
    /// Longer ones that algebra knows: ways `equal..equal + detours`. They are for when a link is dead.
    pub detours: u64,
}

impl Ways {
    /// A single way.
    pub const ONE: Self = Self { equal: 1, detours: 0 };
}

/// The links of one group of a level, numbered from 0. Every group of the level is wired alike.
pub(super) trait Wiring {
    /// Link numbers are below this. Some may be unused, such as those past the edge of a mesh.
    fn links(&self) -> u64;

    /// What a link joins; `None` for an unused number.
    fn ends(&self, link: u64) -> Option<Ends>;

    /// The link that joins two vertices.
    fn between(&self, from: Vertex, to: Vertex, copy: u32) -> Option<u64>;

    /// Visits the links that leave a vertex, each with where it leads, always in the same order.
    fn leaving(&self, vertex: Vertex, visit: &mut dyn FnMut(u64, Vertex));

    /// How many ways lead from a port to another.
    fn ways(&self, from: u32, to: u32) -> Ways;

    /// Takes the links of one of the ways, in order. `false` where that way does not exist.
    fn walk(&self, from: u32, to: u32, way: u64, take: &mut dyn FnMut(u64)) -> bool;

    /// Kinds of inner vertices.
    fn tiers(&self) -> u16;

    /// What inner vertices of a kind are called, and how many there are in a group.
    fn tier(&self, tier: u16) -> (&str, u32);

    /// Whether a search over all links may find a way that `ways` does not know.
    fn has_hidden_ways(&self) -> bool {
        true
    }
}

/// The wiring of a level.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    Star(Star),
    Full(Full),
    Torus(Torus),
    Pcie(Pcie),
    FatTree(FatTree),
    Dragonfly(Dragonfly),
    Explicit(Explicit),
}

impl Shape {
    pub fn wiring(&self) -> &dyn Wiring {
        match self {
            Self::Star(star) => star,
            Self::Full(full) => full,
            Self::Torus(torus) => torus,
            Self::Pcie(pcie) => pcie,
            Self::FatTree(tree) => tree,
            Self::Dragonfly(dragonfly) => dragonfly,
            Self::Explicit(explicit) => explicit,
        }
    }
}

/// A well-mixed number (the finalizer of splitmix64): the same on every machine.
pub(super) fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
