//! Splitting `"3.35 TB/s"` into a number and a unit, and choosing a unit to print.

use crate::UnitError;

/// One unit a quantity may be written in: its spellings and how many base units it is.
pub(crate) struct Unit {
    pub names: &'static [&'static str],
    pub factor: f64,
}

/// How one quantity reads and writes.
pub(crate) struct Grammar {
    /// With its article: "a bandwidth".
    pub what: &'static str,
    pub example: &'static str,
    /// What a bare number should have been followed by.
    pub suggest: &'static str,
    /// The units as a person would list them.
    pub units_help: &'static str,
    pub units: &'static [Unit],
}

/// Parses `text` into base units.
pub(crate) fn parse(grammar: &Grammar, text: &str) -> Result<f64, UnitError> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(UnitError::Empty { what: grammar.what, example: grammar.example });
    }
    let (number_text, unit_text) = split(trimmed);
    let number = parse_number(number_text).ok_or_else(|| UnitError::NotANumber {
        text: shorten(trimmed),
        what: grammar.what,
        example: grammar.example,
    })?;
    if unit_text.is_empty() {
        return Err(UnitError::Bare {
            what: grammar.what,
            number: shorten(number_text),
            unit: grammar.suggest,
            units: grammar.units_help,
        });
    }
    let factor = find_unit(grammar, unit_text)?;
    let value = number * factor;
    if !value.is_finite() || value < 0.0 {
        return Err(UnitError::OutOfRange {
            text: shorten(trimmed),
            what: grammar.what,
            range: "must be a finite number of zero or more",
        });
    }
    Ok(value)
}

/// Text with at most 60 characters of `text`, so that no message repeats megabytes of input.
pub(crate) fn shorten(text: &str) -> String {
    if text.chars().count() <= 60 {
        return text.to_owned();
    }
    let head: String = text.chars().take(57).collect();
    format!("{head}...")
}

/// Four significant digits, trailing zeros dropped.
pub(crate) fn significant(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    if !value.is_finite() {
        return value.to_string();
    }
    let whole_digits = value.abs().log10().floor() as i32 + 1;
    let decimals = (4 - whole_digits).clamp(0, 12) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Writes `value` (in base units) in the largest of `scale` (largest first) it has at least one of.
pub(crate) fn write_scaled(
    f: &mut std::fmt::Formatter<'_>,
    value: f64,
    scale: &[(f64, &str)],
) -> std::fmt::Result {
    let fitting = scale.iter().find(|(factor, _)| value.abs() >= *factor * 0.99995);
    let (factor, unit) = fitting.or(scale.last()).copied().unwrap_or((1.0, ""));
    f.pad(&format!("{} {unit}", significant(value / factor)))
}

fn split(text: &str) -> (&str, &str) {
    let bytes = text.as_bytes();
    let mut end = 0;
    while end < bytes.len() {
        let byte = bytes[end];
        let exponent = matches!(byte, b'e' | b'E')
            && end > 0
            && match bytes.get(end + 1) {
                Some(b'+' | b'-') => bytes.get(end + 2).is_some_and(u8::is_ascii_digit),
                Some(next) => next.is_ascii_digit(),
                None => false,
            };
        let sign = matches!(byte, b'+' | b'-') && (end == 0 || matches!(bytes[end - 1], b'e' | b'E'));
        if byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b',') || exponent || sign {
            end += 1;
        } else {
            break;
        }
    }
    (text[..end].trim(), text[end..].trim())
}

fn parse_number(text: &str) -> Option<f64> {
    let valid = text.chars().any(|c| c.is_ascii_digit()) && !text.contains(',');
    if !valid {
        return None;
    }
    text.replace('_', "").parse::<f64>().ok()
}

fn find_unit(grammar: &Grammar, text: &str) -> Result<f64, UnitError> {
    for unit in grammar.units {
        if unit.names.contains(&text) {
            return Ok(unit.factor);
        }
    }
    Err(UnitError::UnknownUnit {
        unit: shorten(text),
        what: grammar.what,
        hint: nearest(grammar, text).map(|name| format!("did you mean `{name}`? ")).unwrap_or_default(),
        units: grammar.units_help,
    })
}

/// The spelling that differs only in case or by little: `gbps` for `GB/s`.
fn nearest(grammar: &Grammar, text: &str) -> Option<&'static str> {
    let plain = |s: &str| s.to_ascii_lowercase().replace("ps", "/s").replace(' ', "");
    let wanted = plain(text);
    let names = || grammar.units.iter().flat_map(|unit| unit.names.iter().copied());
    names()
        .find(|name| plain(name) == wanted)
        .or_else(|| names().find(|name| wanted.len() >= 2 && plain(name).starts_with(&wanted)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_none_print_as_such() {
        assert_eq!([f64::INFINITY, f64::NAN, -2.0].map(significant), ["inf", "NaN", "-2"]);
    }
}
