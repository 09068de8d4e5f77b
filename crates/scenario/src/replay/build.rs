//! From the tree of one case to a [`ReplayCase`].

use memwall_simulator::chakra::{CommunicatorGroups, ExecutionTrace};

use super::ReplayCase;
use super::spec::ReplaySpec;
use crate::build_case::{foreign_keys, missing, optional, present};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::node::{Node, Step};
use crate::resolve::Resolver;
use crate::spec::SCENARIO_KEYS;
use crate::{team, typed};

const PREFIX: &str = "replay";
/// The most files of one case.
const MAX_FILES: usize = 4096;

/// Validates the tree of one case, called `name`; adds all problems.
pub(crate) fn build(
    resolver: &mut Resolver<'_>,
    root: &Node,
    name: &str,
    problems: &mut Diagnostics,
) -> Option<ReplayCase> {
    let before = problems.list.len() + problems.more;
    typed::unknown_keys(&resolver.sources, root, "", &SCENARIO_KEYS, problems);
    foreign_keys(
        resolver,
        root,
        PREFIX,
        &["microbenchmark", "collective", "trend", "memory", "reference", "expect"],
        problems,
    );
    let description = optional(resolver, root, "description", problems);
    let seed = optional(resolver, root, "seed", problems);
    let system = match present(root, "system") {
        Some(block) => resolver.system(block, problems),
        None => missing(resolver, root, "system", "such as `system: dgx-h100`", problems),
    };
    let device = match (present(root, "hardware"), &system) {
        (Some(block), _) => resolver.device(block, problems),
        (None, Some(system)) => team::device(resolver, root, system, problems),
        (None, None) => None,
    };
    let library = present(root, "communication").and_then(|block| resolver.library(block, problems));
    let Some(block) = present(root, PREFIX) else {
        return missing(
            resolver,
            root,
            PREFIX,
            "such as `replay: { traces: [trace.et], ranks: 8 }`",
            problems,
        );
    };
    let spec: ReplaySpec = typed::read(&resolver.sources, block, PREFIX, problems)?;
    let traces = traces(resolver, block, &spec, problems);
    let groups = groups(resolver, block, &spec, problems);
    let ranks = spec.ranks.unwrap_or(spec.traces.len() as u32);
    if let Some(system) = &system {
        let devices = system.fabric().devices();
        if ranks == 0 || ranks > devices {
            let key = if spec.ranks.is_some() { "ranks" } else { "traces" };
            let message = format!("{ranks} ranks, and `{}` has {devices} devices", system.name);
            problems.push(at(resolver, block, &[Step::Key(key.to_owned())], message));
        }
    }
    if problems.list.len() + problems.more > before {
        return None;
    }
    let first = spec.traces.first().cloned().unwrap_or_default();
    let source = match spec.traces.len() {
        1 if ranks > 1 => format!("{first} for each of {ranks} ranks"),
        1 => first,
        count => format!("{first} and {} more", count - 1),
    };
    Some(ReplayCase {
        name: name.to_owned(),
        description,
        system: system?,
        device: device?,
        library: library?,
        traces,
        ranks,
        groups: groups?,
        source,
        seed: seed.unwrap_or_default(),
    })
}

fn at(resolver: &Resolver<'_>, block: &Node, path: &[Step], message: impl Into<String>) -> Diagnostic {
    typed::problem_at(&resolver.sources, block, PREFIX, path, message, "")
}

/// Reads every file.
fn traces(
    resolver: &Resolver<'_>,
    block: &Node,
    spec: &ReplaySpec,
    problems: &mut Diagnostics,
) -> Vec<ExecutionTrace> {
    let key = Step::Key("traces".to_owned());
    if spec.traces.is_empty() || spec.traces.len() > MAX_FILES {
        let message = format!("{} traces; give 1 to {MAX_FILES}", spec.traces.len());
        problems.push(at(resolver, block, &[key], message));
        return Vec::new();
    }
    let from = resolver.file_of(block.place);
    let mut traces = Vec::with_capacity(spec.traces.len());
    for (index, name) in spec.traces.iter().enumerate() {
        let read = resolver
            .loader
            .load_bytes(&from, name)
            .and_then(|bytes| ExecutionTrace::read(&bytes).map_err(|error| error.to_string()));
        match read {
            Ok(trace) => traces.push(trace),
            Err(error) => {
                let message = format!("`{}`: {error}", crate::parse::shorten(name));
                problems.push(at(resolver, block, &[key.clone(), Step::Index(index)], message));
            }
        }
        if problems.is_full() {
            break;
        }
    }
    traces
}

fn groups(
    resolver: &Resolver<'_>,
    block: &Node,
    spec: &ReplaySpec,
    problems: &mut Diagnostics,
) -> Option<CommunicatorGroups> {
    let Some(name) = &spec.groups else { return Some(CommunicatorGroups::default()) };
    let from = resolver.file_of(block.place);
    let read = resolver.loader.load(&from, name);
    let groups = read.and_then(|file| serde_json::from_str(&file.text).map_err(|error| error.to_string()));
    groups
        .map_err(|error| {
            let message = format!("`{}`: {error}", crate::parse::shorten(name));
            problems.push(at(resolver, block, &[Step::Key("groups".to_owned())], message));
        })
        .ok()
}
