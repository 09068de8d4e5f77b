//! The names of links: what reports print, and what overrides are found by.

use super::shape::{Shape, Vertex};
use super::{Fabric, FabricLink};

/// Whether a name is a short word: letters, digits, `_` and `-`, a letter first.
pub(super) fn is_word(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    name.len() <= 40 && name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(good)
}

/// A place of the fabric: level, group and vertex.
pub(super) type Place = (usize, u32, Vertex);

impl Fabric {
    /// A name for a person: `gpu3 -> nvswitch`. Of parallel links, all but the first have a number: `a -> b #1`.
    #[must_use]
    pub fn link_name(&self, link: FabricLink) -> String {
        let Some((level, group, ends)) = self.ends(link) else {
            return format!("link {} of another fabric", link.0);
        };
        let from = self.vertex_name((level, group, ends.from));
        let to = self.vertex_name((level, group, ends.to));
        if ends.copy == 0 { format!("{from} -> {to}") } else { format!("{from} -> {to} #{}", ends.copy) }
    }

    /// The name of a device: `gpu3`.
    #[must_use]
    pub fn device_name(&self, device: u32) -> String {
        format!("{}{device}", self.noun)
    }

    pub(super) fn vertex_name(&self, (level, group, vertex): Place) -> String {
        let (wires, key) = (&self.wires[level], &self.levels[level].name);
        let members = self.levels[level].count;
        match vertex {
            Vertex::Port(port) if wires.own_ports => self.device_name(group * wires.size + port),
            Vertex::Port(port) => {
                format!("{key}-port{}", u64::from(group) * u64::from(members * wires.ports) + u64::from(port))
            }
            Vertex::Inner { tier, index } => {
                let (word, in_group) = wires.shape.wiring().tier(tier);
                let number = u64::from(group) * u64::from(in_group) + u64::from(index);
                let is_alone = u64::from(in_group) * u64::from(self.devices / wires.size) == 1;
                match (&wires.shape, is_alone) {
                    (Shape::Explicit(_), true) => word.to_owned(),
                    (Shape::Explicit(_), false) => format!("{word}@{number}"),
                    (_, true) => format!("{key}{word}"),
                    (_, false) => format!("{key}{word}{number}"),
                }
            }
        }
    }

    /// The places with this name: a device has one at each level.
    pub(super) fn places(&self, name: &str) -> Vec<Place> {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let number = name[stem.len()..].parse::<u32>().ok();
        let mut places = Vec::new();
        for (level, wires) in self.wires.iter().enumerate() {
            if let Some(number) = number {
                if wires.own_ports && stem == self.noun && number < self.devices {
                    places.push((level, number / wires.size, Vertex::Port(number % wires.size)));
                }
                let in_group = self.levels[level].count * wires.ports;
                if !wires.own_ports && stem == format!("{}-port", self.levels[level].name) {
                    places.push((level, number / in_group, Vertex::Port(number % in_group)));
                }
            }
            for tier in 0..wires.shape.wiring().tiers() {
                let (word, in_group) = wires.shape.wiring().tier(tier);
                let stem = match wires.shape {
                    Shape::Explicit(_) => stem.strip_suffix('@').unwrap_or(name),
                    _ => stem.strip_prefix(self.levels[level].name.as_str()).unwrap_or("?"),
                };
                if stem == word && in_group > 0 {
                    let number = number.unwrap_or(0);
                    places.push((level, number / in_group, Vertex::Inner { tier, index: number % in_group }));
                }
            }
        }
        // The name must come out again: not a switch of a group that does not exist, nor `gpu03`.
        places.retain(|&(level, group, vertex)| {
            group < self.devices / self.wires[level].size && self.vertex_name((level, group, vertex)) == name
        });
        places
    }

    /// The link between two places by name.
    pub(super) fn find_link(&self, from: &str, to: &str, copy: u32) -> Option<FabricLink> {
        let ends = self.places(to);
        for (level, group, start) in self.places(from) {
            let here = |&&(other, at, _): &&Place| (other, at) == (level, group);
            for &(_, _, end) in ends.iter().filter(here) {
                if let Some(link) = self.wires[level].shape.wiring().between(start, end, copy) {
                    return Some(FabricLink(self.first_link(level, group) + link));
                }
            }
        }
        None
    }

    /// Names of links to suggest for a wrong one: those that leave `from` where that exists, else the first of each level.
    pub(super) fn some_link_names(&self, from: &str) -> Vec<String> {
        const MOST: usize = 2000;
        let mut names = Vec::new();
        for (level, group, vertex) in self.places(from) {
            self.wires[level].shape.wiring().leaving(vertex, &mut |link, _| {
                if names.len() < MOST {
                    names.push(self.link_name(FabricLink(self.first_link(level, group) + link)));
                }
            });
        }
        if names.is_empty() {
            for wires in &self.wires {
                let links = (wires.first_link..).take(wires.shape.wiring().links().min(MOST as u64) as usize);
                let links = links.map(FabricLink).filter(|&link| self.ends(link).is_some());
                names.extend(links.map(|link| self.link_name(link)));
            }
        }
        names
    }
}
