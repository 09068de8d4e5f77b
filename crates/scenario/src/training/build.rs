//! From the block to a [`TrainingPlan`].

use memwall_model_graph::{
    Dtype, Optimizer, PipelineSchedule, Recompute, ScheduleKind, StateFormats, Training, ZeroStage,
};

use super::TrainingPlan;
use super::spec::{RecomputeSpec, RecomputeWord, TrainingSpec, ZeroSpec};
use crate::build_case::present;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::expect::plain;
use crate::node::{Node, Step};
use crate::resolve::Resolver;
use crate::typed;

const PREFIX: &str = "training";
/// The most values an optimizer remembers of a parameter, and model parts a stage holds.
const MAX_STATES: f64 = 64.0;
const MAX_CHUNKS: u32 = 1024;

/// The training that a scenario describes, of a model whose weights are `weights`; what is usual where it has no such
/// block. `None` where something is wrong, all of which is added to `problems`.
pub(crate) fn build(
    resolver: &Resolver<'_>,
    root: &Node,
    weights: Dtype,
    problems: &mut Diagnostics,
) -> Option<TrainingPlan> {
    let spec = match present(root, PREFIX) {
        Some(block) => typed::read(&resolver.sources, block, PREFIX, problems)?,
        None => TrainingSpec::default(),
    };
    let mut wrong = Vec::new();
    let plan = plan(&spec, weights, &mut wrong);
    let block = present(root, PREFIX).unwrap_or(root);
    for Wrong { path, message, help } in &wrong {
        let path: Vec<Step> = path.split('.').map(|key| Step::Key(key.to_owned())).collect();
        let problem = typed::problem_at(&resolver.sources, block, PREFIX, &path, *message, "");
        problems.push(problem.with_help(*help));
    }
    wrong.is_empty().then_some(plan)
}

/// A problem for a `training:` block where nothing is trained.
pub(crate) fn refuse(resolver: &Resolver<'_>, root: &Node, problems: &mut Diagnostics) {
    let Some(field) = root.map().and_then(|map| map.get(PREFIX)) else { return };
    // What is wrong inside it is told all the same.
    build(resolver, root, Dtype::Bf16, problems);
    let message = "a `training` block where nothing is trained";
    let problem = Diagnostic::at(&resolver.sources, field.key, message, "only for scenarios that train");
    problems.push(problem.with_path(PREFIX));
}

/// Something that will not do: its keys below the block, what is wrong, what would do.
pub(crate) struct Wrong {
    path: &'static str,
    pub message: &'static str,
    pub help: &'static str,
}

fn plan(spec: &TrainingSpec, weights: Dtype, wrong: &mut Vec<Wrong>) -> TrainingPlan {
    let usual = StateFormats::default();
    // Weights as wide as the copy would be are updated themselves.
    let usual_master = usual.master.filter(|copy| copy.bits() > weights.bits());
    let formats = StateFormats {
        gradients: spec.gradients.unwrap_or(usual.gradients),
        master: spec.master_weights.map_or(usual_master, |master| master.format()),
        state: spec.state.unwrap_or(usual.state),
    };
    if spec.micro_batch == Some(0) {
        wrong.push(Wrong {
            path: "micro_batch",
            message: "a micro-batch has at least one sequence",
            help: "",
        });
    }
    let training = Training {
        optimizer: optimizer(spec, wrong),
        formats,
        recompute: recompute(spec, wrong),
        schedule: schedule(spec, wrong),
        zero: spec.zero.map_or(ZeroStage::None, ZeroSpec::stage),
        dropout: dropout(spec, wrong),
    };
    let positive = |value: &f64| value.is_finite() && *value > 0.0;
    for (path, value) in [("total_tokens", &spec.total_tokens), ("dollars_per_hour", &spec.dollars_per_hour)]
    {
        if !value.as_ref().is_none_or(positive) {
            wrong.push(Wrong { path, message: "expected a number above 0", help: "" });
        }
    }
    TrainingPlan {
        training,
        micro_batch: spec.micro_batch,
        total_tokens: spec.total_tokens,
        dollars_an_hour: spec.dollars_per_hour,
    }
}

fn optimizer(spec: &TrainingSpec, wrong: &mut Vec<Wrong>) -> Optimizer {
    if !spec.optimizer_states.is_none_or(|states| (0.0..=MAX_STATES).contains(&states)) {
        let message = "an optimizer remembers 0 to 64 values of each parameter";
        wrong.push(Wrong { path: "optimizer_states", message, help: "such as `optimizer_states: 2`" });
    }
    Optimizer { kind: spec.optimizer.unwrap_or_default(), states: spec.optimizer_states }
}

fn recompute(spec: &TrainingSpec, wrong: &mut Vec<Wrong>) -> Recompute {
    let Some(written) = spec.recompute else { return Recompute::None };
    rule(written).unwrap_or_else(|error| {
        wrong.push(error);
        Recompute::None
    })
}

/// A rule of recomputing.
pub(crate) fn rule(spec: RecomputeSpec) -> Result<Recompute, Wrong> {
    let number = match spec {
        RecomputeSpec::Word(RecomputeWord::None) => return Ok(Recompute::None),
        RecomputeSpec::Word(RecomputeWord::Selective) => return Ok(Recompute::Selective),
        RecomputeSpec::Word(RecomputeWord::Full) => return Ok(Recompute::Full),
        RecomputeSpec::Number(number) => number,
    };
    match (number.every, number.optimal) {
        (Some(0), None) => Err(Wrong {
            path: "recompute.every",
            message: "every 0th layer is none",
            help: "`every: 2` keeps all of every second layer; `recompute: full` of none",
        }),
        (Some(every), None) => Ok(Recompute::Every(every)),
        (None, Some(budget)) => Ok(Recompute::Optimal(budget.0)),
        _ => Err(Wrong {
            path: "recompute",
            message: "a rule of recomputing has one of `every` and `optimal`",
            help: "such as `{ every: 2 }` or `{ optimal: 20 GB }`",
        }),
    }
}

fn schedule(spec: &TrainingSpec, wrong: &mut Vec<Wrong>) -> PipelineSchedule {
    let kind = spec.schedule.unwrap_or_default();
    let is_interleaved = kind == ScheduleKind::Interleaved;
    match spec.chunks {
        Some(_) if !is_interleaved => wrong.push(Wrong {
            path: "chunks",
            message: "`chunks` goes with `schedule: interleaved`",
            help: "other schedules say themselves how many model parts a stage holds",
        }),
        Some(chunks) if chunks == 0 || chunks > MAX_CHUNKS => wrong.push(Wrong {
            path: "chunks",
            message: "a stage holds 1 to 1024 model parts",
            help: "such as `chunks: 2`",
        }),
        None if is_interleaved => wrong.push(Wrong {
            path: "schedule",
            message: "`interleaved` needs `chunks`, the model parts that a stage holds",
            help: "such as `chunks: 2`",
        }),
        _ => {}
    }
    PipelineSchedule { kind, chunks: spec.chunks.unwrap_or(1) }
}

fn dropout(spec: &TrainingSpec, wrong: &mut Vec<Wrong>) -> f64 {
    let Some(amount) = &spec.dropout else { return 0.0 };
    let share = plain(amount).filter(|share| (0.0..1.0).contains(share));
    if share.is_none() {
        let message = "dropout is a share from 0 to below 1";
        wrong.push(Wrong { path: "dropout", message, help: "such as `dropout: 0.1` or `dropout: 10 %`" });
    }
    share.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Result<TrainingPlan, Vec<&'static str>> {
        let spec: TrainingSpec = serde_yaml::from_str(yaml).unwrap_or_else(|error| panic!("{yaml}: {error}"));
        let mut wrong = Vec::new();
        let plan = plan(&spec, Dtype::Bf16, &mut wrong);
        if wrong.is_empty() { Ok(plan) } else { Err(wrong.into_iter().map(|wrong| wrong.path).collect()) }
    }

    #[test]
    fn an_empty_block_is_adam_in_mixed_precision() {
        let plan = read("{}").unwrap();
        assert_eq!(
            plan,
            TrainingPlan {
                training: Training::default(),
                micro_batch: None,
                total_tokens: None,
                dollars_an_hour: None,
            }
        );
        let wide = super::plan(&TrainingSpec::default(), Dtype::Fp32, &mut Vec::new());
        assert_eq!(wide.training.formats.master, None, "fp32 weights need no fp32 copy");
    }

    #[test]
    fn every_key_is_read() {
        let plan = read(
            "{optimizer: momentum, optimizer_states: 1.5, gradients: bf16, master_weights: none, state: bf16, \
             recompute: {every: 3}, schedule: interleaved, chunks: 4, zero: 3, micro_batch: 2, dropout: 10 %, \
             total_tokens: 1e12, dollars_per_hour: 2}",
        );
        let expected = Training {
            optimizer: Optimizer { kind: memwall_model_graph::OptimizerKind::Momentum, states: Some(1.5) },
            formats: StateFormats { gradients: Dtype::Bf16, master: None, state: Dtype::Bf16 },
            recompute: Recompute::Every(3),
            schedule: PipelineSchedule { kind: ScheduleKind::Interleaved, chunks: 4 },
            zero: ZeroStage::Weights,
            dropout: 0.1,
        };
        assert_eq!(
            plan,
            Ok(TrainingPlan {
                training: expected,
                micro_batch: Some(2),
                total_tokens: Some(1e12),
                dollars_an_hour: Some(2.0),
            })
        );
    }

    #[test]
    fn rules_of_recomputing_are_words_or_numbers() {
        for (yaml, expected) in [
            ("none", Recompute::None),
            ("selective", Recompute::Selective),
            ("full", Recompute::Full),
            ("{every: 1}", Recompute::Every(1)),
            ("{optimal: 20 GB}", Recompute::Optimal(20_000_000_000)),
        ] {
            let plan = read(&format!("recompute: {yaml}")).map(|plan| plan.training.recompute);
            assert_eq!(plan, Ok(expected), "{yaml}");
        }
    }

    #[test]
    fn zero_stages_are_words_or_numbers() {
        for (number, word) in ["none", "optimizer", "gradients", "weights"].into_iter().enumerate() {
            let stage = |text: &str| read(&format!("zero: {text}")).unwrap().training.zero;
            assert_eq!(stage(word), stage(&number.to_string()));
            assert_eq!(usize::from(stage(word).number()), number);
        }
    }

    #[test]
    fn what_makes_no_sense_is_told_at_its_key_and_all_at_once() {
        assert_eq!(read("chunks: 2"), Err(vec!["chunks"]));
        assert_eq!(read("schedule: interleaved"), Err(vec!["schedule"]));
        assert_eq!(read("{schedule: interleaved, chunks: 0}"), Err(vec!["chunks"]));
        assert_eq!(read("recompute: {every: 0}"), Err(vec!["recompute.every"]));
        assert_eq!(read("recompute: {}"), Err(vec!["recompute"]));
        assert_eq!(read("recompute: {every: 2, optimal: 1 GB}"), Err(vec!["recompute"]));
        assert_eq!(
            read("{micro_batch: 0, optimizer_states: -1, dropout: 1.0}"),
            Err(vec!["micro_batch", "optimizer_states", "dropout"])
        );
        assert_eq!(read("{optimizer_states: .nan}"), Err(vec!["optimizer_states"]));
    }
}
