//! What a person sees first.

mod case;
mod collective;
mod columns;
mod compare;
mod compared;
mod curve;
mod energy;
mod explained;
mod layout;
mod listing;
mod many;
mod memory;
mod optimize;
mod plan;
mod recompute;
mod stack;
mod team;
mod trace_replay;
mod training;
mod trend;
mod whatif;

pub use energy::silicon_text;
pub use explained::explanation_text;
pub use layout::View;
pub use listing::{figure_list, figure_table, name_list, paragraph};

pub(crate) use case::section;
pub(crate) use columns::Columns;
pub(crate) use compare::verdict_of;
pub(crate) use layout::{Grid, Tone, clean, shorten, wrap};
pub(crate) use whatif::advice;

use crate::{Checked, Document};

impl Document {
    /// The document as text for a terminal: one case in full, several as one line each, then comparisons with
    /// published values and expectations.
    #[must_use]
    pub fn to_table(&self, view: View) -> String {
        let mut blocks = Vec::new();
        match self.cases.as_slice() {
            [] => blocks.push("No cases.\n".to_owned()),
            [only] => {
                blocks.push(case::case_block(only, view));
                if !only.comparisons.is_empty() {
                    blocks.push(compared::compared_block(self, view));
                }
            }
            cases => {
                blocks.push(self.heading(view));
                if cases.iter().any(|case| !case.comparisons.is_empty()) {
                    blocks.push(compared::compared_block(self, view));
                } else {
                    blocks.push(many::many_block(cases, view));
                }
                if view.verbose {
                    blocks.extend(cases.iter().map(|case| case::case_block(case, view)));
                }
            }
        }
        blocks.extend(expectations_block(self, view));
        blocks.join("\n")
    }

    fn heading(&self, view: View) -> String {
        let title = view.paint(Tone::Title, &clean(&self.scenario));
        let description = self.description.as_deref().map(|text| wrap(&clean(text), view.width, "", ""));
        let common = many::common_lines(&self.cases, view);
        format!("{title}\n{}{common}", description.unwrap_or_default())
    }
}

fn expectations_block(document: &Document, view: View) -> Option<String> {
    let cases: Vec<(&str, &[Checked])> =
        document.cases.iter().map(|case| (case.name.as_str(), case.expectations.as_slice())).collect();
    verdict(&cases, view)
}

/// What became of the expectations of each case; nothing where there are none.
fn verdict(cases: &[(&str, &[Checked])], view: View) -> Option<String> {
    let checked = || cases.iter().flat_map(|(case, list)| list.iter().map(move |one| (case, one)));
    let total = checked().count();
    if total == 0 {
        return None;
    }
    let several = cases.len() > 1;
    let mut text = String::new();
    for (case, one) in checked().filter(|(_, one)| view.verbose || !several || !one.passed) {
        let name = if several { format!("{}: ", clean(case)) } else { String::new() };
        let (tone, word) = if one.passed { (Tone::Good, "pass") } else { (Tone::Bad, "FAIL") };
        text += &format!("{}  {name}{}\n", view.paint(tone, word), clean(&one.text));
    }
    let failed = checked().filter(|(_, one)| !one.passed).count();
    let (tone, verdict) = match failed {
        0 if total == 1 => (Tone::Good, "The expectation holds.".to_owned()),
        0 => (Tone::Good, format!("All {total} expectations hold.")),
        1 if total == 1 => (Tone::Bad, "The expectation failed.".to_owned()),
        _ => (Tone::Bad, format!("{failed} of {total} expectations failed.")),
    };
    Some(text + &view.paint(tone, &verdict) + "\n")
}
