//! The new figures as YAML that scenarios extend and `validate --with` takes.

use serde_yaml::{Mapping, Value};

use super::parameters::Parameter;

/// The two blocks, with what each figure comes from.
pub(crate) fn overlay(
    device: &str,
    software: &str,
    fitted: &[(&Parameter, f64, String)],
    source: &str,
) -> String {
    let (mut hardware, mut profile) = (block(device), block(software));
    for (parameter, value, interval) in fitted {
        let (root, path) = match parameter.path.split_once('.') {
            Some(("hardware", path)) => (&mut hardware, path),
            Some((_, path)) => (&mut profile, path),
            None => continue,
        };
        let figure = [
            ("value", parameter.measure.written(*value)),
            ("kind", text("fitted")),
            ("source", text(&format!("{source}; 95 % interval {interval}"))),
        ];
        put(root, path, mapping(figure));
    }
    let document = mapping([("hardware", Value::Mapping(hardware)), ("software", Value::Mapping(profile))]);
    serde_yaml::to_string(&document).unwrap_or_default()
}

fn block(extends: &str) -> Mapping {
    let mut block = Mapping::new();
    block.insert(text("extends"), text(extends));
    block
}

fn put(root: &mut Mapping, path: &str, figure: Value) {
    match path.split_once('.') {
        None => {
            root.insert(text(path), figure);
        }
        Some((key, rest)) => {
            if !root.contains_key(key) {
                root.insert(text(key), Value::Mapping(Mapping::new()));
            }
            if let Some(Value::Mapping(inner)) = root.get_mut(key) {
                put(inner, rest, figure);
            }
        }
    }
}

fn mapping<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Mapping(entries.into_iter().map(|(key, value)| (text(key), value)).collect())
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}
