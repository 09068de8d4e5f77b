//! Whether a case fits into the device's memory.

use std::collections::BTreeMap;

use memwall_hardware::Device;
use memwall_model_graph::{Dtype, Graph, Precision, TensorRole};
use memwall_units::Bytes;

use crate::case::{Footprint, Subject};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::node::{Node, Step};
use crate::source::Sources;
use crate::typed;

/// What `graph` needs by itself: its weights, caches, and its largest operator's other operands.
pub(crate) fn of_graph(graph: &Graph) -> Footprint {
    let mut kept = BTreeMap::new();
    for tensor in graph.tensors() {
        if matches!(tensor.role, TensorRole::Weight | TensorRole::KvCache) {
            kept.insert(tensor.key, (tensor.role, tensor.bytes()));
        }
    }
    let sum = |role| {
        let of_role = kept.values().filter(|(other, _)| *other == role);
        of_role.fold(0_u64, |sum, (_, bytes)| sum.saturating_add(*bytes))
    };
    let working = graph.operators().iter().map(|operator| {
        let operands =
            operator.inputs.iter().chain(&operator.outputs).map(|operand| graph.tensor(operand.tensor));
        let passing =
            operands.filter(|tensor| matches!(tensor.role, TensorRole::Activation | TensorRole::Input));
        passing.fold(0_u64, |sum, tensor| sum.saturating_add(tensor.bytes()))
    });
    Footprint {
        weights: sum(TensorRole::Weight),
        kv_cache: sum(TensorRole::KvCache),
        activations: working.max().unwrap_or(0),
    }
}

/// Adds a problem when `need` is more than the device's memory, at the line that could change it.
pub(crate) fn check(
    sources: &Sources,
    root: &Node,
    device: &Device,
    subject: &Subject,
    need: &Footprint,
    problems: &mut Diagnostics,
) {
    let Some(tier) = device.memory() else { return };
    let capacity = tier.capacity.value.0;
    let Some(over) = need.total().checked_sub(capacity).filter(|over| *over > 0) else { return };
    let message = format!(
        "the case needs {} of device memory, {} more than the {} of `{}`'s {}",
        Bytes(need.total()),
        Bytes(over),
        Bytes(capacity),
        device.name,
        tier.name
    );
    let parts = format!(
        "weights {}, KV cache {}, activations {}",
        Bytes(need.weights),
        Bytes(need.kv_cache),
        Bytes(need.activations)
    );
    let written = |path: &[&str]| {
        let steps: Vec<Step> = path.iter().map(|key| Step::Key((*key).to_owned())).collect();
        (root.along(&steps).len() == steps.len() + 1).then_some(steps)
    };
    let weights_alone = need.weights >= capacity;
    let blame = if weights_alone {
        [&["model"][..], &["graph"]]
    } else {
        [&["workload", "batch"][..], &["workload"]]
    };
    let path = blame.into_iter().find_map(written).or_else(|| written(&["hardware"])).unwrap_or_default();
    let diagnostic: Diagnostic = typed::problem_at(sources, root, "", &path, message, parts);
    problems.push(diagnostic.with_help(remedy(subject, need, capacity)));
}

/// What would make it fit, as far as that is simple arithmetic.
fn remedy(subject: &Subject, need: &Footprint, capacity: u64) -> String {
    let Subject::Model { architecture, workload, options, .. } = subject else { return String::new() };
    if need.weights < capacity {
        let each = (need.kv_cache.saturating_add(need.activations)).div_ceil(workload.batch.max(1)).max(1);
        let batch = (capacity - need.weights) / each;
        return match batch {
            0 => {
                "not even one sequence fits: shorten it, or store the KV cache in a smaller format".to_owned()
            }
            _ => format!("a batch of {batch} would fit"),
        };
    }
    for dtype in [Dtype::Fp8, Dtype::Fp4] {
        let smaller = Precision { weights: dtype, ..options.precision };
        let bytes = architecture.weight_bytes(&smaller);
        if dtype.bits() < options.precision.weights.bits() && bytes < capacity {
            return format!(
                "with `precision: {{ weights: {dtype} }}` the weights would take {}",
                Bytes(bytes)
            );
        }
    }
    "the weights do not fit in any format: take a device with more memory, or simulate fewer layers"
        .to_owned()
}
