//! The nearest right word.

/// The candidate a person most likely meant by `word`; `None` when nothing is close.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Beyond this length nobody mistyped a word, and the comparison is quadratic.
    if word.len() > 64 {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace(['_', '-', '.', ' '], "");
    let wanted = plain(word);
    let mut best: Option<(f64, &str)> = None;
    for candidate in candidates {
        let other = plain(candidate);
        let mut score = strsim::normalized_damerau_levenshtein(&wanted, &other);
        // `h100` is meant as the start of `h100-sxm`, `ctx` is not close to anything.
        if wanted.len() >= 3 && (other.starts_with(&wanted) || wanted.starts_with(&other) && other.len() >= 3)
        {
            score = score.max(0.75);
        }
        if score >= 0.6 && best.is_none_or(|(top, _)| score > top) {
            best = Some((score, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// "`a`, `b` or `c`", at most `limit` of them.
pub(crate) fn one_of<'a>(words: impl IntoIterator<Item = &'a str>, limit: usize) -> String {
    let words: Vec<&str> = words.into_iter().collect();
    let shown: Vec<String> = words.iter().take(limit).map(|word| format!("`{word}`")).collect();
    match (shown.split_last(), words.len() > limit) {
        (None, _) => String::new(),
        (Some(_), true) => format!("{} and {} more", shown.join(", "), words.len() - limit),
        (Some((last, [])), false) => last.clone(),
        (Some((last, first)), false) => format!("{} or {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_word_that_was_meant() {
        let words = ["workload", "hardware", "h100-sxm", "h200-sxm", "kv_cache"];
        assert_eq!(nearest("wrokload", words), Some("workload"));
        assert_eq!(nearest("h100", words), Some("h100-sxm"));
        assert_eq!(nearest("H200 SXM", words), Some("h200-sxm"));
        assert_eq!(nearest("kvcache", words), Some("kv_cache"));
        assert_eq!(nearest("banana", words), None);
        assert_eq!(nearest(&"w".repeat(1_000_000), words), None);
    }

    #[test]
    fn lists_words_as_a_person_would() {
        assert_eq!(one_of([], 3), "");
        assert_eq!(one_of(["a"], 3), "`a`");
        assert_eq!(one_of(["a", "b", "c"], 3), "`a`, `b` or `c`");
        assert_eq!(one_of(["a", "b", "c", "d"], 3), "`a`, `b`, `c` and 1 more");
    }
}
