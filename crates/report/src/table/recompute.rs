//! What is computed again, for a terminal: a rule or budget a line.

use memwall_units::{Bytes, Picos};

use super::columns::Columns;
use super::layout::{Tone, View, clean, shorten, wrap};
use super::verdict;
use crate::number::{percent, signed_percent, times};
use crate::recompute::{
    ClaimPoint, ClaimReport, RecomputeDocument, RecomputeOutcome, RecomputePoint, RecomputeReport,
};

impl RecomputeDocument {
    /// The document as text for a terminal.
    #[must_use]
    pub fn to_table(&self, view: View) -> String {
        let mut heading = view.paint(Tone::Title, &clean(&self.scenario)) + "\n";
        if let Some(description) = &self.description {
            heading += &wrap(&clean(description), view.width, "", "");
        }
        let mut blocks = vec![heading];
        let several = self.cases.len() > 1;
        if several && self.cases.iter().any(|case| case.claim.is_some()) {
            blocks.push(claims(&self.cases, view));
        }
        for case in &self.cases {
            let mut text = String::new();
            if several {
                text += &(view.paint(Tone::Heading, &clean(&case.name)) + "\n");
            }
            blocks.push(text + &case_block(case, view));
        }
        let notes: Vec<&String> = self.cases.iter().flat_map(|case| &case.notes).collect();
        let mut closing = String::new();
        for (index, note) in notes.iter().enumerate() {
            if !notes[..index].contains(note) {
                let line = wrap(&clean(note), view.width, "Note: ", "  ");
                closing += &(view.paint(Tone::Warning, line.trim_end()) + "\n");
            }
        }
        blocks.extend((!closing.is_empty()).then_some(closing));
        let checked = self.cases.iter().map(|case| (case.name.as_str(), case.expectations.as_slice()));
        blocks.extend(verdict(&checked.collect::<Vec<_>>(), view));
        blocks.join("\n")
    }
}

/// How far each case reaches its claim: a case a line.
fn claims(cases: &[RecomputeReport], view: View) -> String {
    let mut table = Columns::new(None);
    table.add("case", '<', 0, cases.iter().map(|case| shorten(&case.name, 32)));
    let mut policies: Vec<&str> = Vec::new();
    for point in cases.iter().flat_map(|case| &case.claim).flat_map(|claim| &claim.policies) {
        if !policies.contains(&point.policy) && point.policy != "none" {
            policies.push(point.policy);
        }
    }
    for policy in policies {
        let cell = |case: &RecomputeReport| {
            let mut points = case.claim.iter().flat_map(|claim| &claim.policies);
            let point = points.find(|point| point.policy == policy);
            point.map(|point| point.times_less.map_or("-".to_owned(), times)).unwrap_or_default()
        };
        table.add(policy, '>', 0, cases.iter().map(cell));
    }
    let most = |case: &RecomputeReport| case.most_times_less().map(times).unwrap_or_default();
    table.add("no schedule above", '>', 0, cases.iter().map(most));
    let claim = cases.iter().find_map(|case| case.claim.as_ref());
    let title =
        claim.map(|claim| format!("Times less memory for at most {} more time\n", percent(claim.extra)));
    view.paint(Tone::Heading, title.unwrap_or_default().trim_end()) + "\n" + &table.fit(view).render(view)
}

fn case_block(case: &RecomputeReport, view: View) -> String {
    let subject =
        format!("{}, {} on {}", clean(&case.model), clean(&case.workload), clean(&case.device.title));
    let mut text = wrap(&subject, view.width, "", "");
    let time = Picos::from_secs_f64_ceil(case.time_s);
    let needs = format!(
        "{} operators need {} for activations and take {time}; weights and their gradients {} besides",
        case.operators,
        Bytes(case.needed_bytes),
        Bytes(case.held_bytes)
    );
    text += &(wrap(&needs, view.width, "", "") + "\n");
    let all = || case.points.iter();
    let of = |get: fn(&RecomputeOutcome) -> String| {
        move |point: &RecomputePoint| point.outcome.as_ref().map(get).unwrap_or_default()
    };
    let mut table = Columns::new(None);
    table.add("", '<', 0, all().map(|point| clean(&point.name)));
    let memory = |point: &RecomputePoint| match &point.outcome {
        Some(outcome) => Bytes(outcome.peak_bytes).to_string(),
        None if point.impossible => "impossible".to_owned(),
        None => "none found".to_owned(),
    };
    table.add("memory", '>', 0, all().map(memory));
    table.add("less", '>', 0, all().map(of(|outcome| times(outcome.times_less))));
    table.add("time", '>', 1, all().map(of(|outcome| Picos::from_secs_f64_ceil(outcome.time_s).to_string())));
    table.add("more time", '>', 0, all().map(of(|outcome| signed_percent(outcome.extra_time))));
    table.add("more FLOPs", '>', 2, all().map(of(|outcome| signed_percent(outcome.extra_flops))));
    table.add("repeats", '>', 4, all().map(of(|outcome| outcome.repeated.to_string())));
    table.add("repeated time", '>', 3, all().map(of(|outcome| percent(outcome.repeated_time))));
    let least = |point: &RecomputePoint| match &point.outcome {
        Some(outcome) if outcome.repeated > 0 => percent(outcome.least_repeated_time),
        _ => String::new(),
    };
    table.add("at least", '>', 3, all().map(least));
    let fits = of(|outcome| if outcome.fits { "yes" } else { "no" }.to_owned());
    table.add("fits", '<', 1, all().map(fits));
    text += &table.fit(view).render(view);
    if let Some(most) = case.most_times_less() {
        let line = format!(
            "No schedule needs less than {} ({} less): one operator's operands, with the gradients beside them.",
            Bytes(case.least_bytes),
            times(most)
        );
        text += &view.paint(Tone::Dim, &wrap(&line, view.width, " ", " "));
    }
    if let Some(claim) = &case.claim {
        text += &(String::from("\n")
            + &view.paint(Tone::Title, wrap(&claim_text(claim), view.width, "", "").trim_end())
            + "\n");
    }
    text
}

/// "Of 5x less memory for at most 20 % more time: optimal 6.08x (all of it), selective 1.31x (26 %), full takes 31 %".
fn claim_text(claim: &ClaimReport) -> String {
    let mut policies: Vec<_> = claim.policies.iter().filter(|point| point.policy != "none").collect();
    policies.sort_by(|a, b| b.reached.total_cmp(&a.reached));
    let one = |point: &&ClaimPoint| match (point.times_less, point.least_extra) {
        (Some(less), _) if point.reached >= 1.0 => format!("{} {} (all of it)", point.policy, times(less)),
        (Some(less), _) => format!("{} {} ({})", point.policy, times(less), percent(point.reached)),
        (None, Some(extra)) => format!("{} takes {}", point.policy, percent(extra)),
        (None, None) => format!("{} has no schedule", point.policy),
    };
    let list: Vec<String> = policies.iter().map(one).collect();
    format!(
        "Of {}x less memory for at most {} more time: {}",
        claim.less,
        percent(claim.extra),
        list.join(", ")
    )
}
