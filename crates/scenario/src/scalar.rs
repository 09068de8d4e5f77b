//! What a plain (unquoted) scalar means: the core schema of YAML 1.2, section 10.3.2.

use crate::node::Value;

/// `null`, `true`, `12`, `1.5e3`, `.inf`; anything else is text.
pub(crate) fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Value::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        _ => {}
    }
    integer(text).or_else(|| float(text)).unwrap_or_else(|| Value::Text(text.into()))
}

fn integer(text: &str) -> Option<Value> {
    let radix = |digits: &str, radix| i128::from_str_radix(digits, radix).ok();
    let number = if let Some(digits) = text.strip_prefix("0x") {
        digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| radix(digits, 16))?
    } else if let Some(digits) = text.strip_prefix("0o") {
        digits.bytes().all(|b| matches!(b, b'0'..=b'7')).then(|| radix(digits, 8))?
    } else {
        text.parse::<i128>().ok()
    };
    number.map(Value::Int)
}

fn float(text: &str) -> Option<Value> {
    // Rust also reads `inf`, `nan` and `infinity`, which YAML keeps as text.
    let numeric = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    let has_digit = text.bytes().any(|b| b.is_ascii_digit());
    (numeric && has_digit).then(|| text.parse::<f64>().ok()).flatten().map(Value::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> String {
        format!("{:?}", resolve(text))
    }

    #[test]
    fn scalars_follow_the_core_schema() {
        let cases = [
            ("", "Null"),
            ("~", "Null"),
            ("true", "Bool(true)"),
            ("yes", "Text(\"yes\")"),
            ("12", "Int(12)"),
            ("-3", "Int(-3)"),
            ("0x1F", "Int(31)"),
            ("0o17", "Int(15)"),
            ("017", "Int(17)"),
            ("1e3", "Float(1000.0)"),
            (".5", "Float(0.5)"),
            (".nan", "Float(NaN)"),
            ("nan", "Text(\"nan\")"),
            ("inf", "Text(\"inf\")"),
            ("1_000", "Text(\"1_000\")"),
            ("3.35 TB/s", "Text(\"3.35 TB/s\")"),
            ("340282366920938463463374607431768211456", "Float(3.402823669209385e38)"),
        ];
        for (text, expected) in cases {
            assert_eq!(kind(text), expected, "`{text}`");
        }
    }
}
