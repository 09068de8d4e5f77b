//! Several cases, a line each.

use memwall_units::Picos;

use super::case::counting;
use super::columns::Columns;
use super::layout::{Tone, View, clean, shorten, wrap};
use super::stack;
use crate::CaseReport;
use crate::number::{count, percent, significant, times};

/// What all cases have in common: the model, the machine, the software, how they were simulated and counted.
pub(super) fn common_lines(cases: &[CaseReport], view: View) -> String {
    let model = common(cases, |case| case.model.clone());
    let device = common(cases, |case| {
        let system = case.team.as_ref().map(|team| format!("{}, ", team.system)).unwrap_or_default();
        format!("on {system}{}", case.device.title)
    });
    let workload = common(cases, |case| case.workload.clone());
    let who = [model, device].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let subject = [(!who.is_empty()).then_some(who), workload];
    let subject = subject.into_iter().flatten().collect::<Vec<_>>().join(": ");
    let how = [
        common(cases, |case| format!("software {}", case.software)),
        common(cases, |case| format!("fidelity {}", case.fidelity.name())),
        common(cases, |case| format!("counting {}", counting(case))),
    ];
    let how: Vec<String> = how.into_iter().flatten().collect();
    let subject = wrap(&first_upper(&clean(&subject)), view.width, "", "");
    let how = wrap(&clean(&how.join(", ")), view.width, "", "");
    subject + &how.lines().map(|line| view.paint(Tone::Dim, line) + "\n").collect::<String>()
}

// Where the models differ the line begins with "on"; the name of a model or machine stays as it is.
fn first_upper(text: &str) -> String {
    text.strip_prefix("on ").map_or_else(|| text.to_owned(), |rest| format!("On {rest}"))
}

fn common(cases: &[CaseReport], get: fn(&CaseReport) -> String) -> Option<String> {
    let first = get(cases.first()?);
    cases.iter().all(|case| get(case) == first).then_some(first)
}

pub(super) fn many_block(cases: &[CaseReport], view: View) -> String {
    let name = |case: &CaseReport| shorten(&case.name, (view.width / 2).max(16));
    let mut table = Columns::new(None);
    table.add("case", '<', 0, cases.iter().map(name));
    let mut add = |heading: &str, side: char, drop: u8, cell: fn(&CaseReport) -> String| {
        table.add(heading, side, drop, cases.iter().map(cell));
    };
    add("time", '>', 0, |case| Picos(case.time_ps).to_string());
    add("tokens/s", '>', 1, |case| {
        case.tokens_per_s.filter(|rate| *rate > 0.0).map(count).unwrap_or_default()
    });
    add("TTFT", '>', 4, |case| seconds(case.ttft_s));
    add("TPOT", '>', 5, |case| seconds(case.tpot_s));
    add("communication", '>', 3, |case| {
        case.team.as_ref().and_then(|team| team.exposed_communication).map(percent).unwrap_or_default()
    });
    add("bubble", '>', 2, |case| {
        let bubble = case.team.as_ref().and_then(|team| team.bubble).filter(|share| *share > 0.0);
        bubble.map(percent).unwrap_or_default()
    });
    add("MFU", '>', 3, |case| case.mfu.map(percent).unwrap_or_default());
    add("FLOPs/byte", '>', 6, |case| {
        case.intensity_mops.map(|value| significant(value, 4)).unwrap_or_default()
    });
    add("energy", '>', 7, |case| {
        let joules = case.energy.total_j.likely;
        if joules > 0.0 && case.energy.unknown.is_empty() {
            memwall_units::Joules(joules).to_string()
        } else {
            String::new()
        }
    });
    add("roofline", '>', 2, |case| case.times_roofline.map(times).unwrap_or_default());
    add("bound by", '<', 0, |case| case.bound_by.clone());
    // The first to go: it only shows what the other columns say, and needs a wide terminal.
    add(stack::HEADING, '<', 7, stack::stack);
    let mut text = stack::paint(&table.fit(view).render(view), view);
    if text.contains(stack::HEADING) {
        text += &stack::legend(view);
    }
    text + &notes(cases, view)
}

fn seconds(value: Option<f64>) -> String {
    value.map(|value| Picos::from_secs_f64_ceil(value).to_string()).unwrap_or_default()
}

/// A blank line and every distinct note once, with the cases it belongs to when it is not all of them.
pub(super) fn notes(cases: &[CaseReport], view: View) -> String {
    let mut distinct: Vec<(&str, Vec<&str>)> = Vec::new();
    for case in cases {
        for note in &case.notes {
            match distinct.iter_mut().find(|(known, _)| *known == note.as_str()) {
                Some((_, names)) => names.push(&case.name),
                None => distinct.push((note, vec![&case.name])),
            }
        }
    }
    let mut text = String::new();
    for (note, names) in distinct {
        let of = match names.as_slice() {
            names if names.len() == cases.len() => String::new(),
            [first, second, third, _, ..] => {
                format!("{first}, {second}, {third} and {} more: ", names.len() - 3)
            }
            names => format!("{}: ", names.join(", ")),
        };
        let line = clean(&format!("{of}{note}"));
        text += &view.paint(Tone::Warning, wrap(&line, view.width, "Note: ", "  ").trim_end());
        text.push('\n');
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}
