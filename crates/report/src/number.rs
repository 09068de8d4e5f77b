//! Numbers for people, and ratios that are never NaN.

/// `part / whole`, or `None` when that is not a finite number.
pub(crate) fn ratio(part: f64, whole: f64) -> Option<f64> {
    finite(part / whole)
}

/// `value`, unless it is NaN or infinite.
pub(crate) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// `0.9412` as `94 %`, `0.056` as `5.6 %`: two digits at least, so that small shares stay readable; `0.997` is no
/// `100 %`, because what is missing is often the point.
pub(crate) fn percent(share: f64) -> String {
    let value = share * 100.0;
    match value.abs() {
        0.0 => "0 %".to_owned(),
        size if size < 0.05 => format!("{}0.1 %", if value < 0.0 { "> -" } else { "< " }),
        size if size < 9.95 => format!("{value:.1} %"),
        size if (99.5..99.95).contains(&size) => format!("{value:.1} %"),
        size if (99.95..100.0).contains(&size) => format!("{}99.9 %", if value < 0.0 { "< -" } else { "> " }),
        _ => format!("{value:.0} %"),
    }
}

/// A relative error with its sign: `+1.9 %`, `-40 %`, `0.0 %`.
pub(crate) fn signed_percent(share: f64) -> String {
    let value = share * 100.0;
    let text = if value.abs() < 9.95 { format!("{value:+.1} %") } else { format!("{value:+.0} %") };
    if text == "+0.0 %" || text == "-0.0 %" { "0.0 %".to_owned() } else { text }
}

/// `value` in `digits` significant digits, trailing zeros dropped; whole numbers below 10^15 are never cut.
pub(crate) fn significant(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    if value.abs() >= 1e15 || value.abs() < 1e-4 {
        return format!("{value:.*e}", digits.saturating_sub(1));
    }
    let decimals = (digits as i32 - whole_digits(value.abs())).clamp(0, 12) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A large count with a scale: `3312`, `24.1 k`, `1.07 M`.
pub(crate) fn count(value: f64) -> String {
    const SCALE: [(f64, &str); 4] = [(1e12, " T"), (1e9, " G"), (1e6, " M"), (1e4, " k")];
    for (least, unit) in SCALE {
        if value.abs() >= least {
            let divisor = if unit == " k" { 1e3 } else { least };
            return format!("{}{unit}", significant(value / divisor, 4));
        }
    }
    significant(value, 4)
}

/// A factor in three digits: `1.20x`, `14.1x`.
pub(crate) fn times(value: f64) -> String {
    let decimals = (3 - whole_digits(value.abs()).max(1)).max(0) as usize;
    if value.abs() < 1e15 { format!("{value:.decimals$}x") } else { format!("{}x", significant(value, 3)) }
}

// Digits before the point; minus the zeros after it for a number below one. Found without a logarithm.
fn whole_digits(value: f64) -> i32 {
    let mut digits = 0;
    let mut power = 1.0;
    while power <= value {
        power *= 10.0;
        digits += 1;
    }
    while value * 10.0 < power && digits > -12 {
        power /= 10.0;
        digits -= 1;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_keep_two_digits() {
        let written: Vec<String> =
            [0.0, 0.0001, 0.0123, 0.0996, 0.5, 0.9412, 0.997, 0.99999, 1.0].map(percent).to_vec();
        let expected = ["0 %", "< 0.1 %", "1.2 %", "10 %", "50 %", "94 %", "99.7 %", "> 99.9 %", "100 %"];
        assert_eq!(written, expected);
    }

    #[test]
    fn errors_carry_their_sign() {
        let written = [0.019, -0.4, 0.0001, -0.0001].map(signed_percent);
        assert_eq!(written, ["+1.9 %", "-40 %", "0.0 %", "0.0 %"]);
    }

    #[test]
    fn significant_digits() {
        assert_eq!(significant(1234.56, 4), "1235");
        assert_eq!(significant(123_456.0, 4), "123456");
        assert_eq!(significant(0.1404, 4), "0.1404");
        assert_eq!(significant(0.001_234_6, 4), "0.001235");
        assert_eq!(significant(2.0, 4), "2");
        assert_eq!(significant(0.00001, 3), "1.00e-5");
    }

    #[test]
    fn counts_scale() {
        assert_eq!(["3312", "24.1 k", "1.07 M"], [3312.0, 24_100.0, 1_070_000.0].map(count).as_slice());
    }

    #[test]
    fn factors_have_three_digits() {
        assert_eq!([1.0, 1.204, 14.06, 141.9, 0.5].map(times), ["1.00x", "1.20x", "14.1x", "142x", "0.50x"]);
    }

    #[test]
    fn nothing_over_nothing_is_no_number() {
        assert_eq!(ratio(0.0, 0.0), None);
        assert_eq!(ratio(1.0, 0.0), None);
        assert_eq!(ratio(1.0, 2.0), Some(0.5));
    }
}
