//! Collecting what is wrong with a description, each with its path, instead of stopping at the first.

use indexmap::IndexMap;
use memwall_units::{Area, Bytes, BytesPerSec, FlopsPerSec, Hertz, Joules, Picos, Quantity, Watts};

use crate::nearest::{nearest, shorten};
use crate::{FORMATS, Figure, HardwareError};

/// A figure's value as a number with limits, so that no later arithmetic overflows.
pub(crate) trait Bounded {
    /// The smallest and the largest sane value, in base units.
    const RANGE: (f64, f64);
    /// In base units.
    fn number(&self) -> f64;
    /// `number` as a person would write it.
    fn text(number: f64) -> String;
}

macro_rules! bounded {
    ($type:ty, $min:expr, $max:expr, |$value:ident| $number:expr, |$base:ident| $text:expr) => {
        impl Bounded for $type {
            const RANGE: (f64, f64) = ($min, $max);
            fn number(&self) -> f64 {
                let $value = self;
                $number
            }
            fn text($base: f64) -> String {
                $text
            }
        }
    };
}

bounded!(Bytes, 1.0, 1e18, |bytes| bytes.as_f64(), |base| Bytes(base as u64).to_exact_text());
bounded!(Picos, 0.0, 1e13, |picos| picos.0 as f64, |base| Picos(base as u64).to_exact_text());
bounded!(BytesPerSec, 1e3, 1e18, |rate| rate.0, |base| BytesPerSec(base).to_string());
bounded!(FlopsPerSec, 1e3, 1e24, |rate| rate.0, |base| FlopsPerSec(base).to_string());
bounded!(Hertz, 1e3, 1e12, |clock| clock.0, |base| Hertz(base).to_string());
bounded!(Area, 1e-3, 1e6, |area| area.0, |base| Area(base).to_string());
bounded!(Watts, 1e-3, 1e8, |power| power.0, |base| Watts(base).to_string());
bounded!(Joules, 0.0, 1.0, |energy| energy.0, |base| Joules(base).to_string());
bounded!(u32, 1.0, 1e6, |count| f64::from(*count), |base| base.to_string());
// Plain numbers are fractions, except a host's speed, which has its own check.
bounded!(f64, f64::MIN_POSITIVE, 1.0, |fraction| *fraction, |base| {
    if base == f64::MIN_POSITIVE { "a fraction above 0".to_owned() } else { base.to_string() }
});

/// Where we are in the description, and what was wrong so far.
#[derive(Default)]
pub(crate) struct Checker {
    path: Vec<String>,
    errors: Vec<HardwareError>,
}

impl Checker {
    /// Runs `check` one level deeper, under `key`.
    pub fn within<R>(&mut self, key: &str, check: impl FnOnce(&mut Self) -> R) -> R {
        self.path.push(key.to_owned());
        let result = check(self);
        self.path.pop();
        result
    }

    /// Notes an error at `key` below the current place (`""` for the place itself).
    pub fn error(&mut self, key: &str, message: impl Into<String>, hint: impl Into<Option<String>>) {
        let mut path = self.path.clone();
        if !key.is_empty() {
            path.push(key.to_owned());
        }
        self.errors.push(HardwareError { path, message: message.into(), hint: hint.into() });
    }

    /// `value`, or an error that says the key is missing and what it looks like.
    pub fn required<T>(&mut self, key: &str, value: Option<T>, example: &str) -> Option<T> {
        if value.is_none() {
            let hint = format!("write it, such as `{key}: {example}`, or start from a part with `extends:`");
            self.error("", format!("`{key}` is missing"), hint);
        }
        value
    }

    /// `figure` when its value is within the limits of its quantity.
    pub fn figure<T: Bounded>(&mut self, key: &str, figure: Option<Figure<T>>) -> Option<Figure<T>> {
        let figure = figure?;
        let (number, (min, max)) = (figure.value.number(), T::RANGE);
        // Written so that NaN is out of range.
        if !(number >= min && number <= max) {
            let message = format!(
                "{} is out of range: it must be from {} to {}",
                T::text(number),
                T::text(min),
                T::text(max)
            );
            self.error(key, message, None);
        }
        Some(figure)
    }

    /// [`Checker::required`], then [`Checker::figure`].
    pub fn required_figure<T: Bounded>(
        &mut self,
        key: &str,
        figure: Option<Figure<T>>,
        example: &str,
    ) -> Option<Figure<T>> {
        let figure = self.required(key, figure, example);
        self.figure(key, figure)
    }

    /// Figures by number format: names known, values within limits.
    pub fn by_format<T: Bounded>(
        &mut self,
        key: &str,
        figures: Option<IndexMap<String, Figure<T>>>,
    ) -> IndexMap<String, Figure<T>> {
        let figures = figures.unwrap_or_default();
        self.within(key, |checker| {
            for (format, figure) in &figures {
                if !FORMATS.contains(&format.as_str()) {
                    let close = nearest(format, FORMATS);
                    let hint = match close.first() {
                        Some(name) => format!("did you mean `{name}`?"),
                        None => format!("formats are {}", FORMATS.join(", ")),
                    };
                    checker.error(format, format!("`{}` is no number format", shorten(format)), hint);
                }
                let (number, (min, max)) = (figure.value.number(), T::RANGE);
                if !(number >= min && number <= max) {
                    let message = format!(
                        "{} is out of range: it must be from {} to {}",
                        T::text(number),
                        T::text(min),
                        T::text(max)
                    );
                    checker.error(format, message, None);
                }
            }
        });
        figures
    }

    /// A name or title: not empty, not endless.
    pub fn words(&mut self, key: &str, words: Option<String>, example: &str) -> Option<String> {
        let words = self.required(key, words, example)?;
        let length = words.chars().count();
        if words.trim().is_empty() || length > 200 {
            self.error(key, format!("`{key}` must have 1 to 200 characters, and has {length}"), None);
        }
        Some(words)
    }

    /// The result of another check, its errors placed below the current place.
    pub fn adopt<T>(&mut self, result: Result<T, Vec<HardwareError>>) -> Option<T> {
        let errors = match result {
            Ok(result) => return Some(result),
            Err(errors) => errors,
        };
        self.errors.extend(errors.into_iter().map(|mut error| {
            error.path.splice(0..0, self.path.iter().cloned());
            error
        }));
        None
    }

    /// `result` if nothing was wrong, otherwise the errors.
    pub fn finish<T>(self, result: Option<T>) -> Result<T, Vec<HardwareError>> {
        match result {
            Some(result) if self.errors.is_empty() => Ok(result),
            _ if self.errors.is_empty() => {
                Err(vec![HardwareError::new(&[], "the description is incomplete")])
            }
            _ => Err(self.errors),
        }
    }
}
