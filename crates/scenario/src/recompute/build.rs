//! From the tree of one case to a [`RecomputeCase`].

use std::sync::Arc;

use memwall_hardware::SoftwareProfile;
use memwall_model_graph::networks::{self, NetworkStep};
use memwall_model_graph::{
    BuildOptions, Differentiation, Graph, GraphError, Phase, Recompute, Training, TrainingGraph, build_step,
};
use memwall_units::{Bytes, Quantity};

use super::spec::{ClaimSpec, RecomputeBlock};
use super::{Budget, Claim, RecomputeCase};
use crate::build_case::{expectations, foreign_keys_but, missing, optional, present};
use crate::diagnostic::Diagnostics;
use crate::expect::{Amount, plain};
use crate::node::{Node, Step};
use crate::resolve::Resolver;
use crate::spec::{SCENARIO_KEYS, WorkloadSpec};
use crate::training::{self, spec::RecomputeSpec};
use crate::{formats, graph, typed, workload};

const PREFIX: &str = "recompute";
/// The most rules, and the most budgets.
const MOST: usize = 32;
/// Operators of a forward pass above which searching schedules would take long.
const MAX_OPERATORS: usize = 50_000;
/// Keys of runs that a scenario of this kind has too.
const SHARED: [&str; 5] = ["model", "graph", "software", "workload", "fidelity"];
const OTHERS: [&str; 6] = ["system", "communication", "microbenchmark", "collective", "replay", "trend"];

/// Validates the tree of one case, called `name`; adds all problems.
pub(crate) fn build(
    resolver: &mut Resolver<'_>,
    root: &Node,
    name: &str,
    problems: &mut Diagnostics,
) -> Option<RecomputeCase> {
    let before = problems.list.len() + problems.more;
    typed::unknown_keys(&resolver.sources, root, "", &SCENARIO_KEYS, problems);
    foreign_keys_but(resolver, root, PREFIX, (&SHARED, &OTHERS), problems);
    let description = optional(resolver, root, "description", problems);
    let fidelity = optional(resolver, root, "fidelity", problems);
    let seed = optional(resolver, root, "seed", problems);
    let expect = expectations(resolver, root, problems);
    let device = match present(root, "hardware") {
        Some(block) => resolver.device(block, problems),
        None => missing(resolver, root, "hardware", "such as `hardware: v100-sxm2-16gb`", problems),
    };
    let software = present(root, "software").and_then(|block| resolver.software(block, problems));
    let work = match present(root, "workload") {
        Some(block) => typed::read(&resolver.sources, block, "workload", problems),
        None => Some(WorkloadSpec::default()),
    };
    let asked = asked(resolver, root, problems);
    let (work, software) = (work?, software?);
    let precision = workload::precision(&work);
    let plan = training::build(resolver, root, precision.weights, problems);
    let training = plan.map(|plan| plan.training);
    if let Some(training) = &training {
        refuse_rule(resolver, root, training, problems);
    }
    let subject = subject(resolver, root, (&work, &software, training.as_ref()), problems);
    let device = device?;
    let notes = formats::check(&resolver.sources, root, &device, precision, problems);
    if problems.list.len() + problems.more > before {
        return None;
    }
    let ((rules, budgets, claim), (subject, work, graph)) = (asked?, subject?);
    Some(RecomputeCase {
        name: name.to_owned(),
        description,
        subject,
        work,
        precision,
        graph: Arc::new(graph),
        device,
        software,
        fidelity: fidelity.unwrap_or_default(),
        rules,
        budgets,
        claim,
        notes,
        seed: seed.unwrap_or_default(),
        expect: expect?,
    })
}

/// The rules are in the `recompute` block.
fn refuse_rule(resolver: &Resolver<'_>, root: &Node, training: &Training, problems: &mut Diagnostics) {
    if training.recompute != Recompute::None {
        let path = ["training", "recompute"].map(|key| Step::Key(key.to_owned()));
        let message = "a rule of recomputing in `training`, where all those in `recompute` are tried";
        let problem = typed::problem_at(&resolver.sources, root, "", &path, message, "");
        problems.push(problem.with_help("such as `recompute: { rules: [none, full, { every: 2 }] }`"));
    }
}

type Asked = (Vec<Recompute>, Vec<Budget>, Option<Claim>);

/// What the block asks for.
fn asked(resolver: &Resolver<'_>, root: &Node, problems: &mut Diagnostics) -> Option<Asked> {
    let block: RecomputeBlock = match present(root, PREFIX) {
        Some(node) => typed::read(&resolver.sources, node, PREFIX, problems)?,
        None => RecomputeBlock::default(),
    };
    let node = present(root, PREFIX).unwrap_or(root);
    let mut is_right = true;
    let mut wrong = |path: &[Step], message: String, help: &str| {
        is_right = false;
        let problem = typed::problem_at(&resolver.sources, node, PREFIX, path, message, "");
        problems.push(problem.with_help(help));
    };
    let key = |key: &str| Step::Key(key.to_owned());
    let mut rules = vec![Recompute::None, Recompute::Selective, Recompute::Full];
    rules.extend([Recompute::Every(2), Recompute::Every(4)]);
    if let Some(written) = &block.rules {
        if written.len() > MOST {
            wrong(&[key("rules")], format!("{} rules; at most {MOST}", written.len()), "");
        }
        rules.clear();
        for (index, spec) in written.iter().enumerate().take(MOST) {
            match rule(*spec) {
                Ok(rule) if !rules.contains(&rule) => rules.push(rule),
                Ok(_) => {}
                Err((message, help)) => {
                    wrong(&[key("rules"), Step::Index(index)], message.to_owned(), help);
                }
            }
        }
    }
    let mut budgets = [0.5, 0.33, 0.25, 0.2].map(Budget::Share).to_vec();
    if let Some(written) = &block.budgets {
        if written.len() > MOST {
            wrong(&[key("budgets")], format!("{} budgets; at most {MOST}", written.len()), "");
        }
        budgets.clear();
        for (index, amount) in written.iter().enumerate().take(MOST) {
            match budget(amount) {
                Ok(budget) => budgets.push(budget),
                Err(message) => wrong(
                    &[key("budgets"), Step::Index(index)],
                    message,
                    "such as `20 %` of what is needed when nothing is computed again, or `4 GB`",
                ),
            }
        }
    }
    let claim = block.claim.as_ref().and_then(|spec| {
        let claim = claim(spec);
        if let Err((of, message)) = &claim {
            wrong(&[key("claim"), key(of)], message.clone(), "such as `claim: { less: 5, extra: 20 % }`");
        }
        claim.ok()
    });
    is_right.then_some((rules, budgets, claim))
}

fn rule(spec: RecomputeSpec) -> Result<Recompute, (&'static str, &'static str)> {
    match training::rule(spec) {
        Ok(Recompute::Optimal(_)) => {
            Err(("a budget among the rules", "write it in `budgets`, such as `budgets: [20 %, 4 GB]`"))
        }
        Ok(rule) => Ok(rule),
        Err(wrong) => Err((wrong.message, wrong.help)),
    }
}

fn budget(amount: &Amount) -> Result<Budget, String> {
    match amount {
        Amount::Number(number) => Err(format!("a budget of {number} without a unit")),
        Amount::Text(text) if text.trim_end().ends_with('%') => match plain(amount) {
            Some(share) if share > 0.0 && share <= 1.0 => Ok(Budget::Share(share)),
            _ => Err(format!("a budget of {}", crate::parse::shorten(text))),
        },
        Amount::Text(text) => match Bytes::from_text(text) {
            Ok(bytes) if bytes.0 > 0 => Ok(Budget::Bytes(bytes.0)),
            Ok(_) => Err("a budget of no bytes".to_owned()),
            Err(error) => Err(error.to_string()),
        },
    }
}

fn claim(spec: &ClaimSpec) -> Result<Claim, (&'static str, String)> {
    let extra = plain(&spec.extra).filter(|extra| (0.0..=10.0).contains(extra));
    if !(1.0..=1000.0).contains(&spec.less) {
        return Err(("less", format!("{} times less memory: from 1 to 1000", spec.less)));
    }
    match extra {
        Some(extra) => Ok(Claim { less: spec.less, extra }),
        None => Err(("extra", "more work is a share, from 0 to 1000 %".to_owned())),
    }
}

type Subject = (String, String, TrainingGraph);

/// What is trained: its name, its work in words, its graph.
fn subject(
    resolver: &mut Resolver<'_>,
    root: &Node,
    (work, software, training): (&WorkloadSpec, &SoftwareProfile, Option<&Training>),
    problems: &mut Diagnostics,
) -> Option<Subject> {
    let options = workload::build_options(work, software);
    let options =
        BuildOptions { dropout: training.is_some_and(|training| training.dropout > 0.0), ..options };
    let (name, text, forward) = forward(resolver, root, work, &options, problems)?;
    let how = Differentiation {
        tensor: 1,
        formats: training?.formats,
        fused: options.fused_elementwise,
        overlap: false,
        accumulate: false,
    };
    let mut problem = |message: String| {
        let key = if present(root, "graph").is_some() { "graph" } else { "workload" };
        let path = [Step::Key(key.to_owned())];
        problems.push(typed::problem_at(&resolver.sources, root, "", &path, message, ""));
    };
    let graph = match forward.and_then(|forward| TrainingGraph::differentiate(&forward, &how)) {
        Ok(graph) => graph,
        Err(error) => {
            problem(error.to_string());
            return None;
        }
    };
    if graph.forward_operators() > MAX_OPERATORS {
        let count = graph.forward_operators();
        problem(format!(
            "{count} operators in a forward pass; schedules are looked for of up to {MAX_OPERATORS}"
        ));
        return None;
    }
    Some((name, text, graph))
}

type Forward = (String, String, Result<Graph, GraphError>);

fn forward(
    resolver: &mut Resolver<'_>,
    root: &Node,
    work: &WorkloadSpec,
    options: &BuildOptions,
    problems: &mut Diagnostics,
) -> Option<Forward> {
    let Some(block) = present(root, "model") else {
        let Some(node) = present(root, "graph") else {
            let help = "such as `model: bert-large`, or `model: resnet-50`";
            return missing(resolver, root, "model", help, problems);
        };
        let graph = graph::read(&resolver.sources, node, &options.precision, problems)?;
        let text = format!("{} operators", graph.operators().len());
        return Some(("graph".to_owned(), text, Ok(graph)));
    };
    if let Some(network) = block.text().and_then(networks::find) {
        let (batch, image) = workload::images(&resolver.sources, root, work, network, problems)?;
        let step = NetworkStep { batch, image, trains: true };
        let text = format!("batch {batch} of {image} x {image} pixels");
        return Some((network.name.to_owned(), text, network.build(&step, options)));
    }
    let model = resolver.model(block, problems)?;
    workload::refuse_image(&resolver.sources, root, work, problems);
    let train = WorkloadSpec { phase: Some(Phase::Train), ..work.clone() };
    let workload = workload::workload(&resolver.sources, root, &train, model.architecture.kind, problems)?;
    let step = workload.steps().next()?;
    let text = format!("batch {} of {} tokens", workload.batch, workload.prompt);
    Some((model.name, text, build_step(&model.architecture, &step, options)))
}
