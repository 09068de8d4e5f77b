//! The replay itself: what is ready starts as soon as its streams are free.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use memwall_units::Picos;

use super::clock::{Clock, Doing};
use super::communication::Outcomes;
use super::error::TraceRunError;
use super::matching::Matched;
use super::program::Programs;
use super::record::TraceRecord;
use super::task::{Kind, Lane, Task};
use super::totals::Totals;
use super::work::{Alone, Roofs, Stream};
use super::{TraceSetup, stuck};
use crate::{Interval, Timeline, Track};

/// The latest a replay may end.
const LATEST: Picos = Picos(u64::MAX / 4);

struct Run<'a, 'b> {
    programs: &'b Programs<'a>,
    matched: &'b Matched,
    outcomes: Outcomes<'a>,
    tasks: Vec<Task>,
    /// The task of each node; `NONE` for those that take no time, receives among them.
    task_of: Vec<u32>,
    waits: Vec<u32>,
    done: Vec<bool>,
    left: usize,
    lanes: Vec<Lane>,
    /// Lanes that may start something.
    touched: Vec<usize>,
    ends: BinaryHeap<Reverse<(Picos, u32)>>,
    clocks: Vec<Clock>,
    totals: Totals,
    /// Communications under way, and whether there were ever two.
    under_way: u32,
    met: bool,
    timeline: Option<Timeline>,
    now: Picos,
}

const NONE: u32 = u32::MAX;

pub(super) fn run(
    setup: &TraceSetup<'_>,
    programs: &Programs<'_>,
    matched: &Matched,
) -> Result<TraceRecord, TraceRunError> {
    let ranks = programs.ranks() as usize;
    let mut run = Run {
        programs,
        matched,
        outcomes: Outcomes::new(setup),
        tasks: Vec::new(),
        task_of: vec![NONE; programs.len()],
        waits: programs.waits.clone(),
        done: vec![false; programs.len()],
        left: programs.len(),
        lanes: vec![Lane::default(); ranks * Stream::COUNT],
        touched: Vec::new(),
        ends: BinaryHeap::new(),
        clocks: vec![Clock::default(); ranks],
        totals: Totals::new(setup.fabric, ranks),
        under_way: 0,
        met: false,
        timeline: setup.timeline.then(Timeline::default),
        now: Picos::ZERO,
    };
    let notes = run.prepare(setup)?;
    run.play()?;
    if run.left > 0 {
        return Err(stuck::deadlock(programs, matched, &run.done, &run.waits));
    }
    Ok(run.finish(notes))
}

impl Run<'_, '_> {
    /// Makes the tasks; what a reader should know of them.
    fn prepare(&mut self, setup: &TraceSetup<'_>) -> Result<Vec<String>, TraceRunError> {
        let roofs = Roofs::new(setup.device);
        let programs = self.programs;
        let mut unknown = [0_u64; Stream::COUNT];
        for &node in &programs.order {
            match roofs.alone(programs.node(node)) {
                Alone::Takes(stream, duration) => self.add(Kind::Own { node, stream }, duration, &[node]),
                Alone::Unknown(stream) => {
                    unknown[stream as usize] += 1;
                }
                Alone::Lacks(reason) => {
                    let (at, device) = (programs.at(node), setup.device.name.clone());
                    return Err(TraceRunError::Device { at, device, reason });
                }
                Alone::Other => {}
            }
        }
        let matched = self.matched;
        for (number, joint) in matched.collectives.iter().enumerate() {
            let outcome = self.outcomes.collective(programs, matched, joint)?;
            let duration = self.outcomes.list[outcome].outcome.time;
            let kind = Kind::Collective { joint: number as u32, outcome: outcome as u32 };
            self.add(kind, duration, &joint.nodes);
        }
        for (number, message) in matched.messages.iter().enumerate() {
            let outcome = self.outcomes.message(programs, message)?;
            let duration = self.outcomes.list[outcome].outcome.time;
            let kind = Kind::Message { message: number as u32, outcome: outcome as u32 };
            self.add(kind, duration, &[message.send]);
            self.waits[message.receive as usize] += 1;
        }
        let note = |stream: Stream, what: &str| {
            let count = unknown[stream as usize];
            (count > 0).then(|| format!("{count} {what}: they take no time"))
        };
        let notes = [
            note(Stream::Compute, "compute nodes have neither duration nor num_ops nor tensor_size"),
            note(Stream::Host, "compute nodes of the host have no duration"),
            note(Stream::Memory, "loads and stores have neither duration nor tensor_size"),
        ];
        Ok(notes.into_iter().flatten().collect())
    }

    fn add(&mut self, kind: Kind, duration: Picos, nodes: &[u32]) {
        let number = self.tasks.len() as u32;
        for node in nodes {
            self.task_of[*node as usize] = number;
        }
        self.tasks.push(Task {
            kind,
            duration,
            needs: nodes.len() as u32,
            came: 0,
            first_came: Picos::ZERO,
            ready: Picos::ZERO,
            offered: 0,
        });
    }

    fn play(&mut self) -> Result<(), TraceRunError> {
        let mut free: Vec<u32> = self.programs.order.clone();
        free.retain(|node| self.waits[*node as usize] == 0);
        self.come(free);
        self.start()?;
        while let Some(&Reverse((now, _))) = self.ends.peek() {
            self.now = now;
            while let Some(&Reverse((end, task))) = self.ends.peek() {
                if end > now {
                    break;
                }
                self.ends.pop();
                self.end(task);
            }
            self.start()?;
        }
        Ok(())
    }

    /// These nodes wait for nothing more.
    fn come(&mut self, mut nodes: Vec<u32>) {
        while let Some(node) = nodes.pop() {
            let number = self.task_of[node as usize];
            if number == NONE {
                self.complete(node, &mut nodes);
                continue;
            }
            let task = &mut self.tasks[number as usize];
            if task.came == 0 {
                task.first_came = self.now;
            }
            task.came += 1;
            if task.came == task.needs {
                task.ready = self.now;
                for index in 0..self.width(number) {
                    let lane = self.lane(number, index);
                    self.lanes[lane].queue.push(Reverse((self.now, number)));
                    self.touched.push(lane);
                }
            }
        }
    }

    fn complete(&mut self, node: u32, ready: &mut Vec<u32>) {
        self.done[node as usize] = true;
        self.left -= 1;
        for &follower in self.programs.followers(node) {
            self.release(follower, ready);
        }
    }

    fn release(&mut self, node: u32, ready: &mut Vec<u32>) {
        let waits = &mut self.waits[node as usize];
        *waits -= 1;
        if *waits == 0 {
            ready.push(node);
        }
    }

    /// Starts what can start now.
    fn start(&mut self) -> Result<(), TraceRunError> {
        while let Some(lane) = self.touched.pop() {
            let head = match &self.lanes[lane] {
                Lane { running: true, .. } => None,
                free => free.queue.peek().map(|Reverse((_, task))| *task),
            };
            let before = std::mem::replace(&mut self.lanes[lane].offers, head);
            if before == head {
                continue;
            }
            if let Some(before) = before {
                self.tasks[before as usize].offered -= 1;
            }
            if let Some(number) = head {
                self.tasks[number as usize].offered += 1;
                if self.tasks[number as usize].offered == self.width(number) {
                    self.begin(number)?;
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, number: u32) -> Result<(), TraceRunError> {
        let (kind, duration) = (self.tasks[number as usize].kind, self.tasks[number as usize].duration);
        let end = self.now.checked_add(duration).filter(|end| *end <= LATEST);
        let Some(end) = end else {
            return Err(TraceRunError::TooLong { at: self.programs.at(self.first_node(number)) });
        };
        for index in 0..self.width(number) {
            let lane = self.lane(number, index);
            let lane = &mut self.lanes[lane];
            lane.queue.pop();
            lane.running = true;
            lane.offers = None;
        }
        self.tasks[number as usize].offered = 0;
        self.ends.push(Reverse((end, number)));
        if !matches!(kind, Kind::Own { .. }) {
            self.met |= self.under_way > 0;
            self.under_way += 1;
        }
        let (now, waited) = (self.now, self.waited(number));
        match kind {
            Kind::Own { node, .. } => self.clocks[self.programs.rank(node) as usize].begin(now, Doing::Work),
            Kind::Collective { joint, outcome } => {
                let members = &self.matched.groups[self.matched.collectives[joint as usize].group];
                for member in members {
                    self.clocks[*member as usize].begin(now, Doing::Communication);
                }
                let timed = &self.outcomes.list[outcome as usize];
                self.totals.add(timed, members.iter().copied(), waited);
            }
            Kind::Message { message, outcome } => {
                let message = &self.matched.messages[message as usize];
                for rank in [message.from, message.to] {
                    self.clocks[rank as usize].begin(now, Doing::Communication);
                }
                let timed = &self.outcomes.list[outcome as usize];
                self.totals.add(timed, [message.from, message.to].into_iter(), waited);
            }
        }
        self.note(kind, duration);
        Ok(())
    }

    fn end(&mut self, number: u32) {
        for index in 0..self.width(number) {
            let lane = self.lane(number, index);
            self.lanes[lane].running = false;
            self.touched.push(lane);
        }
        let now = self.now;
        let mut ready = Vec::new();
        if !matches!(self.tasks[number as usize].kind, Kind::Own { .. }) {
            self.under_way -= 1;
        }
        match self.tasks[number as usize].kind {
            Kind::Own { node, .. } => {
                self.clocks[self.programs.rank(node) as usize].end(now, Doing::Work);
                self.complete(node, &mut ready);
            }
            Kind::Collective { joint, .. } => {
                let matched = self.matched;
                let joint = &matched.collectives[joint as usize];
                for member in &matched.groups[joint.group] {
                    self.clocks[*member as usize].end(now, Doing::Communication);
                }
                for node in &joint.nodes {
                    self.complete(*node, &mut ready);
                }
            }
            Kind::Message { message, .. } => {
                let message = &self.matched.messages[message as usize];
                for rank in [message.from, message.to] {
                    self.clocks[rank as usize].end(now, Doing::Communication);
                }
                self.complete(message.send, &mut ready);
                self.release(message.receive, &mut ready);
            }
        }
        self.come(ready);
    }

    /// Lanes that a task holds.
    fn width(&self, number: u32) -> u32 {
        let task = &self.tasks[number as usize];
        if matches!(task.kind, Kind::Collective { .. }) { task.needs } else { 1 }
    }

    fn lane(&self, number: u32, index: u32) -> usize {
        let (rank, stream) = match self.tasks[number as usize].kind {
            Kind::Own { node, stream } => (self.programs.rank(node), stream),
            Kind::Collective { joint, .. } => {
                let group = self.matched.collectives[joint as usize].group;
                (self.matched.groups[group][index as usize], Stream::Communication)
            }
            Kind::Message { message, .. } => {
                (self.matched.messages[message as usize].from, Stream::Communication)
            }
        };
        rank as usize * Stream::COUNT + stream as usize
    }

    fn first_node(&self, number: u32) -> u32 {
        match self.tasks[number as usize].kind {
            Kind::Own { node, .. } => node,
            Kind::Collective { joint, .. } => self.matched.collectives[joint as usize].nodes[0],
            Kind::Message { message, .. } => self.matched.messages[message as usize].send,
        }
    }

    /// Time from the first rank's coming to the last one's.
    fn waited(&self, number: u32) -> Picos {
        let task = &self.tasks[number as usize];
        task.ready.saturating_sub(task.first_came)
    }

    fn note(&mut self, kind: Kind, duration: Picos) {
        let Some(timeline) = &mut self.timeline else { return };
        let (programs, matched, start) = (self.programs, self.matched, self.now);
        let mut push = |track, node: u32, detail: &str| {
            let name = programs.node(node).label().name;
            timeline.push(Interval { track, name: name.into(), start, duration, detail: detail.to_owned() });
        };
        let (outcome, nodes) = match kind {
            Kind::Own { node, stream } => {
                let rank = programs.rank(node);
                let track = match stream {
                    Stream::Host => Track::Host(rank),
                    Stream::Memory => Track::Copies(rank),
                    Stream::Compute | Stream::Communication => Track::Kernels(rank),
                };
                return push(track, node, "");
            }
            Kind::Collective { joint, outcome } => {
                (outcome, matched.collectives[joint as usize].nodes.as_slice())
            }
            Kind::Message { message, outcome } => {
                (outcome, std::slice::from_ref(&matched.messages[message as usize].send))
            }
        };
        let timed = &self.outcomes.list[outcome as usize];
        let detail =
            format!("{}, {}, {}", timed.name, timed.outcome.algorithm.name(), timed.outcome.protocol.name());
        for node in nodes {
            push(Track::Communication(programs.rank(*node)), *node, &detail);
        }
        for level in &timed.outcome.levels {
            push(Track::Links(level.level), nodes[0], &detail);
        }
    }

    fn finish(self, mut notes: Vec<String>) -> TraceRecord {
        let wall = self.now;
        let programs = self.programs;
        let rank = |(rank, clock): (usize, Clock)| {
            let nodes = programs.of_rank(rank as u32);
            clock.record(rank as u32, u64::from(nodes.end - nodes.start), wall)
        };
        let ranks = self.clocks.into_iter().enumerate().map(rank).collect();
        let (traffic, links) = self.totals.finish(wall);
        if self.met {
            let note = "communications went on at the same time; each takes what it would take alone, also where they \
                        meet on a link";
            notes.push(note.to_owned());
        }
        let nodes = programs.len() as u64;
        TraceRecord { wall, nodes, ranks, traffic, links, notes, timeline: self.timeline }
    }
}
