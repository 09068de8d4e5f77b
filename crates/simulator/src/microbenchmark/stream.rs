//! Bandwidth of device memory over threads, occupancy or bytes in flight.

use memwall_hardware::{Device, Threads};

use super::hierarchy::Hierarchy;
use super::loaded::{Lane, Wait, settle};
use super::{Measured, Stream, StreamAxis, at_least};
use crate::flow_network::{FlowError, FlowNetwork, Held, LinkId};
use crate::{Cause, SimulationError};

pub(super) fn measure(
    device: &Device,
    kernel: &Stream,
    points: &[f64],
) -> Result<Vec<Measured>, SimulationError> {
    let fault = |reason: String| SimulationError::Machine { device: device.name.clone(), reason };
    let threads = match (kernel.over, &device.threads) {
        (StreamAxis::InFlight, _) => None,
        (_, Some(threads)) => Some(threads),
        (_, None) => {
            let reason = "it says nothing of `threads`, which this microbenchmark counts; give them, or measure over \
                          `in_flight`";
            return Err(fault(reason.to_owned()));
        }
    };
    let machine = Machine::new(device, kernel).map_err(|error| fault(error.to_string()))?;
    let point = |at: &f64| {
        let lane = machine.lane(kernel, threads, *at);
        machine.measured(*at, &lane).map_err(|error| fault(error.to_string()))
    };
    points.iter().map(point).collect()
}

/// The links that a streamed byte crosses.
struct Machine {
    hierarchy: Hierarchy,
    network: FlowNetwork,
    /// Each with the bytes that cross it for each byte streamed.
    usage: Vec<(LinkId, f64)>,
    bus: LinkId,
}

impl Machine {
    fn new(device: &Device, kernel: &Stream) -> Result<Self, FlowError> {
        let hierarchy = Hierarchy::new(device);
        let mut network = FlowNetwork::new();
        let mut usage = Vec::new();
        for cache in &hierarchy.shared {
            usage.push((network.add_link(cache.bandwidth)?, 1.0));
        }
        let bus = network.add_link(hierarchy.memory.bandwidth)?;
        // A write that first reads its line moves it twice.
        let (reads, writes) = (f64::from(kernel.reads), f64::from(kernel.writes));
        let fetched = if hierarchy.fetch_on_write { writes } else { 0.0 };
        let moved = reads + writes + fetched;
        let efficiency = hierarchy.memory.efficiency(writes / moved.max(1.0));
        usage.push((bus, moved / (reads + writes).max(1.0) / efficiency));
        Ok(Self { hierarchy, network, usage, bus })
    }

    fn lane(&self, kernel: &Stream, threads: Option<&Threads>, at: f64) -> Lane {
        let memory = &self.hierarchy.memory;
        let wait = Wait {
            link: self.bus,
            share: 1.0,
            latency_ps: memory.latency_ps,
            queueing_ps: memory.queueing_ps,
        };
        let cores = self.hierarchy.cores;
        let Some(threads) = threads else {
            let in_flight = at_least(at, 1.0) / cores;
            return Lane {
                units: cores,
                in_flight,
                fixed_ps: 0.0,
                waits: vec![wait],
                usage: self.usage.clone(),
            };
        };
        let most = cores * f64::from(threads.per_core.value);
        let wanted = if kernel.over == StreamAxis::Occupancy { at * most } else { at };
        // Threads beyond what the device holds wait their turn.
        let running = at_least(wanted, 1.0).min(most);
        let units = running.min(cores);
        let each = running / units;
        // Not rounded: the last group of many is as good as another thread, and one thread still needs a group.
        let groups = (each / f64::from(threads.group.value)).max(1.0);
        let mut fixed_ps = threads.turnaround.value.0 as f64 + threads.launch.value.0 as f64 * groups;
        if kernel.writes > 0 {
            fixed_ps += threads.store.value.0 as f64;
        }
        Lane {
            units,
            in_flight: each * kernel.element as f64 * f64::from(kernel.reads + kernel.writes),
            fixed_ps,
            // Nobody waits for what is only written: it queues on its way while its thread has ended.
            waits: if kernel.reads > 0 { vec![wait] } else { Vec::new() },
            usage: self.usage.clone(),
        }
    }

    fn measured(&self, at: f64, lane: &Lane) -> Result<Measured, FlowError> {
        let settled = settle(&mut self.network.clone(), lane)?;
        let (cause, place) = match settled.held {
            Held::Link(link) => (Cause::Bandwidth, self.name(link)),
            Held::Cap => {
                let waiting: f64 = lane.waits.iter().map(|wait| wait.latency_ps).sum();
                let turning = lane.fixed_ps > waiting;
                let place = if turning { "turnaround" } else { &self.hierarchy.memory.name };
                (Cause::Latency, place.to_owned())
            }
        };
        let served = vec![(self.hierarchy.memory.name.clone(), 1.0)];
        Ok(Measured { at, value: settled.rate * lane.units, cause, place, served })
    }

    fn name(&self, link: LinkId) -> String {
        let cache = self.hierarchy.shared.get(link.index());
        cache.map_or(&self.hierarchy.memory.name, |cache| &cache.name).clone()
    }
}
