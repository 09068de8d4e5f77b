//! A kernel and a collective at the same time: they share the device's DRAM, and the collective takes some cores.

use memwall_units::Picos;

use crate::simulation::Footprint;
use crate::{FlowError, FlowNetwork, FlowSpec};

/// What is left of a collective under way, as the device's memory sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct UnderWay {
    /// Time it still needs if nothing is in its way.
    pub left: Picos,
    /// Bytes it reads and writes in DRAM in that time.
    pub dram_bytes: f64,
}

/// What a kernel and a collective take beside each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shared {
    /// What the kernel takes longer than alone.
    pub kernel_extra: Picos,
    /// What is left of the collective when the kernel ends; nothing if it ended before.
    pub left: Option<UnderWay>,
}

/// Runs a kernel of which `footprint` is known beside a collective that has `cores` of the device's `units` cores, on a
/// memory of `dram_rate` bytes per second.
pub(super) fn share(
    footprint: Footprint,
    under_way: UnderWay,
    (cores, units): (u32, u32),
    dram_rate: f64,
) -> Result<Shared, FlowError> {
    // While the collective runs, what the kernel computes takes longer by the cores it lacks.
    let cores = f64::from(cores.min(units.saturating_sub(1)));
    let slower = 1.0 + footprint.cores_share * cores / (f64::from(units) - cores);
    let alone = footprint.duration.0 as f64;
    let mut network = FlowNetwork::new();
    let dram = network.add_link(dram_rate)?;
    // Both are flows of their DRAM bytes, no faster than alone; a kernel without any is a flow over nothing.
    let rate = |bytes: f64, ps: f64| if ps > 0.0 { bytes / ps * 1e12 } else { f64::INFINITY };
    let bytes = footprint.dram_bytes.max(1.0);
    let over = [(dram, 1.0)];
    let kernel_usage = if footprint.dram_bytes > 0.0 { &over[..] } else { &[] };
    let mut kernel = network.start(
        Picos::ZERO,
        FlowSpec { bytes, weight: 1.0, cap: Some(rate(bytes, alone * slower)), usage: kernel_usage },
    )?;
    let moved = under_way.dram_bytes.max(1.0);
    let collective = network.start(
        Picos::ZERO,
        FlowSpec {
            bytes: moved,
            weight: 1.0,
            cap: Some(rate(moved, under_way.left.0 as f64)),
            usage: if under_way.dram_bytes > 0.0 { &over[..] } else { &[] },
        },
    )?;
    network.solve(Picos::ZERO);
    let mut collective_left = Some(collective);
    while let Some(now) = network.next_finish() {
        let Some(done) = network.pop_finished(now) else { break };
        if done == kernel {
            let left = collective_left.and_then(|flow| network.remaining(flow)).map(|bytes| {
                let share = bytes / moved;
                UnderWay {
                    left: Picos((under_way.left.0 as f64 * share).ceil() as u64),
                    dram_bytes: under_way.dram_bytes * share,
                }
            });
            let left = left.filter(|left| left.left > Picos::ZERO);
            return Ok(Shared { kernel_extra: now.saturating_sub(footprint.duration), left });
        }
        // The collective is over: the kernel has the cores again.
        collective_left = None;
        let rest = network.cancel(now, kernel).unwrap_or_default();
        kernel = network.start(
            now,
            FlowSpec { bytes: rest, weight: 1.0, cap: Some(rate(bytes, alone)), usage: kernel_usage },
        )?;
        network.solve(now);
    }
    // Nothing moves, as on a memory without bandwidth: as if alone.
    Ok(Shared { kernel_extra: Picos::ZERO, left: Some(under_way) })
}

impl UnderWay {
    /// What is left after some time alone.
    pub fn after(self, time: Picos) -> Option<Self> {
        let left = self.left.saturating_sub(time);
        let share = left.0 as f64 / (self.left.0 as f64).max(1.0);
        (left > Picos::ZERO).then_some(Self { left, dram_bytes: self.dram_bytes * share })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Picos = Picos(1_000_000_000_000);

    fn kernel(dram_bytes: f64, cores_share: f64) -> Footprint {
        Footprint { duration: SECOND, dram_bytes, cores_share }
    }

    #[test]
    fn two_that_fit_do_not_slow_each_other() {
        let under_way = UnderWay { left: SECOND, dram_bytes: 40.0 };
        let shared = share(kernel(50.0, 0.0), under_way, (0, 100), 100.0).unwrap();
        assert_eq!((shared.kernel_extra, shared.left), (Picos::ZERO, None));
    }

    #[test]
    fn two_that_want_all_of_the_memory_share_it() {
        // Each has half of the rate until the collective, with half of the bytes, is through after one second; the
        // kernel's other half then takes half a second.
        let under_way = UnderWay { left: Picos(SECOND.0 / 2), dram_bytes: 50.0 };
        let shared = share(kernel(100.0, 0.0), under_way, (0, 100), 100.0).unwrap();
        assert_eq!(shared.left, None);
        assert!(shared.kernel_extra.0.abs_diff(SECOND.0 / 2) <= 2, "{shared:?}");
    }

    #[test]
    fn cores_that_the_collective_has_are_lacking_to_a_kernel_that_computes() {
        let under_way = UnderWay { left: Picos(10 * SECOND.0), dram_bytes: 0.0 };
        let shared = share(kernel(0.0, 1.0), under_way, (20, 100), 100.0).unwrap();
        assert!(shared.kernel_extra.0.abs_diff(SECOND.0 / 4) <= 2, "{shared:?}");
        let left = shared.left.unwrap().left.0;
        assert!(left.abs_diff(10 * SECOND.0 - SECOND.0 * 5 / 4) < 100, "{left}");
    }
}
