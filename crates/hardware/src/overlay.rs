//! Laying a partial description over a complete one.

use serde_yaml::Value;

/// `over` laid on `base`: mappings are merged key by key, anything else replaces. A figure is one thing: a
/// mapping with a `value` replaces or is replaced as a whole, so that a new value never keeps the old one's
/// source. Keys that `base` lacks come last, in the order written.
#[must_use]
pub fn overlay(base: Value, over: Value) -> Value {
    match (base, over) {
        (Value::Mapping(mut base), Value::Mapping(over)) if !is_figure(&base) && !is_figure(&over) => {
            for (key, value) in over {
                match base.get_mut(&key) {
                    Some(place) => *place = overlay(std::mem::take(place), value),
                    None => {
                        base.insert(key, value);
                    }
                }
            }
            Value::Mapping(base)
        }
        (_, over) => over,
    }
}

fn is_figure(mapping: &serde_yaml::Mapping) -> bool {
    mapping.contains_key("value")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(base: &str, over: &str) -> String {
        let value = overlay(serde_yaml::from_str(base).unwrap(), serde_yaml::from_str(over).unwrap());
        serde_yaml::to_string(&value).unwrap()
    }

    #[test]
    fn a_new_value_drops_the_old_ones_source() {
        let base = "hbm: { bandwidth: { value: 3 TB/s, kind: datasheet, source: sheet }, kind: dram }";
        assert_eq!(
            merged(base, "hbm: { bandwidth: { value: 6 TB/s } }"),
            "hbm:\n  bandwidth:\n    value: 6 TB/s\n  kind: dram\n"
        );
        assert_eq!(merged(base, "hbm: { bandwidth: 6 TB/s }"), "hbm:\n  bandwidth: 6 TB/s\n  kind: dram\n");
    }

    #[test]
    fn keys_of_both_are_kept_in_order() {
        assert_eq!(merged("{ a: 1, b: 2 }", "{ c: 3, a: 4 }"), "a: 4\nb: 2\nc: 3\n");
    }
}
