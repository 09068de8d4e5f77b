//! Cases side by side.

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
        let (own, others) = rest.split_at(group.len());
        rest = others;
        let (Some((first, base)), Some((base_report, reports))) =
            (group.split_first().map(|(first, base)| (first, base)), own.split_first())
        else {
            continue;
        };
        pairs.extend(base.iter().zip(reports).map(|(other, report)| {
            let inputs = differing(&first.values, &other.values);
            PairReport::new((&first.label, base_report), (&other.label, report), inputs)
        }));
    }
    Ok(CompareDocument::new(pairs))
}

/// Values that differ, in the order of the first list. Where another model, machine or profile is meant, its name stands
/// for all of its figures.
fn differing(old: &[(String, String)], new: &[(String, String)]) -> Vec<InputChange> {
    let find = |list: &[(String, String)], path: &str| {
        list.iter().find(|known| known.0 == path).map(|known| known.1.clone())
    };
    let renamed: Vec<&str> = ["model", "hardware", "software", "system", "communication"]
        .into_iter()
        .filter(|block| {
            let path = format!("{block}.name");
            find(old, &path) != find(new, &path)
        })
        .collect();
    let hidden = |path: &str| {
        renamed.iter().any(|block| {
            let inside = path.strip_prefix(block).and_then(|rest| rest.strip_prefix('.'));
            inside.is_some_and(|key| key != "name" && find(old, &format!("{block}.name")).is_some())
        })
    };
    let only_new = new.iter().filter(|one| find(old, &one.0).is_none());
    let paths = old.iter().chain(only_new).map(|one| one.0.as_str());
    let change =
        |path: &str| InputChange { path: path.to_owned(), from: find(old, path), to: find(new, path) };
    paths.filter(|path| !hidden(path)).map(change).filter(|change| change.from != change.to).collect()
}
