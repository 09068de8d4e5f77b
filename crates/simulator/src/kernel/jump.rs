//! Skipping repetition: when the state at the end of a step (or wave) is the state at an earlier one, everything in
//! between happens again until a loop runs out. The jump replays it in the books without running it.
//!
//! Rates are no round numbers, so a load and a store that cross the same link may fall into step only to within a
//! rounding, and never to the bit. A difference that is nothing beside the stretch it comes after is no difference: each
//! repetition is off by no more than that.

use memwall_units::Picos;

use super::Run;
use super::lane::Lane;
use crate::book::Book;
use crate::flow_network::FlowNetwork;

/// A stretch over how far the two moments at its ends may be apart and still count as the same: 1 ppm.
const STRETCH_OVER_DIFFERENCE: u64 = 1_000_000;

/// All that decides what happens next, relative to now and to the place in the plan.
#[derive(Debug, Clone, PartialEq)]
struct State {
    group: usize,
    /// Steps from the compute cursor to the load cursor, or waves and step at a wave's end.
    ahead: (u64, u64),
    in_use: u64,
    arrived: u64,
    computing: bool,
    arrivals: Vec<u64>,
    /// Bits of the remaining bytes and time to the finish of the load and the store on the links.
    load: Option<(u64, u64)>,
    store: Option<(u64, u64)>,
    stores: Vec<(usize, bool)>,
    draining: u32,
    idle_for: u64,
    /// Whether the load that is waited for began before the wait did.
    prefetched: bool,
}

/// When a state was: the loop's turn, real time (skipped stretches included) and the books.
#[derive(Debug, Clone, Copy)]
struct Moment {
    turn: u64,
    time: u64,
    book: Book,
}

/// A moment to compare later ones with.
#[derive(Debug, Clone)]
struct Anchor {
    state: State,
    at: Moment,
    /// The anchor moves on after this many comparisons, doubling (Brent's cycle search).
    patience: u32,
    compared: u32,
}

/// The anchors of a run.
#[derive(Debug, Clone, Default)]
pub(super) struct Jumper {
    step: Option<Anchor>,
    wave: Option<Anchor>,
}

impl Run<'_> {
    /// Called after everything at this moment was handled, when a step's compute ended.
    pub(super) fn try_jump(&mut self, wave_ended: bool) {
        if self.lanes[0].compute_done(self.plan) {
            return;
        }
        if wave_ended {
            self.jumper.step = None;
            self.try_wave_jump();
        } else {
            self.try_step_jump();
        }
    }

    /// Within a wave: the loop that runs out is that of steps.
    fn try_step_jump(&mut self) {
        let lane = &self.lanes[0];
        let (compute, load) = (lane.compute, lane.load);
        let same_wave = (load.group, load.wave) == (compute.group, compute.wave);
        let left = if same_wave { self.plan.groups[compute.group].steps - load.step } else { 0 };
        if left < 2 {
            self.jumper.step = None;
            return;
        }
        let mut anchor = self.jumper.step.take();
        let skipped = self.recur(&mut anchor, (0, load.step - compute.step), compute.step, left - 1);
        self.jumper.step = anchor;
        self.lanes[0].compute.step += skipped;
        self.lanes[0].load.step += skipped;
    }

    /// At a wave's end: the loop that runs out is that of equal waves.
    fn try_wave_jump(&mut self) {
        let lane = &self.lanes[0];
        let (compute, load) = (lane.compute, lane.load);
        let Some(group) = self.plan.groups.get(compute.group) else { return };
        let left = if load.group == compute.group { group.count - load.wave } else { 0 };
        if left < 2 {
            self.jumper.wave = None;
            return;
        }
        let mut anchor = self.jumper.wave.take();
        let skipped = self.recur(&mut anchor, (load.wave - compute.wave, load.step), compute.wave, left - 1);
        self.jumper.wave = anchor;
        self.lanes[0].compute.wave += skipped;
        self.lanes[0].load.wave += skipped;
    }

    /// Compares the present state with the anchor's. If it is the same, books as many repetitions of what lies between
    /// as fit in `left` turns of the loop and returns how many turns they are.
    fn recur(&mut self, anchor: &mut Option<Anchor>, ahead: (u64, u64), turn: u64, left: u64) -> u64 {
        let state = state_of(&self.lanes[0], &self.network, self.now, ahead);
        let now = Moment { turn, time: self.now.0 + self.skipped, book: self.book };
        let Some(known) = anchor.as_mut().filter(|known| known.state.group == state.group) else {
            *anchor = Some(Anchor { state, at: now, patience: 1, compared: 0 });
            return 0;
        };
        if !known.state.recurs_as(&state, (now.time - known.at.time) / STRETCH_OVER_DIFFERENCE) {
            known.missed(state, now);
            return 0;
        }
        let since = known.at;
        *anchor = None;
        let period = (turn - since.turn).max(1);
        let times = left / period;
        self.repeat(times, now.time - since.time, &since.book);
        times * period
    }

    /// The stretch since an anchor happens `times` more. Local clocks stand still; only `skipped` moves.
    fn repeat(&mut self, times: u64, stretch: u64, since: &Book) {
        self.skipped = self.skipped.saturating_add(stretch.saturating_mul(times));
        self.book.repeat_since(since, u128::from(times));
    }
}

impl State {
    /// Whether the same happens after `later` as after this one: all that can be counted is equal, and what is under
    /// way is as far along, to within `tolerance` picoseconds.
    fn recurs_as(&self, later: &Self, tolerance: u64) -> bool {
        if self == later {
            return true;
        }
        let near = |a: u64, b: u64| a.abs_diff(b) <= tolerance;
        let flows_near = |a: Option<(u64, u64)>, b: Option<(u64, u64)>| match (a, b) {
            (Some(a), Some(b)) => near(a.1, b.1),
            (a, b) => a == b,
        };
        tolerance > 0
            && (self.group, self.ahead, self.in_use, self.arrived)
                == (later.group, later.ahead, later.in_use, later.arrived)
            && (self.computing, self.draining, self.prefetched)
                == (later.computing, later.draining, later.prefetched)
            && self.stores == later.stores
            && self.arrivals.len() == later.arrivals.len()
            && self.arrivals.iter().zip(&later.arrivals).all(|(a, b)| near(*a, *b))
            && near(self.idle_for, later.idle_for)
            && flows_near(self.load, later.load)
            && flows_near(self.store, later.store)
    }
}

impl Anchor {
    fn missed(&mut self, state: State, now: Moment) {
        self.compared += 1;
        if self.compared >= self.patience {
            *self =
                Self { state, at: now, patience: self.patience.saturating_mul(2).min(1 << 16), compared: 0 };
        }
    }
}

fn state_of(lane: &Lane, network: &FlowNetwork, now: Picos, ahead: (u64, u64)) -> State {
    let flow = |flow: Option<_>| {
        flow.and_then(|flow| {
            let remaining = network.remaining(flow)?.to_bits();
            let left = network.finish_of(flow).map_or(u64::MAX, |finish| finish.0 - now.0);
            Some((remaining, left))
        })
    };
    State {
        group: lane.compute.group,
        ahead,
        in_use: lane.in_use,
        arrived: lane.arrived,
        computing: lane.computing,
        arrivals: lane.in_latency.iter().map(|at| at.0 - now.0).collect(),
        load: flow(lane.loading),
        store: flow(lane.storing),
        stores: lane.stores.iter().copied().collect(),
        draining: lane.draining,
        idle_for: if lane.computing { 0 } else { now.0 - lane.idle_from.0 },
        prefetched: lane.load_since < lane.idle_from,
    }
}
