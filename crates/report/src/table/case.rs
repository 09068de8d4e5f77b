//! One case in full.

use memwall_simulator::Cause;
use memwall_units::{Bytes, Flops, Picos};

use super::columns::Columns;
use super::layout::{Grid, Tone, View, bar, clean, shorten, wrap};
use super::many::notes;
use crate::number::{count, percent, significant, times};
use crate::{CaseReport, ClassReport, EngineReport, OperatorReport, TierReport, cause_text, wall_sentence};

const OPERATORS_SHOWN: usize = 8;
// Below this share a stall is not worth a line; the ledger in JSON has it.
const LEAST_STALL_SHOWN: f64 = 0.000_5;

pub(super) fn case_block(case: &CaseReport, view: View) -> String {
    let mut text = heading(case, view);
    text.push('\n');
    text += &figures(case, view).render(view);
    text.push('\n');
    text += &(view.paint(Tone::Title, wrap(&wall_sentence(case), view.width, "", "").trim_end()) + "\n");
    if let Some(engine) = main_engine(case) {
        text += &section(view, &format!("Where the time of the {} engine goes", engine.name));
        text += &ledger(engine, view).render(view);
        if view.verbose {
            for other in case.engines.iter().filter(|other| other.name != engine.name) {
                text += &section(view, &format!("Where the time of the {} engine goes", other.name));
                text += &ledger(other, view).render(view);
            }
        } else {
            text += &other_engines(case, engine, view);
        }
    }
    if !case.tiers.is_empty() {
        text += &section(view, "What moved");
        text += &tiers(case, view);
    }
    if let Some(training) = &case.training {
        text += &super::training::training_block(case, training, view);
    }
    if let Some(team) = &case.team {
        text += &super::team::team_block(case, team, view);
    }
    if !case.operators.is_empty() {
        text += &section(view, "What took the time");
        text += &operators(case, view);
    }
    text += &super::energy::energy_block(case, view);
    if view.verbose && !case.classes.is_empty() {
        text += &section(view, "By class of operator");
        text += &classes(case, view);
    }
    text + &notes(std::slice::from_ref(case), view)
}

fn heading(case: &CaseReport, view: View) -> String {
    let mut text = view.paint(Tone::Title, &clean(&case.name)) + "\n";
    if let Some(description) = &case.description {
        text += &wrap(&clean(description), view.width, "", "");
    }
    let machine = case.team.as_ref().map_or_else(
        || case.device.title.clone(),
        |team| format!("{} ({} x {}, {})", team.system, team.ranks, case.device.title, team.parallel),
    );
    let what = format!("{} on {machine}: {}", case.model, case.workload);
    text += &wrap(&clean(&what), view.width, "", "");
    let how =
        format!("software {}, fidelity {}, counting {}", case.software, case.fidelity.name(), counting(case));
    text + &view.paint(Tone::Dim, &how) + "\n"
}

pub(super) fn counting(case: &CaseReport) -> &'static str {
    match case.counting {
        memwall_model_graph::Counting::Actual => "actual",
        memwall_model_graph::Counting::Paper => "paper",
    }
}

pub(crate) fn section(view: View, title: &str) -> String {
    format!("\n{}\n", view.paint(Tone::Heading, title))
}

fn main_engine(case: &CaseReport) -> Option<&EngineReport> {
    case.engines.iter().find(|engine| Some(&engine.name) == case.main_engine.as_ref())
}

// Figures that belong together side by side; what a case does not have is left out.
fn figures(case: &CaseReport, view: View) -> Grid {
    let seconds = |value: f64| Picos::from_secs_f64_ceil(value).to_string();
    let digits = |value: f64| significant(value, 4);
    let over_roofline =
        case.times_roofline.map(|factor| format!("{} ({})", times(factor), seconds(case.roofline_s)));
    let tokens = (case.tokens > 0).then(|| case.tokens.to_string());
    let tokens_per_s = case.tokens_per_s.filter(|rate| *rate > 0.0).map(count);
    let tpot = ("a token (TPOT)", case.tpot_s.map(seconds));
    let latencies = match case.ttft_s.map(seconds) {
        Some(ttft) => (("prefill (TTFT)", Some(ttft)), tpot),
        None => (tpot, ("tokens", tokens.filter(|_| case.tpot_s.is_some()))),
    };
    // With what a training computes again.
    let utilisation = if case.training.is_some() { "utilisation (HFU)" } else { "utilisation (MFU)" };
    let pairs = [
        (("time", Some(Picos(case.time_ps).to_string())), ("tokens/s", tokens_per_s)),
        latencies,
        (("bound by", Some(case.bound_by.clone())), ("over the roofline", over_roofline)),
        (("FLOPs", Some(flops(case.flops))), (utilisation, case.mfu.map(percent))),
        (("bytes accessed", Some(bytes(case.mops_bytes))), ("FLOPs a byte", case.intensity_mops.map(digits))),
        (
            ("DRAM bytes", Some(bytes(case.dram_bytes))),
            ("FLOPs a DRAM byte", case.intensity_dram.map(digits)),
        ),
    ];
    let pairs = pairs.map(|(left, right)| [named(left), named(right)]);
    let wide = figure_grid(&pairs, true);
    if wide.width() <= view.width { wide } else { figure_grid(&pairs, false) }
}

// A figure's name and value; both empty where there is none.
fn named((name, value): (&str, Option<String>)) -> [String; 2] {
    value.map_or_else(Default::default, |value| [name.to_owned(), value])
}

fn figure_grid(pairs: &[[[String; 2]; 2]], side_by_side: bool) -> Grid {
    let mut grid = Grid::new(if side_by_side { "<<<<" } else { "<<" });
    let is_there = |cells: &&[String; 2]| !cells[0].is_empty();
    for pair in pairs {
        if !side_by_side {
            pair.iter().filter(is_there).for_each(|cells| grid.row(None, cells));
        } else if pair.iter().any(|cells| is_there(&cells)) {
            grid.row(None, &pair.concat());
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

// Innermost first. A tier that nothing used is named below: ten zeros say no more than that.
fn tiers(case: &CaseReport, view: View) -> String {
    let idle = |tier: &TierReport| {
        tier.bytes_read == 0 && tier.bytes_written == 0 && tier.peak_occupancy_bytes == 0 && !view.verbose
    };
    let used: Vec<&TierReport> = case.tiers.iter().filter(|tier| !idle(tier)).collect();
    let share = |tier: &TierReport| tier.bandwidth_utilization;
    let bar_width = if view.width >= 100 { 20 } else { 10 };
    let mut table = Columns::new(Some(Tone::Bad));
    let mut add = |heading: &str, side: char, drop: u8, cell: &dyn Fn(&TierReport) -> String| {
        table.add(heading, side, drop, used.iter().map(|tier| cell(tier)));
    };
    add("tier", '<', 0, &|tier| shorten(&tier.name, 24));
    add("read", '>', 0, &|tier| Bytes(tier.bytes_read).to_string());
    add("written", '>', 0, &|tier| Bytes(tier.bytes_written).to_string());
    add("of its bandwidth", '>', 0, &|tier| share(tier).map(percent).unwrap_or_default());
    add("", '<', 3, &|tier| share(tier).map(|share| bar(share, bar_width)).unwrap_or_default());
    add("peak held", '>', 1, &|tier| Bytes(tier.peak_occupancy_bytes).to_string());
    add("capacity", '>', 2, &|tier| Bytes(tier.capacity_bytes).to_string());
    let mut text = table.fit(view).render(view);
    let unused: Vec<&str> =
        case.tiers.iter().filter(|tier| idle(tier)).map(|tier| tier.name.as_str()).collect();
    if !unused.is_empty() {
        let line = wrap(&clean(&format!("Not used: {}.", unused.join(", "))), view.width, "  ", "  ");
        text += &(view.paint(Tone::Dim, line.trim_end()) + "\n");
    }
    text
}

// The slowest first. Shares are of the run's time, so launch gaps between operators are in none of them.
fn operators(case: &CaseReport, view: View) -> String {
    let mut slowest: Vec<&OperatorReport> = case.operators.iter().collect();
    slowest.sort_by(|a, b| b.time_s.total_cmp(&a.time_s));
    let most = if view.verbose { usize::MAX } else { OPERATORS_SHOWN };
    let share = |time_s: f64| crate::number::ratio(time_s, case.time_s).map(percent).unwrap_or_default();
    let mut table = Columns::new(None);
    let mut add = |heading: &str, side: char, drop: u8, cell: &dyn Fn(&OperatorReport) -> String| {
        table.add(heading, side, drop, slowest.iter().take(most).map(|op| cell(op)));
    };
    add("operator", '<', 0, &|op| shorten(&op.name, 24));
    add("runs", '>', 1, &|op| op.count.to_string());
    add("time", '>', 0, &|op| Picos::from_secs_f64_ceil(op.time_s).to_string());
    add("share", '>', 0, &|op| share(op.time_s));
    add("FLOPs", '>', 2, &|op| flops(op.flops));
    add("bytes", '>', 3, &|op| Bytes(op.bytes).to_string());
    add("roofline", '>', 4, &|op| {
        crate::number::ratio(op.time_s, op.roofline_s).map(times).unwrap_or_default()
    });
    add("bound by", '<', 0, &|op| op.bound_by.clone());
    let rest: f64 = slowest.iter().skip(most).map(|op| op.time_s).sum();
    let mut text = table.fit(view).render(view);
    if slowest.len() > most {
        let more = format!("  and {} more, together {} (-v shows all)", slowest.len() - most, share(rest));
        text += &(view.paint(Tone::Dim, &more) + "\n");
    }
    text
}

// The classes of Kim et al. 2023 (Tables 3, 10 and 11), with each one's part of the whole.
fn classes(case: &CaseReport, view: View) -> String {
    let of = |part: f64, whole: f64| crate::number::ratio(part, whole).map(percent).unwrap_or_default();
    let time: f64 = case.classes.iter().map(|class| class.time_s).sum();
    let mut table = Columns::new(None);
    let mut add = |heading: &str, side: char, drop: u8, cell: &dyn Fn(&ClassReport) -> String| {
        table.add(heading, side, drop, case.classes.iter().map(cell));
    };
    add("class", '<', 0, &|class| class.name.clone());
    add("time", '>', 0, &|class| Picos::from_secs_f64_ceil(class.time_s).to_string());
    add("share", '>', 0, &|class| of(class.time_s, time));
    add("FLOPs", '>', 1, &|class| flops(class.flops));
    add("share", '>', 1, &|class| of(class.flops as f64, case.flops as f64));
    add("bytes accessed", '>', 2, &|class| bytes(class.mops_bytes));
    add("share", '>', 2, &|class| of(class.mops_bytes as f64, case.mops_bytes as f64));
    add("FLOPs a byte", '>', 3, &|class| {
        class.intensity_mops.map(|value| significant(value, 4)).unwrap_or_default()
    });
    table.fit(view).render(view)
}

fn bytes(count: u128) -> String {
    Bytes(u64::try_from(count).unwrap_or(u64::MAX)).to_string()
}

fn flops(count: u128) -> String {
    Flops(count).to_string()
}
