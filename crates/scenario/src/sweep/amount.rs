//! Numbers with or without a unit, whatever they measure.

use memwall_units::{Bytes, BytesPerSec, Flops, FlopsPerSec, Hertz, Joules, Picos, Quantity, Watts};

use crate::node::{Node, Value};

/// A number and its unit as written; no unit is the empty text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Amount {
    pub number: f64,
    pub unit: String,
    /// Written as a whole number without a unit.
    pub whole: bool,
}

impl Amount {
    /// The amount that a value is; `None` for what is none, such as a name.
    pub fn of(node: &Node) -> Option<Self> {
        match &node.value {
            Value::Int(number) => Some(Self { number: *number as f64, unit: String::new(), whole: true }),
            Value::Float(number) if number.is_finite() => {
                Some(Self { number: *number, unit: String::new(), whole: false })
            }
            Value::Text(text) => Self::of_text(text),
            _ => None,
        }
    }

    /// `3.35 TB/s`, `10 %`.
    pub fn of_text(text: &str) -> Option<Self> {
        let text = text.trim();
        if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) {
            return None;
        }
        // The longest start that is a number: in `1e9 B` the exponent belongs to it, in `1 EB` the E does not.
        const LONGEST: usize = 40;
        let ends = (1..=text.len().min(LONGEST)).rev().filter(|end| text.is_char_boundary(*end));
        let (number, end) = ends.into_iter().find_map(|end| Some((number(&text[..end])?, end)))?;
        Some(Self { number, unit: text[end..].trim().to_owned(), whole: false })
    }

    /// The number in another unit; `None` where the two do not measure the same.
    pub fn in_unit(&self, unit: &str) -> Option<f64> {
        if self.unit == unit {
            return Some(self.number);
        }
        SIZES.iter().find_map(|size| Some(self.number * size(&self.unit)? / size(unit)?))
    }
}

fn number(text: &str) -> Option<f64> {
    let digits = text.ends_with(|last: char| last.is_ascii_digit() || last == '.');
    text.replace('_', "").parse::<f64>().ok().filter(|number| digits && number.is_finite())
}

/// How many base units one of a unit is, for everything that is measured.
const SIZES: [fn(&str) -> Option<f64>; 8] = [
    |unit| one::<Bytes>(unit).map(Bytes::as_f64),
    |unit| one::<BytesPerSec>(unit).map(|rate| rate.0),
    |unit| one::<Picos>(unit).map(|time| time.0 as f64),
    |unit| one::<Flops>(unit).map(Flops::as_f64),
    |unit| one::<FlopsPerSec>(unit).map(|rate| rate.0),
    |unit| one::<Hertz>(unit).map(|rate| rate.0),
    |unit| one::<Joules>(unit).map(|energy| energy.0),
    |unit| one::<Watts>(unit).map(|power| power.0),
];

fn one<T: Quantity>(unit: &str) -> Option<T> {
    T::from_text(&format!("1 {unit}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_units_come_apart() {
        let parts = |text: &str| Amount::of_text(text).map(|amount| (amount.number, amount.unit));
        assert_eq!(parts("3.35 TB/s"), Some((3.35, "TB/s".to_owned())));
        assert_eq!(parts("1TB/s"), Some((1.0, "TB/s".to_owned())));
        assert_eq!(parts("1e9 B"), Some((1e9, "B".to_owned())));
        assert_eq!(parts("1 EB"), Some((1.0, "EB".to_owned())));
        assert_eq!(parts("10 %"), Some((10.0, "%".to_owned())));
        assert_eq!(parts("h100-sxm"), None);
        assert_eq!(parts("infinity"), None);
    }

    #[test]
    fn amounts_are_converted_where_they_measure_the_same() {
        let amount = |text: &str| Amount::of_text(text).unwrap();
        assert_eq!(amount("512 GB/s").in_unit("TB/s"), Some(0.512));
        assert_eq!(amount("2 MiB").in_unit("KiB"), Some(2048.0));
        assert_eq!(amount("1 us").in_unit("ns"), Some(1000.0));
        assert_eq!(amount("1 us").in_unit("TB/s"), None);
        assert_eq!(amount("5").in_unit("TB/s"), None);
    }
}
