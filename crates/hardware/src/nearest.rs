//! The right word for a misspelt one.

/// Up to three of `names` that look most like `wanted`, best first; none when nothing comes close.
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    // Nobody misspells a name by hundreds of characters, and the distance takes time in the product of the
    // lengths.
    let wanted: String = wanted.chars().take(64).flat_map(char::to_lowercase).collect();
    let mut scored: Vec<(u64, &str)> = names
        .into_iter()
        .filter_map(|name| {
            let likeness = strsim::jaro_winkler(&wanted, name);
            let contained = wanted.len() >= 3 && name.contains(wanted.as_str());
            // Whole thousandths: a total order without comparing floats, ties in the given order.
            (likeness >= 0.8 || contained).then_some(((likeness * 1000.0) as u64, name))
        })
        .collect();
    scored.sort_by_key(|&(likeness, _)| std::cmp::Reverse(likeness));
    scored.into_iter().take(3).map(|(_, name)| name).collect()
}

/// At most 60 characters of `text`, so that no message repeats megabytes of input.
pub(crate) fn shorten(text: &str) -> String {
    if text.chars().count() <= 60 {
        return text.to_owned();
    }
    let head: String = text.chars().take(57).collect();
    format!("{head}...")
}
