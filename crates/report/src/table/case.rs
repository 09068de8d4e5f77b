//! One case in full.

use memwall_simulator::Cause;
use memwall_units::{Bytes, Flops, Picos};

use super::layout::{Grid, Tone, View, bar, clean, shorten, wrap};
use super::many::notes;
use crate::number::{count, percent, significant, times};
use crate::{CaseReport, EngineReport, OperatorReport, cause_text, wall_sentence};

const OPERATORS_SHOWN: usize = 8;
// Below this share a stall is not worth a line; the ledger in JSON has it.
const LEAST_STALL_SHOWN: f64 = 0.000_5;

pub(super) fn case_block(case: &CaseReport, view: View) -> String {
    let mut text = heading(case, view);
    text.push('\n');
    text += &figures(case).render(view);
    text.push('\n');
    text += &(view.paint(Tone::Title, wrap(&wall_sentence(case), view.width, "", "").trim_end()) + "\n");
    if let Some(engine) = main_engine(case) {
        text += &section(view, &format!("Where the time of the {} engine goes", engine.name));
        text += &ledger(engine, view).render(view);
        text += &other_engines(case, engine, view);
    }
    if !case.tiers.is_empty() {
        text += &section(view, "What moved");
        text += &tiers(case, view).render(view);
    }
    if !case.operators.is_empty() {
        text += &section(view, "What took the time");
        text += &operators(case, view);
    }
    text + &notes(std::slice::from_ref(case), view)
}

fn heading(case: &CaseReport, view: View) -> String {
    let mut text = view.paint(Tone::Title, &clean(&case.name)) + "\n";
    if let Some(description) = &case.description {
        text += &wrap(&clean(description), view.width, "", "");
    }
    let what = format!("{} on {}: {}", case.model, case.device.title, case.workload);
    text += &wrap(&clean(&what), view.width, "", "");
    let how =
        format!("software {}, fidelity {}, counting {}", case.software, case.fidelity.name(), counting(case));
    text + &view.paint(Tone::Dim, &how) + "\n"
}

fn counting(case: &CaseReport) -> &'static str {
    match case.counting {
        memwall_model_graph::Counting::Actual => "actual",
        memwall_model_graph::Counting::Paper => "paper",
    }
}

fn section(view: View, title: &str) -> String {
    format!("\n{}\n", view.paint(Tone::Heading, title))
}

fn main_engine(case: &CaseReport) -> Option<&EngineReport> {
    case.engines.iter().find(|engine| Some(&engine.name) == case.main_engine.as_ref())
}

// Figures that belong together side by side; what a case does not have is left out.
fn figures(case: &CaseReport) -> Grid {
    let seconds = |value: f64| Picos::from_secs_f64_ceil(value).to_string();
    let digits = |value: f64| significant(value, 4);
    let roofline =
        case.times_roofline.map(|factor| format!("{} of {}", times(factor), seconds(case.roofline_s)));
    let pairs = [
        (("time", Some(Picos(case.time_ps).to_string())), ("tokens/s", case.tokens_per_s.map(count))),
        (("prefill (TTFT)", case.ttft_s.map(seconds)), ("a token (TPOT)", case.tpot_s.map(seconds))),
        (("FLOPs", Some(flops(case.flops))), ("utilisation (MFU)", case.mfu.map(percent))),
        (("bytes accessed", Some(bytes(case.mops_bytes))), ("FLOPs a byte", case.intensity_mops.map(digits))),
        (
            ("DRAM bytes", Some(bytes(case.dram_bytes))),
            ("FLOPs a DRAM byte", case.intensity_dram.map(digits)),
        ),
        (("bound by", Some(case.bound_by.clone())), ("roofline", roofline)),
    ];
    let mut grid = Grid::new("<<<<");
    for ((left, left_value), (right, right_value)) in pairs {
        let name =
            |name: &str, value: &Option<String>| value.as_ref().map(|_| name.to_owned()).unwrap_or_default();
        let cells = [name(left, &left_value), left_value.unwrap_or_default()];
        let more = [name(right, &right_value), right_value.unwrap_or_default()];
        if cells.iter().chain(&more).any(|cell| !cell.is_empty()) {
            grid.row(None, &[cells, more].concat());
        }
    }
    grid
}

fn ledger(engine: &EngineReport, view: View) -> Grid {
    let bar_width = view.width.saturating_sub(40).clamp(10, 60);
    let mut grid = Grid::new("<><");
    let mut line = |tone: Tone, name: String, ps: u128| {
        let share = engine.share(ps);
        grid.row(Some(tone), &[shorten(&name, 24), percent(share), bar(share, bar_width)]);
    };
    line(Tone::Good, "computing".to_owned(), engine.busy_ps);
    let shown = |ps: u128| engine.share(ps) >= LEAST_STALL_SHOWN;
    for stall in engine.stalls.iter().filter(|stall| shown(stall.ps)) {
        line(stall_tone(stall.cause), cause_text(stall), stall.ps);
    }
    let hidden: u128 = engine.stalls.iter().filter(|stall| !shown(stall.ps)).map(|stall| stall.ps).sum();
    if hidden > 0 {
        line(Tone::Dim, "other".to_owned(), hidden);
    }
    grid
}

// Memory is what this program is about: it stands out.
fn stall_tone(cause: Cause) -> Tone {
    match cause {
        Cause::Bandwidth | Cause::Latency | Cause::Capacity | Cause::Communication => Tone::Bad,
        Cause::Idle => Tone::Dim,
        _ => Tone::Warning,
    }
}

fn other_engines(case: &CaseReport, main: &EngineReport, view: View) -> String {
    let others = case.engines.iter().filter(|engine| engine.name != main.name);
    let busy: Vec<String> =
        others.map(|engine| format!("{} {}", engine.name, percent(engine.share(engine.busy_ps)))).collect();
    if busy.is_empty() {
        return String::new();
    }
    let text = wrap(&format!("Other engines at work: {}.", busy.join(", ")), view.width, "  ", "  ");
    view.paint(Tone::Dim, text.trim_end()) + "\n"
}

fn tiers(case: &CaseReport, view: View) -> Grid {
    let mut grid = Grid::new("<>>><>>");
    let headings = ["tier", "read", "written", "utilisation", "", "peak held", "capacity"];
    grid.header(&headings);
    let bar_width = if view.width >= 100 { 20 } else { 10 };
    for tier in &case.tiers {
        let share = tier.bandwidth_utilization;
        let cells = [
            tier.name.clone(),
            Bytes(tier.bytes_read).to_string(),
            Bytes(tier.bytes_written).to_string(),
            share.map(percent).unwrap_or_default(),
            share.map(|share| bar(share, bar_width)).unwrap_or_default(),
            Bytes(tier.peak_occupancy_bytes).to_string(),
            Bytes(tier.capacity_bytes).to_string(),
        ];
        grid.row(Some(Tone::Bad), &cells);
    }
    grid
}

// The slowest first. Shares are of the run's time, so launch gaps between operators are in none of them.
fn operators(case: &CaseReport, view: View) -> String {
    let mut slowest: Vec<&OperatorReport> = case.operators.iter().collect();
    slowest.sort_by(|a, b| b.time_s.total_cmp(&a.time_s));
    let wide = view.width >= 96;
    let mut grid = Grid::new(if wide { "<>>>>>><" } else { "<>>>>><" });
    let headings = ["operator", "runs", "time", "share", "FLOPs", "bytes", "roofline", "bound by"];
    let keep = |cells: [String; 8]| -> Vec<String> {
        cells.into_iter().enumerate().filter(|(index, _)| wide || *index != 6).map(|(_, cell)| cell).collect()
    };
    grid.header(&keep(headings.map(str::to_owned)));
    let most = if view.verbose { usize::MAX } else { OPERATORS_SHOWN };
    let share = |time_s: f64| crate::number::ratio(time_s, case.time_s).map(percent).unwrap_or_default();
    for op in slowest.iter().take(most) {
        grid.row(
            None,
            &keep([
                shorten(&op.name, 24),
                op.count.to_string(),
                Picos::from_secs_f64_ceil(op.time_s).to_string(),
                share(op.time_s),
                flops(op.flops),
                Bytes(op.bytes).to_string(),
                crate::number::ratio(op.time_s, op.roofline_s).map(times).unwrap_or_default(),
                op.bound_by.clone(),
            ]),
        );
    }
    let rest: f64 = slowest.iter().skip(most).map(|op| op.time_s).sum();
    let mut text = grid.render(view);
    if slowest.len() > most {
        let more = format!("  and {} more, together {} (-v shows all)", slowest.len() - most, share(rest));
        text += &(view.paint(Tone::Dim, &more) + "\n");
    }
    text
}

fn bytes(count: u128) -> String {
    Bytes(u64::try_from(count).unwrap_or(u64::MAX)).to_string()
}

fn flops(count: u128) -> String {
    Flops(count).to_string()
}
