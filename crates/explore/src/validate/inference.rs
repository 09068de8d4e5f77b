//! Predicting a whole model's run: time to the first token, time per token, throughput.
//!
//! Requests are worked on in one batch: their prompts in passes of a bounded number of tokens, then token by token
//! together. A decode step is simulated in the middle of the run, where the cache is as long as on average. Throughput is
//! what such batches one after the other would give; a server that lets requests join one by one does the same work.

use std::collections::HashMap;

use memwall_hardware::{CommunicationLibrary, Device, System, catalog};
use memwall_model_graph::{
    Architecture, BuildOptions, Graph, Parallel, Precision, Step, StepPhase, build_rank_step,
};
use memwall_simulator::{Options, Team, TeamSetup, step_memory};

use super::formats::{cache_format, formats};
use super::predict::{Parts, Prediction, Refusal};
use super::roofline::Roofline;
use super::row::{Metric, Row, Shape};

/// Tokens of prompts that one pass reads (TensorRT-LLM's default `max_num_tokens`).
const PASS_TOKENS: u64 = 8192;
/// Requests that one batch holds at most (TensorRT-LLM's default `max_batch_size`).
const MOST_REQUESTS: u64 = 2048;
/// Part of the memory that weights leave which a cache may take (TensorRT-LLM's default
/// `kv_cache_free_gpu_memory_fraction`).
const CACHE_SHARE: f64 = 0.9;

/// What was simulated already: rows come in twos and threes of one run.
#[derive(Debug, Default)]
pub(crate) struct Served {
    runs: HashMap<String, Result<Times, Refusal>>,
}

/// What a run takes.
#[derive(Debug, Clone)]
struct Times {
    batch: u64,
    prefill: f64,
    token: f64,
    bound_by: String,
    roofline: Roofline,
}

/// One model on one machine.
struct Serving<'a> {
    device: &'a Device,
    parts: &'a Parts,
    system: System,
    library: CommunicationLibrary,
    architecture: Architecture,
    parallel: Parallel,
    options: BuildOptions,
    isl: u64,
    osl: u64,
}

/// Predicts an inference row.
pub(crate) fn predict(served: &mut Served, parts: &Parts, row: &Row) -> Result<Prediction, Refusal> {
    let Shape::Inference { tp, pp, osl, metric, .. } = row.shape else {
        return Err(Refusal("it is no inference".to_owned()));
    };
    let shape = row.shape_text();
    let key = shape.rsplit_once(' ').map_or(shape.as_str(), |(run, _)| run);
    let key = format!("{} {} {} {key}", row.device, row.software, row.dtype);
    let times = served.runs.entry(key).or_insert_with(|| times(parts, row)).as_ref();
    let times = times.map_err(Clone::clone)?;
    let tokens = times.batch as f64 * osl as f64;
    let whole = times.prefill + times.token * osl.saturating_sub(1) as f64;
    let value = match metric {
        Metric::TimeToFirstToken => times.prefill,
        Metric::TimePerToken => times.token,
        Metric::TokensPerSecond => tokens / whole,
        Metric::TokensPerSecondPerDevice => tokens / whole / (tp * pp) as f64,
    };
    // A rate has no least time: its roofline is the rate that the roofline's times would give.
    let least = times.roofline;
    let roofline = match metric {
        Metric::TimeToFirstToken => Roofline { memory: 0.0, ..least },
        Metric::TimePerToken => Roofline { compute: 0.0, ..least },
        _ => Roofline {
            compute: tokens / (least.compute + least.memory * osl as f64),
            memory: 0.0,
            bytes: 0.0,
        },
    };
    Ok(Prediction { seconds: value, bound_by: times.bound_by.clone(), roofline, resolution: 0.0 })
}

fn times(parts: &Parts, row: &Row) -> Result<Times, Refusal> {
    let serving = Serving::new(parts, row)?;
    let Shape::Inference { batch, .. } = row.shape else {
        return Err(Refusal("it is no inference".to_owned()));
    };
    let batch = match batch {
        Some(batch) => batch,
        None => serving.largest_batch()?,
    };
    let isl = serving.isl;
    // Prompts go through in passes of whole requests, as many as fit; a long prompt goes through in one.
    let together = (PASS_TOKENS / isl).clamp(1, batch);
    let passes = batch as f64 / together as f64;
    let prefill = serving.prefill(together)?;
    let (token, bound_by) = serving.decode(batch)?;
    let roofline = serving.roofline(batch);
    Ok(Times { batch, prefill: prefill * passes, token, bound_by, roofline })
}

impl<'a> Serving<'a> {
    fn new(parts: &'a Parts, row: &Row) -> Result<Self, Refusal> {
        let Shape::Inference { model, kv_dtype, tp, pp, isl, osl, .. } = &row.shape else {
            return Err(Refusal("it is no inference".to_owned()));
        };
        let refuse = |message: String| Refusal(message);
        let architecture = memwall_model_graph::catalog::find(model)
            .ok_or_else(|| refuse(format!("no model is called `{model}`")))?;
        let number = |size: &u64| u32::try_from(*size).map_err(|error| refuse(error.to_string()));
        let parallel = Parallel { tensor: number(tp)?, pipeline: number(pp)?, ..Parallel::default() };
        let ranks = parallel.ranks();
        let (system, library) = machine(&row.device, ranks)?;
        let own =
            formats(&row.dtype).ok_or_else(|| refuse(format!("`{}` is no format it knows", row.dtype)))?;
        let cache = match kv_dtype.as_str() {
            "" => own.activations,
            label => cache_format(label).ok_or_else(|| refuse(format!("`{label}` is no format it knows")))?,
        };
        let precision = Precision {
            weights: own.weights,
            activations: own.activations,
            kv_cache: cache,
            ..Precision::uniform(own.outside)
        };
        let software = &parts.software;
        let options = BuildOptions {
            fused_attention: software.fused_attention,
            fused_elementwise: software.fused_elementwise,
            separate_scaling: software.separate_scaling,
            merged_qkv: true,
            ..BuildOptions::fused(precision)
        };
        Ok(Self {
            device: &parts.device,
            parts,
            system,
            library,
            architecture,
            parallel,
            options,
            isl: *isl,
            osl: *osl,
        })
    }

    fn graphs(&self, step: &Step) -> Result<Vec<Graph>, Refusal> {
        (0..self.parallel.pipeline)
            .map(|stage| build_rank_step(&self.architecture, step, &self.options, &self.parallel, stage))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Refusal(error.to_string()))
    }

    fn step(&self, phase: StepPhase, batch: u64, kv_len: u64) -> Step {
        let q_len = if phase == StepPhase::Prefill { kv_len } else { 1 };
        Step { phase, batch, q_len, kv_len, prompt_len: self.isl }
    }

    /// Seconds of one pass over the prompts of `batch` requests.
    fn prefill(&self, batch: u64) -> Result<f64, Refusal> {
        self.run(&self.step(StepPhase::Prefill, batch, self.isl), 1).map(|(seconds, _)| seconds)
    }

    /// Seconds of a decode step in the middle of the run, and what bounds it.
    fn decode(&self, batch: u64) -> Result<(f64, String), Refusal> {
        self.run(&self.step(StepPhase::Decode, batch, self.isl + self.osl.div_ceil(2)), 2)
    }

    /// The last of `times` equal steps: the first finds the caches cold.
    fn run(&self, step: &Step, times: u32) -> Result<(f64, String), Refusal> {
        let refuse = |error: memwall_simulator::SimulationError| Refusal(error.to_string());
        let graphs = self.graphs(step)?;
        let graphs: Vec<&Graph> = graphs.iter().collect();
        let mut team = Team::new(TeamSetup {
            device: self.device,
            software: &self.parts.software,
            fabric: self.system.fabric(),
            library: &self.library,
            parallel: self.parallel,
            slow: &[],
            options: Options { sequences: step.batch, ..Options::default() },
            plans_of: None,
        })
        .map_err(refuse)?;
        for _ in 0..times {
            team.step(&graphs, step.phase.name(), step.tokens()).map_err(refuse)?;
        }
        let record = team.finish();
        let seconds = record.phases.first().map_or(0.0, |phase| phase.last_step.as_secs_f64());
        let bound_by =
            record.engines.first().map(memwall_simulator::EngineRecord::bound_by).unwrap_or_default();
        Ok((seconds, bound_by))
    }

    /// As many requests as the memory that weights leave has room for at their full length.
    fn largest_batch(&self) -> Result<u64, Refusal> {
        let capacity = self.device.memory().map_or(0, |tier| tier.capacity.value.0);
        let mut most = MOST_REQUESTS;
        for stage in 0..self.parallel.pipeline {
            let precision = &self.options.precision;
            let weights = self.architecture.rank_weight_bytes(precision, &self.parallel, stage);
            let pass = self.step(StepPhase::Prefill, (PASS_TOKENS / self.isl).max(1), self.isl);
            let graphs = self.graphs(&pass)?;
            let working = graphs.get(stage as usize).map_or(0, |graph| step_memory(graph).activations);
            let left = capacity.saturating_sub(weights).saturating_sub(working) as f64 * CACHE_SHARE;
            let one = self.architecture.rank_kv_bytes_per_token(precision, &self.parallel, stage);
            let request = one.saturating_mul(self.isl + self.osl).max(1) as f64;
            most = most.min((left / request) as u64);
        }
        if most == 0 {
            return Err(Refusal("not one request fits in memory".to_owned()));
        }
        Ok(most)
    }

    /// Prompts' operations at the peak; weights and caches once a token at the memory's bandwidth.
    fn roofline(&self, batch: u64) -> Roofline {
        let ranks = self.parallel.ranks() as f64;
        let precision = &self.options.precision;
        let weights = self.architecture.weight_bytes(precision) as f64;
        let one = self.architecture.rank_kv_bytes_per_token(precision, &Parallel::default(), 0) as f64;
        let cached = one * (self.isl + self.osl / 2) as f64 * batch as f64;
        let bandwidth = self.device.memory().map_or(f64::INFINITY, |tier| tier.bandwidth.value.0);
        let parameters = weights / precision.weights.bytes_for(1).max(1) as f64;
        let flops = 2.0 * parameters * (batch * self.isl) as f64;
        let peak =
            self.device.matmul_peak(precision.activations.name()).map_or(f64::INFINITY, |peak| peak.rate.0);
        let bytes = weights + cached;
        Roofline { compute: flops / peak / ranks, memory: bytes / bandwidth / ranks, bytes }
    }
}

/// The links of the first system of the catalog that has enough of these devices.
fn machine(device: &str, ranks: u64) -> Result<(System, CommunicationLibrary), Refusal> {
    let refuse = |error: &dyn std::fmt::Display| Refusal(error.to_string());
    let name = catalog::device_entry(device).map_err(|error| refuse(&error))?.name;
    let library = catalog::communication("nccl").map_err(|error| refuse(&error))?;
    for entry in catalog::systems() {
        let Ok(system) = catalog::system(entry.name) else { continue };
        let same = catalog::device_entry(&system.device).is_ok_and(|entry| entry.name == name);
        if !same {
            continue;
        }
        if u64::from(system.fabric().devices()) >= ranks {
            return Ok((system, library));
        }
    }
    // One device needs no links; what it would be joined by does not matter.
    let any = catalog::systems().first().map(|entry| catalog::system(entry.name));
    match any {
        Some(Ok(system)) if ranks == 1 => Ok((system, library)),
        _ => Err(Refusal(format!("no system of the catalog has {ranks} devices of `{name}`"))),
    }
}
