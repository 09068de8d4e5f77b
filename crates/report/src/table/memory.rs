//! What lies in memory, for a terminal.

use memwall_units::Bytes;

use super::columns::Columns;
use super::layout::{Tone, View, clean, shorten, wrap};
use super::verdict;
use crate::memory::MEMORY_ITEMS;
use crate::number::{count, percent, signed_percent, significant};
use crate::{MemoryDocument, MemoryReport, PublishedSize};

impl MemoryDocument {
    /// The document as text for a terminal.
    #[must_use]
    pub fn to_table(&self, view: View) -> String {
        let mut heading = view.paint(Tone::Title, &clean(&self.scenario)) + "\n";
        if let Some(description) = &self.description {
            heading += &wrap(&clean(description), view.width, "", "");
        }
        if let Some((training, model)) = self.common() {
            heading += &wrap(&clean(&format!("{model}{training}")), view.width, "", "  ");
        }
        let mut blocks = vec![heading, self.items(view)];
        blocks.extend(self.misfits(view));
        blocks.extend(self.compared(view));
        let mut notes: Vec<String> = Vec::new();
        for (case, note) in self.cases.iter().flat_map(|case| case.notes.iter().map(move |note| (case, note)))
        {
            let whose = if self.cases.len() > 1 { format!("{}: ", clean(&case.name)) } else { String::new() };
            let text = format!("{whose}{}", clean(note));
            notes.push(view.paint(Tone::Warning, wrap(&text, view.width, "Note: ", "  ").trim_end()) + "\n");
        }
        let sources = self.sources.iter().map(|source| wrap(&clean(source), view.width, "Published: ", "  "));
        let closing: String = notes.into_iter().chain(sources).collect();
        blocks.extend((!closing.is_empty()).then_some(closing));
        let checked = self.cases.iter().map(|case| (case.name.as_str(), case.expectations.as_slice()));
        blocks.extend(verdict(&checked.collect::<Vec<_>>(), view));
        blocks.join("\n")
    }

    /// How all cases train, and the model they share.
    fn common(&self) -> Option<(String, String)> {
        let first = self.cases.first()?;
        let alike = |of: fn(&MemoryReport) -> &str| self.cases.iter().all(|case| of(case) == of(first));
        let training = if alike(|case| &case.training) { first.training.clone() } else { String::new() };
        let model = if alike(|case| &case.model) { format!("{}: ", first.model) } else { String::new() };
        (!training.is_empty()).then_some((training, model))
    }

    fn items(&self, view: View) -> String {
        let cases = || self.cases.iter();
        let size = |bytes: u64| if bytes == 0 { "-".to_owned() } else { Bytes(bytes).to_string() };
        let mut table = Columns::new(None);
        table.add("case", '<', 0, cases().map(|case| shorten(&case.name, 34)));
        table.add("parameters", '>', 4, cases().map(|case| count(case.parameters as f64)));
        for name in MEMORY_ITEMS {
            if cases().any(|case| case.bytes_of(name) > 0) {
                let heading = name.replace('_', " ");
                table.add(&heading, '>', 0, cases().map(|case| size(case.bytes_of(name))));
            }
        }
        table.add("total", '>', 0, cases().map(|case| size(case.total)));
        table.add(
            "B/parameter",
            '>',
            2,
            cases().map(|case| {
                case.bytes_per_parameter().map(|bytes| significant(bytes, 3)).unwrap_or_default()
            }),
        );
        if cases().any(|case| case.limit.is_some()) {
            let limit =
                |case: &MemoryReport| case.limit.as_ref().map(|limit| size(limit.bytes)).unwrap_or_default();
            table.add("memory", '>', 0, cases().map(limit));
            let share = |case: &MemoryReport| {
                let share = case.metric("of_limit").ok().and_then(|(share, _)| share);
                share.map(percent).unwrap_or_default()
            };
            table.add("used", '>', 3, cases().map(share));
            let fits = |case: &MemoryReport| match &case.limit {
                Some(limit) => if limit.fits { "yes" } else { "NO" }.to_owned(),
                None => String::new(),
            };
            table.add("fits", '<', 0, cases().map(fits));
            // With activations, the memory is not the parameters' alone.
            if cases().all(|case| case.bytes_of("activations") == 0) {
                let largest = |case: &MemoryReport| case.largest_model().map(count).unwrap_or_default();
                table.add("largest model", '>', 1, cases().map(largest));
            }
        }
        table.fit(view).render(view)
    }

    fn misfits(&self, view: View) -> Option<String> {
        let lines = self.cases.iter().filter_map(|case| {
            let remedy = case.limit.as_ref()?.remedy.as_ref()?;
            let text = format!("{} does not fit: {}", clean(&case.name), clean(remedy));
            Some(view.paint(Tone::Bad, wrap(&text, view.width, "", "  ").trim_end()) + "\n")
        });
        let text: String = lines.collect();
        (!text.is_empty()).then_some(text)
    }

    /// Published figures beside ours.
    fn compared(&self, view: View) -> Option<String> {
        let names = || MEMORY_ITEMS.into_iter().chain(["total"]);
        let rows: Vec<(&MemoryReport, &str, &PublishedSize)> = self
            .cases
            .iter()
            .flat_map(|case| names().filter_map(move |name| Some((case, name, case.published(name)?))))
            .collect();
        if rows.is_empty() {
            return None;
        }
        let mut table = Columns::new(None);
        let mut last = "";
        let case = rows.iter().map(|(case, ..)| {
            let again = std::mem::replace(&mut last, &case.name) == case.name;
            if again { String::new() } else { shorten(&case.name, 34) }
        });
        table.add("case", '<', 0, case.collect::<Vec<_>>());
        table.add("", '<', 0, rows.iter().map(|(_, name, _)| name.replace('_', " ")));
        let printed = |size: &PublishedSize| {
            let corrected = size.corrected.map(|value| format!(" (should be {})", significant(value, 4)));
            format!("{} {}{}", significant(size.value, 4), size.unit, corrected.unwrap_or_default())
        };
        table.add("published", '>', 0, rows.iter().map(|(.., size)| printed(size)));
        let ours = |size: &PublishedSize| format!("{} {}", significant(size.ours, 4), size.unit);
        table.add("ours", '>', 0, rows.iter().map(|(.., size)| ours(size)));
        let error = |size: &PublishedSize| match size.error {
            _ if size.within_rounding => "=".to_owned(),
            Some(error) => signed_percent(error),
            None => String::new(),
        };
        table.add("error", '>', 0, rows.iter().map(|(.., size)| error(size)));
        let mut text = table.fit(view).render(view);
        if rows.iter().any(|(.., size)| size.within_rounding) {
            text += &(view.paint(Tone::Dim, " = equal within the print's rounding") + "\n");
        }
        Some(text)
    }
}
