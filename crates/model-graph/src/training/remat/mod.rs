//! Rematerialization: computing forward values again in the backward pass instead of keeping them.
//!
//! A [`Problem`] is a joint forward and backward pass: operators in a fixed order, with what each costs and how many
//! bytes it leaves. A schedule is a sequence of its operators in which forward ones may repeat; first executions keep
//! the order, and a value is freed after the last operator that reads it. [`peak`] says what a schedule needs at most.
//!
//! [`optimal`] looks for the schedule of least repeated work that stays within a budget (Checkmate's problem, Jain et
//! al. 2020, arXiv:1910.02653): by search of all states where there are few ([`exact`]), else near it, with a proven
//! lower bound beside ([`bound`]).

mod bound;
mod closure;
mod exact;
mod graph;
mod optimal;
mod peak;
mod plan;
mod policy;
mod problem;
mod search;
mod segments;

pub use bound::{Bound, bound, least_bytes};
pub use exact::{Exact, exact};
pub use optimal::{Solution, optimal};
pub use peak::{Alive, Peak, ScheduleError, peak};
pub use plan::{Gap, Plan};
pub use problem::{MAX_VALUES, Problem, ProblemError, Work};
pub use segments::segments;
