//! `memwall explain`: one operator with the arithmetic shown.

use memwall_simulator::{ExplainedBound, ExplainedChoice, ExplainedOperand, ExplainedWaves, Explanation};
use memwall_units::{Bytes, BytesPerSec, Flops, FlopsPerSec, Picos};

use super::columns::Columns;
use super::layout::{Grid, Tone, View, shorten, wrap};
use crate::StallReport;
use crate::number::percent;
use crate::wall::cause_text;

/// The explanation as text for a terminal.
#[must_use]
pub fn explanation_text(explanation: &Explanation, view: View) -> String {
    let blocks = [
        heading(explanation, view),
        operands(explanation, view),
        mapping(explanation, view),
        bounds(explanation, view),
        ledger(explanation, view),
    ];
    blocks.join("\n")
}

fn heading(explanation: &Explanation, view: View) -> String {
    let title = view.paint(Tone::Title, &explanation.name);
    format!(
        "{title}  {} in {}, {}, {}\n",
        explanation.kind,
        explanation.compute,
        Flops(explanation.flops as u128),
        explanation.duration
    )
}

fn operands(explanation: &Explanation, view: View) -> String {
    let reads = explanation.inputs.iter().map(|operand| ("reads", operand));
    let all: Vec<(&str, &ExplainedOperand)> =
        reads.chain(explanation.outputs.iter().map(|operand| ("writes", operand))).collect();
    let shape = |operand: &ExplainedOperand| {
        let sizes = operand.shape.iter().map(u64::to_string).collect::<Vec<_>>().join(" x ");
        format!("{sizes} {}", operand.dtype)
    };
    let mut table = Columns::new(None);
    table.add("", '<', 0, all.iter().map(|(role, _)| (*role).to_owned()));
    table.add("tensor", '<', 0, all.iter().map(|(_, operand)| shorten(&operand.name, 40)));
    table.add("shape", '<', 1, all.iter().map(|(_, operand)| shape(operand)));
    table.add("bytes", '>', 0, all.iter().map(|(_, operand)| operand.bytes.to_string()));
    let cached = |operand: &ExplainedOperand| operand.cached.map(percent).unwrap_or_default();
    table.add("already cached", '>', 0, all.iter().map(|(_, operand)| cached(operand)));
    view.paint(Tone::Heading, "Operands") + "\n" + &table.fit(view).render(view)
}

fn mapping(explanation: &Explanation, view: View) -> String {
    let (memory, capacity) = &explanation.tile_memory;
    let (engine, units) = explanation.engine;
    let choice = match explanation.choice {
        ExplainedChoice::Tiles { m, n, k, split_k, tiles } => {
            let split = if split_k > 1 { format!(", k split in {split_k}") } else { String::new() };
            format!("{tiles} tiles of {m} x {n}, {k} deep a step{split}")
        }
        ExplainedChoice::Stream { chunk } => format!("streamed in chunks of {chunk} a core"),
        ExplainedChoice::Blocks { queries, keys, split, tiles } => {
            let split = if split > 1 { format!(", sequence split in {split}") } else { String::new() };
            format!("{tiles} blocks of {queries} query rows, {keys} keys a step{split}")
        }
    };
    let held = format!("{} of {capacity} of {memory} a core", explanation.tile_bytes);
    let text = format!(
        "{choice}; buffers take {held}. {units} cores, {engine} engine. Loads and stores are those of one core."
    );
    let heading = view.paint(Tone::Heading, "Mapping");
    format!("{heading}\n{}{}", wrap(&text, view.width, " ", " "), waves(&explanation.waves, view))
}

// Waves in a row, then what one core of each moves: together they would be wider than most terminals.
fn waves(waves: &[ExplainedWaves], view: View) -> String {
    let moved = |list: &[(String, f64)]| {
        let parts = list.iter().filter(|(_, bytes)| *bytes > 0.0);
        let texts = parts.map(|(name, bytes)| format!("{name} {}", Bytes(bytes.round() as u64)));
        texts.collect::<Vec<_>>().join(", ")
    };
    let mut table = Columns::new(None);
    let mut add = |heading: &str, side: char, drop: u8, cell: &dyn Fn(&ExplainedWaves) -> String| {
        table.add(heading, side, drop, waves.iter().map(cell));
    };
    add("waves", '>', 0, &|wave| wave.count.to_string());
    add("cores", '>', 0, &|wave| wave.units.to_string());
    add("steps", '>', 0, &|wave| wave.steps.to_string());
    add("one takes", '>', 0, &|wave| wave.step.to_string());
    add("in flight", '>', 2, &|wave| wave.slots.to_string());
    add("and loads", '<', 0, &|wave| moved(&wave.load));
    add("a wave stores", '<', 1, &|wave| moved(&wave.store));
    table.fit(view).render(view)
}

fn bounds(explanation: &Explanation, view: View) -> String {
    let mut grid = Grid::new("<>><>");
    grid.header(&["resource", "work", "datasheet rate", "least time", "of the time taken"]);
    for bound in explanation.bounds.iter().filter(|bound| bound.amount > 0.0) {
        let (amount, rate) = amounts(bound);
        let share = bound.time.as_secs_f64() / explanation.duration.as_secs_f64().max(1e-12);
        grid.row(
            None,
            &[&bound.name, &amount, &format!("/ {rate}"), &format!("= {}", bound.time), &percent(share)],
        );
    }
    view.paint(Tone::Heading, "Bounds: work / rate = least time") + "\n" + &grid.render(view)
}

fn amounts(bound: &ExplainedBound) -> (String, String) {
    if bound.is_bytes {
        (Bytes(bound.amount.round() as u64).to_string(), BytesPerSec(bound.rate).to_string())
    } else {
        (Flops(bound.amount.round() as u128).to_string(), FlopsPerSec(bound.rate).to_string())
    }
}

fn ledger(explanation: &Explanation, view: View) -> String {
    let (engine, units) = explanation.engine;
    let total = f64::from(units) * explanation.duration.0 as f64;
    let mut grid = Grid::new("<>>");
    grid.header(&["", "core-time", "share"]);
    let core_time = |ps: u128| Picos(u64::try_from(ps).unwrap_or(u64::MAX)).to_string();
    let mut add =
        |name: &str, ps: u128| grid.row(None, &[name, &core_time(ps), &percent(ps as f64 / total.max(1.0))]);
    add("useful work", explanation.busy);
    for stall in &explanation.stalls {
        let line = StallReport { cause: stall.cause, place: stall.place.clone(), ps: stall.ps };
        add(&cause_text(&line), stall.ps);
    }
    let heading = view.paint(Tone::Heading, &format!("Where the {engine} engine's time went"));
    let verdict = format!("bound by {}", explanation.bound_by);
    format!("{heading}\n{} {verdict}\n", grid.render(view))
}
