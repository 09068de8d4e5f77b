//! What the wall is: the one engine and the one cause a person should look at first.

use memwall_simulator::Cause;

use crate::number::percent;
use crate::{CaseReport, EngineReport, StallReport};

/// The wall as a sentence: "94 % of the time the matrix engine waits: 88 % on HBM bandwidth."
#[must_use]
pub fn wall_sentence(case: &CaseReport) -> String {
    let main = case.engines.iter().find(|engine| Some(&engine.name) == case.main_engine.as_ref());
    let Some(engine) = main.filter(|engine| engine.total_ps() > 0) else {
        return "No time passed.".to_owned();
    };
    let of = |ps: u128| percent(engine.share(ps));
    let waits: u128 =
        engine.stalls.iter().filter(|stall| is_waiting(stall.cause)).map(|stall| stall.ps).sum();
    let name = &engine.name;
    let Some(largest) = engine.stalls.first() else {
        return format!("The {name} engine does useful work all of the time.");
    };
    if largest.ps > engine.busy_ps && is_waiting(largest.cause) {
        let blame = format!(
            "{} of the time the {name} engine waits: {} {}",
            of(waits),
            of(largest.ps),
            phrase(largest)
        );
        return match engine.stalls.iter().skip(1).find(|stall| is_waiting(stall.cause)) {
            Some(next) if engine.share(next.ps) >= 0.05 => {
                format!("{blame}, {} {}.", of(next.ps), phrase(next))
            }
            _ => format!("{blame}."),
        };
    }
    let useful = of(engine.busy_ps);
    format!(
        "{useful} of the time the {name} engine does useful work; the largest loss, {}, goes {}.",
        of(largest.ps),
        loss(largest)
    )
}

/// `bandwidth(hbm)`, `launch`.
#[must_use]
pub fn cause_text(stall: &StallReport) -> String {
    match &stall.place {
        Some(place) => format!("{}({place})", stall.cause.name()),
        None => stall.cause.name().to_owned(),
    }
}

/// The engine whose ledger tells the story: the first (matrix) if it does anything, else the busiest of the device.
pub(crate) fn main_engine<'a>(engines: &'a [EngineReport]) -> Option<&'a EngineReport> {
    let first = engines.first()?;
    if first.busy_ps > 0 {
        return Some(first);
    }
    let busiest = |engines: &mut dyn Iterator<Item = &'a EngineReport>| {
        let mut busiest = first;
        for engine in engines {
            if engine.share(engine.busy_ps) > busiest.share(busiest.busy_ps) {
                busiest = engine;
            }
        }
        busiest
    };
    // The host's waiting says nothing about the device, as long as the device does anything.
    let on_device = busiest(&mut engines.iter().filter(|engine| engine.name != "host"));
    Some(if on_device.busy_ps > 0 { on_device } else { busiest(&mut engines.iter()) })
}

/// `compute`, or the cause of the engine's largest stall; `nothing` when no time passed.
pub(crate) fn bound_by(engine: &EngineReport) -> String {
    match engine.stalls.iter().max_by_key(|stall| stall.ps) {
        _ if engine.total_ps() == 0 => "nothing".to_owned(),
        Some(stall) if stall.ps > engine.busy_ps => cause_text(stall),
        _ => "compute".to_owned(),
    }
}

// The others are work done slower than peak, or by fewer units.
fn is_waiting(cause: Cause) -> bool {
    !matches!(cause, Cause::Occupancy | Cause::Power | Cause::Efficiency)
}

// Scenarios write tiers in lower case; prose has them as everybody does.
pub(crate) fn tier_in_words(name: &str) -> String {
    let digits_aside = name.trim_end_matches(|c: char| c.is_ascii_digit());
    match digits_aside {
        "hbm" | "l" | "llc" | "dram" | "ddr" | "lpddr" | "gddr" | "sram" | "vmem" => name.to_uppercase(),
        _ => name.to_owned(),
    }
}

// What an engine waits "on".
fn phrase(stall: &StallReport) -> String {
    let place = tier_in_words(stall.place.as_deref().unwrap_or("memory"));
    match stall.cause {
        Cause::Launch => "for the host to launch kernels".to_owned(),
        Cause::Dependency => "for other engines' results".to_owned(),
        Cause::Communication => {
            format!("on communication over {}", stall.place.as_deref().unwrap_or("links"))
        }
        Cause::Ramp => "for the first fill and last drain of waves".to_owned(),
        Cause::Bandwidth => format!("on {place} bandwidth"),
        Cause::Latency => format!("on {place} latency"),
        Cause::Capacity => format!("for room in {place}"),
        Cause::Idle => "with nothing to do".to_owned(),
        Cause::Occupancy | Cause::Power | Cause::Efficiency => format!("on {}", stall.cause.name()),
    }
}

// What the time that is not useful work "goes" to.
fn loss(stall: &StallReport) -> String {
    match stall.cause {
        Cause::Occupancy => "to idle units and padding".to_owned(),
        Cause::Power => "to the power limit".to_owned(),
        Cause::Efficiency => "to computing below peak".to_owned(),
        Cause::Idle => "by with nothing to do".to_owned(),
        _ => format!("to waiting {}", phrase(stall)),
    }
}
