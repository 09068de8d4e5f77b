//! The table of DRAM parts, compiled in.

use std::sync::LazyLock;

use super::{DramClocks, DramOrganization, DramPart, DramStandard};
use crate::nearest::{nearest, shorten};
use crate::{CatalogError, Provenance};

const PUBLISHED: &str = include_str!("../../catalog/dram.csv");
const DERIVED: &str = include_str!("../../catalog/dram_derived.csv");
const SOURCE: &str = "Ramulator 2.1 (CMU-SAFARI/ramulator2 @c5b1c3a), after JEDEC documents and datasheets";
/// Rates a derived part may be asked for, in MT/s: none that exists is outside.
const RATES: std::ops::RangeInclusive<u32> = 100..=100_000;

/// All parts, those with published timings first.
///
/// # Errors
/// [`CatalogError::Broken`] when the table does not read; the catalog's own tests exclude it.
pub fn dram_parts() -> Result<Vec<DramPart>, CatalogError> {
    PARTS.clone()
}

// Read once: every device that names a part asks for it.
static PARTS: LazyLock<Result<Vec<DramPart>, CatalogError>> = LazyLock::new(read_parts);

fn read_parts() -> Result<Vec<DramPart>, CatalogError> {
    let mut parts = Vec::new();
    for (line, fields) in rows(PUBLISHED) {
        parts.push(published(&fields).ok_or_else(|| broken("dram.csv", line))?);
    }
    for (line, fields) in rows(DERIVED) {
        parts.push(derived(&fields, &parts).ok_or_else(|| broken("dram_derived.csv", line))?);
    }
    Ok(parts)
}

/// A part by name; case and `-` for `_` do not matter. The name may stop early (`HBM3_6400` is the first HBM3 at
/// 6400 MT/s) and may end in another data rate (`HBM3_6400@5200`).
///
/// # Errors
/// [`CatalogError::Unknown`] with the nearest names, also when the rate is none.
pub fn dram_part(name: &str) -> Result<DramPart, CatalogError> {
    let parts = PARTS.as_ref().map_err(Clone::clone)?;
    let wanted = if name.len() <= 64 { name.trim().replace('-', "_") } else { String::new() };
    let (stem, rate) = match wanted.split_once('@') {
        Some((stem, rate)) => (stem, rate.parse().ok().filter(|rate| RATES.contains(rate))),
        None => (wanted.as_str(), None),
    };
    let found = parts
        .iter()
        .find(|part| part.name.eq_ignore_ascii_case(stem))
        .or_else(|| parts.iter().find(|part| starts_with_words(&part.name, stem)));
    match (found, rate, wanted.contains('@')) {
        (Some(part), Some(rate), _) => Ok(part.at_rate(rate)),
        (Some(part), None, false) => Ok(part.clone()),
        _ => {
            let lower: Vec<String> = parts.iter().map(|part| part.name.to_lowercase()).collect();
            let near = nearest(stem, lower.iter().map(String::as_str));
            let nearest = parts.iter().map(|part| part.name.clone());
            let nearest = nearest.filter(|name| near.contains(&name.to_lowercase().as_str())).collect();
            Err(CatalogError::UnknownDram { name: shorten(name), nearest })
        }
    }
}

/// Whether `name` is `stem` and more words after it.
fn starts_with_words(name: &str, stem: &str) -> bool {
    let Some((head, tail)) = name.split_at_checked(stem.len()) else { return false };
    !stem.is_empty() && head.eq_ignore_ascii_case(stem) && tail.starts_with('_')
}

/// The rows below the header, with their line numbers. A field in quotes may hold commas.
fn rows(table: &'static str) -> impl Iterator<Item = (usize, Vec<&'static str>)> {
    let lines = table.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.is_empty());
    lines.skip(1).map(|(index, line)| (index + 1, fields(line)))
}

fn fields(line: &'static str) -> Vec<&'static str> {
    match line.split_once('"') {
        Some((head, quoted)) => {
            head.trim_end_matches(',').split(',').chain([quoted.trim_end_matches('"')]).collect()
        }
        None => line.split(',').collect(),
    }
}

fn published(fields: &[&str]) -> Option<DramPart> {
    let [name, standard, numbers @ ..] = fields else { return None };
    let numbers: Vec<u32> = numbers.iter().map(|number| number.parse().ok()).collect::<Option<_>>()?;
    let &[
        rate,
        beats,
        width,
        pseudo_channels,
        stack_ids,
        bank_groups,
        banks,
        rows,
        bursts,
        bl,
        bl_max,
        cl,
        cwl,
        rcd_read,
        rcd_write,
        rp,
        rp_all,
        ras,
        rc,
        rrd_s,
        rrd_l,
        faw,
        ccd_s,
        ccd_l,
        ccd_l_write,
        ccd_r,
        wr,
        rtp,
        wtr_s,
        wtr_l,
        rtw,
        ppd,
        rfc,
        rfc_bank,
        rrefd,
        refi,
    ] = numbers.as_slice()
    else {
        return None;
    };
    Some(DramPart {
        name: (*name).to_owned(),
        standard: DramStandard::from_name(standard)?,
        rate,
        beats,
        width,
        organization: DramOrganization { pseudo_channels, stack_ids, bank_groups, banks, rows, bursts },
        clocks: DramClocks {
            bl,
            bl_max,
            cl,
            cwl,
            rcd_read,
            rcd_write,
            rp,
            rp_all,
            ras,
            rc,
            rrd_s,
            rrd_l,
            faw,
            ccd_s,
            ccd_l,
            ccd_l_write,
            ccd_r,
            wr,
            rtp,
            wtr_s,
            wtr_l,
            rtw,
            ppd,
            rfc,
            rfc_bank,
            rrefd,
            refi,
        },
        kind: Provenance::Datasheet,
        source: SOURCE.to_owned(),
    })
}

fn derived(fields: &[&str], parts: &[DramPart]) -> Option<DramPart> {
    let &[name, base, rate, why] = fields else { return None };
    let base = parts.iter().find(|part| part.name == base)?;
    let mut part = base.at_rate(rate.parse().ok()?);
    part.name = name.to_owned();
    part.source = format!("{}: {why}", part.source);
    Some(part)
}

fn broken(file: &str, line: usize) -> CatalogError {
    CatalogError::Broken { name: file.to_owned(), message: format!("line {line} does not read") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A part whose rates, sizes and times could not all be true would poison every result.
    #[test]
    fn every_part_makes_sense() {
        let parts = dram_parts().expect("the table reads");
        assert!(parts.len() > 25);
        for part in &parts {
            let (clocks, name) = (&part.clocks, &part.name);
            assert!(part.burst_bytes().is_power_of_two() && part.burst_bytes() >= 32, "{name}");
            assert!(part.organization.rows.is_power_of_two(), "{name}");
            assert!(part.organization.bursts.is_power_of_two(), "{name}");
            assert!(part.organization.banks_per_pseudo_channel() <= 64, "{name}: banks fit a word");
            assert!(
                clocks.rc >= clocks.ras + clocks.rp - 1,
                "{name}: a row cycle is an activation and a precharge"
            );
            assert!(clocks.ccd_l >= clocks.ccd_s && clocks.rrd_l.max(clocks.rrd_s) >= clocks.rrd_s, "{name}");
            assert!(clocks.refi > 4 * clocks.rfc, "{name}: refresh leaves most of the time");
            assert!(clocks.ccd_s >= clocks.bl, "{name}: bursts do not overlap");
            assert!(!part.source.is_empty(), "{name}");
        }
        let mut names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), parts.len(), "names are unique");
    }

    #[test]
    fn names_may_stop_early_and_may_name_a_rate() {
        let full = dram_part("HBM3_6400_8Gb_8hi").expect("known");
        assert_eq!(dram_part("hbm3-6400").expect("known"), full);
        assert_eq!(full.clock_femtos(), 625_000);
        assert_eq!(full.channel_bandwidth().to_string(), "51.2 GB/s");
        let faster = dram_part("HBM3_6400@8000").expect("known");
        // The same figures Ramulator 2.1 lists for its HBM3_8000Mbps.
        assert_eq!((faster.clocks.rcd_read, faster.clocks.rp, faster.clocks.ccd_l), (39, 33, 5));
        assert_eq!((faster.clocks.bl, faster.clocks.refi, faster.kind), (2, 7800, Provenance::Derived));
        for wrong in ["HBM3_64", "", "DDR9", "HBM3_6400@", "HBM3_6400@1", "HBM3_6400@fast"] {
            let error = dram_part(wrong).expect_err(wrong).to_string();
            assert!(error.starts_with("no DRAM part is called"), "{error}");
        }
    }

    #[test]
    fn capacity_counts_all_banks() {
        // 8 GiB of x8 chips of 8 Gb on a 64-bit bus.
        assert_eq!(dram_part("DDR4_2400R_8Gb").expect("known").channel_capacity(), Bytes(8 << 30));
    }

    use memwall_units::Bytes;
}
