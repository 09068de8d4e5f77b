//! An axis for plotters: where a value lies, and which values get a label.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use crate::chart::{Axis, Unit};

/// A range of values along an axis, with ticks. Logarithms are those of `libm`, the same on every machine.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    pub low: f64,
    pub high: f64,
    pub log: bool,
    pub unit: Unit,
    pub ticks: Vec<f64>,
}

impl Scale {
    /// A scale that has room for all `values` and about `ticks` labels. A linear one begins at 0 unless values are
    /// below, or the axis is to begin near them.
    pub fn around(axis: &Axis, values: impl Iterator<Item = f64>, ticks: usize) -> Self {
        let usable = |value: &f64| value.is_finite() && (!axis.log || *value > 0.0);
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(usable) {
            low = low.min(value);
            high = high.max(value);
        }
        if low > high {
            (low, high) = (1.0, 10.0);
        }
        if axis.log {
            Self::log(axis.unit, low, high, ticks)
        } else if axis.near {
            let margin = 0.04 * (high - low);
            Self::linear(axis.unit, low - margin, high + margin, ticks)
        } else {
            Self::linear(axis.unit, low.min(0.0), high, ticks)
        }
    }

    /// From `low` to `high` and a bit beyond, by factors.
    pub fn log(unit: Unit, low: f64, high: f64, most: usize) -> Self {
        let base: f64 = if unit.is_binary() { 2.0 } else { 10.0 };
        let power = |value: f64| libm::log2(value) / libm::log2(base);
        let margin = libm::pow(base, 0.05 * (power(high) - power(low)).max(1.0)).min(2.0);
        let (low, high) = (low / margin, high * margin);
        let (first, last) = (libm::ceil(power(low) - 1e-9) as i32, libm::floor(power(high) + 1e-9) as i32);
        let decades = (last - first + 1).max(1) as usize;
        let step = decades.div_ceil(most.max(1)).max(1);
        let at = |power: i32, digit: f64| libm::pow(base, f64::from(power)) * digit;
        let mut ticks: Vec<f64> = (first..=last).step_by(step).map(|power| at(power, 1.0)).collect();
        // Less than two decades: finer steps between the powers.
        if ticks.len() < 3 && !unit.is_binary() {
            let digits: &[f64] = if decades > 1 { &[1.0, 3.0] } else { &[1.0, 2.0, 5.0] };
            let all = (first - 1..=last).flat_map(|power| digits.iter().map(move |digit| at(power, *digit)));
            ticks = all.filter(|tick| (low..=high).contains(tick)).collect();
        }
        Self { low, high, log: true, unit, ticks }
    }

    /// From `low` to `high`, by equal steps of 1, 2 or 5 times a power of ten.
    pub fn linear(unit: Unit, low: f64, high: f64, most: usize) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        let rough = (high - low) / most.max(1) as f64;
        let power = libm::pow(10.0, libm::floor(libm::log10(rough)));
        let step =
            [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power).into_iter().find(|step| *step >= rough * 0.999);
        let step = step.unwrap_or(power * 10.0);
        let first = libm::ceil(low / step - 1e-9);
        let last = libm::floor(high / step + 1e-9);
        let count = (last - first).clamp(0.0, 100.0) as usize;
        let ticks = (0..=count).map(|index| (first + index as f64) * step).collect();
        Self { low, high, log: false, unit, ticks }
    }

    /// The same with room for a text above the highest value.
    pub fn with_headroom(mut self, share: f64) -> Self {
        self.high += (self.high - self.low) * share;
        self
    }

    /// Where `value` lies between the ends: 0 to 1.
    pub fn share(&self, value: f64) -> f64 {
        let at = |value: f64| if self.log { libm::log2(value) } else { value };
        let share = (at(value) - at(self.low)) / (at(self.high) - at(self.low));
        if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
    }

    /// A tick's label.
    pub fn label(&self, value: f64) -> String {
        if value == 0.0 { "0".to_owned() } else { self.unit.text(value) }
    }
}

impl Ranged for Scale {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        limit.0 + (self.share(*value) * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Scale {
    fn format_ext(&self, value: &f64) -> String {
        self.label(*value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(Scale::linear(Unit::Plain, 0.0, 0.43, 5).ticks, [0.0, 0.1, 0.2, 0.30000000000000004, 0.4]);
        assert_eq!(Scale::log(Unit::Plain, 0.7, 1200.0, 8).ticks, [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(Scale::log(Unit::BinaryBytes, 512.0, 4096.0, 8).ticks, [512.0, 1024.0, 2048.0, 4096.0]);
        assert_eq!(Scale::log(Unit::Plain, 3.0, 7.0, 8).ticks, [5.0]);
    }

    #[test]
    fn years_do_not_begin_with_the_calendar() {
        let years = || [1997.1, 2022.3].into_iter();
        assert_eq!(Scale::around(&Axis::linear("year", Unit::Plain), years(), 5).low, 0.0);
        let near = Scale::around(&Axis::near("year", Unit::Plain), years(), 6);
        assert!(near.low > 1995.0 && near.high < 2024.0);
        assert_eq!(near.ticks, [2000.0, 2005.0, 2010.0, 2015.0, 2020.0]);
    }

    #[test]
    fn nothing_still_has_an_axis() {
        let nothing = Scale::around(&Axis::log("x", Unit::Plain), [f64::NAN, -1.0].into_iter(), 5);
        assert!(nothing.low < nothing.high);
        let same = Scale::around(&Axis::linear("x", Unit::Plain), [0.0, 0.0].into_iter(), 5);
        assert!(same.low < same.high);
    }
}
