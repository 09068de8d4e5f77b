//! Replay of Chakra traces: what each rank does, run on a device and a fabric.
//!
//! A rank has four streams, which run beside each other and one thing at a time each: compute, the host's compute,
//! loads and stores, and communication. What became ready first goes first; of equals, collectives before sends, and
//! then what comes first in the program: nodes by id, but none before what it is after. A collective starts when every rank of its group has come to it and has its communication stream
//! free, holds those streams, and takes what [`Communicator`](crate::Communicator) says for its group alone on the
//! fabric. A send is eager: it starts without its receive, holds the sender's stream, and is done when its bytes have
//! arrived. A receive holds no stream and is done when they have.
//!
//! Which collective of one rank belongs to which of another, and which receive to which send, is a matter of the
//! programs and not of time: the third collective of a group on one rank is the third on all of them, and the second
//! receive from rank 1 with tag 7 gets the second send. So ranks that wait for each other for ever do so at any speed,
//! and [`TraceRunError::Deadlock`] names them.

mod clock;
mod communication;
mod error;
mod matching;
mod program;
mod record;
mod schedule;
mod stuck;
mod task;
mod totals;
mod work;

#[cfg(test)]
mod tests;

use memwall_hardware::{CommunicationLibrary, Device, Fabric};

use crate::chakra::{CommunicatorGroups, ExecutionTrace};

pub use error::{At, TraceRunError};
pub use record::{RankRecord, TraceRecord, TrafficRecord};

/// Most nodes of a replay, all ranks together.
pub const MAX_REPLAY_NODES: usize = 1 << 22;

/// What traces are replayed on. Rank r runs on device r of the fabric.
#[derive(Debug, Clone, Copy)]
pub struct TraceSetup<'a> {
    /// Every rank's device.
    pub device: &'a Device,
    /// The links between the devices.
    pub fabric: &'a Fabric,
    /// What the communication library adds.
    pub library: &'a CommunicationLibrary,
    /// Members of the groups that collectives name.
    pub groups: &'a CommunicatorGroups,
    /// Whether to note what happened when.
    pub timeline: bool,
}

/// Runs what each rank does, `traces` in the order of the ranks.
///
/// # Errors
/// A trace makes no sense, the ranks do not fit each other or the system, or they wait for each other for ever.
pub fn run_traces(setup: &TraceSetup<'_>, traces: &[ExecutionTrace]) -> Result<TraceRecord, TraceRunError> {
    let ranks = u32::try_from(traces.len()).unwrap_or(u32::MAX);
    fits(setup, ranks, traces.iter().map(|trace| trace.nodes.len() as u128).sum())?;
    setup.groups.check(ranks).map_err(TraceRunError::Groups)?;
    let programs = program::Programs::new(traces)?;
    let matched = matching::matched(&programs, setup.groups)?;
    schedule::run(setup, &programs, &matched)
}

/// What each of `ranks` ranks does, where each of `files` says what as many ranks after one another do, the first of
/// them as it stands: see [`ExecutionTrace::for_rank`].
///
/// # Errors
/// The files do not divide the ranks evenly, a trace communicates with a rank that does not exist, or all ranks
/// together have more than [`MAX_REPLAY_NODES`] nodes.
pub fn replicated(files: &[ExecutionTrace], ranks: u32) -> Result<Vec<ExecutionTrace>, TraceRunError> {
    let count = u32::try_from(files.len()).unwrap_or(u32::MAX);
    if count == 0 || ranks == 0 || !ranks.is_multiple_of(count) {
        return Err(TraceRunError::Uneven { ranks, files: count });
    }
    let each = ranks / count;
    let nodes = files.iter().map(|file| file.nodes.len() as u128 * u128::from(each)).sum();
    within_limit(nodes)?;
    let rank_of = |file: usize, offset: u32| file as u32 * each + offset;
    let all = files.iter().enumerate().flat_map(|(file, trace)| {
        (0..each).map(move |offset| {
            let rank = rank_of(file, offset);
            trace.for_rank(offset, ranks).map_err(|error| TraceRunError::Trace { rank, error })
        })
    });
    all.collect()
}

fn fits(setup: &TraceSetup<'_>, ranks: u32, nodes: u128) -> Result<(), TraceRunError> {
    let devices = setup.fabric.devices();
    if ranks > devices {
        return Err(TraceRunError::Devices { ranks, devices });
    }
    if ranks == 0 {
        return Err(TraceRunError::Uneven { ranks, files: 0 });
    }
    within_limit(nodes)
}

fn within_limit(nodes: u128) -> Result<(), TraceRunError> {
    let limit = MAX_REPLAY_NODES;
    if nodes > limit as u128 { Err(TraceRunError::TooMany { nodes, limit }) } else { Ok(()) }
}
