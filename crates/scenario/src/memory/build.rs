//! From the tree of one case to a [`MemoryCase`].

use memwall_model_graph::limits::{MAX_BATCH, MAX_TOKENS};
use memwall_model_graph::{BuildOptions, Counting, ModelKind, Parallel, Recompute, networks};

use super::spec::{MemoryReference, MemorySpec};
use super::{MemoryCase, MemoryLimit, MemorySubject};
use crate::build_case::{expectations, foreign_keys_but, missing, optional, present};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::node::{Node, Step};
use crate::resolve::Resolver;
use crate::spec::{Fusion, SCENARIO_KEYS, WorkloadSpec};
use crate::{training, typed, workload};

const PREFIX: &str = "memory";
/// The most parameters of anything.
const MAX_PARAMETERS: f64 = 1e18;
/// Keys of runs that a memory has too.
const SHARED: [&str; 5] = ["model", "parallel", "workload", "training", "counting"];
const OTHERS: [&str; 6] = ["system", "communication", "microbenchmark", "collective", "replay", "trend"];

/// Validates the tree of one case, called `name`; adds all problems.
pub(crate) fn build(
    resolver: &mut Resolver<'_>,
    root: &Node,
    name: &str,
    problems: &mut Diagnostics,
) -> Option<MemoryCase> {
    let before = problems.list.len() + problems.more;
    typed::unknown_keys(&resolver.sources, root, "", &SCENARIO_KEYS, problems);
    foreign_keys_but(resolver, root, PREFIX, (&SHARED, &OTHERS), problems);
    let description = optional(resolver, root, "description", problems);
    let seed = optional(resolver, root, "seed", problems);
    let counting: Option<Counting> = optional(resolver, root, "counting", problems);
    let reference: Option<MemoryReference> = optional(resolver, root, "reference", problems);
    let expect = expectations(resolver, root, problems);
    let spec: Option<MemorySpec> = match present(root, PREFIX) {
        Some(block) => typed::read(&resolver.sources, block, PREFIX, problems),
        None => Some(MemorySpec::default()),
    };
    let work: Option<WorkloadSpec> = match present(root, "workload") {
        Some(block) => typed::read(&resolver.sources, block, "workload", problems),
        None => Some(WorkloadSpec::default()),
    };
    let ranks = ranks(resolver, root, problems);
    let (spec, work) = (spec?, work?);
    let limit = limit(resolver, root, &spec, problems);
    let options = options(&work);
    let plan = training::build(resolver, root, options.precision.weights, problems);
    let subject = subject(resolver, root, &spec, &work, problems);
    let batch = work.batch.unwrap_or(1);
    if !(1..=MAX_BATCH).contains(&batch) {
        let message = format!("`workload.batch` is {batch}");
        problems.push(at(resolver, root, "workload.batch", message, &format!("expected 1 to {MAX_BATCH}")));
    }
    let case = MemoryCase {
        name: name.to_owned(),
        description,
        subject: subject?,
        plan: plan?,
        batch,
        ranks,
        options,
        counting: counting.unwrap_or_default(),
        limit,
        reference,
        seed: seed.unwrap_or_default(),
        expect: expect?,
    };
    check(resolver, root, &case, problems);
    (problems.list.len() + problems.more == before).then_some(case)
}

fn at(resolver: &Resolver<'_>, root: &Node, path: &str, message: String, label: &str) -> Diagnostic {
    let path: Vec<Step> = path.split('.').map(|key| Step::Key(key.to_owned())).collect();
    typed::problem_at(&resolver.sources, root, "", &path, message, label)
}

/// What can only be said of the whole.
fn check(resolver: &Resolver<'_>, root: &Node, case: &MemoryCase, problems: &mut Diagnostics) {
    let recompute = case.plan.training.recompute;
    let is_model = matches!(case.subject, MemorySubject::Model { .. });
    match recompute {
        Recompute::None => {}
        Recompute::Optimal(_) => {
            let message = "a budget says itself what is kept".to_owned();
            let label = "expected `none`, `selective`, `full` or `{ every: 2 }`";
            problems.push(at(resolver, root, "training.recompute", message, label));
        }
        _ if is_model => {}
        _ => {
            let message = "only a transformer has layers that are computed again".to_owned();
            problems.push(at(resolver, root, "training.recompute", message, "expected `none`"));
        }
    }
    if case.counting == Counting::Paper && recompute != Recompute::None {
        let message = "the paper counts all activations, recomputed or not".to_owned();
        problems.push(
            at(resolver, root, "training.recompute", message, "").with_help("leave out `counting: paper`"),
        );
    }
    if problems.has_errors() {
        return;
    }
    if let Err(error) = case.activations(case.micro_batch()) {
        problems.push(at(resolver, root, "workload", error.to_string(), ""));
    }
}

/// Data-parallel ranks; nothing else divides here.
fn ranks(resolver: &Resolver<'_>, root: &Node, problems: &mut Diagnostics) -> u64 {
    let parallel: Parallel = optional(resolver, root, "parallel", problems).unwrap_or_default();
    if parallel != (Parallel { data: parallel.data, ..Parallel::default() }) {
        let message = "a memory is counted for data-parallel ranks only".to_owned();
        problems.push(at(resolver, root, "parallel", message, "expected `{ data: 64 }`"));
    }
    if parallel.data == 0 {
        problems.push(at(
            resolver,
            root,
            "parallel.data",
            "`parallel.data` is 0".to_owned(),
            "expected 1 or more",
        ));
    }
    u64::from(parallel.data.max(1))
}

fn limit(
    resolver: &mut Resolver<'_>,
    root: &Node,
    spec: &MemorySpec,
    problems: &mut Diagnostics,
) -> Option<MemoryLimit> {
    match (spec.limit, present(root, "hardware")) {
        (Some(_), Some(block)) => {
            let message = "both `hardware` and `memory.limit`";
            let problem = Diagnostic::at(&resolver.sources, block.place, message, "leave one out");
            problems.push(problem.with_path("hardware"));
            None
        }
        (Some(bytes), None) => Some(MemoryLimit { name: String::new(), bytes: bytes.0 }),
        (None, Some(block)) => {
            let device = resolver.device(block, problems)?;
            let tier = device.memory()?;
            Some(MemoryLimit { name: device.name.clone(), bytes: tier.capacity.value.0 })
        }
        (None, None) => None,
    }
}

/// How operators are cut: as eager frameworks run them, but for what the workload says.
fn options(work: &WorkloadSpec) -> BuildOptions {
    let fused = |fusion: Option<Fusion>| fusion == Some(Fusion::Fused);
    BuildOptions {
        fused_attention: fused(work.attention),
        fused_elementwise: fused(work.elementwise),
        merged_qkv: work.merged_qkv.unwrap_or(false),
        embedding: work.embedding.unwrap_or(true),
        lm_head: work.lm_head.unwrap_or(true),
        ..BuildOptions::unfused(workload::precision(work))
    }
}

fn subject(
    resolver: &mut Resolver<'_>,
    root: &Node,
    spec: &MemorySpec,
    work: &WorkloadSpec,
    problems: &mut Diagnostics,
) -> Option<MemorySubject> {
    let Some(block) = present(root, "model") else {
        let Some(parameters) = spec.parameters else {
            let help = "such as `model: bert-large`, or `memory: { parameters: 7.5e9 }`";
            return missing(resolver, root, "model", help, problems);
        };
        if !(1.0..=MAX_PARAMETERS).contains(&parameters) {
            let message = format!("{parameters} parameters");
            problems.push(at(resolver, root, "memory.parameters", message, "expected 1 to 1e18"));
            return None;
        }
        return Some(MemorySubject::Parameters(parameters.round() as u64));
    };
    if spec.parameters.is_some() {
        let message = "both `model` and `memory.parameters`".to_owned();
        problems.push(at(resolver, root, "memory.parameters", message, "leave one out"));
        return None;
    }
    if let Some(network) = block.text().and_then(networks::find) {
        return Some(MemorySubject::Network { network, image: work.image.unwrap_or(network.image) });
    }
    let model = resolver.model(block, problems)?;
    workload::refuse_image(&resolver.sources, root, work, problems);
    let patches = model.architecture.patches.filter(|_| model.architecture.kind == ModelKind::Vision);
    let Some(tokens) = work.prompt.or(patches.map(|patches| patches.tokens())) else {
        let message = "`workload.prompt` is missing".to_owned();
        problems.push(at(
            resolver,
            root,
            "workload",
            message,
            "the tokens of a sequence decide what is kept",
        ));
        return None;
    };
    if !(1..=MAX_TOKENS).contains(&tokens) {
        let message = format!("`workload.prompt` is {tokens}");
        problems.push(at(resolver, root, "workload.prompt", message, &format!("expected 1 to {MAX_TOKENS}")));
        return None;
    }
    Some(MemorySubject::Model { name: model.name, architecture: model.architecture, tokens })
}
