//! A plan in the words of the programs that train: Megatron-LM's arguments and torchtitan's file.

use memwall_model_graph::{Recompute, ScheduleKind, ZeroStage};
use memwall_report::PlanConfig;
use memwall_scenario::{PlanCase, TrainingChoice};

/// The plan in the words of each.
pub fn config(case: &PlanCase, choice: &TrainingChoice) -> PlanConfig {
    PlanConfig { megatron: megatron(case, choice), torchtitan: torchtitan(case, choice) }
}

/// Arguments of `pretrain_gpt.py`, one a line; what it has no argument for is a comment.
fn megatron(case: &PlanCase, choice: &TrainingChoice) -> String {
    let parallel = &choice.parallel;
    let layers = case.architecture.layers;
    let mut lines = vec![
        format!("--tensor-model-parallel-size {}", parallel.tensor),
        format!("--pipeline-model-parallel-size {}", parallel.pipeline),
        format!("--context-parallel-size {}", parallel.context),
    ];
    let mut comments = vec![format!(
        "data-parallel size {}: {} devices over tensor x pipeline x context",
        parallel.data,
        choice.devices()
    )];
    if case.architecture.moe.is_some() {
        lines.push(format!("--expert-model-parallel-size {}", parallel.expert));
        lines.push(format!("--expert-tensor-parallel-size {}", (parallel.tensor / parallel.expert).max(1)));
    }
    if parallel.sequence {
        lines.push("--sequence-parallel".to_owned());
    }
    lines.push(format!("--micro-batch-size {}", choice.micro_batch));
    lines.push(format!("--global-batch-size {}", case.batch));
    lines.push(format!("--seq-length {}", case.tokens));
    let stages = u64::from(parallel.pipeline) * u64::from(choice.schedule.parts());
    match choice.schedule.kind {
        ScheduleKind::OneForwardOneBackward => {}
        ScheduleKind::Interleaved if layers.is_multiple_of(stages) => {
            lines.push(format!("--num-layers-per-virtual-pipeline-stage {}", layers / stages));
        }
        ScheduleKind::Interleaved => {
            lines.push(format!("--num-virtual-stages-per-pipeline-rank {}", choice.schedule.parts()));
        }
        kind => comments.push(format!("Megatron-LM has no `{}` schedule", kind.name())),
    }
    if !layers.is_multiple_of(stages) {
        comments.push(format!(
            "{layers} layers do not divide by {stages}: say how with --pipeline-model-parallel-layout"
        ));
    }
    match choice.recompute {
        Recompute::None | Recompute::Optimal(_) => {}
        Recompute::Selective => lines.push("--recompute-granularity selective".to_owned()),
        Recompute::Full => {
            lines.push("--recompute-granularity full".to_owned());
            lines.push("--recompute-method uniform".to_owned());
            lines.push("--recompute-num-layers 1".to_owned());
        }
        Recompute::Every(every) => {
            // The first layers of each stage, as many as are not every so many-th.
            let of_stage = layers.div_ceil(stages.max(1));
            let again = of_stage - of_stage / u64::from(every.max(1));
            lines.push("--recompute-granularity full".to_owned());
            lines.push("--recompute-method block".to_owned());
            lines.push(format!("--recompute-num-layers {again}"));
        }
    }
    match choice.zero {
        ZeroStage::None => {}
        ZeroStage::Optimizer => lines.push("--use-distributed-optimizer".to_owned()),
        ZeroStage::Gradients | ZeroStage::Weights => {
            let needs =
                ["--use-megatron-fsdp", "--use-distributed-optimizer", "--no-gradient-accumulation-fusion"];
            lines.extend(needs.map(str::to_owned));
            lines.push("--ckpt-format fsdp_dtensor".to_owned());
            let what = if choice.zero == ZeroStage::Weights { "optim_grads_params" } else { "optim_grads" };
            lines.push(format!("--data-parallel-sharding-strategy {what}"));
        }
    }
    let comments = comments.into_iter().map(|comment| format!("# {comment}\n"));
    comments.collect::<String>() + &lines.join(" \\\n") + "\n"
}

/// The tables of a torchtitan file that a plan decides.
fn torchtitan(case: &PlanCase, choice: &TrainingChoice) -> String {
    let parallel = &choice.parallel;
    let shards = choice.zero >= ZeroStage::Gradients;
    let (shard, replicate) = if shards { (parallel.data, 1) } else { (1, parallel.data) };
    let local = choice.micro_batch * u64::from(parallel.micro_batches);
    let mut text = String::new();
    let mut line = |line: String| {
        text += &line;
        text.push('\n');
    };
    line("[training]".to_owned());
    line(format!("local_batch_size = {}", if parallel.pipeline > 1 { local } else { choice.micro_batch }));
    line(format!("global_batch_size = {}", case.batch));
    line(format!("seq_len = {}", case.tokens));
    line(String::new());
    line("[parallelism]".to_owned());
    if choice.zero == ZeroStage::Optimizer {
        line("# torchtitan divides gradients and weights with the optimizer's state, or nothing".to_owned());
    }
    line(format!("data_parallel_replicate_degree = {replicate}"));
    line(format!("data_parallel_shard_degree = {shard}"));
    if shards {
        let after = if choice.zero == ZeroStage::Weights { "always" } else { "never" };
        line(format!("fsdp_reshard_after_forward = \"{after}\""));
    }
    line(format!("tensor_parallel_degree = {}", parallel.tensor));
    line(format!("context_parallel_degree = {}", parallel.context));
    line(format!("pipeline_parallel_degree = {}", parallel.pipeline));
    if parallel.pipeline > 1 {
        line(format!("pipeline_parallel_schedule = \"{}\"", schedule(choice.schedule.kind)));
        line(format!("pipeline_parallel_microbatch_size = {}", choice.micro_batch));
        if choice.schedule.parts() > 1 {
            let stages = u64::from(parallel.pipeline) * u64::from(choice.schedule.parts());
            let layers = case.architecture.layers.div_ceil(stages);
            line(format!("pipeline_parallel_layers_per_stage = {layers}"));
        }
    }
    if case.architecture.moe.is_some() {
        line(format!("expert_parallel_degree = {}", parallel.expert));
    }
    line(String::new());
    line("[activation_checkpoint]".to_owned());
    match choice.recompute {
        Recompute::None | Recompute::Optimal(_) => line("mode = \"none\"".to_owned()),
        Recompute::Full => line("mode = \"full\"".to_owned()),
        Recompute::Selective => {
            line("mode = \"selective\"".to_owned());
            line("selective_ac_option = \"op\"".to_owned());
        }
        Recompute::Every(every) => {
            if every > 2 {
                line(format!("# of every {every} layers one is done again here, not all but one"));
            }
            line("mode = \"selective\"".to_owned());
            line(format!("selective_ac_option = \"{every}\""));
        }
    }
    text
}

/// PyTorch's name of a schedule.
const fn schedule(kind: ScheduleKind) -> &'static str {
    match kind {
        ScheduleKind::GPipe => "GPipe",
        ScheduleKind::OneForwardOneBackward => "1F1B",
        ScheduleKind::Interleaved => "Interleaved1F1B",
        ScheduleKind::ZeroBubbleH1 | ScheduleKind::ZeroBubbleH2 => "InterleavedZeroBubble",
        ScheduleKind::ZeroBubbleV => "ZBVZeroBubble",
        ScheduleKind::DualPipe => "DualPipeV",
    }
}
