//! Rings, tori and meshes of any number of dimensions, with dimension-order routing (Dally and Seitz, "The torus
//! routing chip", 1986): the first dimension to its end, then the next.
//!
//! A ring is a torus of one dimension. A dimension of two members has one link in each direction, wrapped or not.

use super::shape::{Ends, Vertex, Ways, Wiring};

/// The most dimensions.
pub(super) const MOST_DIMENSIONS: usize = 6;

/// Link `(port x dimensions + d) x 2 + side` leads from a port along dimension `d`, up (side 0) or down (side 1).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Torus {
    dims: Vec<Dimension>,
    planes: u32,
    ports: u32,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Dimension {
    size: u32,
    wraps: bool,
    /// Members between neighbours along it.
    stride: u32,
}

/// One dimension of a way.
#[derive(Clone, Copy, Default)]
struct Leg {
    dimension: usize,
    is_up: bool,
    hops: u32,
    /// Hops the other way round, where that exists.
    around: Option<u32>,
}

impl Torus {
    /// `planes` copies of a torus of at most [`MOST_DIMENSIONS`]; `sizes` are at least 1 and their product times `planes`
    /// is below 2^32.
    pub fn new(sizes: &[u32], wraps: &[bool], planes: u32) -> Self {
        let mut stride = 1;
        let mut dims = Vec::with_capacity(sizes.len());
        for (&size, &wraps) in sizes.iter().zip(wraps) {
            dims.push(Dimension { size, wraps: wraps && size > 2, stride });
            stride *= size;
        }
        Self { dims, planes, ports: stride * planes }
    }

    /// The port one step along a dimension.
    fn step(&self, port: u32, dimension: usize, is_up: bool) -> Option<u32> {
        let Dimension { size, wraps, stride } = *self.dims.get(dimension)?;
        let (width, at) = (stride * self.planes, port / self.planes / stride % size);
        match (is_up, at) {
            (true, at) if at + 1 < size => Some(port + width),
            (true, _) if wraps => Some(port - width * (size - 1)),
            (false, at) if at > 0 => Some(port - width),
            (false, _) if wraps => Some(port + width * (size - 1)),
            _ => None,
        }
    }

    fn link(&self, port: u32, dimension: usize, is_up: bool) -> u64 {
        (u64::from(port) * self.dims.len() as u64 + dimension as u64) * 2 + u64::from(!is_up)
    }

    /// The dimensions in which two ports differ, each the short way, and how many there are.
    fn legs(&self, from: u32, to: u32) -> ([Leg; MOST_DIMENSIONS], usize) {
        let (mut legs, mut count) = ([Leg::default(); MOST_DIMENSIONS], 0);
        for (dimension, &Dimension { size, wraps, stride }) in self.dims.iter().enumerate() {
            let (a, b) = (from / self.planes / stride % size, to / self.planes / stride % size);
            if a == b || count == MOST_DIMENSIONS {
                continue;
            }
            let up = (b + size - a) % size;
            let is_up = if wraps { up <= size - up } else { b > a };
            let hops = if is_up { up } else { size - up };
            let around = wraps.then_some(size - hops);
            legs[count] = Leg { dimension, is_up, hops, around };
            count += 1;
        }
        (legs, count)
    }
}

impl Leg {
    /// The other way round; `false` where there is none.
    fn turn(&mut self) -> bool {
        let Some(around) = self.around else { return false };
        (self.is_up, self.around, self.hops) = (!self.is_up, Some(self.hops), around);
        true
    }
}

impl Wiring for Torus {
    fn links(&self) -> u64 {
        u64::from(self.ports) * self.dims.len() as u64 * 2
    }

    fn ends(&self, link: u64) -> Option<Ends> {
        let place = link / 2;
        let count = (self.dims.len() as u64).max(1);
        let port = u32::try_from(place / count).ok().filter(|&port| port < self.ports)?;
        let to = self.step(port, (place % count) as usize, link.is_multiple_of(2))?;
        Some(Ends::new(Vertex::Port(port), Vertex::Port(to), 0))
    }

    fn between(&self, from: Vertex, to: Vertex, copy: u32) -> Option<u64> {
        let Vertex::Port(port) = from else { return None };
        if copy != 0 || port >= self.ports {
            return None;
        }
        let sides = (0..self.dims.len()).flat_map(|dimension| [(dimension, true), (dimension, false)]);
        let found = |&(dimension, is_up): &(usize, bool)| {
            self.step(port, dimension, is_up).is_some_and(|next| Vertex::Port(next) == to)
        };
        sides.into_iter().find(found).map(|(dimension, is_up)| self.link(port, dimension, is_up))
    }

    fn leaving(&self, vertex: Vertex, visit: &mut dyn FnMut(u64, Vertex)) {
        let Vertex::Port(port) = vertex else { return };
        for dimension in 0..self.dims.len() {
            for is_up in [true, false] {
                if let Some(to) = self.step(port, dimension, is_up) {
                    visit(self.link(port, dimension, is_up), Vertex::Port(to));
                }
            }
        }
    }

    /// Equal ways start with another dimension or, half-way round, go the other way. Detours go the long way round in
    /// some dimensions.
    fn ways(&self, from: u32, to: u32) -> Ways {
        let (legs, count) = self.legs(from, to);
        let halves = legs[..count].iter().filter(|leg| leg.around == Some(leg.hops)).count();
        let count = count.max(1);
        Ways { equal: (count as u64) << halves, detours: ((1u64 << count) - 1) * count as u64 }
    }

    fn walk(&self, from: u32, to: u32, way: u64, take: &mut dyn FnMut(u64)) -> bool {
        if from % self.planes != to % self.planes {
            return false;
        }
        let (mut legs, count) = self.legs(from, to);
        let equal = self.ways(from, to).equal;
        let (first, mut turns, only_halves) = if way < equal {
            (way % count.max(1) as u64, way / count.max(1) as u64, true)
        } else {
            let detour = way - equal;
            (detour % count.max(1) as u64, detour / count.max(1) as u64 + 1, false)
        };
        for leg in &mut legs[..count] {
            if only_halves && leg.around != Some(leg.hops) {
                continue;
            }
            if turns % 2 == 1 && !leg.turn() {
                return false;
            }
            turns /= 2;
        }
        let mut port = from;
        for k in 0..count {
            let leg = legs[(first as usize + k) % count];
            for _ in 0..leg.hops {
                take(self.link(port, leg.dimension, leg.is_up));
                let Some(next) = self.step(port, leg.dimension, leg.is_up) else { return false };
                port = next;
            }
        }
        port == to
    }

    fn tiers(&self) -> u16 {
        0
    }

    fn tier(&self, _: u16) -> (&str, u32) {
        ("", 0)
    }
}
