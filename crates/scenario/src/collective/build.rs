//! From the tree of one case to a [`CollectiveCase`].

use std::collections::BTreeSet;

use memwall_hardware::System;
use memwall_model_graph::CollectiveKind;
use memwall_simulator::{Algorithm, Call};

use super::spec::CollectiveSpec;
use super::{CollectiveCase, CollectiveForm, SizePoint};
use crate::build_case::{expectations, foreign_keys, missing, optional, present};
use crate::diagnostic::Diagnostics;
use crate::microbenchmark::spec::{CurveReferenceSpec, MeasureSpec};
use crate::microbenchmark::{CurvePoint, Over, Tables, measured, points};
use crate::node::{Node, Step};
use crate::resolve::Resolver;
use crate::spec::SCENARIO_KEYS;
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
    foreign_keys(
        resolver,
        root,
        PREFIX,
        &["microbenchmark", "hardware", "replay", "trend", "memory"],
        problems,
    );
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

/// Who takes part, within what there is.
fn call(
    resolver: &Resolver<'_>,
    block: &Node,
    spec: &CollectiveSpec,
    system: &System,
    problems: &mut Diagnostics,
) -> Option<Call> {
    let mut problem = |path: &[Step], message: String, help: &str| {
        let problem = typed::problem_at(&resolver.sources, block, PREFIX, path, message, "");
        problems.push(problem.with_help(help));
    };
    let key = |key: &str| Step::Key(key.to_owned());
    let devices = system.fabric().devices();
    let system = &system.name;
    let between_two = matches!(spec.kind, CollectiveKind::Send | CollectiveKind::Recv);
    let groups = spec.groups.unwrap_or(1);
    let default = if between_two { 2.min(devices) } else { devices / groups.max(1) };
    let ranks = spec.ranks.unwrap_or(default);
    let group = match &spec.devices {
        Some(_) if spec.ranks.is_some() || spec.groups.is_some() => {
            let message = "both `devices` and `ranks` or `groups`".to_owned();
            problem(&[key("devices")], message, "leave one out");
            return None;
        }
        Some(list) => {
            let mut is_wrong = list.is_empty();
            if is_wrong {
                problem(&[key("devices")], "no devices".to_owned(), "at least one, such as `[0, 1, 2, 3]`");
            }
            let mut seen = BTreeSet::new();
            for (index, &device) in list.iter().enumerate() {
                let message = if device >= devices {
                    format!("no device {device}: `{system}` has {devices}, from 0")
                } else if !seen.insert(device) {
                    format!("device {device} is there twice")
                } else {
                    continue;
                };
                is_wrong = true;
                problem(
                    &[key("devices"), Step::Index(index)],
                    message,
                    "each rank needs a device of its own",
                );
            }
            if is_wrong {
                return None;
            }
            list.clone()
        }
        None => {
            let all = u64::from(ranks) * u64::from(groups);
            let of = if spec.ranks.is_some() { "ranks" } else { "groups" };
            if groups > devices {
                let message = format!("{groups} groups, and `{system}` has {devices} devices");
                problem(&[key("groups")], message, "each rank needs a device of its own");
                return None;
            }
            if ranks == 0 || groups == 0 {
                let of = if groups == 0 { "groups" } else { of };
                problem(&[key(of)], format!("no {of}"), "at least 1, each rank on a device of its own");
                return None;
            }
            if all > u64::from(devices) {
                let times = if groups > 1 { format!("{groups} x ") } else { String::new() };
                let message = format!("{times}{ranks} ranks, and `{system}` has {devices} devices");
                problem(&[key(of)], message, "each rank needs a device of its own");
                return None;
            }
            (0..ranks).collect()
        }
    };
    if between_two && group.len() != 2 {
        let of = if spec.devices.is_some() { "devices" } else { "ranks" };
        let plural = if group.len() == 1 { "" } else { "s" };
        let message = format!("a `{}` over {} rank{plural}", spec.kind.name(), group.len());
        problem(&[key(of)], message, "it has exactly 2: who sends and who receives");
        return None;
    }
    let skew = spec.skew.unwrap_or(1.0);
    if !(1.0..=group.len().max(1) as f64).contains(&skew) {
        let message = format!("a skew of {skew} over {} ranks", group.len());
        problem(&[key("skew")], message, "from 1, even, to the number of ranks: all to one");
    } else if skew != 1.0 && spec.kind != CollectiveKind::AllToAll {
        let message = format!("a skew of {skew}, and every rank of `{}` gets as much", spec.kind.name());
        problem(&[key("skew")], message, "only an `all_to_all` is uneven");
    }
    if spec.form == Some(CollectiveForm::Explicit) {
        explicit(spec, groups, &mut problem);
    }
    let beside = (1..groups).map(|number| (number * ranks..(number + 1) * ranks).collect()).collect();
    let (algorithm, protocol) = (spec.algorithm, spec.protocol);
    Some(Call { beside, skew, algorithm, protocol, ..Call::new(spec.kind, 0, group) })
}

/// What runs step after step: one group round a ring or by halving and doubling.
fn explicit(spec: &CollectiveSpec, groups: u32, problem: &mut impl FnMut(&[Step], String, &str)) {
    use CollectiveKind::{AllGather, AllReduce, ReduceScatter};
    let path = [Step::Key("form".to_owned())];
    let known = match spec.algorithm.unwrap_or(Algorithm::Ring) {
        Algorithm::Ring => matches!(spec.kind, AllReduce | AllGather | ReduceScatter),
        Algorithm::HalvingDoubling => spec.kind == AllReduce,
        _ => false,
    };
    if !known {
        let by = spec.algorithm.map(|algorithm| format!(" by `{}`", algorithm.name())).unwrap_or_default();
        let message = format!("`{}`{by} has no step-by-step form", spec.kind.name());
        let help = "there is one of `ring` (all_reduce, all_gather, reduce_scatter) and of `halving_doubling` \
                    (all_reduce)";
        problem(&path, message, help);
    }
    if groups > 1 {
        problem(&path, format!("{groups} groups step by step"), "leave out `form`, or `groups`");
    }
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
