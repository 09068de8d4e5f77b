//! Fat trees (Leiserson, "Fat-trees: universal networks for hardware-efficient supercomputing", 1985) in the general form
//! of extended generalized fat trees (Öhring et al., "On generalized fat trees", 1995): switches of tier `i` have
//! `down[i]` children and `up[i]` parents.
//!
//! The default route goes up by the destination, d-mod-k (Zahavi, "D-Mod-K routing providing non-blocking traffic for
//! shift permutations on real life fat trees", 2010): all traffic to one device comes down one path, and shifts do not
//! collide.

use super::shape::{Ends, Vertex, Ways, Wiring};

/// The most tiers of switches.
pub(super) const MOST_TIERS: usize = 4;

/// Class of a link between a port and its leaf switch.
const PORT_CLASS: u32 = 0;
/// Class of a link between two switches.
const UPLINK_CLASS: u32 = 1;

/// First all links up, tier by tier from the ports, then their counterparts down in the same order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FatTree {
    /// Tier 0 are the ports, then the switches, leaves first.
    tiers: Vec<Tier>,
    up_links: u64,
    words: Vec<&'static str>,
}

/// A vertex of a tier is `block x copies + copy`: blocks share no port below them, copies share all.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tier {
    /// Ports below one vertex, when the tree is full.
    below: u64,
    /// Vertices over the same ports.
    copies: u64,
    blocks: u64,
    /// Parents of one vertex; 0 at the top.
    parents: u64,
    /// Number of the first link up from here.
    first_link: u64,
}

impl FatTree {
    /// `down` has the children of a switch by tier, leaves first, and `up` the parents of a switch, one entry less.
    /// All are at least 1; `down` has a product of at least `ports`; both products are below 2^24.
    pub fn new(ports: u32, down: &[u32], up: &[u32]) -> Self {
        let ports = u64::from(ports);
        let parents = |tier: usize| match tier {
            0 => 1,
            _ => up.get(tier - 1).copied().map_or(0, u64::from),
        };
        let mut tier = Tier { below: 1, copies: 1, blocks: ports, parents: parents(0), first_link: 0 };
        let mut tiers = vec![tier];
        for (above, &children) in down.iter().enumerate() {
            let below = tier.below * u64::from(children);
            tier = Tier {
                below,
                copies: tier.copies * tier.parents,
                blocks: ports.div_ceil(below),
                parents: if above + 1 < down.len() { parents(above + 1) } else { 0 },
                first_link: tier.first_link + tier.blocks * tier.copies * tier.parents,
            };
            tiers.push(tier);
        }
        let words = ["-leaf", "-spine", "-core", "-top"].into_iter().take(down.len()).collect();
        Self { tiers, up_links: tier.first_link, words }
    }

    fn vertex(tier: usize, index: u64) -> Vertex {
        match tier {
            0 => Vertex::Port(index as u32),
            _ => Vertex::Inner { tier: tier as u16 - 1, index: index as u32 },
        }
    }

    fn place(&self, vertex: Vertex) -> Option<(usize, u64)> {
        let (tier, index) = match vertex {
            Vertex::Port(port) => (0, u64::from(port)),
            Vertex::Inner { tier, index } => (usize::from(tier) + 1, u64::from(index)),
        };
        self.tiers.get(tier).filter(|tier| index < tier.blocks * tier.copies).map(|_| (tier, index))
    }

    /// The parent of a vertex through its port up.
    fn parent(&self, tier: usize, index: u64, port: u64) -> Option<u64> {
        let (here, above) = (self.tiers.get(tier)?, self.tiers.get(tier + 1)?);
        let (block, copy) = (index / here.copies, index % here.copies);
        let children = above.below / here.below;
        Some(block / children * above.copies + port * here.copies + copy)
    }

    fn up_link(&self, tier: usize, index: u64, port: u64) -> u64 {
        self.tiers[tier].first_link + index * self.tiers[tier].parents + port
    }

    /// The link up from a lower vertex to one of its parents.
    fn joining(&self, low: (usize, u64), high: (usize, u64)) -> Option<u64> {
        let (tier, index) = low;
        if high.0 != tier + 1 {
            return None;
        }
        let port = high.1 % self.tiers[high.0].copies / self.tiers[tier].copies;
        (self.parent(tier, index, port) == Some(high.1)).then(|| self.up_link(tier, index, port))
    }

    /// The lowest tier with one block over both ports.
    fn common_tier(&self, from: u32, to: u32) -> usize {
        let is_common = |tier: &Tier| u64::from(from) / tier.below == u64::from(to) / tier.below;
        self.tiers.iter().position(is_common).unwrap_or(self.tiers.len() - 1)
    }
}

impl Wiring for FatTree {
    fn links(&self) -> u64 {
        self.up_links * 2
    }

    fn ends(&self, link: u64) -> Option<Ends> {
        let up = link % self.up_links.max(1);
        let tier = self.tiers.iter().rposition(|tier| tier.first_link <= up && tier.parents > 0)?;
        let here = self.tiers[tier];
        let (index, port) = ((up - here.first_link) / here.parents, (up - here.first_link) % here.parents);
        let (low, high) =
            (Self::vertex(tier, index), Self::vertex(tier + 1, self.parent(tier, index, port)?));
        let class = if tier == 0 { PORT_CLASS } else { UPLINK_CLASS };
        let is_up = link < self.up_links;
        let ends = if is_up { Ends::new(low, high, class) } else { Ends::new(high, low, class) };
        (link < self.links()).then_some(ends)
    }

    fn between(&self, from: Vertex, to: Vertex, copy: u32) -> Option<u64> {
        let (from, to) = (self.place(from)?, self.place(to)?);
        if copy != 0 {
            return None;
        }
        self.joining(from, to).or_else(|| Some(self.joining(to, from)? + self.up_links))
    }

    fn leaving(&self, vertex: Vertex, visit: &mut dyn FnMut(u64, Vertex)) {
        let Some((tier, index)) = self.place(vertex) else { return };
        let here = self.tiers[tier];
        for port in 0..here.parents {
            if let Some(parent) = self.parent(tier, index, port) {
                visit(self.up_link(tier, index, port), Self::vertex(tier + 1, parent));
            }
        }
        let Some(low) = tier.checked_sub(1) else { return };
        let (below, block, copy) = (self.tiers[low], index / here.copies, index % here.copies);
        let children = here.below / below.below;
        for child in block * children..((block + 1) * children).min(below.blocks) {
            let child = child * below.copies + copy % below.copies;
            visit(self.up_links + self.up_link(low, child, copy / below.copies), Self::vertex(low, child));
        }
    }

    /// One for each switch at which the way can turn round.
    fn ways(&self, from: u32, to: u32) -> Ways {
        Ways { equal: self.tiers[self.common_tier(from, to)].copies, detours: 0 }
    }

    fn walk(&self, from: u32, to: u32, way: u64, take: &mut dyn FnMut(u64)) -> bool {
        let top = self.common_tier(from, to);
        if way >= self.tiers[top].copies {
            return false;
        }
        let (mut rest, mut copy, mut ups) = (way, 0, [0; MOST_TIERS + 1]);
        for (tier, up) in ups.iter_mut().enumerate().take(top) {
            let here = self.tiers[tier];
            // d-mod-k, turned on by the digits of the way.
            *up = (u64::from(to) / here.copies + rest) % here.parents;
            rest /= here.parents;
            take(self.up_link(tier, u64::from(from) / here.below * here.copies + copy, *up));
            copy += *up * here.copies;
        }
        for tier in (0..top).rev() {
            let here = self.tiers[tier];
            copy %= here.copies;
            let index = u64::from(to) / here.below * here.copies + copy;
            take(self.up_links + self.up_link(tier, index, ups[tier]));
        }
        true
    }

    fn tiers(&self) -> u16 {
        self.words.len() as u16
    }

    fn tier(&self, tier: u16) -> (&str, u32) {
        let count = self.tiers.get(usize::from(tier) + 1).map_or(0, |tier| tier.blocks * tier.copies);
        (self.words.get(usize::from(tier)).copied().unwrap_or(""), count as u32)
    }
}
