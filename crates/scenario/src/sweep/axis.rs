//! One parameter of a sweep and the values it takes.

use super::amount::Amount;
use crate::node::{Node, Value};
use crate::source::Place;

/// A parameter and the values it takes.
#[derive(Debug, Clone)]
pub struct Axis {
    /// The path into the scenario: `hardware.memory.hbm.bandwidth`.
    pub path: String,
    /// What its numbers are in: `TB/s`; empty for plain numbers and for what is no number.
    pub unit: String,
    pub(crate) keys: Vec<(String, Place)>,
    pub(crate) place: Place,
    pub(crate) spread: Spread,
}

/// How values are spread.
#[derive(Debug, Clone)]
pub(crate) enum Spread {
    /// Values one by one.
    List(Vec<AxisValue>),
    /// Numbers from one to another.
    Range { from: f64, to: f64, steps: Option<u64>, log: bool, whole: bool },
    /// Mean and standard deviation.
    Normal { mean: f64, deviation: f64 },
    /// Median, and the factor that is one standard deviation.
    Lognormal { median: f64, factor: f64 },
    /// Least, likeliest and most.
    Triangular { least: f64, mode: f64, most: f64 },
}

/// One value of one axis.
#[derive(Debug, Clone)]
pub struct AxisValue {
    pub(crate) node: Node,
    /// The value as a reader of the results sees it.
    pub shown: Shown,
}

/// A value as a reader of the results sees it.
#[derive(Debug, Clone, PartialEq)]
pub enum Shown {
    /// A number, in the axis's unit.
    Number(f64),
    /// Anything else.
    Text(String),
}

impl Axis {
    /// How many values it takes in a grid; `None` for a range without steps or a distribution.
    #[must_use]
    pub fn len(&self) -> Option<u64> {
        match &self.spread {
            Spread::List(list) => Some(list.len() as u64),
            Spread::Range { steps, .. } => *steps,
            _ => None,
        }
    }

    /// Whether it has no value at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// Value number `index` of a grid in which a range has `steps` values.
    #[must_use]
    pub fn nth(&self, index: u64, steps: u64) -> AxisValue {
        match &self.spread {
            Spread::List(list) => listed(list, index as usize),
            _ if index == 0 || steps < 2 => self.at(0.0, 0.5),
            // The last value is the end itself, not the end but for a rounding.
            _ if index + 1 == steps => self.at(1.0, 0.5),
            _ => self.at(index as f64 / (steps - 1) as f64, 0.5),
        }
    }

    /// The value for two numbers from 0 to 1; only a normal distribution needs the second.
    #[must_use]
    pub fn at(&self, first: f64, second: f64) -> AxisValue {
        let number = match &self.spread {
            Spread::List(list) => return listed(list, (first * list.len() as f64) as usize),
            Spread::Range { from, .. } if first <= 0.0 => *from,
            Spread::Range { to, .. } if first >= 1.0 => *to,
            Spread::Range { from, to, log: false, .. } => from + (to - from) * first,
            Spread::Range { from, to, .. } => {
                let (low, high) = (libm::log(*from), libm::log(*to));
                libm::exp(low + (high - low) * first)
            }
            Spread::Normal { mean, deviation } => mean + deviation * normal(first, second),
            Spread::Lognormal { median, factor } => {
                median * libm::exp(libm::log(*factor) * normal(first, second))
            }
            Spread::Triangular { least, mode, most } => triangular(*least, *mode, *most, first),
        };
        self.number(number)
    }

    /// A number of this axis as a value of the scenario.
    fn number(&self, number: f64) -> AxisValue {
        let whole = matches!(self.spread, Spread::Range { whole: true, .. });
        let number = if whole { number.round() } else { tidy(number) };
        let value = match self.unit.as_str() {
            "" if whole => Value::Int(number as i128),
            "" => Value::Float(number),
            unit => Value::Text(format!("{number} {unit}").into()),
        };
        AxisValue { node: Node { value, place: self.place }, shown: Shown::Number(number) }
    }
}

impl AxisValue {
    /// A value that was written, on an axis whose numbers are in `unit`.
    pub(crate) fn written(node: &Node, unit: Option<&str>) -> Self {
        let number = unit.and_then(|unit| Amount::of(node)?.in_unit(unit));
        let text = || match &node.value {
            Value::Text(text) => text.to_string(),
            Value::Map(_) | Value::List(_) => serde_json::to_string(&node.to_yaml()).unwrap_or_default(),
            _ => serde_yaml::to_string(&node.to_yaml()).unwrap_or_default().trim().to_owned(),
        };
        let shown = number.map_or_else(|| Shown::Text(text()), |number| Shown::Number(tidy(number)));
        Self { node: node.clone(), shown }
    }

    /// A YAML value that reads back as this one, as `--set` takes it.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        serde_json::to_string(&self.node.to_yaml()).unwrap_or_default()
    }
}

fn listed(list: &[AxisValue], index: usize) -> AxisValue {
    list[index.min(list.len().saturating_sub(1))].clone()
}

/// Twelve significant digits: 0.3 instead of 0.30000000000000004.
fn tidy(number: f64) -> f64 {
    format!("{number:.11e}").parse().unwrap_or(number)
}

/// A draw from the standard normal distribution (Box and Muller 1958), from two of the uniform one.
fn normal(first: f64, second: f64) -> f64 {
    // 1 - first is never zero, since `first` is below one.
    let radius = libm::sqrt(-2.0 * libm::log((1.0 - first).max(f64::MIN_POSITIVE)));
    radius * libm::cos(2.0 * std::f64::consts::PI * second)
}

fn triangular(least: f64, mode: f64, most: f64, share: f64) -> f64 {
    let width = most - least;
    let below = if width > 0.0 { (mode - least) / width } else { 0.0 };
    if share < below {
        least + libm::sqrt(share * width * (mode - least))
    } else {
        most - libm::sqrt((1.0 - share) * width * (most - mode))
    }
}
