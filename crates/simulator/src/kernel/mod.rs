//! The kernel engine: runs a plan's waves as events and flows.
//!
//! Identical cores are one macro-core (a [`lane::Lane`]) with a weight. A step's load is a flow; its arrival frees the
//! compute server to start, the compute's end frees a buffer slot, and the freed slot starts the next load. When the
//! state recurs, [`jump`] skips ahead to the next moment at which something changes.

mod jump;
mod lane;

#[cfg(test)]
mod tests;

use memwall_units::Picos;

use crate::book::{Book, Wait};
use crate::chip::Chip;
use crate::event_queue::EventQueue;
use crate::flow_network::{FlowError, FlowId, FlowNetwork, FlowSpec, Held, LinkId};
use crate::plan::{KernelPlan, Traffic};
use jump::Jumper;
use lane::{Job, Lane};

/// How to run a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mode {
    /// Skip ahead when the state recurs.
    pub jumps: bool,
    /// One macro-core for all identical cores; otherwise every core apart.
    pub folded: bool,
    /// Events after which to give up.
    pub event_limit: u64,
}

/// What running a kernel gave.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct KernelRun {
    pub duration: Picos,
    pub book: Book,
    pub events: u64,
    /// Bytes that crossed each link in the stretches that were run event by event (all of them without jumps).
    #[cfg_attr(not(test), allow(dead_code))]
    pub carried: Vec<f64>,
}

/// Why a kernel cannot be run to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stuck {
    /// More events than allowed.
    Events,
    /// More simulated time than can be held.
    Time,
    /// It waits for this shared level, whose bandwidth is zero.
    Level(usize),
}

/// Something that happens to a lane at a known time.
#[derive(Debug, Clone, Copy)]
enum Event {
    Arrived(usize),
    Computed(usize),
}

/// Runs `plan` on `chip`, alone.
pub(crate) fn run(chip: &Chip, plan: &KernelPlan, mode: Mode) -> Result<KernelRun, Stuck> {
    Run::new(chip, plan, mode).map_err(|_| Stuck::Level(0))?.finish()
}

/// The links of the shared levels in one network.
pub(crate) struct Links {
    /// By level.
    read: Vec<LinkId>,
    write: Vec<LinkId>,
    /// Link time of a written byte over that of a read byte, by level.
    write_cost: Vec<f64>,
    /// Level by link index.
    level_of: Vec<usize>,
}

impl Links {
    fn new(chip: &Chip, network: &mut FlowNetwork) -> Result<Self, FlowError> {
        let mut links = Self { read: vec![], write: vec![], write_cost: vec![], level_of: vec![] };
        for (index, level) in chip.levels.iter().enumerate() {
            let read = network.add_link(level.read_rate)?;
            links.level_of.push(index);
            links.read.push(read);
            if level.half_duplex {
                links.write.push(read);
                links.write_cost.push(level.write_cost);
            } else {
                links.write.push(network.add_link(level.write_rate)?);
                links.level_of.push(index);
                links.write_cost.push(1.0);
            }
        }
        Ok(links)
    }
}

/// A job's flow, ready to start: bytes, cap and link usage.
#[derive(Debug, Clone)]
struct Route {
    bytes: f64,
    cap: Option<f64>,
    /// The level whose in-flight limit is the cap.
    cap_level: usize,
    usage: Vec<(LinkId, f64)>,
    /// The outermost level it touches, and the latency from there.
    level: usize,
    latency_ps: u64,
}

impl Route {
    fn new(chip: &Chip, links: &Links, traffic: &Traffic, tiled: bool) -> Self {
        let count = chip.levels.len();
        let moved = |level: usize| traffic.read[level] + traffic.write[level];
        let inner = (0..count).find(|level| moved(*level) > 0.0);
        let bytes = inner.map_or(0.0, moved);
        let mut route = Self { bytes, cap: None, cap_level: 0, usage: Vec::new(), level: 0, latency_ps: 0 };
        for level in 0..count {
            if traffic.read[level] > 0.0 {
                let cost = if tiled { chip.levels[level].tiled_cost } else { 1.0 };
                route.usage.push((links.read[level], cost * traffic.read[level] / bytes));
                route.level = level;
                route.latency_ps = chip.levels[level].latency_ps;
                let cap = chip.levels[level].unit_rate_cap.map(|cap| cap * bytes / traffic.read[level]);
                if let Some(cap) = cap.filter(|cap| route.cap.is_none_or(|known| *cap < known)) {
                    route.cap = Some(cap);
                    route.cap_level = level;
                }
            }
            if traffic.write[level] > 0.0 {
                let tiled_cost = if tiled { chip.levels[level].tiled_write_cost } else { 1.0 };
                let cost = tiled_cost * links.write_cost[level] * traffic.write[level] / bytes;
                merge_usage(&mut route.usage, links.write[level], cost);
            }
            let passing = if level + 1 < count { moved(level + 1) } else { 0.0 };
            if passing > 0.0 && chip.levels[level].fill_cost > 0.0 {
                merge_usage(
                    &mut route.usage,
                    links.read[level],
                    chip.levels[level].fill_cost * passing / bytes,
                );
            }
        }
        route
    }
}

fn merge_usage(usage: &mut Vec<(LinkId, f64)>, link: LinkId, cost: f64) {
    match usage.iter_mut().find(|(known, _)| *known == link) {
        Some((_, total)) => *total += cost,
        None => usage.push((link, cost)),
    }
}

/// The three routes of a wave group.
struct GroupRoutes {
    load: Route,
    store: Route,
    epilogue: Route,
}

struct Run<'a> {
    chip: &'a Chip,
    plan: &'a KernelPlan,
    mode: Mode,
    network: FlowNetwork,
    links: Links,
    routes: Vec<GroupRoutes>,
    queue: EventQueue<Event>,
    lanes: Vec<Lane>,
    /// Flow to lane and job, few at a time.
    flows: Vec<(FlowId, usize, Job)>,
    now: Picos,
    /// Time skipped by jumps, to be added to `now`.
    skipped: u64,
    book: Book,
    events: u64,
    jumper: Jumper,
}

impl<'a> Run<'a> {
    fn new(chip: &'a Chip, plan: &'a KernelPlan, mode: Mode) -> Result<Self, FlowError> {
        let mut network = FlowNetwork::new();
        let links = Links::new(chip, &mut network)?;
        let route = |traffic: &Traffic, tiled: bool| Route::new(chip, &links, traffic, tiled);
        let routes = plan
            .groups
            .iter()
            .map(|group| GroupRoutes {
                load: route(&group.load, group.tiled),
                store: route(&group.store, false),
                epilogue: route(&group.epilogue, group.tiled),
            })
            .collect();
        let lanes =
            if mode.folded { vec![Lane::macro_core()] } else { (0..chip.units).map(Lane::core).collect() };
        Ok(Self {
            chip,
            plan,
            mode,
            network,
            links,
            routes,
            queue: EventQueue::new(),
            lanes,
            flows: Vec::with_capacity(4),
            now: Picos::ZERO,
            skipped: 0,
            book: Book::default(),
            events: 0,
            jumper: Jumper::default(),
        })
    }

    fn finish(mut self) -> Result<KernelRun, Stuck> {
        for lane in 0..self.lanes.len() {
            self.lanes[lane].skip_foreign_groups(self.plan);
            self.progress(lane);
        }
        self.network.solve(self.now);
        while let Some(next) = self.next_time() {
            self.book_until(next);
            self.now = next;
            self.handle_all()?;
            self.network.solve(self.now);
            self.check_limits()?;
        }
        if let Some(level) = self.blocked_level() {
            return Err(Stuck::Level(level));
        }
        let carried = self.links.read.iter().map(|link| self.network.link_bytes(*link)).collect();
        let duration = self.now.checked_add(Picos(self.skipped)).ok_or(Stuck::Time)?;
        Ok(KernelRun { duration, book: self.book, events: self.events, carried })
    }

    fn next_time(&self) -> Option<Picos> {
        match (self.queue.peek_time(), self.network.next_finish()) {
            (Some(event), Some(flow)) => Some(event.min(flow)),
            (event, flow) => event.or(flow),
        }
    }

    fn check_limits(&self) -> Result<(), Stuck> {
        if self.events > self.mode.event_limit {
            return Err(Stuck::Events);
        }
        if self.now.0 > u64::MAX / 2 || self.skipped > u64::MAX / 2 {
            return Err(Stuck::Time);
        }
        Ok(())
    }

    /// The level of a flow that never finishes, when lanes still wait.
    fn blocked_level(&self) -> Option<usize> {
        let unfinished = self.lanes.iter().any(|lane| !lane.is_done(self.plan));
        unfinished.then(|| {
            let stalled = self.network.stalled_flows().first().and_then(|flow| self.network.held_by(*flow));
            match stalled {
                Some(Held::Link(link)) => self.links.level_of[link.index()],
                _ => self.chip.dram(),
            }
        })
    }

    /// Everything due now: finished flows first, then events, each in its own fixed order.
    fn handle_all(&mut self) -> Result<(), Stuck> {
        let mut boundary = None;
        loop {
            if let Some(flow) = self.network.pop_finished(self.now) {
                self.events += 1;
                self.flow_finished(flow);
            } else if self.queue.peek_time() == Some(self.now) {
                self.events += 1;
                match self.queue.pop() {
                    Some((_, Event::Arrived(lane))) => {
                        self.lanes[lane].arrive();
                        self.progress(lane);
                    }
                    Some((_, Event::Computed(lane))) => {
                        let wave_ended = self.computed(lane);
                        self.progress(lane);
                        boundary = Some(wave_ended);
                    }
                    None => {}
                }
            } else {
                break;
            }
        }
        if let (true, true, Some(wave_ended)) = (self.mode.jumps, self.mode.folded, boundary) {
            self.network.solve(self.now);
            self.try_jump(wave_ended);
        }
        Ok(())
    }

    fn flow_finished(&mut self, flow: FlowId) {
        let Some(position) = self.flows.iter().position(|(known, _, _)| *known == flow) else { return };
        let (_, lane, job) = self.flows.remove(position);
        match job {
            Job::Load { latency_ps } => {
                self.lanes[lane].load_left_link();
                self.schedule_arrival(lane, latency_ps);
            }
            Job::Store => self.lanes[lane].stored(false),
            Job::Epilogue => self.lanes[lane].stored(true),
        }
        self.progress(lane);
    }

    fn schedule_arrival(&mut self, lane: usize, latency_ps: u64) {
        // Steps are computed in order: data that comes from nearer waits for what was asked for before it.
        let before = self.lanes[lane].in_latency.back().copied().unwrap_or(Picos::ZERO);
        let at = self.now.saturating_add(Picos(latency_ps)).max(before);
        self.lanes[lane].in_latency.push_back(at);
        self.queue.schedule(at, Event::Arrived(lane));
    }

    /// A step's compute ended. Returns whether its wave did.
    fn computed(&mut self, lane: usize) -> bool {
        let group_index = self.lanes[lane].compute.group;
        let group = &self.plan.groups[group_index];
        let has_store = self.routes[group_index].store.bytes > 0.0;
        let has_epilogue = self.routes[group_index].epilogue.bytes > 0.0;
        self.lanes[lane].computed(self.plan, group, self.now, has_store, has_epilogue)
    }

    /// Starts all that can start on a lane now.
    fn progress(&mut self, lane: usize) {
        self.start_stores(lane);
        self.start_compute(lane);
        self.start_loads(lane);
        // A load that moves nothing arrives at once and may let the compute start.
        self.start_compute(lane);
    }

    fn start_loads(&mut self, lane: usize) {
        while self.lanes[lane].can_load(self.plan) {
            let group = self.lanes[lane].load.group;
            let weight = self.lanes[lane].weight(&self.plan.groups[group]);
            let route = &self.routes[group].load;
            let latency_ps = route.latency_ps;
            self.lanes[lane].load_issued(self.plan, self.now);
            if route.bytes <= 0.0 {
                self.lanes[lane].load_left_link();
                if self.lanes[lane].in_latency.is_empty() {
                    self.lanes[lane].arrived += 1;
                } else {
                    self.schedule_arrival(lane, 0);
                }
                continue;
            }
            let flow = start_flow(&mut self.network, self.now, route, weight);
            self.lanes[lane].loading = flow;
            self.flows.extend(flow.map(|flow| (flow, lane, Job::Load { latency_ps })));
        }
    }

    fn start_compute(&mut self, lane: usize) {
        if !self.lanes[lane].can_compute(self.plan) {
            return;
        }
        let compute = self.lanes[lane].compute;
        let group = &self.plan.groups[compute.group];
        let ends = compute.step + 1 >= group.steps;
        let step_ps = group.step_ps.saturating_add(if ends { group.tile_ps } else { 0 });
        self.lanes[lane].compute_started();
        self.queue.schedule(self.now.saturating_add(Picos(step_ps)), Event::Computed(lane));
    }

    fn start_stores(&mut self, lane: usize) {
        while self.lanes[lane].storing.is_none() {
            let Some((group, is_epilogue)) = self.lanes[lane].stores.front().copied() else { break };
            let weight = self.lanes[lane].weight(&self.plan.groups[group]);
            let routes = &self.routes[group];
            let route = if is_epilogue { &routes.epilogue } else { &routes.store };
            let flow = start_flow(&mut self.network, self.now, route, weight);
            let job = if is_epilogue { Job::Epilogue } else { Job::Store };
            self.lanes[lane].storing = flow;
            match flow {
                Some(flow) => self.flows.push((flow, lane, job)),
                None => self.lanes[lane].stored(is_epilogue),
            }
        }
    }

    /// Books the time up to `next` to what each lane does or waits for until then.
    fn book_until(&mut self, next: Picos) {
        let elapsed = u128::from(next.0 - self.now.0);
        if elapsed == 0 {
            return;
        }
        for index in 0..self.lanes.len() {
            let lane = &self.lanes[index];
            let units = lane.units(self.plan, self.chip.units);
            let all = if self.mode.folded { u128::from(self.chip.units) } else { 1 };
            let working = u128::from(units);
            if lane.computing {
                self.book.add_compute(lane.pace, working * elapsed);
            } else {
                let wait = self.wait_of(lane);
                self.book.add_wait(wait, working * elapsed);
                self.lanes[index].pace = Some(wait);
            }
            self.book.add_wait(Wait::Occupancy, (all - working) * elapsed);
        }
    }

    /// What an idle lane waits for.
    fn wait_of(&self, lane: &Lane) -> Wait {
        if lane.compute_done(self.plan) {
            if lane.is_done(self.plan) {
                return Wait::Occupancy;
            }
            return self.drain_wait(lane);
        }
        if lane.arrived > 0 {
            // Data is there: it is the results of earlier steps that have no room.
            return self.drain_wait(lane);
        }
        let on_its_way = lane.loading.is_some() || !lane.in_latency.is_empty();
        if !on_its_way && !lane.stores.is_empty() {
            // A serial tile's results, before its unit goes on.
            return self.drain_wait(lane);
        }
        if !on_its_way {
            return Wait::Capacity;
        }
        // A wave's first data, asked for when there was nothing left to compute meanwhile.
        if lane.compute.step == 0 && lane.load_since >= lane.idle_from {
            return Wait::Ramp;
        }
        // While the links are busy for this lane they set its pace; once every slot waits for data in flight,
        // latency does.
        match lane.loading {
            Some(flow) => self.held(flow, lane.load.group),
            None => Wait::Latency(self.routes[lane.compute.group].load.level),
        }
    }

    fn drain_wait(&self, lane: &Lane) -> Wait {
        match lane.storing {
            Some(flow) if lane.stores.len() > 1 => {
                self.held(flow, lane.compute.group.min(self.plan.groups.len() - 1))
            }
            _ => Wait::Ramp,
        }
    }

    fn held(&self, flow: FlowId, group: usize) -> Wait {
        match self.network.held_by(flow) {
            Some(Held::Link(link)) => Wait::Bandwidth(self.links.level_of[link.index()]),
            Some(Held::Cap) | None => {
                let group = group.min(self.routes.len() - 1);
                Wait::Latency(self.routes[group].load.cap_level)
            }
        }
    }
}

fn start_flow(network: &mut FlowNetwork, now: Picos, route: &Route, weight: f64) -> Option<FlowId> {
    let spec = FlowSpec { bytes: route.bytes, weight, cap: route.cap, usage: &route.usage };
    network.start(now, spec).ok()
}
