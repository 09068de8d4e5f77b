//! Laying one tree over another.

use crate::node::{Field, Node, Value};

/// Keys whose value is a name or a mapping: `hardware: h100-sxm` is short for `hardware: { extends: h100-sxm }`.
pub(crate) const NAMED: [&str; 3] = ["model", "hardware", "software"];

/// `over` laid on `base`: mappings are merged key by key, anything else replaces. A figure (a mapping with a
/// `value`) is one thing, so that a new value never keeps the old one's source; a mapping with its own `extends`
/// starts afresh. New keys come last.
pub(crate) fn overlay(base: Node, over: Node) -> Node {
    if !merges(&base, &over) {
        return over;
    }
    let (Value::Map(mut map), Value::Map(over_map)) = (base.value, over.value) else {
        return Node { value: Value::Null, place: over.place };
    };
    for (key, field) in over_map {
        let merged = match map.get_mut(&key) {
            Some(below) => {
                let below = std::mem::replace(&mut below.node, placeholder(field.key));
                let below = if NAMED.contains(&key.as_ref()) { expanded(below, &field.node) } else { below };
                overlay(below, field.node)
            }
            None => field.node,
        };
        map.insert(key, Field { key: field.key, node: merged });
    }
    Node { value: Value::Map(map), place: over.place }
}

fn merges(base: &Node, over: &Node) -> bool {
    match (base.map(), over.map()) {
        (Some(base), Some(over)) => {
            !base.contains_key("value") && !over.contains_key("value") && !over.contains_key("extends")
        }
        _ => false,
    }
}

/// A name turned into `{ extends: name }` where a mapping is to be laid over it.
fn expanded(node: Node, over: &Node) -> Node {
    if node.text().is_none() || over.map().is_none() {
        return node;
    }
    let place = node.place;
    let field = Field { key: place, node };
    Node { value: Value::Map([("extends".into(), field)].into_iter().collect()), place }
}

fn placeholder(place: crate::source::Place) -> Node {
    Node { value: Value::Null, place }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::parse;
    use crate::source::{Source, SourceKind, Sources};

    fn merged(base: &str, over: &str) -> String {
        let mut sources = Sources::default();
        let base = sources.add(Source::new("base", SourceKind::File, base));
        let over = sources.add(Source::new("over", SourceKind::File, over));
        let (base, over) = (parse(&sources, base).unwrap(), parse(&sources, over).unwrap());
        serde_yaml::to_string(&overlay(base, over).to_yaml()).unwrap()
    }

    #[test]
    fn mappings_merge_and_the_rest_replaces() {
        assert_eq!(
            merged("{a: {b: 1, c: [1, 2]}, d: 1}", "{a: {c: [3]}, e: 2}"),
            "a:\n  b: 1\n  c:\n  - 3\nd: 1\ne: 2\n"
        );
    }

    #[test]
    fn a_figure_is_replaced_whole() {
        let base = "{hbm: {bandwidth: {value: 3 TB/s, source: sheet}, kind: dram}}";
        assert_eq!(merged(base, "{hbm: {bandwidth: 6 TB/s}}"), "hbm:\n  bandwidth: 6 TB/s\n  kind: dram\n");
    }

    #[test]
    fn a_mapping_over_a_name_extends_it() {
        assert_eq!(
            merged("hardware: h100-sxm", "hardware: {cores: 8}"),
            "hardware:\n  extends: h100-sxm\n  cores: 8\n"
        );
        // Elsewhere a name is just a text.
        assert_eq!(merged("name: x", "name: {cores: 8}"), "name:\n  cores: 8\n");
    }

    #[test]
    fn another_part_starts_afresh() {
        let base = "hardware: {extends: h100-sxm, cores: 8}";
        assert_eq!(merged(base, "hardware: {extends: a100}"), "hardware:\n  extends: a100\n");
        assert_eq!(merged(base, "hardware: a100"), "hardware: a100\n");
    }
}
