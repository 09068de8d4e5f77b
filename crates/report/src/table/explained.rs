//! `memwall explain`: one operator with the arithmetic shown.

use memwall_simulator::{ExplainedBound, ExplainedChoice, ExplainedOperand, ExplainedWaves, Explanation};
use memwall_units::{Bytes, BytesPerSec, Flops, FlopsPerSec, Picos};

use super::layout::{Grid, Tone, View, wrap};
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
    let mut grid = Grid::new("<<<>>");
    grid.header(&["", "tensor", "shape", "bytes", "already cached"]);
    let mut add = |role: &str, operand: &ExplainedOperand| {
        let shape = operand.shape.iter().map(u64::to_string).collect::<Vec<_>>().join(" x ");
        let shape = format!("{shape} {}", operand.dtype);
        let cached = operand.cached.map(percent).unwrap_or_default();
        grid.row(None, &[role, &operand.name, &shape, &operand.bytes.to_string(), &cached]);
    };
    explanation.inputs.iter().for_each(|operand| add("reads", operand));
    explanation.outputs.iter().for_each(|operand| add("writes", operand));
    view.paint(Tone::Heading, "Operands") + "\n" + &grid.render(view)
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
    let text = format!("{choice}; buffers take {held}. {units} cores, {engine} engine.");
    let mut grid = Grid::new(">>>>><<");
    grid.header(&[
        "waves",
        "cores",
        "steps",
        "a step computes",
        "in flight",
        "a core's step loads",
        "a core's wave stores",
    ]);
    for wave in &explanation.waves {
        grid.row(None, &wave_cells(wave));
    }
    let heading = view.paint(Tone::Heading, "Mapping");
    format!("{heading}\n{}{}", wrap(&text, view.width, " ", " "), grid.render(view))
}

fn wave_cells(wave: &ExplainedWaves) -> [String; 7] {
    let moved = |list: &[(String, f64)]| {
        let parts = list.iter().filter(|(_, bytes)| *bytes > 0.0);
        parts
            .map(|(name, bytes)| format!("{name} {}", Bytes(bytes.round() as u64)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    [
        wave.count.to_string(),
        wave.units.to_string(),
        wave.steps.to_string(),
        wave.step.to_string(),
        wave.slots.to_string(),
        moved(&wave.load),
        moved(&wave.store),
    ]
}

fn bounds(explanation: &Explanation, view: View) -> String {
    let mut grid = Grid::new("<>><>");
    grid.header(&["resource", "work", "datasheet rate", "least time", "of the time taken"]);
    for bound in &explanation.bounds {
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
