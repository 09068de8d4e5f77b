//! Ours beside published values, and how well they agree.

use memwall_units::Picos;

use super::case::section;
use super::columns::Columns;
use super::layout::{Tone, View, clean, shorten, wrap};
use super::many::notes;
use crate::number::{percent, ratio, signed_percent, significant};
use crate::{Agreement, CaseReport, Comparison, Document, Errors, Quantity};

const INVERSIONS_SHOWN: usize = 4;

pub(super) fn compared_block(document: &Document, view: View) -> String {
    let (timed, counted): (Vec<Quantity>, Vec<Quantity>) = Quantity::ALL
        .into_iter()
        .filter(|quantity| !cases_with(document, &[*quantity]).is_empty())
        .partition(|quantity| matches!(quantity, Quantity::Latency | Quantity::Time));
    let mut text = String::new();
    for group in fitting(document, &counted, view) {
        text += &section(view, "FLOPs and bytes");
        text += &counted_table(document, &group).fit(view).render(view);
    }
    for quantity in timed {
        text += &section(view, &timed_title(document, quantity));
        text += &timed_table(document, quantity).fit(view).render(view);
    }
    text += &legend(document, view);
    if view.verbose && document.cases.len() > 1 {
        text += &class_shares(document, view);
    }
    text += &section(view, "Agreement");
    for agreement in &document.agreement {
        text += &agreement_lines(document, agreement, view);
    }
    // A case alone stands above in full, its notes with it.
    if document.cases.len() > 1 {
        text += &notes(&document.cases, view);
    }
    for source in &document.sources {
        text += &wrap(&clean(source), view.width, "Published: ", "  ");
    }
    // The document's heading already ends in a line of its own.
    text.trim_start_matches('\n').to_owned()
}

fn cases_with<'a>(document: &'a Document, quantities: &[Quantity]) -> Vec<&'a CaseReport> {
    let has = |case: &&CaseReport| quantities.iter().any(|quantity| find(case, *quantity).is_some());
    document.cases.iter().filter(has).collect()
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
            if counted_table(document, &wider).fit(view).width() <= view.width {
                *last = wider;
                continue;
            }
        }
        groups.push(vec![*quantity]);
    }
    groups
}

fn counted_table(document: &Document, quantities: &[Quantity]) -> Columns {
    let cases = cases_with(document, quantities);
    let mut table = Columns::new(None);
    table.add("case", '<', 0, cases.iter().map(|case| name(case)));
    for quantity in quantities {
        add_comparison(&mut table, &cases, *quantity);
    }
    table
}

fn timed_title(document: &Document, quantity: Quantity) -> String {
    let base = document
        .cases
        .iter()
        .find(|case| find(case, quantity).is_some_and(|comparison| comparison.by_definition));
    match base {
        Some(base) => format!("Latency, as a multiple of that of {}", clean(&base.name)),
        None => "Time".to_owned(),
    }
}

// The roofline's own error stands beside ours: what the simulation adds to a division.
fn timed_table(document: &Document, quantity: Quantity) -> Columns {
    let cases = cases_with(document, &[quantity]);
    let found = || cases.iter().map(|case| find(case, quantity));
    let decimals = decimals(found());
    let mut table = Columns::new(None);
    table.add("case", '<', 0, cases.iter().map(|case| name(case)));
    if quantity == Quantity::Latency {
        table.add("time", '>', 2, cases.iter().map(|case| Picos(case.time_ps).to_string()));
    }
    add_comparison(&mut table, &cases, quantity);
    let roofline = |comparison: &Comparison| comparison.roofline;
    table.add("roofline", '>', 3, found().map(|one| figure(one.and_then(roofline), decimals)));
    table.add("error", '>', 3, found().map(|one| one.map(roofline_error).unwrap_or_default()));
    table.add("bound by", '<', 1, cases.iter().map(|case| case.bound_by.clone()));
    table
}

fn add_comparison(table: &mut Columns, cases: &[&CaseReport], quantity: Quantity) {
    let found = || cases.iter().map(|case| find(case, quantity));
    let decimals = decimals(found());
    table.add(quantity.title(), '>', 0, found().map(|one| figure(one.and_then(|one| one.ours), decimals)));
    table.add("published", '>', 0, found().map(|one| one.map(printed).unwrap_or_default()));
    table.add("error", '>', 0, found().map(|one| one.map(error).unwrap_or_default()));
}

fn name(case: &CaseReport) -> String {
    shorten(&case.name, 32)
}

// One decimal more than the print, so that columns line up and rounding can be seen; none for very small values.
fn decimals<'a>(comparisons: impl Iterator<Item = Option<&'a Comparison>>) -> Option<usize> {
    let mut decimals = 1;
    for comparison in comparisons.flatten() {
        if comparison.target().abs() < 0.01 {
            return None;
        }
        if comparison.half_unit < 0.4 {
            decimals = 2;
        }
    }
    Some(decimals)
}

fn figure(value: Option<f64>, decimals: Option<usize>) -> String {
    match (value, decimals) {
        (Some(value), Some(decimals)) if value.abs() < 1e12 => format!("{value:.decimals$}"),
        (Some(value), _) => significant(value, 4),
        (None, _) => String::new(),
    }
}

fn printed(comparison: &Comparison) -> String {
    let text = significant(comparison.published, 6);
    if comparison.corrected.is_some() { format!("{text}*") } else { text }
}

fn error(comparison: &Comparison) -> String {
    match comparison.error {
        _ if comparison.by_definition => "base".to_owned(),
        Some(_) if comparison.within_rounding => "=".to_owned(),
        Some(error) => signed_percent(error),
        None => String::new(),
    }
}

fn roofline_error(comparison: &Comparison) -> String {
    let Some(roofline) = comparison.roofline else { return String::new() };
    let target = comparison.target();
    let relative = ratio(roofline - target, target);
    let inside = crate::published::within(roofline, target, comparison.half_unit);
    error(&Comparison { error: relative, within_rounding: inside, ..comparison.clone() })
}

fn legend(document: &Document, view: View) -> String {
    let all = || document.cases.iter().flat_map(|case| &case.comparisons);
    let mut parts = Vec::new();
    if all().any(|comparison| comparison.within_rounding && !comparison.by_definition) {
        parts.push("= equal within the print's rounding");
    }
    if all().any(|comparison| comparison.corrected.is_some()) {
        parts.push("* misprint, error against the corrected value");
    }
    if parts.is_empty() {
        return String::new();
    }
    view.paint(Tone::Dim, wrap(&parts.join("; "), view.width, "  ", "  ").trim_end()) + "\n"
}

fn class_shares(document: &Document, view: View) -> String {
    let mut table = Columns::new(None);
    table.add("case", '<', 0, document.cases.iter().map(name));
    for class in ["mha_proj", "act_act", "ffn_proj", "other"] {
        let share = |case: &CaseReport| {
            let whole: f64 = case.classes.iter().map(|class| class.time_s).sum();
            let part = case.classes.iter().find(|found| found.name == class)?.time_s;
            ratio(part, whole).map(percent)
        };
        table.add(class, '>', 0, document.cases.iter().map(|case| share(case).unwrap_or_default()));
    }
    section(view, "Share of the time by class of operator") + &table.fit(view).render(view)
}

fn agreement_lines(document: &Document, agreement: &Agreement, view: View) -> String {
    let title = agreement.quantity.title();
    let mut text = wrap(&format!("{title}: {}", counted_text(document, agreement)), view.width, " ", "   ");
    text.replace_range(1..=title.len(), &view.paint(Tone::Title, title));
    if let Some(roofline) = &agreement.roofline {
        for (who, errors) in [("memwall", &agreement.ours), ("the roofline", roofline)] {
            text += &wrap(&error_text(errors), view.width, &format!("   {who:<14}"), "     ");
        }
        text += &inversion_lines(agreement, view);
    }
    text
}

fn counted_text(document: &Document, agreement: &Agreement) -> String {
    let points = agreement.points;
    let equal = agreement.within_rounding;
    let outside = |comparison: &&Comparison| {
        comparison.quantity == agreement.quantity && !comparison.by_definition && !comparison.within_rounding
    };
    let all = document.cases.iter().flat_map(|case| &case.comparisons);
    let errors: Vec<f64> = all.filter(outside).filter_map(|comparison| comparison.error).collect();
    let sum: f64 = errors.iter().map(|error| error.abs()).sum();
    match (&agreement.worst, errors.len()) {
        (Some((case, error)), 1) if points > 1 => format!(
            "{equal} of {points} equal to the print within its rounding; {} is off by {}",
            clean(case),
            signed_percent(*error)
        ),
        (Some((case, error)), others) if others > 0 => format!(
            "{equal} of {points} equal to the print within its rounding; the others are off by {} on average, at most \
             {} ({})",
            percent(sum / others as f64),
            signed_percent(*error),
            clean(case)
        ),
        _ if points == 1 => "the one value is equal to the print within its rounding".to_owned(),
        _ => format!("all {points} equal to the print within its rounding"),
    }
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
            "out of order: {} (bound by {smaller}) comes out above {} (bound by {larger})",
            inversion.smaller, inversion.larger
        );
        text += &wrap(&clean(&line), view.width, "   ", "     ");
    }
    if agreement.inversions.len() > INVERSIONS_SHOWN {
        text +=
            &format!("   and {} more pairs out of order\n", agreement.inversions.len() - INVERSIONS_SHOWN);
    }
    text
}
