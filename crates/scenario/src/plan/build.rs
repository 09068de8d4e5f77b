//! From the tree of one case to a [`PlanCase`].

use memwall_hardware::System;
use memwall_model_graph::{
    Architecture, ModelKind, Parallel, Phase, PipelineSchedule, Precision, Recompute, ScheduleKind, ZeroStage,
};

use super::spec::{OneOrMany, PlanSpec, PublishedPlanSpec};
use super::{PlanCase, PlanChoices, PublishedPlan, TrainingChoice};
use crate::build_case::{missing, optional, present, refuse_keys};
use crate::diagnostic::Diagnostics;
use crate::expect::plain;
use crate::node::{Node, Step};
use crate::resolve::Resolver;
use crate::spec::{SCENARIO_KEYS, WorkloadSpec};
use crate::training::spec::{RecomputeSpec, RecomputeWord, ZeroSpec};
use crate::{formats, team, training, typed, workload};

const PREFIX: &str = "plan";
/// Plans that are simulated when nobody says how many, and the most that are.
const SIMULATE: u32 = 8;
const MOST_SIMULATED: u32 = 256;
/// The most values of one choice.
const MOST_VALUES: usize = 256;
/// Keys of other kinds of scenarios, and of what a plan decides itself.
const OTHERS: [&str; 12] = [
    "graph",
    "hardware",
    "parallel",
    "slow",
    "sparsity",
    "placement",
    "microbenchmark",
    "collective",
    "replay",
    "trend",
    "reference",
    "expect",
];

/// Validates the tree of one case, called `name`; adds all problems.
pub(crate) fn build(
    resolver: &mut Resolver<'_>,
    root: &Node,
    name: &str,
    problems: &mut Diagnostics,
) -> Option<PlanCase> {
    let before = problems.list.len() + problems.more;
    typed::unknown_keys(&resolver.sources, root, "", &SCENARIO_KEYS, problems);
    refuse_keys(resolver, root, PREFIX, &OTHERS, problems);
    let description = optional(resolver, root, "description", problems);
    let seed = optional(resolver, root, "seed", problems);
    let model = match present(root, "model") {
        Some(block) => resolver.model(block, problems),
        None => missing(resolver, root, "model", "such as `model: llama-3-8b`", problems),
    };
    let system = match present(root, "system") {
        Some(block) => resolver.system(block, problems),
        None => missing(resolver, root, "system", "such as `system: dgx-h100`", problems),
    };
    let device = system.as_ref().and_then(|system| team::device(resolver, root, system, problems));
    let software = present(root, "software").and_then(|block| resolver.software(block, problems));
    let library = present(root, "communication").and_then(|block| resolver.library(block, problems));
    let spec = workload_spec(resolver, root, problems);
    let precision = spec.as_ref().map(workload::precision);
    let training = training::build(
        resolver,
        root,
        precision.unwrap_or(Precision::uniform(memwall_model_graph::Dtype::Bf16)).weights,
        problems,
    );
    let block = present(root, PREFIX).cloned();
    let plan: Option<PlanSpec> = match &block {
        Some(block) => typed::read(&resolver.sources, block, PREFIX, problems),
        None => Some(PlanSpec::default()),
    };
    let (plan, spec, model) = (plan?, spec?, model?);
    let [batch, tokens] = sizes(resolver, root, &spec, problems)?;
    let node = block.as_ref().unwrap_or(root);
    let mut wrong = Wrong { resolver, node, problems };
    if model.architecture.kind == ModelKind::EncoderDecoder {
        wrong.say(&[], "an encoder-decoder model is not planned".to_owned(), "a decoder or an encoder is");
    }
    let system = system?;
    let choices = choices(&mut wrong, &plan, &system);
    let simulate = plan.simulate.unwrap_or(SIMULATE);
    if simulate > MOST_SIMULATED {
        let message = format!("{simulate} plans cannot be simulated");
        wrong.say(&["simulate"], message, &format!("0 to {MOST_SIMULATED}"));
    }
    let workload = (batch, &*model.architecture);
    let published = plan.published.as_ref().and_then(|spec| published(&mut wrong, spec, &system, workload));
    let (device, precision) = (device?, precision?);
    let notes = formats::check(&resolver.sources, root, &device, precision, problems);
    if problems.list.len() + problems.more > before {
        return None;
    }
    let software = software?;
    Some(PlanCase {
        name: name.to_owned(),
        description,
        model: model.name,
        architecture: model.architecture,
        options: workload::build_options(&spec, &software),
        system,
        device,
        library: library?,
        software,
        training: training?.training,
        batch,
        tokens,
        seed: seed.unwrap_or_default(),
        choices,
        simulate,
        objective: plan.objective.unwrap_or_default(),
        published,
        notes,
    })
}

/// A place to say what is wrong with the block.
struct Wrong<'a, 'b> {
    resolver: &'a Resolver<'b>,
    node: &'a Node,
    problems: &'a mut Diagnostics,
}

impl Wrong<'_, '_> {
    fn say(&mut self, path: &[&str], message: String, label: &str) {
        let path: Vec<Step> = path.iter().map(|key| Step::Key((*key).to_owned())).collect();
        let problem = typed::problem_at(&self.resolver.sources, self.node, PREFIX, &path, message, label);
        self.problems.push(problem);
    }
}

/// The workload, whose phase can only be `train`.
fn workload_spec(resolver: &Resolver<'_>, root: &Node, problems: &mut Diagnostics) -> Option<WorkloadSpec> {
    let Some(block) = present(root, "workload") else { return Some(WorkloadSpec::default()) };
    let spec: WorkloadSpec = typed::read(&resolver.sources, block, "workload", problems)?;
    if spec.phase.is_some_and(|phase| phase != Phase::Train) {
        let path = ["workload", "phase"].map(|key| Step::Key(key.to_owned()));
        let message = "only training is planned";
        problems.push(typed::problem_at(&resolver.sources, root, "", &path, message, "expected `train`"));
    }
    Some(spec)
}

/// Sequences of a batch, and tokens of a sequence.
fn sizes(
    resolver: &Resolver<'_>,
    root: &Node,
    spec: &WorkloadSpec,
    problems: &mut Diagnostics,
) -> Option<[u64; 2]> {
    use memwall_model_graph::limits::{MAX_BATCH, MAX_TOKENS};
    let mut said = false;
    let mut size = |key: &str, value: Option<u64>, most: u64, help: &str| {
        if let Some(value) = value.filter(|value| (1..=most).contains(value)) {
            return value;
        }
        let message = match value {
            Some(value) => format!("`workload.{key}` is {value}"),
            None => format!("`workload.{key}` is missing"),
        };
        let path = ["workload", key].map(|key| Step::Key(key.to_owned()));
        let label = format!("expected from 1 to {most}");
        let problem = typed::problem_at(&resolver.sources, root, "", &path, message, label);
        problems.push(problem.with_help(help));
        said = true;
        0
    };
    let batch = size("batch", spec.batch, MAX_BATCH, "sequences of a global batch, such as `batch: 2048`");
    let tokens = size("prompt", spec.prompt, MAX_TOKENS, "tokens of a sequence, such as `prompt: 4096`");
    (!said).then_some([batch, tokens])
}

fn choices(wrong: &mut Wrong<'_, '_>, plan: &PlanSpec, system: &System) -> PlanChoices {
    let all = system.fabric().devices();
    let devices =
        numbers(wrong, "devices", plan.devices.as_ref(), u64::from(all)).unwrap_or_else(|| vec![all]);
    let most = u64::from(all);
    let parallel = [
        ("tensor", &plan.tensor),
        ("pipeline", &plan.pipeline),
        ("context", &plan.context),
        ("expert", &plan.expert),
    ];
    let [tensor, pipeline, context, expert] =
        parallel.map(|(key, values)| numbers(wrong, key, values.as_ref(), most));
    let chunks = numbers(wrong, "chunks", plan.chunks.as_ref(), 1024);
    let micro_batch = plan.micro_batch.as_ref().map(OneOrMany::values);
    if micro_batch.iter().flatten().any(|size| *size == 0) || micro_batch.as_ref().is_some_and(Vec::is_empty)
    {
        wrong.say(&["micro_batch"], "no sequences at all".to_owned(), "at least 1");
    }
    let recompute = plan.recompute.as_ref().map(|list| {
        list.values().into_iter().filter_map(|spec| recompute(wrong, &["recompute"], spec)).collect()
    });
    PlanChoices {
        devices,
        tensor,
        sequence: plan.sequence.as_ref().map(OneOrMany::values),
        pipeline,
        context,
        expert,
        micro_batch: micro_batch.map(distinct),
        zero: plan
            .zero
            .as_ref()
            .map(|list| distinct(list.values().into_iter().map(ZeroSpec::stage).collect())),
        recompute,
        schedule: plan.schedule.as_ref().map(|list| distinct(list.values())),
        chunks,
    }
}

/// Numbers from 1 to `most`, each once, in order.
fn numbers(
    wrong: &mut Wrong<'_, '_>,
    key: &str,
    values: Option<&OneOrMany<u32>>,
    most: u64,
) -> Option<Vec<u32>> {
    let values = distinct(values?.values());
    if values.is_empty() || values.len() > MOST_VALUES {
        wrong.say(&[key], format!("{} values", values.len()), &format!("expected 1 to {MOST_VALUES}"));
    }
    if let Some(value) = values.iter().find(|value| !(1..=most).contains(&u64::from(**value))) {
        wrong.say(&[key], format!("`plan.{key}` is {value}"), &format!("expected from 1 to {most}"));
    }
    Some(values)
}

fn distinct<T: Ord>(mut values: Vec<T>) -> Vec<T> {
    values.sort_unstable();
    values.dedup();
    values
}

fn recompute(wrong: &mut Wrong<'_, '_>, path: &[&str], spec: RecomputeSpec) -> Option<Recompute> {
    match spec {
        RecomputeSpec::Word(RecomputeWord::None) => Some(Recompute::None),
        RecomputeSpec::Word(RecomputeWord::Selective) => Some(Recompute::Selective),
        RecomputeSpec::Word(RecomputeWord::Full) => Some(Recompute::Full),
        RecomputeSpec::Number(number) => match (number.every, number.optimal) {
            (Some(every), None) if every > 0 => Some(Recompute::Every(every)),
            _ => {
                wrong.say(path, "a rule that cannot be planned".to_owned(), "such as `{ every: 2 }`");
                None
            }
        },
    }
}

fn published(
    wrong: &mut Wrong<'_, '_>,
    spec: &PublishedPlanSpec,
    system: &System,
    (batch, architecture): (u64, &Architecture),
) -> Option<PublishedPlan> {
    let at = |key| ["published", key];
    let one = |value: Option<u32>| value.unwrap_or(1);
    let (tensor, pipeline, context) = (one(spec.tensor), one(spec.pipeline), one(spec.context));
    let all = system.fabric().devices();
    let devices = spec.devices.unwrap_or(all);
    if devices == 0 || devices > all {
        wrong.say(&at("devices"), format!("{devices} devices"), &format!("expected from 1 to {all}"));
        return None;
    }
    let shards =
        [tensor, pipeline, context].iter().fold(1_u64, |all, one| all.saturating_mul(u64::from(*one)));
    if shards == 0 || !u64::from(devices).is_multiple_of(shards) {
        let message =
            format!("tensor x pipeline x context is {shards}, which does not divide {devices} devices");
        wrong.say(&["published"], message, "what is left over is data-parallel");
        return None;
    }
    let data = devices / u32::try_from(shards).unwrap_or(devices);
    let micro_batch = spec.micro_batch.unwrap_or(1);
    let once = u64::from(data).saturating_mul(micro_batch);
    if once == 0 || !batch.is_multiple_of(once) {
        let message =
            format!("{data} data-parallel ranks of {micro_batch} sequences do not divide a batch of {batch}");
        wrong.say(&at("micro_batch"), message, "");
        return None;
    }
    let parallel = Parallel {
        tensor,
        sequence: spec.sequence.unwrap_or(false),
        pipeline,
        data,
        expert: one(spec.expert),
        context,
        micro_batches: u32::try_from(batch / once).unwrap_or(u32::MAX),
    };
    for error in parallel.validate(architecture).err().unwrap_or_default() {
        let key = error.path.join(".");
        let message = format!("`plan.published.{key}` is {}", error.actual);
        wrong.say(&["published", &key], message, &format!("expected {}", error.expected));
    }
    let recompute = match spec.recompute {
        Some(rule) => recompute(wrong, &at("recompute"), rule)?,
        None => Recompute::None,
    };
    let kind = spec.schedule.unwrap_or_default();
    let chunks = one(spec.chunks);
    if chunks == 0 || (chunks > 1) != (kind == ScheduleKind::Interleaved) {
        let message = format!("{chunks} chunks with `schedule: {}`", kind.name());
        wrong.say(&at("chunks"), message, "`interleaved` has several, other schedules none");
    }
    let mfu = spec.mfu.as_ref().and_then(|mfu| {
        let share = plain(mfu).filter(|share| *share > 0.0 && *share <= 1.0);
        if share.is_none() {
            wrong.say(&at("mfu"), "a share of the peak".to_owned(), "such as `41 %`");
        }
        share
    });
    Some(PublishedPlan {
        choice: TrainingChoice {
            parallel,
            micro_batch,
            zero: spec.zero.map_or(ZeroStage::None, ZeroSpec::stage),
            recompute,
            schedule: PipelineSchedule { kind, chunks },
        },
        time: spec.time.map(|time| time.as_secs_f64()),
        mfu,
        source: spec.source.clone().unwrap_or_default(),
    })
}
