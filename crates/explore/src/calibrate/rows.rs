//! Which measured rows a fit is made on, and which it is judged by.

use std::collections::BTreeMap;

use memwall_hardware::catalog;

use super::CalibrateError;
use crate::validate::{Reading, Row, held_out};

/// Rows of one device and profile.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Chosen<'a> {
    /// Catalog name of the profile.
    pub software: &'static str,
    /// To fit to.
    pub fitted: Vec<&'a Row>,
    /// To judge by.
    pub held_out: Vec<&'a Row>,
    /// What was left out, in words.
    pub notes: Vec<String>,
}

/// The rows of a device (a catalog name) and a profile, chosen by name or, where the rows are all of one, by the rows.
pub(crate) fn choose<'a>(
    readings: &'a [(String, Reading)],
    device: &str,
    software: Option<&'static str>,
) -> Result<Chosen<'a>, CalibrateError> {
    let mut notes = Vec::new();
    let all: Vec<&Row> = readings.iter().flat_map(|(_, reading)| &reading.rows).collect();
    let of_device = |row: &&Row| catalog::device_entry(&row.device).is_ok_and(|entry| entry.name == device);
    let (here, elsewhere): (Vec<&Row>, Vec<&Row>) = all.into_iter().partition(of_device);
    let others = counted(elsewhere.iter().map(|row| row.device.as_str()));
    if here.is_empty() {
        let reason = match others.as_slice() {
            [] => "there are no rows".to_owned(),
            others => format!("none is of {device}; they are of {}", others.join(", ")),
        };
        return Err(CalibrateError::NoRows { reason });
    }
    if !elsewhere.is_empty() {
        notes.push(format!("{} of other devices left out: {}", rows(elsewhere.len()), others.join(", ")));
    }
    let software = match software {
        Some(software) => software,
        None => only_profile(&here)?,
    };
    let (mut fitted, mut judging, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
    for row in here {
        let found = catalog::software_for_label(&row.software);
        // A label that no profile is meant for is the user's own, and so is the profile they chose for it.
        if found.entry.name != software && found.is_meant {
            left_out.push(row);
        } else if held_out(row) {
            judging.push(row);
        } else {
            fitted.push(row);
        }
    }
    let others = counted(left_out.iter().map(|row| row.software.as_str()));
    if fitted.is_empty() && judging.is_empty() {
        let reason = format!("none is of {software}; they are of {}", others.join(", "));
        return Err(CalibrateError::NoRows { reason });
    }
    if !left_out.is_empty() {
        notes.push(format!("{} of other software left out: {}", rows(left_out.len()), others.join(", ")));
    }
    Ok(Chosen { software, fitted, held_out: judging, notes })
}

fn only_profile(rows: &[&Row]) -> Result<&'static str, CalibrateError> {
    let profile = |row: &&Row| catalog::software_for_label(&row.software).entry.name;
    let first = rows.first().map_or("generic", profile);
    if rows.iter().all(|row| profile(row) == first) {
        return Ok(first);
    }
    Err(CalibrateError::SeveralProfiles { found: counted(rows.iter().map(profile)) })
}

/// Each name with how often it comes, by name.
fn counted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    counts.into_iter().map(|(name, count)| format!("{name} ({count})")).collect()
}

fn rows(count: usize) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}
