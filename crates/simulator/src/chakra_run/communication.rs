//! What the communications of a replay take on the fabric.

use std::collections::HashMap;

use memwall_model_graph::CollectiveKind;

use super::error::TraceRunError;
use super::matching::{Joint, Matched, Message};
use super::program::Programs;
use super::{TraceSetup, program};
use crate::chakra::TraceCollective;
use crate::collective::CollectiveOutcome;
use crate::{Call, Communicator};

/// Communications timed, each distinct one once.
pub(super) struct Outcomes<'a> {
    communicator: Communicator<'a>,
    known: HashMap<Key, usize>,
    pub list: Vec<Timed>,
}

/// What one communication takes and what it counts as.
#[derive(Debug, Clone)]
pub(super) struct Timed {
    pub outcome: CollectiveOutcome,
    pub name: &'static str,
    pub ranks: u32,
    /// The buffer as nccl-tests counts it.
    pub bytes: u64,
}

#[derive(PartialEq, Eq, Hash)]
enum Key {
    Joint(TraceCollective, u64, usize, Option<u32>),
    Message(u32, u32, u64),
}

impl<'a> Outcomes<'a> {
    pub fn new(setup: &TraceSetup<'a>) -> Self {
        let communicator = Communicator::new(setup.fabric, setup.library);
        Self { communicator, known: HashMap::new(), list: Vec::new() }
    }

    /// The number of a collective's outcome.
    pub fn collective(
        &mut self,
        programs: &Programs<'_>,
        matched: &Matched,
        joint: &Joint,
    ) -> Result<usize, TraceRunError> {
        let key = Key::Joint(joint.kind, joint.bytes, joint.group, joint.root);
        let mut group = matched.groups[joint.group].clone();
        let ranks = group.len() as u64;
        if let Some(root) = group.iter().position(|member| Some(*member) == joint.root) {
            group.rotate_left(root);
        }
        // A trace counts what a rank puts in; nccl-tests counts the whole of a gather.
        let all = joint.bytes.saturating_mul(ranks);
        let (kind, bytes) = match joint.kind {
            TraceCollective::AllReduce => (CollectiveKind::AllReduce, joint.bytes),
            TraceCollective::Reduce => (CollectiveKind::Reduce, joint.bytes),
            TraceCollective::AllGather => (CollectiveKind::AllGather, all),
            TraceCollective::Broadcast => (CollectiveKind::Broadcast, joint.bytes),
            TraceCollective::AllToAll => (CollectiveKind::AllToAll, joint.bytes),
            TraceCollective::ReduceScatter => (CollectiveKind::ReduceScatter, joint.bytes),
            // The root's links carry what every rank's do when all send to all.
            TraceCollective::Gather => (CollectiveKind::AllToAll, all),
            TraceCollective::Scatter => (CollectiveKind::AllToAll, joint.bytes),
        };
        let from_one = matches!(joint.kind, TraceCollective::Gather | TraceCollective::Scatter);
        let name = program::collective(joint.kind);
        let number = self.timed(key, name, Call::new(kind, bytes.max(1), group), programs, joint.nodes[0])?;
        Ok(match number {
            Found::Known(number) => number,
            Found::New(number) => {
                if from_one {
                    let levels = self.list[number].outcome.levels.iter_mut();
                    levels.for_each(|level| level.bytes /= ranks.max(1) as f64);
                }
                number
            }
        })
    }

    /// The number of a message's outcome.
    pub fn message(&mut self, programs: &Programs<'_>, message: &Message) -> Result<usize, TraceRunError> {
        let Message { from, to, bytes, send, .. } = *message;
        let call = Call::new(CollectiveKind::Send, bytes.max(1), vec![from, to]);
        match self.timed(Key::Message(from, to, bytes), "send", call, programs, send)? {
            Found::Known(number) | Found::New(number) => Ok(number),
        }
    }

    fn timed(
        &mut self,
        key: Key,
        name: &'static str,
        call: Call,
        programs: &Programs<'_>,
        node: u32,
    ) -> Result<Found, TraceRunError> {
        if let Some(known) = self.known.get(&key) {
            return Ok(Found::Known(*known));
        }
        let outcome = self.communicator.run(&call).map_err(|error| TraceRunError::Communication {
            at: programs.at(node),
            error: Box::new(error),
        })?;
        let number = self.list.len();
        self.list.push(Timed { outcome, name, ranks: call.group.len() as u32, bytes: call.bytes });
        self.known.insert(key, number);
        Ok(Found::New(number))
    }
}

enum Found {
    Known(usize),
    New(usize),
}
