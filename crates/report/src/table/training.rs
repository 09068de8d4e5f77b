//! What an iteration of training took and kept, for a terminal.

use memwall_units::{Bytes, Picos};

use super::case::section;
use super::columns::Columns;
use super::layout::{Tone, View, bar, wrap};
use crate::number::{count, percent, ratio};
use crate::{CaseReport, TrainingMemoryReport, TrainingReport};

/// Passes, utilisation, memory, and what a trillion tokens cost.
pub(super) fn training_block(case: &CaseReport, training: &TrainingReport, view: View) -> String {
    let mut text = section(view, "The iteration");
    let time = |seconds: f64| Picos::from_secs_f64_ceil(seconds).to_string();
    let passes = |times: &[f64]| times.iter().map(|one| time(*one)).collect::<Vec<_>>().join(" + ");
    let share = |seconds: f64| ratio(seconds, case.time_s).map(percent).unwrap_or_default();
    let mut lines = vec![
        format!(
            "a micro-batch takes {} there and {} back on a rank of the busiest stage",
            passes(&training.forward_s),
            passes(&training.backward_s)
        ),
        format!(
            "the passes of all take {} ({}), gradients that outlast them {}, the update and what belongs to it {}",
            time(training.pipeline_s),
            share(training.pipeline_s),
            time(training.gradient_tail_s),
            time(training.finish_s)
        ),
    ];
    if let (Some(mfu), Some(hfu)) = (training.mfu, training.hfu) {
        lines.push(format!(
            "MFU {}: three times the forward pass's products over all devices' peaks; HFU {}: with what is computed \
             again, on that rank",
            percent(mfu),
            percent(hfu)
        ));
    }
    lines.extend(prices(training));
    for line in lines {
        text += &wrap(&line, view.width, "  ", "    ");
    }
    if let Some(memory) = &training.memory {
        text += &memory_block(memory, view);
    }
    text
}

fn prices(training: &TrainingReport) -> Vec<String> {
    let mut lines = Vec::new();
    let mut parts = Vec::new();
    if let Some(hours) = training.device_hours_per_trillion_tokens {
        parts.push(format!("{} device hours", count(hours)));
    }
    if let Some(energy) = training.mwh_per_trillion_tokens {
        parts.push(format!("{} MWh", count(energy)));
    }
    if let Some(dollars) = training.dollars_per_trillion_tokens {
        parts.push(format!("${}", count(dollars)));
    }
    if !parts.is_empty() {
        lines.push(format!("a trillion tokens take {}", parts.join(", ")));
    }
    if let Some(days) = training.days {
        lines.push(format!("the whole training takes {days:.1} days"));
    }
    lines
}

fn memory_block(memory: &TrainingMemoryReport, view: View) -> String {
    let mut text = section(view, "What lies in device memory at its fullest");
    let of = |bytes: u64| ratio(bytes as f64, memory.capacity_bytes as f64).unwrap_or(0.0);
    let mut table = Columns::new(None);
    let names = memory.items.iter().map(|item| item.name.to_owned()).chain(std::iter::once("all".to_owned()));
    let all = memory.items.iter().map(|item| item.bytes).chain(std::iter::once(memory.peak_bytes));
    let all: Vec<u64> = all.collect();
    table.add("what", '<', 0, names);
    table.add("bytes", '>', 0, all.iter().map(|bytes| Bytes(*bytes).to_string()));
    table.add("of the memory", '>', 1, all.iter().map(|bytes| percent(of(*bytes))));
    table.add("", '<', 2, all.iter().map(|bytes| bar(of(*bytes).min(1.0), 30)));
    text += &table.fit(view).render(view);
    let line = format!("of a rank of stage {}, which is the fullest", memory.stage);
    text += &view.paint(Tone::Dim, &wrap(&line, view.width, "  ", "  "));
    text
}
