//! Which colour a cause has: the same in every chart.

use memwall_simulator::Cause;

/// The role of a cause as [`crate::cause_text`] writes it: `bandwidth` of `bandwidth(hbm)`, or `compute`; `None` of any
/// other text.
pub(crate) fn role(cause_text: &str) -> Option<&'static str> {
    let name = cause_text.split('(').next().unwrap_or_default().trim();
    match name {
        "compute" => Some("compute"),
        _ => Cause::ALL.iter().map(|cause| cause.name()).find(|known| *known == name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_known_by_their_text() {
        assert_eq!(role("bandwidth(hbm)"), Some("bandwidth"));
        assert_eq!(role("compute"), Some("compute"));
        assert_eq!(role("attn.qkv"), None);
    }
}
