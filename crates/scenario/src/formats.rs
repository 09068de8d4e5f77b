//! Whether the device computes in the formats a case asks for.

use memwall_hardware::Device;
use memwall_model_graph::{Dtype, Precision};

use crate::diagnostic::Diagnostics;
use crate::node::{Node, Step};
use crate::source::Sources;
use crate::typed;

/// What a reader should know about the formats: that one runs as a wider one. A problem when none does.
pub(crate) fn check(
    sources: &Sources,
    root: &Node,
    device: &Device,
    precision: Precision,
    problems: &mut Diagnostics,
) -> Vec<String> {
    let format = compute_format(precision);
    match device.matmul_peak(format.name()) {
        Some(peak) => peak.note(format.name()).into_iter().collect(),
        None => {
            let path = ["workload", "dtype"].map(|key| Step::Key(key.to_owned()));
            let message =
                format!("`{}` has no engine that multiplies {format}, or any wider format", device.name);
            problems.push(typed::problem_at(sources, root, "", &path, message, ""));
            Vec::new()
        }
    }
}

/// Matrix units compute in the wider of the weights' and the activations' format.
fn compute_format(precision: Precision) -> Dtype {
    if precision.weights.bits() > precision.activations.bits() {
        precision.weights
    } else {
        precision.activations
    }
}
