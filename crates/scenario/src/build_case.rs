//! From the tree of one case to a [`Case`].

use std::sync::Arc;

use memwall_hardware::{Device, SoftwareProfile};
use memwall_model_graph::networks::{self, NetworkStep};
use memwall_model_graph::{
    Graph, GraphError, Network, Parallel, Phase, Sparsity, Step as ModelStep, Workload,
};

use crate::case::{Case, Footprint, Subject, rank_graphs};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expect::{ExpectSpec, Expectation};
use crate::first_step::FirstStep;
use crate::nearest::nearest;
use crate::node::{Node, Step, Value};
use crate::resolve::Resolver;
use crate::source::SourceKind;
use crate::spec::{RUN_KEYS, SCENARIO_KEYS, WorkloadSpec};
use crate::training::TrainingPlan;
use crate::{capacity, formats, graph, placement, sparsity, team, training, typed, workload};

/// Validates the tree of one case, called `name`; adds all problems.
pub(crate) fn build(
    resolver: &mut Resolver<'_>,
    root: &Node,
    name: &str,
    problems: &mut Diagnostics,
) -> Option<Case> {
    let before = problems.list.len() + problems.more;
    check_kind(resolver, root, problems);
    typed::unknown_keys(&resolver.sources, root, "", &SCENARIO_KEYS, problems);
    let description = optional(resolver, root, "description", problems);
    let fidelity = optional(resolver, root, "fidelity", problems);
    let counting = optional(resolver, root, "counting", problems);
    let seed = optional(resolver, root, "seed", problems);
    let reference = optional(resolver, root, "reference", problems);
    let expect = expectations(resolver, root, problems);
    let machine = team::machine(resolver, root, problems);
    let device = match (present(root, "hardware"), &machine) {
        (Some(block), _) => resolver.device(block, problems),
        (None, Some(Some(machine))) => team::device(resolver, root, machine, problems),
        (None, Some(None)) => None,
        (None, None) => missing(resolver, root, "hardware", "such as `hardware: h100-sxm`", problems),
    };
    let software = present(root, "software").and_then(|block| resolver.software(block, problems));
    let spec = match present(root, "workload") {
        Some(block) => typed::read(&resolver.sources, block, "workload", problems),
        None => Some(WorkloadSpec::default()),
    };
    let subject = subject(resolver, root, spec.as_ref(), software.as_deref(), problems);
    let sparsity = sparsity::build(resolver, root, problems);
    let (device, software) = (device?, software?);
    let placement = placement::build(resolver, root, &device, problems);
    let (sparsity, placement) = (sparsity?, placement?);
    let subject = pruned(subject?, sparsity);
    let plan = training_of(resolver, root, &subject, problems)?;
    let team = match machine {
        Some(machine) => Some(team::build(resolver, root, machine?, &subject, problems)?),
        None => {
            team::refuse(resolver, root, problems);
            None
        }
    };
    let mut parallel = team.as_ref().map_or_else(Parallel::default, |team| team.parallel);
    if let (Some(plan), Subject::Model { workload, .. }) = (&plan, &subject) {
        check_micro_batch(resolver, root, (plan, workload.batch, &parallel), problems)?;
        parallel = plan.divided(parallel, workload.batch);
    }
    if let (Some(placement), Some(block)) = (&placement, present(root, "placement")) {
        check_placement(resolver, block, placement, plan.is_some(), problems);
    }
    if let (Some(_), None, Some(block)) = (&team, &plan, present(root, "placement")) {
        let message = "a `placement` with a `system`: it is simulated of one device";
        let problem = Diagnostic::at(&resolver.sources, block.place, message, "");
        problems.push(problem.with_path("placement").with_help("leave one out"));
    }
    let notes = formats::check(&resolver.sources, root, &device, subject.precision(), problems);
    let asked = Asked { subject: &subject, parallel: &parallel, sparsity, placement: placement.as_ref() };
    let (footprint, first_step) = fit(resolver, root, &device, &asked, problems)?;
    if problems.list.len() + problems.more > before {
        return None;
    }
    Some(Case {
        name: name.to_owned(),
        description,
        subject,
        device,
        team,
        software,
        fidelity: fidelity.unwrap_or_default(),
        counting: counting.unwrap_or_default(),
        seed: seed.unwrap_or_default(),
        reference,
        expect: expect?,
        sparsity,
        placement,
        footprint,
        notes,
        training: plan,
        first_step,
    })
}

/// How the model is trained, where it is.
fn training_of(
    resolver: &Resolver<'_>,
    root: &Node,
    subject: &Subject,
    problems: &mut Diagnostics,
) -> Option<Option<TrainingPlan>> {
    match subject {
        Subject::Model { workload, options, .. } if workload.phase == Phase::Train => {
            training::build(resolver, root, options.precision.weights, problems).map(Some)
        }
        _ => {
            training::refuse(resolver, root, problems);
            Some(None)
        }
    }
}

/// A problem for what is kept elsewhere only in training, or only outside of it.
fn check_placement(
    resolver: &Resolver<'_>,
    block: &Node,
    placement: &memwall_simulator::Placement,
    trains: bool,
    problems: &mut Diagnostics,
) {
    let others =
        [("weights", placement.weights), ("tables", placement.tables), ("kv_cache", placement.kv_cache)];
    let own = [("optimizer", placement.optimizer), ("activations", placement.activations)];
    let (wrong, words) = if trains {
        (&others[..], "while a model is trained")
    } else {
        (&own[..], "where nothing is trained")
    };
    for (key, _) in wrong.iter().filter(|(_, placed)| *placed) {
        let path = [Step::Key((*key).to_owned())];
        let message = format!("`placement.{key}` {words}");
        problems.push(typed::problem_at(&resolver.sources, block, "placement", &path, message, ""));
    }
}

/// A problem where micro-batches of the given size do not make up each copy's part of the batch.
fn check_micro_batch(
    resolver: &Resolver<'_>,
    root: &Node,
    (plan, batch, parallel): (&TrainingPlan, u64, &Parallel),
    problems: &mut Diagnostics,
) -> Option<()> {
    let Some(size) = plan.micro_batch else { return Some(()) };
    let copies = u64::from(parallel.data.max(1));
    if batch.is_multiple_of(copies) && (batch / copies).is_multiple_of(size) {
        return Some(());
    }
    let path = [Step::Key("training".to_owned()), Step::Key("micro_batch".to_owned())];
    let message = format!("a batch of {batch} over {copies} copies is not made of micro-batches of {size}");
    let label = format!("expected a divisor of {}", batch / copies);
    problems.push(typed::problem_at(&resolver.sources, root, "", &path, message, label));
    None
}

/// A key's value unless it is absent or null.
pub(crate) fn present<'a>(root: &'a Node, key: &str) -> Option<&'a Node> {
    root.get(key).filter(|node| !matches!(node.value, Value::Null))
}

/// Adds a problem for each key that a person wrote and that scenarios of this kind do not have: those of runs, and
/// `others`.
pub(crate) fn foreign_keys(
    resolver: &Resolver<'_>,
    root: &Node,
    kind: &str,
    others: &[&str],
    problems: &mut Diagnostics,
) {
    foreign_keys_but(resolver, root, kind, (&[], others), problems);
}

/// The same, but for some keys of runs that these scenarios `share`.
pub(crate) fn foreign_keys_but(
    resolver: &Resolver<'_>,
    root: &Node,
    kind: &str,
    (shared, others): (&[&str], &[&str]),
    problems: &mut Diagnostics,
) {
    let of_runs = RUN_KEYS.iter().filter(|key| !shared.contains(key));
    let foreign: Vec<&str> = of_runs.chain(others).copied().collect();
    refuse_keys(resolver, root, kind, &foreign, problems);
}

/// Adds a problem for each of `keys` that a person wrote.
pub(crate) fn refuse_keys(
    resolver: &Resolver<'_>,
    root: &Node,
    kind: &str,
    keys: &[&str],
    problems: &mut Diagnostics,
) {
    for (key, field) in root.map().into_iter().flatten() {
        let key = key.as_ref();
        let written = matches!(resolver.sources.kind(field.key), SourceKind::File | SourceKind::Set);
        if written && keys.contains(&key) {
            let message = format!("a {kind} has no `{key}`");
            let label = "only for scenarios of other kinds";
            problems.push(Diagnostic::at(&resolver.sources, field.key, message, label).with_path(key));
        }
    }
}

pub(crate) fn optional<T: serde::de::DeserializeOwned>(
    resolver: &Resolver<'_>,
    root: &Node,
    key: &str,
    problems: &mut Diagnostics,
) -> Option<T> {
    typed::read(&resolver.sources, present(root, key)?, key, problems)
}

pub(crate) fn missing<T>(
    resolver: &Resolver<'_>,
    root: &Node,
    key: &str,
    help: &str,
    problems: &mut Diagnostics,
) -> Option<T> {
    // A misspelt key was spoken of already.
    let keys = root.map().into_iter().flatten().map(|(key, _)| key.as_ref()).take(100);
    let mut unknown = keys.filter(|written| !SCENARIO_KEYS.contains(written));
    if unknown.any(|written| nearest(written, SCENARIO_KEYS) == Some(key)) {
        return None;
    }
    let diagnostic = typed::problem_at(&resolver.sources, root, "", &[], format!("`{key}` is missing"), "");
    problems.push(diagnostic.with_help(help));
    None
}

/// What scenarios of other kinds have and a run has not.
fn check_kind(resolver: &Resolver<'_>, root: &Node, problems: &mut Diagnostics) {
    for kind in ["microbenchmark", "trend", "plan", "memory", "recompute"] {
        let Some(field) = root.map().and_then(|map| map.get(kind)) else { continue };
        let message = format!("a `{kind}` in a scenario of kind `run`");
        let problem =
            Diagnostic::at(&resolver.sources, field.key, message, "only for scenarios of its own kind");
        problems.push(problem.with_path(kind).with_help(format!("add `kind: {kind}`")));
    }
}

pub(crate) fn expectations(
    resolver: &Resolver<'_>,
    root: &Node,
    problems: &mut Diagnostics,
) -> Option<Vec<Expectation>> {
    let Some(node) = present(root, "expect") else { return Some(Vec::new()) };
    let specs: Vec<ExpectSpec> = typed::read(&resolver.sources, node, "expect", problems)?;
    let mut expectations = Vec::with_capacity(specs.len());
    for (index, spec) in specs.iter().enumerate() {
        let item = Step::Index(index);
        let metric = [item.clone(), Step::Key("metric".to_owned())];
        let place = node.along(&metric).last().map_or(node.place, |node| node.place);
        match spec.resolve(place) {
            Ok(expectation) => expectations.push(expectation),
            Err((key, message)) => {
                let path = [item, Step::Key(key.to_owned())];
                let (message, help) = message.split_once(": ").unwrap_or((&message, ""));
                let diagnostic = typed::problem_at(&resolver.sources, node, "expect", &path, message, "");
                problems.push(diagnostic.with_help(help));
            }
        }
    }
    Some(expectations)
}

fn subject(
    resolver: &mut Resolver<'_>,
    root: &Node,
    spec: Option<&WorkloadSpec>,
    software: Option<&SoftwareProfile>,
    problems: &mut Diagnostics,
) -> Option<Subject> {
    match (present(root, "model"), present(root, "graph")) {
        (Some(_), Some(graph)) => {
            let message = "both `model` and `graph`: a scenario has one of them";
            problems.push(
                Diagnostic::at(&resolver.sources, graph.place, message, "leave one out").with_path("graph"),
            );
            None
        }
        (None, None) => missing(
            resolver,
            root,
            "model",
            "such as `model: llama-3-8b`, or a list of operators as `graph:`",
            problems,
        ),
        (None, Some(node)) => {
            let precision = workload::precision(spec?);
            let graph = graph::read(&resolver.sources, node, &precision, problems)?;
            Some(Subject::Graph { graph: Arc::new(graph), precision })
        }
        (Some(block), None) => {
            if let Some(network) = block.text().and_then(networks::find) {
                return network_subject(resolver, root, network, (spec?, software?), problems);
            }
            let model = resolver.model(block, problems)?;
            let spec = spec?;
            workload::refuse_image(&resolver.sources, root, spec, problems);
            let workload =
                workload::workload(&resolver.sources, root, spec, model.architecture.kind, problems)?;
            let options = workload::build_options(spec, software?);
            Some(Subject::Model { name: model.name, architecture: model.architecture, workload, options })
        }
    }
}

/// A convolutional network: one pass over a batch of images.
fn network_subject(
    resolver: &Resolver<'_>,
    root: &Node,
    network: &'static Network,
    (spec, software): (&WorkloadSpec, &SoftwareProfile),
    problems: &mut Diagnostics,
) -> Option<Subject> {
    let (batch, image) = workload::images(&resolver.sources, root, spec, network, problems)?;
    let options = workload::build_options(spec, software);
    let step = NetworkStep { batch, image, trains: false };
    match network.build(&step, &options) {
        Ok(graph) => Some(Subject::Network { network, step, graph: Arc::new(graph), options }),
        Err(error) => {
            let path = [Step::Key("workload".to_owned())];
            problems.push(typed::problem_at(&resolver.sources, root, "", &path, error.to_string(), ""));
            None
        }
    }
}

/// What decides how much memory a case needs, and where.
struct Asked<'a> {
    subject: &'a Subject,
    parallel: &'a Parallel,
    sparsity: Option<Sparsity>,
    placement: Option<&'a memwall_simulator::Placement>,
}

/// An inline graph is pruned once, a model's graphs as they are built.
fn pruned(subject: Subject, sparsity: Option<Sparsity>) -> Subject {
    match (subject, sparsity) {
        (Subject::Graph { graph, precision }, Some(sparsity)) => {
            Subject::Graph { graph: Arc::new(Arc::unwrap_or_clone(graph).pruned(sparsity)), precision }
        }
        (Subject::Network { network, step, graph, options }, Some(sparsity)) => {
            let graph = Arc::new(Arc::unwrap_or_clone(graph).pruned(sparsity));
            Subject::Network { network, step, graph, options }
        }
        (subject, _) => subject,
    }
}

/// What the case needs of memory, and the graphs of its first step where a sweep keeps them; a problem if it
/// needs more than there is.
fn fit(
    resolver: &mut Resolver<'_>,
    root: &Node,
    device: &Device,
    asked: &Asked<'_>,
    problems: &mut Diagnostics,
) -> Option<(Footprint, Option<Vec<Arc<Graph>>>)> {
    let (FirstStep { footprint: need, graphs }, near) = match first_step(resolver, asked) {
        Ok(found) => found,
        Err(error) => {
            let divides = matches!(error, GraphError::Parallel(_));
            let path = [Step::Key(if divides { "parallel" } else { "workload" }.to_owned())];
            problems.push(typed::problem_at(&resolver.sources, root, "", &path, error.to_string(), ""));
            return None;
        }
    };
    // Of a training, much may be divided: the run says what is needed.
    if !trains(asked.subject) {
        capacity::check(&resolver.sources, root, device, asked.subject, &near, problems);
    }
    Some((need, resolver.first_steps.is_some().then_some(graphs).filter(|graphs| !graphs.is_empty())))
}

fn trains(subject: &Subject) -> bool {
    matches!(subject, Subject::Model { workload, .. } if workload.phase == Phase::Train)
}

/// The first step's graphs (none of an inline graph) and what all steps need at most; of that, the part in the device
/// memory.
fn first_step(resolver: &mut Resolver<'_>, asked: &Asked<'_>) -> Result<(FirstStep, Footprint), GraphError> {
    let (parallel, sparsity) = (asked.parallel, asked.sparsity);
    let (architecture, workload, options) = match asked.subject {
        Subject::Graph { graph, .. } | Subject::Network { graph, .. } => {
            let footprint = capacity::of_graph(graph);
            return Ok((FirstStep { footprint, graphs: Vec::new() }, near(&footprint, graph, asked)));
        }
        Subject::Model { architecture, workload, options, .. } => (architecture, workload, options),
    };
    let what = (*workload, *options, *parallel);
    // Kept are only those of models whose weights are whole and where one expects them.
    let is_plain = sparsity.is_none() && asked.placement.is_none();
    let kept = resolver.first_steps.as_ref().filter(|_| is_plain);
    if let Some(known) = kept.and_then(|steps| steps.find(architecture, &what)) {
        return Ok((known.clone(), known.footprint));
    }
    // The first step may be a prefill, with the largest activations; the last has the longest cache.
    let mut needs = vec![Footprint::default(); parallel.pipeline.max(1) as usize];
    let mut graphs = Vec::new();
    if let Some(step) = workload.steps().next() {
        graphs = rank_graphs(architecture, &step, options, parallel, sparsity)?;
        add_step(&mut needs, &graphs, parallel);
    }
    let mut last = graphs.clone();
    if let Some(step) = last_step(workload) {
        last = rank_graphs(architecture, &step, options, parallel, sparsity)?;
        add_step(&mut needs, &last, parallel);
    }
    for (stage, need) in needs.iter_mut().enumerate() {
        need.weights = architecture.rank_weight_bytes(&options.precision, parallel, stage as u32);
    }
    // The stage that needs most.
    let mut footprint = needs.into_iter().max_by_key(Footprint::total).unwrap_or_default();
    let mut in_device = footprint;
    if let Some(graph) = last.first().filter(|_| !is_plain && parallel.ranks() == 1) {
        if sparsity.is_some() {
            footprint.weights = capacity::of_graph(graph).weights;
        }
        in_device = near(&footprint, graph, asked);
    }
    let found = FirstStep { footprint, graphs };
    if let Some(steps) = resolver.first_steps.as_mut().filter(|_| is_plain) {
        steps.keep(architecture, what, found.clone());
    }
    Ok((found, in_device))
}

/// What of `need` is not kept behind the device memory.
fn near(need: &Footprint, graph: &Graph, asked: &Asked<'_>) -> Footprint {
    let (weights, caches) =
        asked.placement.map_or((0, 0), |placement| placement::elsewhere(graph, placement));
    Footprint {
        weights: need.weights.saturating_sub(weights),
        kv_cache: need.kv_cache.saturating_sub(caches),
        ..*need
    }
}

fn add_step(needs: &mut [Footprint], graphs: &[Arc<Graph>], parallel: &Parallel) {
    let caches = u64::from(parallel.micro_batches.max(1));
    for (need, graph) in needs.iter_mut().zip(graphs) {
        let of_step = capacity::of_graph(graph);
        need.kv_cache = need.kv_cache.max(of_step.kv_cache.saturating_mul(caches));
        need.activations = need.activations.max(of_step.activations);
    }
}

/// The last decode step, without counting through those before it; `None` where there is only one step.
fn last_step(workload: &Workload) -> Option<ModelStep> {
    let made = match workload.phase {
        Phase::Decode => workload.tokens.saturating_sub(1),
        Phase::Generate => workload.tokens.saturating_sub(2),
        Phase::Encode | Phase::Prefill | Phase::Train => 0,
    };
    let context = workload.context.saturating_add(made);
    let last = Workload { phase: Phase::Decode, context, tokens: 1, ..*workload };
    if workload.step_count() > 1 { last.steps().next() } else { None }
}
