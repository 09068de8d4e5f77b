//! Predicting an iteration of training.
//!
//! What a row leaves open is as the software's profile has it. A micro-batch that is not stated is the one
//! that makes the iteration shortest.

use memwall_hardware::{CommunicationLibrary, Device, SoftwareProfile, System, TrainingSoftware, catalog};
use memwall_model_graph::{
    Architecture, Bias, BuildOptions, Dtype, FfnActivation, ModelKind, NormKind, NormPosition, Parallel,
    PipelineSchedule, Positions, Precision, Recompute, ScheduleKind, StateFormats, Step, StepPhase, Training,
    TrainingModel, ZeroStage,
};
use memwall_simulator::{Options, Team, TeamSetup};

use super::formats::formats;
use super::predict::{Parts, Prediction, Refusal};
use super::roofline::Roofline;
use super::row::{Row, Shape, TrainingShape};
use memwall_scenario::training_settings;

/// The largest micro-batch that is tried where a row states none.
const MOST_SEQUENCES: u64 = 16;

/// Predicts a training row.
pub(crate) fn predict(parts: &Parts, row: &Row) -> Result<Prediction, Refusal> {
    let Shape::Training(shape) = &row.shape else {
        return Err(Refusal("it is no training".to_owned()));
    };
    let run = Run::new(parts, row, shape)?;
    let sequences = shape.global_batch / shape.dp;
    if let Some(micro_batch) = shape.micro_batch {
        return run.predict(micro_batch);
    }
    let sizes = std::iter::successors(Some(1_u64), |size| Some(size * 2));
    let sizes =
        sizes.take_while(|size| *size <= MOST_SEQUENCES.min(sequences)).filter(|size| sequences % size == 0);
    let tried: Vec<Prediction> = sizes.filter_map(|size| run.predict(size).ok()).collect();
    let best = tried.into_iter().min_by(|one, other| one.seconds.total_cmp(&other.seconds));
    best.ok_or_else(|| Refusal("no micro-batch can be simulated".to_owned()))
}

/// One row's model, machine and training.
struct Run<'a> {
    device: &'a Device,
    software: &'a SoftwareProfile,
    system: System,
    library: CommunicationLibrary,
    architecture: Architecture,
    shape: &'a TrainingShape,
    precision: Precision,
    training: Training,
}

impl<'a> Run<'a> {
    fn new(parts: &'a Parts, row: &Row, shape: &'a TrainingShape) -> Result<Self, Refusal> {
        let known =
            formats(&row.dtype).ok_or_else(|| Refusal(format!("`{}` is no format it knows", row.dtype)))?;
        let precision = Precision {
            weights: known.weights,
            activations: known.activations,
            kv_cache: known.activations,
            ..Precision::uniform(known.outside)
        };
        let (system, library) = machine(&row.device, shape.gpus)?;
        Ok(Self {
            device: &parts.device,
            software: &parts.software,
            system,
            library,
            architecture: architecture(shape),
            shape,
            precision,
            training: training(shape, &parts.software.training, known.weights),
        })
    }

    fn predict(&self, micro_batch: u64) -> Result<Prediction, Refusal> {
        let refuse = |error: &dyn std::fmt::Display| Refusal(error.to_string());
        let shape = self.shape;
        let parallel = self.parallel(micro_batch)?;
        let step = Step {
            phase: StepPhase::Train,
            batch: shape.global_batch,
            q_len: shape.seq,
            kv_len: shape.seq,
            prompt_len: shape.seq,
        };
        let software = self.software;
        let options = BuildOptions {
            fused_attention: software.fused_attention,
            fused_elementwise: software.fused_elementwise,
            separate_scaling: software.separate_scaling,
            merged_qkv: true,
            ..BuildOptions::fused(self.precision)
        };
        let model = TrainingModel::build(
            &self.architecture,
            &step,
            &options,
            &parallel,
            &self.training,
            &training_settings(software),
        )
        .map_err(|error| refuse(&error))?;
        let team = Team::new(TeamSetup {
            device: self.device,
            software,
            fabric: self.system.fabric(),
            library: &self.library,
            parallel,
            slow: &[],
            options: Options::default(),
            plans_of: None,
        })
        .map_err(|error| refuse(&error))?;
        let tokens = shape.global_batch * shape.seq;
        let record = team.train(&model, tokens).map_err(|error| refuse(&error))?;
        Ok(Prediction {
            seconds: record.wall.as_secs_f64(),
            bound_by: record
                .engines
                .first()
                .map(memwall_simulator::EngineRecord::bound_by)
                .unwrap_or_default(),
            roofline: self.roofline(),
            resolution: 0.0,
        })
    }

    fn parallel(&self, micro_batch: u64) -> Result<Parallel, Refusal> {
        let number = |size: u64| u32::try_from(size).map_err(|error| Refusal(error.to_string()));
        let shape = self.shape;
        let sequences = shape.global_batch / shape.dp;
        if sequences == 0
            || !shape.global_batch.is_multiple_of(shape.dp)
            || !sequences.is_multiple_of(micro_batch)
        {
            return Err(Refusal(format!(
                "a batch of {} is not divided over {} copies in micro-batches of {micro_batch}",
                shape.global_batch, shape.dp
            )));
        }
        Ok(Parallel {
            tensor: number(shape.tp)?,
            sequence: shape.sequence_parallel,
            pipeline: number(shape.pp)?,
            data: number(shape.dp)?,
            micro_batches: number(sequences / micro_batch)?,
            ..Parallel::default()
        })
    }

    /// The iteration's operations at the peak, on all devices.
    fn roofline(&self) -> Roofline {
        let shape = self.shape;
        let peak = self.device.matmul_peak(self.precision.activations.name());
        let peak = peak.map_or(f64::INFINITY, |peak| peak.rate.0);
        let tokens = (shape.global_batch * shape.seq) as f64;
        let (layers, h) = (shape.layers as f64, shape.hidden as f64);
        let gated = if shape.gated() { 3.0 } else { 2.0 };
        let kv = shape.kv_heads as f64 / shape.heads as f64;
        let of_layer =
            2.0 * h * h * (2.0 + 2.0 * kv) + 2.0 * gated * h * shape.ffn as f64 + 4.0 * shape.seq as f64 * h;
        let flops = 3.0 * tokens * (layers * of_layer + 2.0 * h * shape.vocab as f64);
        Roofline { compute: flops / peak / shape.gpus as f64, memory: 0.0, bytes: 0.0 }
    }
}

/// A GPT, or, where keys and values have fewer heads or the feed-forward block is not four times as wide, a Llama.
fn architecture(shape: &TrainingShape) -> Architecture {
    let llama = shape.gated();
    Architecture {
        kind: ModelKind::Decoder,
        layers: shape.layers,
        decoder_layers: None,
        hidden: shape.hidden,
        heads: shape.heads,
        kv_heads: Some(shape.kv_heads),
        head_dim: None,
        ffn: shape.ffn,
        gated: llama,
        activation: if llama { FfnActivation::Silu } else { FfnActivation::Gelu },
        norm: if llama { NormKind::Rms } else { NormKind::Layer },
        norm_position: NormPosition::Pre,
        blocks: memwall_model_graph::Blocks::default(),
        embedding_norm: false,
        positions: if llama { Positions::Rope } else { Positions::Learned },
        max_positions: if llama { 0 } else { shape.seq },
        vocab: shape.vocab,
        token_types: 0,
        tied_embeddings: !llama,
        bias: if llama { Bias::None } else { Bias::All },
        qk_norm: false,
        window: None,
        mla: None,
        moe: None,
        patches: None,
    }
}

/// How it is trained: as the row says, and where it does not, as the software usually does it. Llamas have no dropout.
fn training(shape: &TrainingShape, software: &TrainingSoftware, weights: Dtype) -> Training {
    let narrow = software.sums_in_fp16 && weights == Dtype::Fp16;
    let gradients = if narrow { Dtype::Fp16 } else { Dtype::Fp32 };
    let usual = software.usual_dropout.as_ref().filter(|_| !shape.gated());
    Training {
        formats: StateFormats { gradients, ..StateFormats::default() },
        recompute: shape.recompute.unwrap_or(Recompute::None),
        schedule: if shape.interleave > 1 {
            PipelineSchedule {
                kind: ScheduleKind::Interleaved,
                chunks: u32::try_from(shape.interleave).unwrap_or(u32::MAX),
            }
        } else {
            PipelineSchedule::default()
        },
        zero: shape.zero.unwrap_or(ZeroStage::None),
        dropout: usual.map_or(0.0, |figure| figure.value),
        ..Training::default()
    }
}

/// The first machine of the catalog with these devices, of enough nodes: of several, the first that is a cluster.
fn machine(device: &str, gpus: u64) -> Result<(System, CommunicationLibrary), Refusal> {
    let name = catalog::device_entry(device).map_err(|error| Refusal(error.to_string()))?.name;
    let of_node =
        |system: &System| system.fabric().levels().first().map_or(1, |level| u64::from(level.devices.max(1)));
    let systems = catalog::systems().iter().filter_map(|entry| catalog::system(entry.name).ok());
    let alike = systems
        .filter(|system| catalog::device_entry(&system.device).is_ok_and(|entry| entry.name == name))
        .collect::<Vec<_>>();
    let is_cluster = |system: &&System| u64::from(system.fabric().devices()) > of_node(system);
    let first = alike.first().filter(|system| gpus <= of_node(system));
    let Some(system) = first.or_else(|| alike.iter().find(is_cluster)).or(alike.first()) else {
        return Err(Refusal(format!("no system of the catalog has {gpus} devices of `{name}`")));
    };
    let nodes = gpus.div_ceil(of_node(system));
    let machine = super::collective::machine(&system.name, nodes)?;
    Ok((machine.system, machine.library))
}
