//! Why a plan loses to the best one.

use memwall_units::Bytes;

use super::links::{Ranks, stays_inside};
use super::screen::Memory;
use super::words::Shown;
use memwall_hardware::Fabric;
use memwall_model_graph::{Parallel, Recompute};

/// Below this share of the best plan's time nothing is worth a word.
const WORTH_A_WORD: f64 = 0.002;

/// What a plan loses to `best` by, the two largest reasons first.
pub fn why(fabric: &Fabric, plan: &Shown, best: &Shown) -> String {
    let (own, other) = (&plan.parts, &best.parts);
    let total = best.screened.time;
    let parallel = &plan.choice.parallel;
    let mut reasons = [
        (own.bubble - other.bubble, "bubble".to_owned()),
        (own.again - other.again, "computing again".to_owned()),
        (own.computing - other.computing, computing(&best.choice.parallel, parallel).to_owned()),
        (own.sent.tensor - other.sent.tensor, sending(fabric, "tensor", tensor(parallel))),
        (own.sent.context - other.sent.context, sending(fabric, "context", context(parallel))),
        (own.sent.expert - other.sent.expert, sending(fabric, "expert", expert(parallel))),
        (own.data - other.data, sending(fabric, "data", data(parallel))),
        (own.optimizer - other.optimizer, "optimizer".to_owned()),
    ];
    reasons.sort_by(|a, b| b.0.total_cmp(&a.0));
    let worth = reasons.iter().filter(|(more, _)| *more > WORTH_A_WORD * total).take(2);
    let texts: Vec<String> = worth.map(|(more, what)| format!("{what} {}", plus(more / total))).collect();
    if !texts.is_empty() {
        return texts.join(", ");
    }
    match plan.screened.time.total_cmp(&total) {
        std::cmp::Ordering::Greater => {
            format!("a little of everything, {}", plus(plan.screened.time / total - 1.0))
        }
        _ => "as quick, and later in the list".to_owned(),
    }
}

/// By how much a plan does not fit, and what takes the memory.
pub fn too_large(memory: &Memory, capacity: f64, choice: &super::words::Shown) -> String {
    let parts = [
        (memory.weights, "weights"),
        (memory.gradients, "gradients"),
        (memory.state, "optimizer state"),
        (memory.activations, "activations"),
    ];
    let largest = parts.iter().fold((0.0, ""), |most, part| if part.0 > most.0 { *part } else { most });
    let hint = match (largest.1, choice.choice.recompute) {
        ("activations", Recompute::None | Recompute::Selective) => ", which `full` recompute would shrink",
        _ => "",
    };
    format!(
        "out of memory by {}: {} of {} are {}{hint}",
        bytes(memory.total() - capacity),
        bytes(largest.0),
        bytes(memory.total()),
        largest.1
    )
}

/// `59.2 GiB`.
fn bytes(number: f64) -> String {
    Bytes(number.max(0.0) as u64).to_string()
}

fn tensor(parallel: &Parallel) -> Ranks {
    Ranks { count: u64::from(parallel.tensor), stride: 1 }
}

fn context(parallel: &Parallel) -> Ranks {
    Ranks { count: u64::from(parallel.context), stride: u64::from(parallel.tensor) }
}

fn expert(parallel: &Parallel) -> Ranks {
    Ranks { count: u64::from(parallel.expert), stride: 1 }
}

fn data(parallel: &Parallel) -> Ranks {
    Ranks {
        count: u64::from(parallel.data),
        stride: u64::from(parallel.tensor) * u64::from(parallel.context),
    }
}

/// `tensor-parallel sending, which leaves the node,`.
fn sending(fabric: &Fabric, dimension: &str, ranks: Ranks) -> String {
    if stays_inside(fabric, ranks) || fabric.levels().len() < 2 {
        format!("{dimension}-parallel sending")
    } else {
        format!("{dimension}-parallel sending over {}", outermost(fabric, ranks))
    }
}

/// The title of the level that joins these ranks.
fn outermost(fabric: &Fabric, ranks: Ranks) -> &str {
    let last = (ranks.count - 1).saturating_mul(ranks.stride);
    let last = u32::try_from(last).unwrap_or(u32::MAX).min(fabric.devices().saturating_sub(1));
    &fabric.levels()[fabric.joining_level(0, last)].name
}

/// Why there is more to compute.
fn computing(best: &Parallel, own: &Parallel) -> &'static str {
    if own.pipeline != best.pipeline {
        "computing in the slowest stage"
    } else if !own.sequence && best.sequence {
        "norms and sums done by every rank"
    } else {
        "computing"
    }
}

/// `+4.2 %`.
fn plus(share: f64) -> String {
    if share.abs() < 0.0995 { format!("{:+.1} %", share * 100.0) } else { format!("{:+.0} %", share * 100.0) }
}
