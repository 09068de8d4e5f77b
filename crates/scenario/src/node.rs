//! YAML values that know where they were written.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::source::Place;

/// A value with its place.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub value: Value,
    pub place: Place,
}

/// What a node holds.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(Arc<str>),
    List(Vec<Node>),
    Map(Map),
}

/// A mapping, in written order.
pub(crate) type Map = IndexMap<Arc<str>, Field>;

/// A value of a mapping, with the place of its key.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub key: Place,
    pub node: Node,
}

/// One step down a tree.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

impl Node {
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    pub fn get(&self, key: &str) -> Option<&Node> {
        self.map()?.get(key).map(|field| &field.node)
    }

    /// The node's kind with its article, for messages.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Int(_) | Value::Float(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// The descendants along `path`, itself first, as far as they exist.
    pub fn along<'a>(&'a self, path: &[Step]) -> Vec<&'a Node> {
        let mut found = vec![self];
        let mut node = self;
        for step in path {
            let next = match (&node.value, step) {
                (Value::Map(map), Step::Key(key)) => map.get(key.as_str()).map(|field| &field.node),
                (Value::List(list), Step::Index(index)) => list.get(*index),
                _ => None,
            };
            let Some(next) = next else { break };
            found.push(next);
            node = next;
        }
        found
    }

    /// Removes the descendant at `path`; `false` if there is none.
    pub fn remove(&mut self, path: &[Step]) -> bool {
        let Some((step, rest)) = path.split_first() else { return false };
        match (&mut self.value, step) {
            (Value::Map(map), Step::Key(key)) if rest.is_empty() => map.shift_remove(key.as_str()).is_some(),
            (Value::List(list), Step::Index(index)) if rest.is_empty() && *index < list.len() => {
                list.remove(*index);
                true
            }
            (Value::Map(map), Step::Key(key)) => {
                map.get_mut(key.as_str()).is_some_and(|field| field.node.remove(rest))
            }
            (Value::List(list), Step::Index(index)) => {
                list.get_mut(*index).is_some_and(|node| node.remove(rest))
            }
            _ => false,
        }
    }

    /// The value without places, for typed reading.
    pub fn to_yaml(&self) -> serde_yaml::Value {
        use serde_yaml::Value as Yaml;
        match &self.value {
            Value::Null => Yaml::Null,
            Value::Bool(value) => Yaml::Bool(*value),
            Value::Int(value) => match (u64::try_from(*value), i64::try_from(*value)) {
                (Ok(value), _) => Yaml::Number(value.into()),
                (_, Ok(value)) => Yaml::Number(value.into()),
                _ => Yaml::Number((*value as f64).into()),
            },
            Value::Float(value) => Yaml::Number((*value).into()),
            Value::Text(text) => Yaml::String(text.to_string()),
            Value::List(list) => Yaml::Sequence(list.iter().map(Node::to_yaml).collect()),
            Value::Map(map) => {
                let fields =
                    map.iter().map(|(key, field)| (Yaml::String(key.to_string()), field.node.to_yaml()));
                Yaml::Mapping(fields.collect())
            }
        }
    }
}

/// `workload.batch`, `cases[2].name`.
pub(crate) fn path_text(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => {
                text.push('.');
                text.push_str(key);
            }
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}
