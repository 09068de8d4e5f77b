//! A small bar of where a case's time went, for a line of a table. Its parts differ in their dots, so that it can be
//! read without colour, and in their colour where there is one.

use memwall_simulator::Cause;

use super::layout::{Tone, View};
use crate::CaseReport;

/// Characters of the bar.
const WIDTH: u32 = 20;

/// What the parts stand for, in the order they are drawn.
const PARTS: [(char, Tone, &str); 4] = [
    ('█', Tone::Good, "computing"),
    ('▓', Tone::Bad, "memory"),
    ('▒', Tone::Heading, "communication"),
    ('░', Tone::Warning, "other stalls"),
];

/// The heading of its column.
pub(super) const HEADING: &str = "where the time goes";

/// The bar of a case: the ledger of its main engine; empty where it has none.
pub(super) fn stack(case: &CaseReport) -> String {
    let main = case.engines.iter().find(|engine| Some(&engine.name) == case.main_engine.as_ref());
    let Some(engine) = main.filter(|engine| engine.total_ps() > 0) else { return String::new() };
    let mut shares = [engine.share(engine.busy_ps), 0.0, 0.0, 0.0];
    for stall in &engine.stalls {
        let part = match stall.cause {
            Cause::Bandwidth | Cause::Latency | Cause::Capacity | Cause::Ramp => 1,
            Cause::Communication => 2,
            _ => 3,
        };
        shares[part] += engine.share(stall.ps);
    }
    // Each part ends where the sum up to it does, so that rounding never adds up.
    let mut bar = String::new();
    let (mut sum, mut drawn) = (0.0, 0);
    for ((character, _, _), share) in PARTS.iter().zip(shares) {
        sum += share;
        let end = (sum * f64::from(WIDTH)).round() as u32;
        bar.extend(std::iter::repeat_n(*character, end.saturating_sub(drawn) as usize));
        drawn = end.max(drawn);
    }
    bar
}

/// What the parts of the bars are.
pub(super) fn legend(view: View) -> String {
    let part = |(character, _, name): &(char, Tone, &str)| format!("{character} {name}");
    let line = PARTS.iter().map(part).collect::<Vec<_>>().join("   ");
    format!("\n  {}\n", paint(&line, view))
}

/// `text` with its bars in colour.
pub(super) fn paint(text: &str, view: View) -> String {
    let tone = |c: char| PARTS.iter().find(|(character, _, _)| *character == c).map(|(_, tone, _)| *tone);
    let mut painted = String::with_capacity(text.len());
    let mut run = String::new();
    for c in text.chars() {
        if !run.starts_with(c) && !run.is_empty() {
            painted += &paint_run(&run, tone, view);
            run.clear();
        }
        if tone(c).is_some() {
            run.push(c);
        } else {
            painted.push(c);
        }
    }
    painted + &paint_run(&run, tone, view)
}

fn paint_run(run: &str, tone: impl Fn(char) -> Option<Tone>, view: View) -> String {
    run.chars().next().and_then(tone).map_or_else(String::new, |tone| view.paint(tone, run))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EngineReport, StallReport};

    fn case(busy_ps: u128, stalls: &[(Cause, u128)]) -> CaseReport {
        let record = memwall_simulator::Record {
            energy: Default::default(),
            fidelity: memwall_simulator::Fidelity::Flow,
            wall: memwall_units::Picos(100),
            phases: Vec::new(),
            engines: Vec::new(),
            tiers: Vec::new(),
            operators: Vec::new(),
            events: 0,
            notes: Vec::new(),
            timeline: None,
            team: None,
            training: None,
        };
        let stalls = stalls.iter().map(|(cause, ps)| StallReport { cause: *cause, place: None, ps: *ps });
        let engine = EngineReport {
            name: "matrix".to_owned(),
            units: 1,
            wall_ps: 100,
            busy_ps,
            stalls: stalls.collect(),
        };
        let report = CaseReport::new("case", &record, &crate::Context::default());
        CaseReport { engines: vec![engine], main_engine: Some("matrix".to_owned()), ..report }
    }

    /// However shares round, the bar is as wide as all others.
    #[test]
    fn bars_are_all_as_wide() {
        for busy in 0..=100 {
            let rest = 100 - busy;
            let (memory, other) = (rest / 3, rest - 2 * (rest / 3));
            let case = case(
                busy,
                &[(Cause::Bandwidth, memory), (Cause::Communication, memory), (Cause::Launch, other)],
            );
            assert_eq!(stack(&case).chars().count(), WIDTH as usize, "{busy}");
        }
    }

    #[test]
    fn parts_can_be_told_apart_without_colour() {
        let case = case(25, &[(Cause::Latency, 50), (Cause::Idle, 25)]);
        assert_eq!(stack(&case), "█████▓▓▓▓▓▓▓▓▓▓░░░░░");
        let plain = View::default();
        assert_eq!(paint("a █▓░ b", plain), "a █▓░ b");
        let coloured = paint("a ██▓ b", View { color: true, ..plain });
        assert_eq!(coloured, "a \u{1b}[32m██\u{1b}[0m\u{1b}[1;31m▓\u{1b}[0m b");
    }
}
