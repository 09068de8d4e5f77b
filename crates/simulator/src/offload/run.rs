//! Passes in order, one copy engine each way, and the link that both share.

use std::collections::VecDeque;

use memwall_units::Picos;

use super::{OffloadError, OffloadLink, OffloadRecord, OffloadRules, OffloadedPass};
use crate::flow_network::{FlowId, FlowNetwork, FlowSpec, LinkId};

/// Runs `passes` one after the other beside the copies they need.
///
/// # Errors
///
/// When the link carries nothing, a pass has no room in the buffer or fetches what comes later, and when it would all
/// take too long for the clock.
pub fn offload(
    passes: &[OffloadedPass],
    link: &OffloadLink,
    rules: &OffloadRules,
) -> Result<OffloadRecord, OffloadError> {
    let buffer = check(passes, link, rules)?;
    let mut run = Run::new(passes, link, rules.prefetch, buffer)?;
    while !run.done() {
        run.begin_what_can()?;
        run.next_event()?;
    }
    Ok(run.record())
}

/// What a copy engine does.
#[derive(Debug, Default)]
struct Engine {
    /// The copy under way, and of which pass.
    copy: Option<(FlowId, usize)>,
    /// The copy whose last byte has left, of which pass, and when it is there.
    arriving: VecDeque<(Picos, usize)>,
    /// Bytes of its buffer in use.
    held: u64,
}

struct Run<'a> {
    passes: &'a [OffloadedPass],
    link: &'a OffloadLink,
    prefetch: bool,
    buffer: u64,
    network: FlowNetwork,
    read: LinkId,
    write: LinkId,
    now: Picos,
    /// The pass that runs or is to be run, and when it ends.
    pass: usize,
    ends: Option<Picos>,
    /// When the last pass ended.
    ended: Picos,
    /// The next pass whose fetch has not been begun, and those that are there.
    to_fetch: usize,
    there: Vec<bool>,
    /// Passes whose store has not been begun, and those whose store is done.
    to_store: VecDeque<usize>,
    stored: Vec<bool>,
    fetcher: Engine,
    storer: Engine,
    record: OffloadRecord,
}

impl<'a> Run<'a> {
    fn new(
        passes: &'a [OffloadedPass],
        link: &'a OffloadLink,
        prefetch: bool,
        buffer: u64,
    ) -> Result<Self, OffloadError> {
        let mut network = FlowNetwork::new();
        let nothing = |_| OffloadError::Link { read: link.read, write: link.write };
        let read = network.add_link(link.read).map_err(nothing)?;
        let write = if link.half_duplex { read } else { network.add_link(link.write).map_err(nothing)? };
        let record = OffloadRecord { buffers: buffer.saturating_mul(2), ..OffloadRecord::default() };
        Ok(Self {
            passes,
            link,
            prefetch,
            buffer,
            network,
            read,
            write,
            now: Picos::ZERO,
            pass: 0,
            ends: None,
            ended: Picos::ZERO,
            to_fetch: 0,
            there: passes.iter().map(|pass| pass.fetch == 0).collect(),
            to_store: VecDeque::new(),
            stored: vec![false; passes.len()],
            fetcher: Engine::default(),
            storer: Engine::default(),
            record,
        })
    }

    fn done(&self) -> bool {
        self.pass == self.passes.len() && self.storer.held == 0
    }

    fn begin_what_can(&mut self) -> Result<(), OffloadError> {
        self.begin_pass();
        self.begin_fetch()?;
        self.begin_store()?;
        self.network.solve(self.now);
        Ok(())
    }

    /// A pass begins when what it fetches is there, and there is room for what it leaves.
    fn begin_pass(&mut self) {
        let Some(pass) = self.passes.get(self.pass) else { return };
        let room = self.storer.held + pass.store <= self.buffer;
        if self.ends.is_some() || !self.there[self.pass] || !room {
            return;
        }
        self.storer.held += pass.store;
        self.ends = Some(Picos(self.now.0 + pass.compute.0));
    }

    /// Fetches are made in the order of use. Without prefetch each waits until its pass is next.
    fn begin_fetch(&mut self) -> Result<(), OffloadError> {
        while self.passes.get(self.to_fetch).is_some_and(|pass| pass.fetch == 0) {
            self.to_fetch += 1;
        }
        let Some(pass) = self.passes.get(self.to_fetch) else { return Ok(()) };
        let wanted = self.prefetch || (self.pass == self.to_fetch && self.ends.is_none());
        let room = self.fetcher.held + pass.fetch <= self.buffer;
        let exists = pass.fetch_from.is_none_or(|from| self.stored[from]);
        if self.fetcher.copy.is_some() || !wanted || !room || !exists {
            return Ok(());
        }
        let flow = self.copy(pass.fetch, self.read, 1.0)?;
        self.fetcher.copy = Some((flow, self.to_fetch));
        self.fetcher.held += pass.fetch;
        self.record.fetched += pass.fetch;
        self.to_fetch += 1;
        Ok(())
    }

    fn begin_store(&mut self) -> Result<(), OffloadError> {
        if self.storer.copy.is_some() {
            return Ok(());
        }
        let Some(index) = self.to_store.pop_front() else { return Ok(()) };
        let bytes = self.passes[index].store;
        // On a link for both ways a byte takes the time that its own way needs.
        let time = if self.link.half_duplex { self.link.read / self.link.write } else { 1.0 };
        let flow = self.copy(bytes, self.write, time)?;
        self.storer.copy = Some((flow, index));
        self.record.stored += bytes;
        Ok(())
    }

    fn copy(&mut self, bytes: u64, link: LinkId, usage: f64) -> Result<FlowId, OffloadError> {
        let spec = FlowSpec { bytes: bytes as f64, weight: 1.0, cap: None, usage: &[(link, usage)] };
        self.network.start(self.now, spec).map_err(|_| self.nothing_crosses())
    }

    /// Goes on to the next moment at which something ends, and ends it.
    fn next_event(&mut self) -> Result<(), OffloadError> {
        let arrivals = [self.fetcher.arriving.front(), self.storer.arriving.front()];
        let times = arrivals.into_iter().flatten().map(|(when, _)| *when);
        let Some(next) = times.chain(self.ends).chain(self.network.next_finish()).min() else {
            // A pass waits for copies of passes before it alone, so only a link that stands still stops everything.
            return Err(self.nothing_crosses());
        };
        self.now = next;
        while let Some(flow) = self.network.pop_finished(next) {
            let there = Picos(next.0 + self.link.latency.0);
            for engine in [&mut self.fetcher, &mut self.storer] {
                if let Some((_, pass)) = engine.copy.take_if(|(copy, _)| *copy == flow) {
                    engine.arriving.push_back((there, pass));
                }
            }
        }
        if self.ends.is_some_and(|ends| ends <= next) {
            self.end_pass();
        }
        while let Some((_, pass)) = self.fetcher.arriving.pop_front_if(|(when, _)| *when <= next) {
            self.there[pass] = true;
            self.book_wait(pass);
        }
        while let Some((_, pass)) = self.storer.arriving.pop_front_if(|(when, _)| *when <= next) {
            self.stored[pass] = true;
            self.storer.held -= self.passes[pass].store;
        }
        Ok(())
    }

    const fn nothing_crosses(&self) -> OffloadError {
        OffloadError::Link { read: self.link.read, write: self.link.write }
    }

    fn end_pass(&mut self) {
        let pass = &self.passes[self.pass];
        self.ends = None;
        self.ended = self.now;
        self.record.compute.0 += pass.compute.0;
        self.fetcher.held -= pass.fetch;
        if pass.store > 0 {
            self.to_store.push_back(self.pass);
        } else {
            self.stored[self.pass] = true;
        }
        self.pass += 1;
    }

    /// What the next pass fetches has come: it has waited for that since the last one ended. What it still waits after
    /// that is for room.
    fn book_wait(&mut self, pass: usize) {
        if pass == self.pass {
            self.record.waiting_for_fetch.0 += self.now.0 - self.ended.0;
        }
    }

    fn record(mut self) -> OffloadRecord {
        let record = &mut self.record;
        record.wall = self.now;
        record.tail = Picos(self.now.0 - self.ended.0);
        let booked = record.compute.0 + record.waiting_for_fetch.0 + record.tail.0;
        record.waiting_for_store = Picos(self.now.0 - booked);
        self.record
    }
}

/// The bytes of each buffer, if everything can be run.
fn check(passes: &[OffloadedPass], link: &OffloadLink, rules: &OffloadRules) -> Result<u64, OffloadError> {
    let carries = |rate: f64| rate > 0.0 && rate.is_finite();
    if !carries(link.read) || !carries(link.write) {
        return Err(OffloadError::Link { read: link.read, write: link.write });
    }
    for (pass, it) in passes.iter().enumerate() {
        if let Some(from) = it.fetch_from.filter(|from| *from >= pass) {
            return Err(OffloadError::Order { pass, from });
        }
    }
    let seconds = |pass: &OffloadedPass| {
        let copies = pass.fetch as f64 / link.read + pass.store as f64 / link.write;
        pass.compute.as_secs_f64() + copies + 2.0 * link.latency.as_secs_f64()
    };
    // One after the other, with room for what rounding adds: then no sum below can overflow.
    if passes.iter().map(seconds).sum::<f64>() > Picos::MAX.as_secs_f64() / 2.0 {
        return Err(OffloadError::TooLong);
    }
    let needed = passes.iter().map(|pass| pass.fetch.max(pass.store)).max().unwrap_or(0);
    let buffer = match rules.buffer {
        0 if rules.prefetch => needed.saturating_mul(2),
        0 => needed,
        buffer => buffer,
    };
    if needed > buffer { Err(OffloadError::Buffer { buffer, needed }) } else { Ok(buffer) }
}
