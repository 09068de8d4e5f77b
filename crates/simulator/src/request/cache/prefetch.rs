//! Guessing what is needed next.

use super::config::Prefetch;

/// Pages whose last accesses are remembered.
const PAGES: usize = 64;
/// Bytes of a page.
const PAGE: u64 = 4096;

/// The last accesses of a page.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    page: u64,
    last: u64,
    distance: i64,
    known: bool,
}

/// A prefetcher.
#[derive(Debug, Clone)]
pub(super) struct Prefetcher {
    kind: Prefetch,
    pages: Vec<Seen>,
}

impl Prefetcher {
    pub fn new(kind: Prefetch) -> Self {
        let pages = if kind == Prefetch::Stride { vec![Seen::default(); PAGES] } else { Vec::new() };
        Self { kind, pages }
    }

    /// What to bring in after an access at `address`; `missed` says whether it, or the first use of something
    /// brought in ahead, needs a follower.
    pub fn after(&mut self, address: u64, line: u64, missed: bool) -> Option<u64> {
        match self.kind {
            Prefetch::None => None,
            Prefetch::NextLine => missed.then(|| (address / line + 1).saturating_mul(line)),
            Prefetch::Stride => self.stride(address, line),
        }
    }

    fn stride(&mut self, address: u64, line: u64) -> Option<u64> {
        let page = address / PAGE;
        let seen = self.pages.get_mut((page % PAGES as u64) as usize)?;
        if !seen.known || seen.page != page {
            *seen = Seen { page, last: address, distance: 0, known: true };
            return None;
        }
        // Within a page the distance is small.
        let distance = address.wrapping_sub(seen.last) as i64;
        let steady = distance != 0 && distance == seen.distance;
        (seen.last, seen.distance) = (address, distance);
        let ahead = address.checked_add_signed(2 * distance)?;
        (steady && ahead / line != address / line).then_some(ahead / line * line)
    }
}
