//! Where the time of each layer went.

use memwall_simulator::{Timeline, Track};

use super::{StackedBars, Unit};
use crate::{CaseReport, OperatorReport, cause_text};

/// A bar for each layer of the model; `None` where the timeline shows no two layers, or not all of the run.
///
/// A kernel's time is known by layer, its stalls only by operator: they are divided over the layers by time.
pub(super) fn layers(case: &CaseReport, timeline: &Timeline) -> Option<StackedBars> {
    if timeline.dropped > 0 {
        return None;
    }
    let mut layers: Vec<Vec<f64>> = Vec::new();
    for interval in &timeline.intervals {
        let Some((layer, label)) = split(&interval.name) else { continue };
        let Some(op) = case.operators.iter().position(|op| op.name == label) else { continue };
        if !matches!(interval.track, Track::Kernels(_)) {
            continue;
        }
        if layers.len() <= layer {
            layers.resize(layer + 1, vec![0.0; case.operators.len()]);
        }
        layers[layer][op] += interval.duration.as_secs_f64();
    }
    if layers.len() < 2 {
        return None;
    }
    let bar = |(number, times): (usize, &Vec<f64>)| {
        let parts = times.iter().zip(&case.operators).flat_map(|(time, op)| shares(op, *time));
        (number.to_string(), parts.collect())
    };
    let bars = layers.iter().enumerate().map(bar).collect();
    Some(StackedBars::new("time", "layer", Unit::Seconds, bars).upright())
}

/// The operator's label in the name of one of its executions: `attn.qkv` of `layers.3.attn.qkv`.
pub(super) fn label(name: &str) -> &str {
    split(name).map_or(name, |(_, label)| label)
}

/// More layers than any model has: a name may be anything.
const MOST_LAYERS: usize = 4096;

fn split(name: &str) -> Option<(usize, &str)> {
    let (number, label) = name.strip_prefix("layers.")?.split_once('.')?;
    Some((number.parse().ok().filter(|layer| *layer < MOST_LAYERS)?, label))
}

/// `seconds` of an operator by what its engine did: compute and the causes of stalls.
pub(super) fn shares(op: &OperatorReport, seconds: f64) -> Vec<(String, f64)> {
    let total = op.stalls.iter().map(|stall| stall.ps).fold(op.busy_ps, u128::saturating_add) as f64;
    let part = |ps: u128| crate::number::ratio(ps as f64 * seconds, total).unwrap_or(0.0);
    let mut parts = vec![("compute".to_owned(), part(op.busy_ps))];
    parts.extend(op.stalls.iter().map(|stall| (cause_text(stall), part(stall.ps))));
    parts
}
