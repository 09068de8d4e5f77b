//! Bandwidth over footprint: all cores read one buffer again and again.

use memwall_hardware::Device;

use super::hierarchy::Hierarchy;
use super::loaded::{Lane, Wait, settle};
use super::miss::Sets;
use super::{Measured, Reread, at_least};
use crate::Cause;
use crate::flow_network::{FlowError, FlowNetwork, Held, LinkId};

/// Threads of one block.
const BLOCK_THREADS: f64 = 1024.0;
/// Threads of a core where nothing is said.
const CORE_THREADS: f64 = 2048.0;
/// Of the blocks that read the same piece at the same time, the share that is in step, so that one fetches a line from
/// memory for all. Fitted on the 85 points of gpu-l2-cache on an MI210, whose small pieces many blocks share
/// (RRZE-HPC/gpu-benches @1038c5d): 0.8 leaves a mean error of 10 %, none 17 %. Other parts hardly depend on it.
const IN_STEP: f64 = 0.8;

pub(super) fn measure(device: &Device, kernel: &Reread, points: &[f64]) -> Result<Vec<Measured>, FlowError> {
    let machine = Machine::new(device)?;
    points.iter().map(|point| machine.measured(kernel, at_least(*point, 1.0))).collect()
}

/// The levels as links; `links[i]` is that of the i-th cache, the last that of memory.
struct Machine {
    hierarchy: Hierarchy,
    network: FlowNetwork,
    links: Vec<LinkId>,
    threads: f64,
}

impl Machine {
    fn new(device: &Device) -> Result<Self, FlowError> {
        let hierarchy = Hierarchy::new(device);
        let mut network = FlowNetwork::new();
        let mut links = Vec::new();
        for cache in hierarchy.caches() {
            links.push(network.add_link(cache.bandwidth)?);
        }
        links.push(network.add_link(hierarchy.memory.bandwidth * hierarchy.memory.reads)?);
        let threads =
            device.threads.as_ref().map_or(CORE_THREADS, |threads| f64::from(threads.per_core.value));
        Ok(Self { hierarchy, network, links, threads })
    }

    fn measured(&self, kernel: &Reread, footprint: f64) -> Result<Measured, FlowError> {
        let memory = &self.hierarchy.memory;
        let passing = self.passing(kernel, footprint);
        let names: Vec<&str> = self.hierarchy.caches().map(|cache| cache.name.as_str()).collect();
        let latencies = self.hierarchy.caches().map(|cache| cache.latency_ps).chain([memory.latency_ps]);
        let beyond = passing.iter().skip(1).copied().chain([0.0]);
        let mut lane = Lane {
            units: self.hierarchy.cores,
            in_flight: self.threads * kernel.element as f64 * f64::from(kernel.loads),
            fixed_ps: 0.0,
            waits: Vec::new(),
            usage: Vec::new(),
        };
        let mut served = Vec::new();
        let levels = passing.iter().zip(beyond).zip(latencies).zip(&self.links).enumerate();
        for (index, (((arriving, beyond), latency_ps), link)) in levels {
            if *arriving <= 0.0 {
                break;
            }
            let last = index == names.len();
            let share = arriving - beyond;
            lane.usage.push((*link, *arriving));
            let queueing_ps = if last { memory.queueing_ps } else { 0.0 };
            lane.waits.push(Wait { link: *link, share, latency_ps, queueing_ps });
            if share > 0.0 {
                served.push((names.get(index).map_or(&memory.name[..], |name| name).to_owned(), share));
            }
        }
        let settled = settle(&mut self.network.clone(), &lane)?;
        let farthest = served.last().map(|(name, _)| name.clone()).unwrap_or_default();
        let (cause, place) = match settled.held {
            Held::Link(link) => {
                let name = names.get(link.index()).map_or(&memory.name[..], |name| name);
                (Cause::Bandwidth, name.to_owned())
            }
            Held::Cap => (Cause::Latency, farthest),
        };
        Ok(Measured { at: footprint, value: settled.rate * lane.units, cause, place, served })
    }

    /// Share of the bytes that crosses the link of each level: all of them the innermost, of the others what the levels
    /// within miss.
    fn passing(&self, kernel: &Reread, footprint: f64) -> Vec<f64> {
        let mut passing = vec![1.0];
        let mut arriving = 1.0;
        for cache in &self.hierarchy.private {
            arriving = f64::min(arriving, cache.sets.miss(footprint));
            passing.push(arriving);
        }
        for cache in &self.hierarchy.shared {
            let sets = Sets { capacity: cache.sets.capacity * cache.distinct, ..cache.sets };
            let together = self.together(kernel, footprint) / cache.instances;
            let fetched = 1.0 - IN_STEP * (1.0 - 1.0 / together.max(1.0));
            arriving = f64::min(arriving, sets.miss(footprint) * fetched);
            passing.push(arriving);
        }
        passing
    }

    /// Blocks that read the same piece at the same time.
    fn together(&self, kernel: &Reread, footprint: f64) -> f64 {
        let blocks = self.hierarchy.cores * (self.threads / BLOCK_THREADS).max(1.0).floor();
        let piece = kernel.piece.map_or(footprint, |piece| piece as f64).min(footprint);
        blocks * piece / footprint
    }
}
