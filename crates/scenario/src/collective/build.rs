//! From the tree of one case to a [`CollectiveCase`].

use memwall_hardware::System;
use memwall_model_graph::CollectiveKind;
use memwall_simulator::Call;

use super::spec::CollectiveSpec;
use super::{CollectiveCase, SizePoint};
use crate::build_case::{expectations, missing, optional, present};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::microbenchmark::spec::{CurveReferenceSpec, MeasureSpec};
use crate::microbenchmark::{CurvePoint, Over, Tables, measured, points};
use crate::node::{Node, Step};
use crate::resolve::Resolver;
use crate::source::SourceKind;
use crate::spec::{RUN_KEYS, SCENARIO_KEYS};
use crate::typed;

const PREFIX: &str = "collective";

/// Validates the tree of one case, called `name`; adds all problems.
pub(crate) fn build(
    resolver: &mut Resolver<'_>,
    tables: &mut Tables,
    root: &Node,
    name: &str,
    problems: &mut Diagnostics,
) -> Option<CollectiveCase> {
    let before = problems.list.len() + problems.more;
    typed::unknown_keys(&resolver.sources, root, "", &SCENARIO_KEYS, problems);
    foreign_keys(resolver, root, problems);
    let description = optional(resolver, root, "description", problems);
    let seed = optional(resolver, root, "seed", problems);
    let reference: Option<CurveReferenceSpec> = optional(resolver, root, "reference", problems);
    let expect = expectations(resolver, root, problems);
    let system = match present(root, "system") {
        Some(block) => resolver.system(block, problems),
        None => missing(resolver, root, "system", "such as `system: dgx-h100`", problems),
    };
    let library = present(root, "communication").and_then(|block| resolver.library(block, problems));
    let Some(block) = present(root, PREFIX) else {
        let help =
            "such as `collective: { kind: all_reduce, sizes: { from: 512 B, to: 512 MiB, count: 21 } }`";
        return missing(resolver, root, PREFIX, help, problems);
    };
    let spec: CollectiveSpec = typed::read(&resolver.sources, block, PREFIX, problems)?;
    let system = system?;
    let call = call(resolver, block, &spec, &system, problems);
    let sizes = spec.sizes.as_ref().map(|sizes| {
        let node = block.get("sizes").unwrap_or(block);
        let place = (Over::Footprint, "collective.sizes");
        points::resolve(&resolver.sources, node, place, sizes, problems)
    });
    let compared = match (&reference, present(root, "reference")) {
        (Some(of), Some(node)) => {
            let axes = (MeasureSpec::Latency, Over::Footprint);
            measured::resolve(resolver, tables, node, of, axes, problems)
        }
        _ => Some(Vec::new()),
    };
    if problems.list.len() + problems.more > before {
        return None;
    }
    let points = merged(sizes.unwrap_or(Some(Vec::new()))?, compared?);
    if points.is_empty() {
        let message = "no sizes to run: no `sizes`, and no measured ones";
        let problem = typed::problem_at(&resolver.sources, block, PREFIX, &[], message, "");
        problems.push(problem.with_help("such as `sizes: { from: 512 B, to: 512 MiB, count: 21 }`"));
        return None;
    }
    let reference = reference.unwrap_or_default();
    Some(CollectiveCase {
        name: name.to_owned(),
        description,
        system,
        library: library?,
        call: call?,
        form: spec.form.unwrap_or_default(),
        points,
        source: reference.source,
        note: reference.note,
        seed: seed.unwrap_or_default(),
        expect: expect?,
    })
}

/// What only other kinds have, where a person wrote it.
fn foreign_keys(resolver: &Resolver<'_>, root: &Node, problems: &mut Diagnostics) {
    for (key, field) in root.map().into_iter().flatten() {
        let written = matches!(resolver.sources.kind(field.key), SourceKind::File | SourceKind::Set);
        let foreign =
            RUN_KEYS.contains(&key.as_ref()) || ["microbenchmark", "hardware"].contains(&key.as_ref());
        if written && foreign {
            let message = format!("a collective has no `{key}`");
            let label = "only for scenarios of other kinds";
            problems
                .push(Diagnostic::at(&resolver.sources, field.key, message, label).with_path(key.as_ref()));
        }
    }
}

/// Who takes part, within what there is.
fn call(
    resolver: &Resolver<'_>,
    block: &Node,
    spec: &CollectiveSpec,
    system: &System,
    problems: &mut Diagnostics,
) -> Option<Call> {
    let mut problem = |key: &str, message: String, help: &str| {
        let path = [Step::Key(key.to_owned())];
        let problem = typed::problem_at(&resolver.sources, block, PREFIX, &path, message, "");
        problems.push(problem.with_help(help));
    };
    let devices = system.fabric().devices();
    let system = &system.name;
    let between_two = matches!(spec.kind, CollectiveKind::Send | CollectiveKind::Recv);
    let groups = spec.groups.unwrap_or(1);
    let default = if between_two { 2.min(devices) } else { devices / groups.max(1) };
    let ranks = spec.ranks.unwrap_or(default);
    let group = match &spec.devices {
        Some(_) if spec.ranks.is_some() || spec.groups.is_some() => {
            problem("devices", "both `devices` and `ranks` or `groups`".to_owned(), "leave one out");
            return None;
        }
        Some(list) => list.clone(),
        None => {
            let all = u64::from(ranks) * u64::from(groups);
            if ranks == 0 || groups == 0 || all > u64::from(devices) {
                let key = if spec.ranks.is_some() { "ranks" } else { "groups" };
                let message = format!("{groups} x {ranks} ranks, and `{system}` has {devices} devices");
                problem(key, message, "each rank needs a device of its own");
                return None;
            }
            (0..ranks).collect()
        }
    };
    if between_two && group.len() != 2 {
        let key = if spec.devices.is_some() { "devices" } else { "ranks" };
        problem(key, format!("a `{}` over {} ranks", spec.kind.name(), group.len()), "it has exactly 2");
        return None;
    }
    let skew = spec.skew.unwrap_or(1.0);
    if !(1.0..=group.len().max(1) as f64).contains(&skew) {
        let message = format!("a skew of {skew} over {} ranks", group.len());
        problem("skew", message, "from 1, even, to the number of ranks: all to one");
    }
    let beside = (1..groups).map(|number| (number * ranks..(number + 1) * ranks).collect()).collect();
    let (algorithm, protocol) = (spec.algorithm, spec.protocol);
    Some(Call { beside, skew, algorithm, protocol, ..Call::new(spec.kind, 0, group) })
}

/// All sizes in ascending order: those asked for where nothing was measured, and every measured one.
fn merged(sizes: Vec<f64>, measured: Vec<CurvePoint>) -> Vec<SizePoint> {
    let whole = |bytes: f64| bytes.round() as u64;
    let mut points: Vec<SizePoint> =
        measured.iter().map(|point| SizePoint { bytes: whole(point.at), measured: point.measured }).collect();
    let known: Vec<u64> = points.iter().map(|point| point.bytes).collect();
    let fresh = sizes.into_iter().map(whole).filter(|bytes| !known.contains(bytes));
    points.extend(fresh.map(|bytes| SizePoint { bytes, measured: None }));
    points.sort_by_key(|point| point.bytes);
    points
}
