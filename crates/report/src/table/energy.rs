//! What a run spent, in a few lines.

use memwall_hardware::technology::modelled_area;
use memwall_hardware::{Device, Estimate, peak_power};
use memwall_units::{Joules, Watts};

use super::case::section;
use super::layout::{View, clean, wrap};
use crate::number::{count, percent, significant};
use crate::{CaseReport, EnergyReport, SiliconReport};

/// Parts below this are summed up.
const LEAST_SHARE_SHOWN: f64 = 0.01;

/// Energy, power and what the device takes to make; nothing where no energy is known.
pub(super) fn energy_block(case: &CaseReport, view: View) -> String {
    let energy = &case.energy;
    if energy.total_j.likely <= 0.0 {
        return String::new();
    }
    let mut text = section(view, "What it cost");
    let mut line = |line: String| text += &wrap(&clean(&line), view.width, "  ", "    ");
    line(spent(energy));
    line(format!("of that {}", parts(energy)));
    if !energy.unknown.is_empty() {
        line(format!("not in it, because it is not known: {}", energy.unknown.join(", ")));
    }
    if let Some(silicon) = &case.silicon {
        line(made(silicon));
    }
    if view.verbose
        && let Some(silicon) = &case.silicon
    {
        silicon_lines(silicon).into_iter().for_each(line);
    }
    text
}

/// What is estimated of a device from what it is made of: area, cost, power at its peak.
#[must_use]
pub fn silicon_text(device: &Device, view: View) -> String {
    let mut text = section(view, "Estimated from what it is made of");
    let mut line = |line: String| text += &wrap(&clean(&line), view.width, " ", "   ");
    match SiliconReport::new(device) {
        Some(silicon) => {
            line(made(&silicon));
            silicon_lines(&silicon).into_iter().for_each(&mut line);
            let modelled = modelled_area(device).filter(|_| silicon.area.published_mm2.is_some());
            if let Some(modelled) = modelled {
                line(format!(
                    "without its published area it would be {} mm2",
                    with_range(modelled.total_mm2)
                ));
            }
        }
        None => line("its area and cost are not known: it names no `process`".to_owned()),
    }
    match peak_power(device) {
        Some(power) => line(format!(
            "power with the matrix engine at its peak and the memory streaming {} W, limit {} W",
            with_range(power),
            device.power.tdp.value.0
        )),
        None => line("its power at the peak is not known: an energy is missing".to_owned()),
    }
    text
}

fn spent(energy: &EnergyReport) -> String {
    let each = energy.per_token_j.map(|each| format!(", {} a token", Joules(each.likely)));
    let power = energy.average_power_w.map(|power| {
        let limit = energy.power_limit_w.map(|limit| format!(" of {}", Watts(limit))).unwrap_or_default();
        let of = if energy.devices > 1 { " in each device" } else { "" };
        format!("; {}{limit} on average{of}", watts(power.likely))
    });
    format!("energy {}{}{}", joules(energy.total_j), each.unwrap_or_default(), power.unwrap_or_default())
}

/// The largest first.
fn parts(energy: &EnergyReport) -> String {
    let mut parts: Vec<_> = energy.parts.iter().map(|part| (&part.name, part.share.unwrap_or(0.0))).collect();
    parts.sort_by(|a, b| b.1.total_cmp(&a.1));
    let shown = parts.iter().filter(|part| part.1 >= LEAST_SHARE_SHOWN);
    let mut list: Vec<String> = shown.map(|(name, share)| format!("{name} {}", percent(*share))).collect();
    let rest: f64 = parts.iter().map(|part| part.1).filter(|share| *share < LEAST_SHARE_SHOWN).sum();
    if rest > 0.0 {
        list.push(format!("other {}", percent(rest)));
    }
    list.join(", ")
}

fn made(silicon: &SiliconReport) -> String {
    let dies = if silicon.dies > 1 { format!("{} dies", silicon.dies) } else { "one die".to_owned() };
    let area = silicon.area.total_mm2;
    let cost = match &silicon.cost {
        Some(cost) => format!("; to make it about ${}", with_range(cost.total_usd)),
        None => "; no such die can be made".to_owned(),
    };
    format!("device {dies} in {}, {} mm2{cost}", silicon.process, with_range(area))
}

fn silicon_lines(silicon: &SiliconReport) -> Vec<String> {
    let area: Vec<String> = silicon
        .area
        .parts
        .iter()
        .map(|part| format!("{} {}", part.name, significant(part.mm2.likely, 3)))
        .collect();
    let mut lines = vec![format!("area in mm2: {}", area.join(", "))];
    if let Some(cost) = &silicon.cost {
        let parts: Vec<String> =
            cost.parts.iter().map(|part| format!("{} ${}", part.name, with_range(part.usd))).collect();
        lines.push(format!("cost: {}", parts.join(", ")));
        lines.push(format!(
            "{} dies on a wafer, of which {} can be sold",
            significant(cost.dies_per_wafer, 3),
            percent(cost.good_dies.likely)
        ));
        lines.extend(cost.notes.iter().map(|note| format!("not in it, or wrong with it: {note}")));
    }
    lines
}

/// `81.2 J (60.1 to 118)`.
pub(crate) fn joules(energy: Estimate) -> String {
    let short = |value: f64| Joules(value).to_string();
    format!("{} ({} to {})", short(energy.likely), short(energy.low), short(energy.high))
}

fn watts(power: f64) -> String {
    format!("{} W", significant(power, 3))
}

/// `2960 (2050 to 4300)`; alone where there is no range.
pub(crate) fn with_range(estimate: Estimate) -> String {
    let short = |value: f64| count(significant_value(value));
    if estimate.low.to_bits() == estimate.high.to_bits() {
        return short(estimate.likely);
    }
    format!("{} ({} to {})", short(estimate.likely), short(estimate.low), short(estimate.high))
}

// Three digits of an estimate are more than enough.
fn significant_value(value: f64) -> f64 {
    let mut scale = 1.0;
    while value / scale >= 1000.0 {
        scale *= 10.0;
    }
    (value / scale).round() * scale
}
