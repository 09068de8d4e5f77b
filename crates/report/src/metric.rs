//! Figures of a report by name, for `expect:` blocks and comparisons.
//!
//! A name is a figure of the case (`time`, `tokens_per_s`) or a path to one of its parts
//! (`tiers.hbm.bytes_read`, `operators.mlp.up.time`, `stalls.bandwidth(hbm)`).

use memwall_units::{Bytes, BytesPerSec, Joules, Picos, Watts};
use thiserror::Error;

use crate::number::{count, percent, significant};
use crate::{CaseReport, cause_text};

/// What a metric is measured in; decides how it prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricUnit {
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Bytes a second.
    BytesPerSec,
    /// Joules.
    Joules,
    /// Watts.
    Watts,
    /// A share, 0 to 1.
    Share,
    /// A plain number: FLOPs, tokens a second, FLOPs a byte.
    Plain,
}

/// A metric's name that is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no metric `{name}`; {hint}")]
pub struct UnknownMetric {
    /// As written.
    pub name: String,
    /// The names that would do.
    pub hint: String,
}

type Get = fn(&CaseReport) -> Option<f64>;

// Every figure of a case, with the name users write.
const CASE_METRICS: [(&str, MetricUnit, Get); 33] = [
    ("time", MetricUnit::Seconds, |case| Some(case.time_s)),
    ("tokens", MetricUnit::Plain, |case| Some(case.tokens as f64)),
    ("tokens_per_s", MetricUnit::Plain, |case| case.tokens_per_s),
    ("ttft", MetricUnit::Seconds, |case| case.ttft_s),
    ("tpot", MetricUnit::Seconds, |case| case.tpot_s),
    ("flops", MetricUnit::Plain, |case| Some(case.flops as f64)),
    ("flops_per_s", MetricUnit::Plain, |case| crate::number::ratio(case.flops as f64, case.time_s)),
    ("mops_bytes", MetricUnit::Bytes, |case| Some(case.mops_bytes as f64)),
    ("dram_bytes", MetricUnit::Bytes, |case| Some(case.dram_bytes as f64)),
    ("intensity_mops", MetricUnit::Plain, |case| case.intensity_mops),
    ("intensity_dram", MetricUnit::Plain, |case| case.intensity_dram),
    ("mfu", MetricUnit::Share, |case| case.mfu),
    ("roofline", MetricUnit::Seconds, |case| Some(case.roofline_s)),
    ("times_roofline", MetricUnit::Plain, |case| case.times_roofline),
    ("events", MetricUnit::Plain, |case| Some(case.events as f64)),
    ("busy", MetricUnit::Share, busy_share),
    ("exposed_communication", MetricUnit::Share, |case| case.team.as_ref()?.exposed_communication),
    ("overlapped_communication", MetricUnit::Share, |case| case.team.as_ref()?.overlapped_communication),
    ("bubble", MetricUnit::Share, |case| case.team.as_ref()?.bubble),
    ("weight_bytes", MetricUnit::Bytes, |case| Some(case.footprint[0] as f64)),
    ("kv_cache_bytes", MetricUnit::Bytes, |case| Some(case.footprint[1] as f64)),
    ("relative_time", MetricUnit::Plain, |case| case.relative_time),
    ("ranks", MetricUnit::Plain, |case| Some(case.team.as_ref().map_or(1.0, |team| team.ranks as f64))),
    ("model_flops_utilization", MetricUnit::Share, |case| case.training.as_ref()?.mfu),
    ("tokens_per_s_per_device", MetricUnit::Plain, |case| case.training.as_ref()?.tokens_per_s_per_device),
    ("training_memory", MetricUnit::Bytes, |case| {
        Some(case.training.as_ref()?.memory.as_ref()?.peak_bytes as f64)
    }),
    ("training_days", MetricUnit::Plain, |case| case.training.as_ref()?.days),
    ("device_hours_per_trillion_tokens", MetricUnit::Plain, |case| {
        case.training.as_ref()?.device_hours_per_trillion_tokens
    }),
    ("energy", MetricUnit::Joules, |case| Some(case.energy.total_j.likely)),
    ("energy_per_token", MetricUnit::Joules, |case| case.energy.per_token_j.map(|each| each.likely)),
    ("average_power", MetricUnit::Watts, |case| case.energy.average_power_w.map(|power| power.likely)),
    ("area_mm2", MetricUnit::Plain, |case| Some(case.silicon.as_ref()?.area.total_mm2.likely)),
    ("unit_cost_usd", MetricUnit::Plain, |case| crate::csv::unit_cost(case).map(|cost| cost.likely)),
];

// Paths into the parts of a case: the list, and what each part has.
const PARTS: [(&str, &[&str]); 6] = [
    (
        "tiers",
        &["bytes_read", "bytes_written", "bandwidth_utilization", "peak_occupancy_bytes", "capacity_bytes"],
    ),
    ("engines", &["busy", "units"]),
    ("phases", &["time", "steps", "tokens", "tokens_per_s", "first_step", "last_step"]),
    ("operators", &["time", "count", "flops", "bytes", "dram_bytes", "roofline", "busy_ps"]),
    ("classes", &["time", "flops", "mops_bytes", "intensity_mops"]),
    ("stalls", &[]),
];

/// The names of the figures a case has, in the order of the reference page.
#[must_use]
pub fn metric_names() -> Vec<&'static str> {
    CASE_METRICS.iter().map(|(name, _, _)| *name).collect()
}

/// Whether `name` can name a metric, as far as that shows without a report.
///
/// # Errors
/// [`UnknownMetric`] with the names that would do.
pub fn check_metric_name(name: &str) -> Result<(), UnknownMetric> {
    if CASE_METRICS.iter().any(|(known, _, _)| *known == plain_name(name)) {
        return Ok(());
    }
    let unknown = |hint: String| Err(UnknownMetric { name: name.chars().take(80).collect(), hint });
    let Some((list, rest)) = name.split_once('.') else {
        return unknown(format!("the metrics are {}", metric_names().join(", ")));
    };
    match PARTS.iter().find(|(part, _)| *part == list) {
        Some(("stalls", _)) => Ok(()),
        Some((_, fields))
            if rest.rsplit_once('.').is_some_and(|(_, field)| fields.contains(&plain_name(field))) =>
        {
            Ok(())
        }
        Some((part, fields)) => unknown(format!("write `{part}.NAME.` and one of {}", fields.join(", "))),
        None => unknown(format!("a path starts with one of {}", PARTS.map(|(part, _)| part).join(", "))),
    }
}

/// The figure of `case` called `name`: its value, absent where the case has none, and its unit.
///
/// # Errors
/// [`UnknownMetric`] when no figure or part of this case has that name.
pub fn metric(case: &CaseReport, name: &str) -> Result<(Option<f64>, MetricUnit), UnknownMetric> {
    check_metric_name(name)?;
    if let Some((_, unit, get)) = CASE_METRICS.iter().find(|(known, _, _)| *known == plain_name(name)) {
        return Ok((get(case), *unit));
    }
    let (list, rest) = name.split_once('.').unwrap_or((name, ""));
    if list == "stalls" {
        return Ok((Some(stall_share(case, rest)), MetricUnit::Share));
    }
    let (part, field) = rest.rsplit_once('.').unwrap_or((rest, ""));
    let found = part_metric(case, list, part, plain_name(field));
    found.ok_or_else(|| UnknownMetric {
        name: name.to_owned(),
        hint: format!("this case's {list} are {}", part_names(case, list).join(", ")),
    })
}

/// `value` as a person would write it.
#[must_use]
pub fn metric_text(value: f64, unit: MetricUnit) -> String {
    match unit {
        MetricUnit::Seconds => Picos::from_secs_f64_ceil(value).to_string(),
        MetricUnit::Bytes if value < 1.8e19 => Bytes(value.round() as u64).to_string(),
        MetricUnit::BytesPerSec => BytesPerSec(value).to_string(),
        MetricUnit::Joules => Joules(value).to_string(),
        MetricUnit::Watts => Watts(value).to_string(),
        MetricUnit::Share => percent(value),
        MetricUnit::Bytes => significant(value, 4),
        MetricUnit::Plain => count(value),
    }
}

// JSON spells a time `time_s`; an `expect:` may do so too.
fn plain_name(name: &str) -> &str {
    match name {
        "time_s" | "ttft_s" | "tpot_s" | "roofline_s" | "first_step_s" | "last_step_s" => {
            &name[..name.len() - 2]
        }
        _ => name,
    }
}

fn busy_share(case: &CaseReport) -> Option<f64> {
    let main = case.engines.iter().find(|engine| Some(&engine.name) == case.main_engine.as_ref())?;
    Some(main.share(main.busy_ps))
}

// `bandwidth(hbm)` is one line of the main engine's ledger, `bandwidth` all lines of that cause.
fn stall_share(case: &CaseReport, cause: &str) -> f64 {
    let main = case.engines.iter().find(|engine| Some(&engine.name) == case.main_engine.as_ref());
    main.map_or(0.0, |engine| {
        let named =
            engine.stalls.iter().filter(|stall| stall.cause.name() == cause || cause_text(stall) == cause);
        engine.share(named.map(|stall| stall.ps).sum())
    })
}

fn part_names<'a>(case: &'a CaseReport, list: &str) -> Vec<&'a str> {
    match list {
        "tiers" => case.tiers.iter().map(|tier| tier.name.as_str()).collect(),
        "engines" => case.engines.iter().map(|engine| engine.name.as_str()).collect(),
        "phases" => case.phases.iter().map(|phase| phase.name.as_str()).collect(),
        "operators" => case.operators.iter().map(|op| op.name.as_str()).collect(),
        _ => case.classes.iter().map(|class| class.name.as_str()).collect(),
    }
}

// `None` when there is no such part; the field is known to exist.
fn part_metric(case: &CaseReport, list: &str, part: &str, field: &str) -> Option<(Option<f64>, MetricUnit)> {
    use MetricUnit::{Bytes, Plain, Seconds, Share};
    let value = match list {
        "tiers" => {
            let tier = case.tiers.iter().find(|tier| tier.name == part)?;
            match field {
                "bytes_read" => (Some(tier.bytes_read as f64), Bytes),
                "bytes_written" => (Some(tier.bytes_written as f64), Bytes),
                "bandwidth_utilization" => (tier.bandwidth_utilization, Share),
                "peak_occupancy_bytes" => (Some(tier.peak_occupancy_bytes as f64), Bytes),
                _ => (Some(tier.capacity_bytes as f64), Bytes),
            }
        }
        "engines" => {
            let engine = case.engines.iter().find(|engine| engine.name == part)?;
            match field {
                "busy" => (Some(engine.share(engine.busy_ps)), Share),
                _ => (Some(f64::from(engine.units)), Plain),
            }
        }
        "phases" => {
            let phase = case.phases.iter().find(|phase| phase.name == part)?;
            match field {
                "time" => (Some(phase.time_s), Seconds),
                "first_step" => (Some(phase.first_step_s), Seconds),
                "last_step" => (Some(phase.last_step_s), Seconds),
                "steps" => (Some(phase.steps as f64), Plain),
                "tokens" => (Some(phase.tokens as f64), Plain),
                _ => (phase.tokens_per_s, Plain),
            }
        }
        "operators" => {
            let op = case.operators.iter().find(|op| op.name == part)?;
            match field {
                "time" => (Some(op.time_s), Seconds),
                "roofline" => (Some(op.roofline_s), Seconds),
                "bytes" => (Some(op.bytes as f64), Bytes),
                "dram_bytes" => (Some(op.dram_bytes as f64), Bytes),
                "count" => (Some(op.count as f64), Plain),
                "busy_ps" => (Some(op.busy_ps as f64), Plain),
                _ => (Some(op.flops as f64), Plain),
            }
        }
        _ => {
            let class = case.classes.iter().find(|class| class.name == part)?;
            match field {
                "time" => (Some(class.time_s), Seconds),
                "mops_bytes" => (Some(class.mops_bytes as f64), Bytes),
                "intensity_mops" => (class.intensity_mops, Plain),
                _ => (Some(class.flops as f64), Plain),
            }
        }
    };
    Some(value)
}
