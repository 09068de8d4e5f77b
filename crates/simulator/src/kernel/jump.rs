//! Skipping repetition: when the state at the end of a step (or wave) is the state at an earlier one, everything in
//! between happens again until a loop runs out. The jump replays it in the books without running it.

use memwall_units::Picos;

use super::Run;
use super::lane::Lane;
use crate::book::Book;
use crate::flow_network::FlowNetwork;

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

/// A moment to compare later ones with.
#[derive(Debug, Clone)]
struct Anchor {
    state: State,
    wave: u64,
    step: u64,
    /// Real time, skipped stretches included.
    time: u64,
    book: Book,
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

    fn try_step_jump(&mut self) {
        let lane = &self.lanes[0];
        let (compute, load) = (lane.compute, lane.load);
        let same_wave = load.group == compute.group && load.wave == compute.wave;
        let steps = self.plan.groups[compute.group].steps;
        if !same_wave || steps - load.step < 2 {
            self.jumper.step = None;
            return;
        }
        let state = state_of(lane, &self.network, self.now, (0, load.step - compute.step));
        let time = self.now.0 + self.skipped;
        let Some(anchor) = self.jumper.step.as_mut().filter(|anchor| anchor.wave == compute.wave) else {
            self.jumper.step = Some(Anchor::new(state, compute.wave, compute.step, time, self.book));
            return;
        };
        if anchor.state != state {
            anchor.missed(state, compute.wave, compute.step, time, self.book);
            return;
        }
        let period = compute.step - anchor.step;
        let times = (steps - 1 - load.step) / period.max(1);
        let (anchor_time, anchor_book) = (anchor.time, anchor.book);
        self.jumper.step = None;
        if period > 0 && times > 0 {
            self.repeat(times, time - anchor_time, &anchor_book);
            let lane = &mut self.lanes[0];
            lane.compute.step += times * period;
            lane.load.step += times * period;
        }
    }

    fn try_wave_jump(&mut self) {
        let lane = &self.lanes[0];
        let (compute, load) = (lane.compute, lane.load);
        let Some(group) = self.plan.groups.get(compute.group) else { return };
        if load.group != compute.group || group.count - load.wave < 2 {
            self.jumper.wave = None;
            return;
        }
        let state = state_of(lane, &self.network, self.now, (load.wave - compute.wave, load.step));
        let time = self.now.0 + self.skipped;
        let Some(anchor) = self.jumper.wave.as_mut().filter(|anchor| anchor.state.group == compute.group)
        else {
            self.jumper.wave = Some(Anchor::new(state, compute.wave, 0, time, self.book));
            return;
        };
        if anchor.state != state {
            anchor.missed(state, compute.wave, 0, time, self.book);
            return;
        }
        let period = compute.wave - anchor.wave;
        let times = (group.count - 1 - load.wave) / period.max(1);
        let (anchor_time, anchor_book) = (anchor.time, anchor.book);
        self.jumper.wave = None;
        if period > 0 && times > 0 {
            self.repeat(times, time - anchor_time, &anchor_book);
            let lane = &mut self.lanes[0];
            lane.compute.wave += times * period;
            lane.load.wave += times * period;
        }
    }

    /// The stretch since an anchor happens `times` more. Local clocks stand still; only `skipped` moves.
    fn repeat(&mut self, times: u64, stretch: u64, since: &Book) {
        self.skipped = self.skipped.saturating_add(stretch.saturating_mul(times));
        self.book.repeat_since(since, u128::from(times));
    }
}

impl Anchor {
    fn new(state: State, wave: u64, step: u64, time: u64, book: Book) -> Self {
        Self { state, wave, step, time, book, patience: 1, compared: 0 }
    }

    fn missed(&mut self, state: State, wave: u64, step: u64, time: u64, book: Book) {
        self.compared += 1;
        if self.compared >= self.patience {
            let patience = self.patience.saturating_mul(2).min(1 << 16);
            *self = Self { patience, ..Self::new(state, wave, step, time, book) };
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
