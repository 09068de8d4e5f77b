//! Which nodes of different ranks are one communication.

use std::collections::{BTreeMap, HashMap};

use super::error::TraceRunError;
use super::program::Programs;
use crate::chakra::{ChakraError, CommunicatorGroups, TraceCollective, TraceWork};

/// The communications of all ranks.
#[derive(Debug, Default)]
pub(super) struct Matched {
    /// Members of each group, in its order.
    pub groups: Vec<Vec<u32>>,
    pub collectives: Vec<Joint>,
    pub messages: Vec<Message>,
}

/// A collective of all ranks of a group.
#[derive(Debug)]
pub(super) struct Joint {
    pub kind: TraceCollective,
    pub bytes: u64,
    pub group: usize,
    pub root: Option<u32>,
    /// Its node of each rank, in the order of the ranks.
    pub nodes: Vec<u32>,
}

/// A send and its receive.
#[derive(Debug)]
pub(super) struct Message {
    pub from: u32,
    pub to: u32,
    pub bytes: u64,
    pub send: u32,
    pub receive: u32,
}

pub(super) fn matched(
    programs: &Programs<'_>,
    groups: &CommunicatorGroups,
) -> Result<Matched, TraceRunError> {
    let mut matching = Matching { programs, given: groups, known: HashMap::new(), calls: Vec::new() };
    let mut matched = Matched::default();
    let mut sides: BTreeMap<(u32, u32, u32), Sides> = BTreeMap::new();
    let mut counts: HashMap<(u32, usize), usize> = HashMap::new();
    for &node in &programs.order {
        let rank = programs.rank(node);
        match &programs.node(node).work {
            TraceWork::Send { to, bytes, tag } => {
                matching.peer(node, rank, *to)?;
                sides.entry((rank, *to, *tag)).or_default().sends.push((node, *bytes));
            }
            TraceWork::Receive { from, bytes, tag } => {
                matching.peer(node, rank, *from)?;
                sides.entry((*from, rank, *tag)).or_default().receives.push((node, *bytes));
            }
            TraceWork::Collective { kind, bytes, group, dimensions, root } => {
                if dimensions.contains(&false) {
                    let reason = "is over some dimensions of the network only (`involved_dim`); give it a group \
                                  (`pg_name`) of the ranks that take part";
                    return Err(matching.wrong(node, reason.to_owned()));
                }
                let group = matching.group(&mut matched.groups, node, group.as_deref())?;
                let count = counts.entry((rank, group)).or_default();
                let joint = Joint { kind: *kind, bytes: *bytes, group, root: *root, nodes: vec![node] };
                matching.join(&matched.groups, &mut matched.collectives, joint, *count)?;
                *count += 1;
            }
            _ => {}
        }
    }
    matching.all_came(&matched)?;
    for ((from, to, tag), sides) in sides {
        matching.pair(&mut matched.messages, (from, to, tag), &sides)?;
    }
    Ok(matched)
}

/// Sends and receives of one sender, receiver and tag, in the order of the programs.
#[derive(Debug, Default)]
struct Sides {
    sends: Vec<(u32, u64)>,
    receives: Vec<(u32, u64)>,
}

struct Matching<'a> {
    programs: &'a Programs<'a>,
    given: &'a CommunicatorGroups,
    /// Numbers of the groups by name; `None` is everyone.
    known: HashMap<Option<&'a str>, usize>,
    /// For each group, the numbers of its collectives in order.
    calls: Vec<Vec<usize>>,
}

impl<'a> Matching<'a> {
    fn peer(&self, node: u32, rank: u32, peer: u32) -> Result<(), TraceRunError> {
        let ranks = self.programs.ranks();
        if peer >= ranks {
            let node = self.programs.node(node).label();
            return Err(TraceRunError::Trace { rank, error: ChakraError::Peer { node, peer, ranks } });
        }
        if peer == rank { Err(TraceRunError::Itself { at: self.programs.at(node) }) } else { Ok(()) }
    }

    fn wrong(&self, node: u32, reason: String) -> TraceRunError {
        TraceRunError::Collective { at: self.programs.at(node), reason }
    }

    /// The number of the group a collective names.
    fn group(
        &mut self,
        groups: &mut Vec<Vec<u32>>,
        node: u32,
        name: Option<&'a str>,
    ) -> Result<usize, TraceRunError> {
        let rank = self.programs.rank(node);
        let failed = |error| TraceRunError::Trace { rank, error };
        let members = self.given.members(name).map_err(failed)?;
        let name = members.and(name);
        let number = *self.known.entry(name).or_insert_with(|| {
            groups.push(members.map_or_else(|| (0..self.programs.ranks()).collect(), <[u32]>::to_vec));
            self.calls.push(Vec::new());
            groups.len() - 1
        });
        match members {
            Some(members) if !members.contains(&rank) => {
                let name = name.unwrap_or_default();
                Err(self.wrong(node, format!("is in group {name:?}, of which rank {rank} is no member")))
            }
            _ => Ok(number),
        }
    }

    /// Adds a rank's collective to those of the others that came as often before.
    fn join(
        &mut self,
        groups: &[Vec<u32>],
        collectives: &mut Vec<Joint>,
        joint: Joint,
        count: usize,
    ) -> Result<(), TraceRunError> {
        let node = joint.nodes[0];
        if let Some(root) = joint.root.filter(|root| !groups[joint.group].contains(root)) {
            return Err(self.wrong(node, format!("has rank {root} as its root, which is not in its group")));
        }
        let calls = &mut self.calls[joint.group];
        let Some(&known) = calls.get(count) else {
            calls.push(collectives.len());
            collectives.push(joint);
            return Ok(());
        };
        let known = &mut collectives[known];
        let difference = if known.kind != joint.kind {
            "they are not the same".to_owned()
        } else if known.bytes != joint.bytes {
            format!("one is of {} bytes, the other of {}", known.bytes, joint.bytes)
        } else if known.root != joint.root {
            "their roots differ".to_owned()
        } else {
            known.nodes.push(node);
            return Ok(());
        };
        Err(TraceRunError::Mismatch {
            first: Box::new(self.programs.at(known.nodes[0])),
            second: Box::new(self.programs.at(node)),
            place: format!("both number {} of their group", count + 1),
            reason: difference,
        })
    }

    /// Every rank of a group came to each of its collectives.
    fn all_came(&self, matched: &Matched) -> Result<(), TraceRunError> {
        for (calls, members) in self.calls.iter().zip(&matched.groups) {
            for (number, &call) in calls.iter().enumerate() {
                let nodes = &matched.collectives[call].nodes;
                if nodes.len() == members.len() {
                    continue;
                }
                let came: Vec<u32> = nodes.iter().map(|node| self.programs.rank(*node)).collect();
                let missing = members.iter().find(|member| came.binary_search(member).is_err());
                let reason = match number {
                    0 => "it has no collective of this group".to_owned(),
                    1 => "it has 1 collective of this group, and this is the second".to_owned(),
                    _ => format!("it has {number} collectives of this group, and this is one more"),
                };
                let rank = missing.copied().unwrap_or_default();
                return Err(TraceRunError::NeverComes { at: self.programs.at(nodes[0]), rank, reason });
            }
        }
        Ok(())
    }

    fn pair(
        &self,
        messages: &mut Vec<Message>,
        (from, to, tag): (u32, u32, u32),
        sides: &Sides,
    ) -> Result<(), TraceRunError> {
        for (number, (send, receive)) in sides.sends.iter().zip(&sides.receives).enumerate() {
            let ((send, bytes), (receive, wanted)) = (*send, *receive);
            if bytes != wanted {
                return Err(TraceRunError::Mismatch {
                    first: Box::new(self.programs.at(send)),
                    second: Box::new(self.programs.at(receive)),
                    place: format!("both number {} from {from} to {to} with tag {tag}", number + 1),
                    reason: format!("one is of {bytes} bytes, the other of {wanted}"),
                });
            }
            messages.push(Message { from, to, bytes, send, receive });
        }
        let paired = sides.sends.len().min(sides.receives.len());
        let alone = |node: u32, rank, verb: &str, of: usize| {
            let times = match of {
                0 => "never".to_owned(),
                1 => "once".to_owned(),
                more => format!("{more} times"),
            };
            let reason = format!("with tag {tag} it {verb} {times}");
            Err(TraceRunError::NeverComes { at: self.programs.at(node), rank, reason })
        };
        if let Some((node, _)) = sides.receives.get(paired) {
            return alone(*node, from, &format!("sends to rank {to}"), paired);
        }
        match sides.sends.get(paired) {
            Some((node, _)) => alone(*node, to, &format!("receives from rank {from}"), paired),
            None => Ok(()),
        }
    }
}
