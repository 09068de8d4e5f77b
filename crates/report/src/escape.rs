//! Text from a user inside HTML and SVG.

/// `text` so that no reader of HTML, SVG or an attribute takes part of it for markup. Characters that XML does not know
/// become blanks.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// JSON so that it can stand in a `<script>` of a page: whatever it says, it cannot end the script.
pub(crate) fn script_json(json: &str) -> String {
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_text() {
        assert_eq!(escape("</script>\"'&\u{1b}"), "&lt;/script&gt;&quot;&#39;&amp; ");
        assert_eq!(script_json("\"</script><!--\""), "\"\\u003c/script>\\u003c!--\"");
    }
}
