//! The hold model of `crates/simulator/benches/event_queue.rs` on nexosim 1, on one thread: a model with a fixed
//! number of events pending, each of which schedules the next a random time later. Prints events per second.

use std::time::{Duration, Instant};

use nexosim::model::{Context, Model, schedulable};
use nexosim::simulation::{Mailbox, SimInit, SimulationError};
use nexosim::time::MonotonicTime;
use serde::{Deserialize, Serialize};

/// Where the timed stretch begins and how long it is, in simulated time. A delay is half a millisecond on average.
const WARM_UP: Duration = Duration::from_millis(2);
/// Events aimed at in one timed stretch.
const EVENTS: usize = 300_000;

#[derive(Serialize, Deserialize)]
struct Holder {
    pending: usize,
    random: u64,
    fired: u64,
}

#[Model]
impl Holder {
    #[nexosim(init)]
    async fn init(&mut self, context: &Context<Self>) {
        for _ in 0..self.pending {
            self.again(context);
        }
    }

    #[nexosim(schedulable)]
    fn fire(&mut self, _: (), context: &Context<Self>) {
        self.fired += 1;
        self.again(context);
    }

    fn again(&mut self, context: &Context<Self>) {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        // Its clock counts nanoseconds, and a delay must not be zero.
        let delay = Duration::from_nanos((self.random >> 44) + 1);
        context.schedule_event(delay, schedulable!(Self::fire), ()).expect("a time in the future");
    }
}

fn main() -> Result<(), SimulationError> {
    for pending in [16, 4_096, 65_536] {
        let mut best = 0.0f64;
        for _ in 0..5 {
            best = best.max(hold(pending)?);
        }
        println!("hold/nexosim/{pending}: {:.2} M events/s (best of 5)", best / 1e6);
    }
    Ok(())
}

/// Events per second with `pending` events.
fn hold(pending: usize) -> Result<f64, SimulationError> {
    let holder = Holder { pending, random: 88_172_645_463_325_252, fired: 0 };
    let mut simulation = SimInit::with_num_threads(1)
        .add_model(holder, Mailbox::new(), "holder")
        .init(MonotonicTime::EPOCH)?;
    simulation.step_until(WARM_UP)?;
    // A delay of 2^19 ns on average: each pending event fires about 1,907 times a simulated second.
    let stretch = Duration::from_nanos((EVENTS as u64) << 19).div_f64(pending as f64);
    let start = Instant::now();
    simulation.step_until(stretch)?;
    Ok(EVENTS as f64 / start.elapsed().as_secs_f64())
}
