//! Ours beside published values, and how well they agree.

use super::layout::{Grid, Tone, View, clean, shorten, wrap};
use super::many::notes;
use crate::number::{percent, signed_percent, significant};
use crate::{Agreement, CaseReport, Comparison, Document, Errors, Quantity};

const INVERSIONS_SHOWN: usize = 4;

pub(super) fn compared_block(document: &Document, view: View) -> String {
    let quantities: Vec<Quantity> =
        Quantity::ALL.into_iter().filter(|quantity| any(document, *quantity)).collect();
    let tables: Vec<String> = fitting(document, &quantities, view)
        .iter()
        .map(|group| grid(document, group, view).render(view))
        .collect();
    let mut text = tables.join("\n");
    text += &legend(document, view);
    text.push('\n');
    for agreement in &document.agreement {
        text += &agreement_lines(agreement, view);
    }
    text += &notes(&document.cases, view);
    for source in &document.sources {
        text += &wrap(&clean(source), view.width, "Published: ", "  ");
    }
    text
}

fn any(document: &Document, quantity: Quantity) -> bool {
    document.cases.iter().any(|case| find(case, quantity).is_some())
}

fn find(case: &CaseReport, quantity: Quantity) -> Option<&Comparison> {
    case.comparisons.iter().find(|comparison| comparison.quantity == quantity)
}

// As few tables as the width allows, each with the case's name.
fn fitting(document: &Document, quantities: &[Quantity], view: View) -> Vec<Vec<Quantity>> {
    let mut groups: Vec<Vec<Quantity>> = Vec::new();
    for quantity in quantities {
        if let Some(last) = groups.last_mut() {
            let wider: Vec<Quantity> = last.iter().chain([quantity]).copied().collect();
            if grid(document, &wider, view).width() <= view.width {
                *last = wider;
                continue;
            }
        }
        groups.push(vec![*quantity]);
    }
    groups
}

fn grid(document: &Document, quantities: &[Quantity], view: View) -> Grid {
    let mut grid = Grid::new(&format!("<{}", ">>>".repeat(quantities.len())));
    let headings = quantities.iter().flat_map(|quantity| [quantity.title(), "published", "error"]);
    grid.header(&std::iter::once("case").chain(headings).collect::<Vec<_>>());
    for case in &document.cases {
        let name = shorten(&case.name, (view.width / 3).max(16));
        let cells = quantities.iter().flat_map(|quantity| cells(find(case, *quantity)));
        grid.row(None, &std::iter::once(name).chain(cells).collect::<Vec<_>>());
    }
    grid
}

fn cells(comparison: Option<&Comparison>) -> [String; 3] {
    let Some(comparison) = comparison else { return [const { String::new() }; 3] };
    let ours = comparison.ours.map(|ours| significant(ours, 4)).unwrap_or_default();
    let published = significant(comparison.published, 6);
    let published = if comparison.corrected.is_some() { format!("{published}*") } else { published };
    let error = match comparison.error {
        _ if comparison.by_definition => "base".to_owned(),
        Some(_) if comparison.within_rounding => "=".to_owned(),
        Some(error) => signed_percent(error),
        None => String::new(),
    };
    [ours, published, error]
}

fn legend(document: &Document, view: View) -> String {
    let all = || document.cases.iter().flat_map(|case| &case.comparisons);
    let mut parts = Vec::new();
    if all().any(|comparison| comparison.within_rounding && !comparison.by_definition) {
        parts.push("= equal within the print's rounding".to_owned());
    }
    if all().any(|comparison| comparison.corrected.is_some()) {
        parts.push("* misprint, error against the corrected value".to_owned());
    }
    if parts.is_empty() {
        return String::new();
    }
    view.paint(Tone::Dim, wrap(&parts.join("; "), view.width, "  ", "  ").trim_end()) + "\n"
}

fn agreement_lines(agreement: &Agreement, view: View) -> String {
    let title = agreement.quantity.title();
    let worst = agreement.worst.as_ref();
    let worst = worst.map(|(case, error)| format!(", largest {} ({})", signed_percent(*error), clean(case)));
    let counted = format!(
        "{} points, {} equal within rounding; mean error {}{}",
        agreement.points,
        agreement.within_rounding,
        percent(agreement.ours.mean_error),
        worst.unwrap_or_default()
    );
    let mut text = wrap(&format!("{title}: {counted}"), view.width, "", "  ");
    text.replace_range(..title.len(), &view.paint(Tone::Title, title));
    if let Some(roofline) = &agreement.roofline {
        text += &format!("  memwall       {}\n", error_text(&agreement.ours));
        text += &format!("  the roofline  {}\n", error_text(roofline));
        text += &inversion_lines(agreement, view);
    }
    text
}

fn error_text(errors: &Errors) -> String {
    let tau = errors.kendall_tau.map(|tau| format!("Kendall tau {tau:.3}, ")).unwrap_or_default();
    format!("{tau}mean |ln error| {:.3}, mean error {}", errors.mean_abs_ln_error, percent(errors.mean_error))
}

fn inversion_lines(agreement: &Agreement, view: View) -> String {
    let mut text = String::new();
    for inversion in agreement.inversions.iter().take(INVERSIONS_SHOWN) {
        let [smaller, larger] = &inversion.bound_by;
        let line = format!(
            "out of order: {} ({smaller}) comes out above {} ({larger})",
            inversion.smaller, inversion.larger
        );
        text += &wrap(&clean(&line), view.width, "  ", "    ");
    }
    if agreement.inversions.len() > INVERSIONS_SHOWN {
        text += &format!("  and {} more pairs out of order\n", agreement.inversions.len() - INVERSIONS_SHOWN);
    }
    text
}
