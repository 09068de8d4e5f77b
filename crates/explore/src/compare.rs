//! Cases side by side.

use std::collections::BTreeMap;

use memwall_report::{CaseReport, CompareDocument, InputChange, PairReport};
use memwall_scenario::Case;
use rayon::prelude::*;

use crate::run::{RunError, context, run_case};

/// A case to compare, with what to call it and the values of its input.
#[derive(Debug, Clone)]
pub struct Compared<'a> {
    /// What to call it.
    pub label: String,
    /// The case.
    pub case: &'a Case,
    /// Paths and values of the resolved scenario.
    pub values: Vec<(String, String)>,
}

/// Runs the cases of each group, on all cores, and compares each with the first of its group: the same bytes for any
/// number of threads.
///
/// # Errors
/// The first case, in order, that could not be run.
pub fn compare(groups: &[Vec<Compared<'_>>]) -> Result<CompareDocument, RunError> {
    let all: Vec<&Compared<'_>> = groups.iter().flatten().collect();
    let run = |one: &&Compared<'_>| {
        let record = run_case(one.case)?;
        Ok(CaseReport::new(&one.case.name, &record, &context(one.case)))
    };
    let reports: Vec<Result<CaseReport, RunError>> = all.par_iter().map(run).collect();
    let reports = reports.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut rest = reports.as_slice();
    let mut pairs = Vec::new();
    for group in groups {
        let (own, later) = rest.split_at(group.len());
        rest = later;
        let (Some((first, others)), Some((base, reports))) = (group.split_first(), own.split_first()) else {
            continue;
        };
        pairs.extend(others.iter().zip(reports).map(|(other, report)| {
            let inputs = differing(&first.values, &other.values);
            PairReport::new((&first.label, base), (&other.label, report), inputs)
        }));
    }
    Ok(CompareDocument::new(pairs))
}

/// Values that differ, in the order of the first list. Where another model, machine or profile is meant, its name stands
/// for all of its figures.
fn differing(old: &[(String, String)], new: &[(String, String)]) -> Vec<InputChange> {
    let index = |list: &[(String, String)]| list.iter().cloned().collect::<BTreeMap<String, String>>();
    let (before, after) = (index(old), index(new));
    let is_renamed = |block: &&str| {
        let path = format!("{block}.name");
        before.contains_key(&path) && before.get(&path) != after.get(&path)
    };
    let blocks = ["model", "hardware", "software", "system", "communication"];
    let renamed: Vec<&str> = blocks.into_iter().filter(is_renamed).collect();
    let is_hidden = |path: &str| {
        renamed.iter().any(|block| {
            let inside = path.strip_prefix(block).and_then(|rest| rest.strip_prefix('.'));
            inside.is_some_and(|key| key != "name")
        })
    };
    let only_new = new.iter().filter(|one| !before.contains_key(&one.0));
    let paths = old.iter().chain(only_new).map(|one| one.0.as_str());
    let change = |path: &str| InputChange {
        path: path.to_owned(),
        from: before.get(path).cloned(),
        to: after.get(path).cloned(),
    };
    paths.filter(|path| !is_hidden(path)).map(change).filter(|change| change.from != change.to).collect()
}
