//! Predicting one row.

use std::collections::HashMap;

use memwall_hardware::{CommunicationLibrary, Device, SoftwareProfile, System, catalog};
use memwall_model_graph::Graph;
use memwall_simulator::{Bench, BenchRun, Options, SimulationError, Warmth};
use memwall_units::Picos;

use super::kernels::graphs;
use super::roofline::{Roofline, roofline};
use super::row::{Copies, Row, Shape};

/// What memwall says of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Predicted time in seconds.
    pub seconds: f64,
    /// What bounds it.
    pub bound_by: String,
    /// The plain roofline's parts, in seconds.
    pub roofline: Roofline,
    /// Time the source cannot tell apart, in seconds; 0 when it resolves well.
    pub resolution: f64,
}

/// Why a row is not predicted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(pub String);

/// A device and a software profile, as a row's labels name them.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The device.
    pub device: Device,
    /// The profile.
    pub software: SoftwareProfile,
}

/// Finds the parts for a device's and a software's label.
pub type Resolve<'a> = dyn Fn(&str, &str) -> Result<Parts, Refusal> + Sync + 'a;

/// Predicts rows, keeping the machines it has built.
#[allow(missing_debug_implementations)]
pub struct Predictor<'a> {
    resolve: &'a Resolve<'a>,
    benches: HashMap<(String, String), Result<(Parts, Bench), Refusal>>,
    machines: HashMap<String, Result<Machine, Refusal>>,
    served: super::inference::Served,
}

/// A system's links and the library that uses them.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub system: System,
    pub library: CommunicationLibrary,
}

/// The catalog's parts for a row's labels.
///
/// # Errors
/// The device is unknown; software never is, it falls back to the nearest profile.
pub fn catalog_parts(device: &str, software: &str) -> Result<Parts, Refusal> {
    let refuse = |error: &dyn std::fmt::Display| Refusal(error.to_string());
    let device = catalog::device(device).map_err(|error| refuse(&error))?;
    let name = catalog::software_for_label(software).entry.name;
    let software = catalog::software(name).map_err(|error| refuse(&error))?;
    Ok(Parts { device, software })
}

impl<'a> Predictor<'a> {
    /// A predictor on the parts that `resolve` gives for a device's and a software's label.
    pub fn new(resolve: &'a Resolve<'a>) -> Self {
        Self {
            resolve,
            benches: HashMap::new(),
            machines: HashMap::new(),
            served: super::inference::Served::default(),
        }
    }

    /// Predicts one row.
    ///
    /// # Errors
    /// The device or format is unknown, or the kernel cannot run on it.
    pub fn predict(&mut self, row: &Row) -> Result<Prediction, Refusal> {
        match &row.shape {
            Shape::Collective { system, nodes, .. } => {
                let machine = machine_of(&mut self.machines, system, *nodes)?;
                return super::collective::predict(machine, row);
            }
            Shape::Inference { .. } => {
                let parts = (self.resolve)(&row.device, &row.software)?;
                return super::inference::predict(&mut self.served, &parts, row);
            }
            Shape::Training(_) => {
                let parts = (self.resolve)(&row.device, &row.software)?;
                return super::training::predict(&parts, row);
            }
            _ => {}
        }
        let key = (row.device.clone(), row.software.clone());
        let resolve = self.resolve;
        let entry = self.benches.entry(key).or_insert_with(|| {
            let parts = resolve(&row.device, &row.software)?;
            let bench = Bench::new(&parts.device, &parts.software, Options::default())
                .map_err(|error| Refusal(error.to_string()))?;
            Ok((parts, bench))
        });
        let (parts, bench) = entry.as_mut().map_err(|refusal| refusal.clone())?;
        let graphs = graphs(row, &parts.device, &parts.software).map_err(Refusal)?;
        let warmth = match row.shape {
            Shape::Gemm { copies: Copies::Flushed, .. } => Warmth::Flushed,
            // Where layers run one after the other, the others' weights and caches push one's own out; activations are
            // where they were just made.
            Shape::Attention { .. } | Shape::Mla { .. } if parts.software.timed_cold => Warmth::Flushed,
            Shape::Gemm { .. } | Shape::Moe { .. }
                if parts.software.timed_cold || parts.software.timed_in_model =>
            {
                Warmth::Flushed
            }
            _ => Warmth::Warm,
        };
        let software = &parts.software;
        let beside = match row.shape {
            Shape::Gemm { .. } => software.format_overhead.get(&row.dtype),
            Shape::Moe { .. } => software.experts.format_overhead.get(&row.dtype),
            _ => None,
        };
        let overhead = beside.map_or(Picos::ZERO, |figure| figure.value);
        let refuse = |error: SimulationError| Refusal(error.to_string());
        if matches!(row.shape, Shape::Moe { .. }) {
            return mean(&parts.device, &graphs, |graph| {
                bench.time(std::slice::from_ref(graph), warmth, overhead).map_err(refuse)
            });
        }
        let run = bench.time(&graphs, warmth, overhead).map_err(refuse)?;
        let resolution =
            parts.software.timer_resolution.as_ref().map_or(0.0, |figure| figure.value.as_secs_f64());
        let roofline = graphs.first().map(|graph| roofline(&parts.device, graph)).unwrap_or_default();
        Ok(Prediction { seconds: run.time.as_secs_f64(), bound_by: run.bound_by, roofline, resolution })
    }
}

/// A system with its links, built once.
fn machine_of<'m>(
    machines: &'m mut HashMap<String, Result<Machine, Refusal>>,
    system: &str,
    nodes: u64,
) -> Result<&'m Machine, Refusal> {
    let key = format!("{system} x {nodes}");
    let build = || super::collective::machine(system, nodes);
    machines.entry(key).or_insert_with(build).as_ref().map_err(Clone::clone)
}

/// The mean over what was drawn by chance, each draw timed alone.
fn mean(
    device: &Device,
    graphs: &[Graph],
    mut time: impl FnMut(&Graph) -> Result<BenchRun, Refusal>,
) -> Result<Prediction, Refusal> {
    let share = 1.0 / graphs.len().max(1) as f64;
    let mut all =
        Prediction { seconds: 0.0, bound_by: String::new(), roofline: Roofline::default(), resolution: 0.0 };
    for graph in graphs {
        let run = time(graph)?;
        let parts = roofline(device, graph);
        all.seconds += run.time.as_secs_f64() * share;
        all.roofline.compute += parts.compute * share;
        all.roofline.memory += parts.memory * share;
        all.roofline.bytes += parts.bytes * share;
        all.bound_by = run.bound_by;
    }
    Ok(all)
}
