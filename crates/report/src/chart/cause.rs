//! Which colour a cause has: the same in every chart.

use memwall_simulator::Cause;

/// The role of `cause_text`: `bandwidth` of `bandwidth(hbm)`, `compute` of `compute`.
pub(crate) fn role(cause_text: &str) -> &'static str {
    let name = cause_text.split('(').next().unwrap_or_default().trim();
    match name {
        "compute" | "computing" => "compute",
        _ => Cause::ALL.iter().map(|cause| cause.name()).find(|known| *known == name).unwrap_or("idle"),
    }
}
