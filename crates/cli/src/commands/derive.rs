//! `memwall hardware derive` and `memwall hardware dram`.

use memwall_hardware::{DramPart, Figure, Provenance, Tier, TierKind, catalog, dram_part, dram_parts};
use memwall_report::{figure_table, name_list};
use memwall_simulator::request::derive_efficiency;

use super::catalog::unknown;
use crate::args::Global;
use crate::exit::Exit;
use crate::terminal::{print, view};

/// Derives the efficiency of a device's DRAM, or of a kind of DRAM.
pub fn derive(name: &str, global: &Global) -> Exit {
    let device = match catalog::device(name) {
        Ok(device) => device,
        Err(error) => {
            return match dram_part(name) {
                Ok(part) => show(&part.name.clone(), &part, None, global),
                Err(_) => unknown(&error.to_string()),
            };
        }
    };
    let tier = device.tiers.iter().find(|tier| tier.kind == TierKind::Dram);
    match tier.and_then(|tier| Some((tier, tier.dram_part()?))) {
        Some((tier, Ok((part, channels)))) => {
            let title = format!("{} ({}): {channels} channels of {}", device.title, device.name, part.name);
            show(&title, &part, Some(tier), global)
        }
        Some((_, Err(error))) => unknown(&error.to_string()),
        None => unknown(&format!("the catalog does not say what DRAM {} has", device.name)),
    }
}

fn show(title: &str, part: &DramPart, tier: Option<&Tier>, global: &Global) -> Exit {
    let found = derive_efficiency(part);
    let held = |figure: Option<&Figure<f64>>| {
        figure.map(|figure| format!("{} ({})", figure.value, figure.kind)).unwrap_or_default()
    };
    let efficiency = tier.map(|tier| &tier.efficiency);
    let mixed = tier.and_then(|tier| tier.mixed_efficiency.as_ref());
    let row = |what: &str, value: f64, held: String| [what.to_owned(), format!("{value:.3}"), held];
    let rows = [
        row("efficiency: a stream of reads", found.read, held(efficiency)),
        row("mixed_efficiency: half of it writes", found.mixed, held(mixed)),
        row("64 bytes anywhere, reads", found.random, String::new()),
    ];
    let headings = ["share of peak", "derived", if tier.is_some() { "catalog" } else { "" }];
    print(&figure_table(title, headings, &rows, view(global)))
}

/// Lists the kinds of DRAM.
pub fn dram_list(global: &Global) -> Exit {
    let parts = match dram_parts() {
        Ok(parts) => parts,
        Err(error) => return unknown(&error.to_string()),
    };
    let rows: Vec<(String, String, String)> = parts
        .iter()
        .map(|part| {
            let (rate, capacity) = (part.channel_bandwidth(), part.channel_capacity());
            let kind = if part.kind == Provenance::Derived { ", timings derived" } else { "" };
            let what = format!("{} channel of {rate} and {capacity}{kind}", part.standard.name());
            (part.name.clone(), what, String::new())
        })
        .collect();
    print(&name_list(&rows, view(global)))
}
