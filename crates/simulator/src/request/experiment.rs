//! Two experiments on one channel: how much a stream gets through it, and how long a read takes beside one.

use memwall_hardware::DramPart;
use memwall_units::{BytesPerSec, Picos};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::bank_stream::BankStream;
use super::dram::{Accepted, Channel, ChannelCounts, ChannelOptions, Place};

/// A stream to put through a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamPlan {
    /// Requests to measure.
    pub requests: u64,
    /// Percentage of them that read; which do is drawn at random.
    pub read_percent: u32,
    /// Where they go.
    pub target: StreamTarget,
    /// Ticks before measuring starts.
    pub warm_up: u64,
    /// Seed of what is random.
    pub seed: u64,
}

/// Where the requests of a stream go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamTarget {
    /// Over all banks, this many bursts of a row at a time; 0 for whole rows. See [`BankStream`].
    Rows(u32),
    /// Anywhere, this many bursts in a row at once.
    Random(u32),
}

/// What a stream got.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StreamOutcome {
    /// Bytes moved over the time it took.
    pub bandwidth: BytesPerSec,
    /// The same as a fraction of what the pins can move.
    pub fraction_of_peak: f64,
    /// Mean time from a read's arrival in the queue to its data.
    pub read_latency: Picos,
    /// Simulated time measured.
    pub time: Picos,
    /// What the channel did.
    pub counts: ChannelCounts,
}

/// Puts a stream through a channel as fast as its queues take it.
#[must_use]
pub fn stream(part: &DramPart, options: ChannelOptions, plan: &StreamPlan) -> StreamOutcome {
    let mut channel = Channel::new(part, options);
    let mut source = Source::new(part, plan);
    let mut next = source.next();
    let (mut now, mut start, mut measuring) = (0, 0, false);
    let (mut accepted, mut latency, mut reads) = (0, 0, 0_u64);
    while !measuring || accepted < plan.requests {
        while (!measuring || accepted < plan.requests) && channel.accept(next.0, next.1, 0) != Accepted::Full
        {
            accepted += 1;
            next = source.next();
            // All of a small memory can be waiting writes: then time must pass, too.
            if accepted.is_multiple_of(4096) {
                break;
            }
        }
        now = channel.wake();
        channel.advance(now);
        for served in channel.take_served() {
            if measuring && !served.write {
                latency += served.done - served.arrived;
                reads += 1;
            }
        }
        if !measuring && now >= plan.warm_up {
            (measuring, start, accepted) = (true, now, 0);
            channel.reset_counts();
        }
    }
    outcome(part, &channel, now - start, latency, reads)
}

/// A stream that is throttled, with reads at random places beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadPlan {
    /// Random reads to measure, one after the other.
    pub probes: u64,
    /// Thousandths of a tick between two requests of the stream.
    pub interval: u64,
    /// Ticks before measuring starts.
    pub warm_up: u64,
    /// Seed of what is random.
    pub seed: u64,
}

/// Measures how long a read of a random place takes while a stream of reads goes on.
#[must_use]
pub fn loaded_latency(part: &DramPart, options: ChannelOptions, plan: &LoadPlan) -> StreamOutcome {
    const THOUSAND: u64 = 1000;
    let mut channel = Channel::new(part, options);
    let walk = BankStream::new(part.organization, 0);
    let mut random = Random::new(part, plan.seed);
    let interval = plan.interval.max(1);
    let (mut now, mut start, mut measuring) = (0_u64, 0, false);
    let (mut index, mut due) = (0_u64, 0_u64);
    let (mut latency, mut done) = (0, 0_u64);
    // The probe under way: waiting to be sent, sent, or back at a tick.
    let mut probe = Probe::Waiting(random.place());
    let mut stream_next = true;
    while !measuring || done < plan.probes {
        // The stream and the probe take turns at the queue.
        loop {
            let stream_due = due <= now * THOUSAND;
            match probe {
                Probe::Waiting(place) if measuring && (!stream_next || !stream_due) => {
                    match channel.accept(place, false, 1) {
                        Accepted::Full => break,
                        Accepted::Queued => probe = Probe::Sent,
                        Accepted::Merged => probe = Probe::Back(now + 1),
                    }
                    stream_next = true;
                }
                _ if stream_due => {
                    due += interval;
                    if channel.accept(walk.place(index), false, 0) == Accepted::Full {
                        due = due.max(now * THOUSAND + 1);
                        break;
                    }
                    index += 1;
                    stream_next = false;
                }
                _ => break,
            }
        }
        let mut wake = channel.wake().min(due.div_ceil(THOUSAND).max(now + 1));
        if let Probe::Back(tick) = probe {
            wake = wake.min(tick.max(now + 1));
        }
        now = wake;
        channel.advance(now);
        for served in channel.take_served() {
            if served.tag == 1 {
                latency += served.done - served.arrived;
                probe = Probe::Back(served.done);
            }
        }
        if let Probe::Back(tick) = probe
            && tick <= now
        {
            done += 1;
            probe = Probe::Waiting(random.place());
        }
        if !measuring && now >= plan.warm_up {
            (measuring, start, latency, done) = (true, now, 0, 0);
            channel.reset_counts();
        }
    }
    outcome(part, &channel, now - start, latency, done)
}

#[derive(Debug, Clone, Copy)]
enum Probe {
    Waiting(Place),
    Sent,
    Back(u64),
}

fn outcome(part: &DramPart, channel: &Channel, ticks: u64, latency: u64, reads: u64) -> StreamOutcome {
    let (timing, counts) = (channel.timing(), channel.counts());
    let bytes = (counts.reads + counts.writes) * u64::from(part.burst_bytes());
    let time = Picos(timing.picos(ticks));
    let bandwidth = BytesPerSec(bytes as f64 / time.as_secs_f64().max(1e-12));
    let mean = if reads == 0 { 0.0 } else { latency as f64 / reads as f64 };
    StreamOutcome {
        bandwidth,
        fraction_of_peak: bandwidth.0 / part.channel_bandwidth().0,
        read_latency: Picos::from_secs_f64_ceil(mean * timing.tick_femtos as f64 * 1e-15),
        time,
        counts,
    }
}

/// The requests of a stream.
struct Source {
    walk: BankStream,
    target: StreamTarget,
    read_percent: u32,
    index: u64,
    random: Random,
    place: Place,
    left: u32,
}

impl Source {
    fn new(part: &DramPart, plan: &StreamPlan) -> Self {
        let bursts = match plan.target {
            StreamTarget::Rows(bursts) => bursts,
            StreamTarget::Random(_) => 0,
        };
        let mut random = Random::new(part, plan.seed);
        let place = random.place();
        Self {
            walk: BankStream::new(part.organization, bursts),
            target: plan.target,
            read_percent: plan.read_percent,
            index: 0,
            random,
            place,
            left: 0,
        }
    }

    fn next(&mut self) -> (Place, bool) {
        let write = self.read_percent < 100 && self.random.below(100) >= self.read_percent;
        let place = match self.target {
            StreamTarget::Rows(_) => self.walk.place(self.index),
            StreamTarget::Random(bursts) => self.scattered(bursts.max(1)),
        };
        self.index += 1;
        (place, write)
    }

    fn scattered(&mut self, bursts: u32) -> Place {
        if self.left == 0 {
            self.place = self.random.place();
            self.place.column -= self.place.column % bursts;
            self.left = bursts;
        } else {
            self.place.column = (self.place.column + 1) % self.random.part.3;
        }
        self.left -= 1;
        self.place
    }
}

/// Random places.
struct Random {
    rng: Pcg64,
    /// Pseudo channels, banks, rows, bursts.
    part: (u32, u32, u32, u32),
}

impl Random {
    fn new(part: &DramPart, seed: u64) -> Self {
        let organization = &part.organization;
        let banks = organization.banks_per_pseudo_channel();
        let part = (organization.pseudo_channels, banks, organization.rows, organization.bursts);
        Self { rng: Pcg64::seed_from_u64(seed), part }
    }

    fn below(&mut self, end: u32) -> u32 {
        self.rng.random_range(0..end.max(1))
    }

    fn place(&mut self) -> Place {
        let (pseudos, banks, rows, bursts) = self.part;
        Place {
            pseudo: self.below(pseudos),
            bank: self.below(banks),
            row: self.below(rows),
            column: self.below(bursts),
        }
    }
}
