//! From a record to a report: arithmetic only.

use memwall_simulator::{EngineRecord, OperatorRecord, PhaseRecord, Record, Stall, TierRecord};
use memwall_units::Picos;

use crate::number::{finite, ratio};
use crate::{
    CaseReport, ClassReport, Context, EngineReport, OperatorReport, PhaseReport, StallReport, TierReport,
    wall,
};

impl CaseReport {
    /// The report of the case called `name`, which left `record`.
    #[must_use]
    pub fn new(name: &str, record: &Record, context: &Context) -> Self {
        let flops: u128 = record.operators.iter().fold(0, |sum, op| sum.saturating_add(op.flops.0));
        let mops_bytes = record.operators.iter().map(|op| u128::from(op.mops.0)).sum();
        let dram_bytes = record.operators.iter().map(|op| u128::from(op.dram_bytes.0)).sum();
        let roofline: u64 = record.operators.iter().fold(0, |sum, op| sum.saturating_add(op.roofline.0));
        let engines: Vec<_> =
            record.engines.iter().map(|engine| engine_report(engine, record.wall)).collect();
        let main = wall::main_engine(&engines);
        let matrix = engines.iter().find(|engine| engine.name == "matrix");
        let hfu = matrix.and_then(|engine| ratio(engine.busy_ps as f64, engine.total_ps() as f64));
        let phases: Vec<_> = record.phases.iter().map(phase_report).collect();
        let tokens = Tokens::of(record);
        let device = context.hardware.as_deref();
        let energy = crate::EnergyReport::new(record, device, tokens.count);
        Self {
            name: name.to_owned(),
            description: context.description.clone(),
            model: context.model.clone(),
            workload: context.workload.clone(),
            device: context.device.clone(),
            software: context.software.clone(),
            fidelity: record.fidelity,
            counting: context.counting,
            footprint: context.footprint,
            relative_time: None,
            time_s: record.wall.as_secs_f64(),
            time_ps: record.wall.0,
            tokens: tokens.count,
            tokens_per_s: tokens.per_s,
            ttft_s: tokens.ttft_s,
            tpot_s: tokens.tpot_s,
            flops,
            mops_bytes,
            dram_bytes,
            intensity_mops: ratio(flops as f64, mops_bytes as f64),
            intensity_dram: ratio(flops as f64, dram_bytes as f64),
            mfu: hfu,
            bound_by: main.map_or_else(|| "nothing".to_owned(), wall::bound_by),
            main_engine: main.map(|engine| engine.name.clone()),
            roofline_s: Picos(roofline).as_secs_f64(),
            times_roofline: ratio(record.wall.0 as f64, roofline as f64),
            phases,
            tiers: record.tiers.iter().map(tier_report).collect(),
            engines,
            operators: record.operators.iter().map(operator_report).collect(),
            classes: classes(&record.operators),
            team: record.team.as_ref().map(|team| {
                let (system, parallel) = context.team.clone().unwrap_or_default();
                crate::TeamReport::new(record, team, &system, &parallel)
            }),
            training: record.training.as_ref().map(|training| {
                crate::TrainingReport::new(record, training, &energy, hfu, &context.training)
            }),
            events: record.events,
            notes: record.notes.iter().chain(&context.notes).cloned().chain(energy.note()).collect(),
            comparisons: Vec::new(),
            expectations: Vec::new(),
            energy,
            silicon: device.and_then(crate::SiliconReport::new),
        }
    }
}

/// What a serving engineer calls the result.
struct Tokens {
    count: u64,
    per_s: Option<f64>,
    ttft_s: Option<f64>,
    tpot_s: Option<f64>,
}

impl Tokens {
    // Where a case decodes, its tokens are the generated ones and its rate that of decoding; the prefill shows in the
    // time to the first token. A case that only encodes or prefills is measured by the tokens it works through.
    fn of(record: &Record) -> Self {
        let named = |name: &str| record.phases.iter().find(|phase| phase.name == name);
        let decode = named("decode");
        let counted: Vec<&PhaseRecord> = match decode {
            Some(phase) => vec![phase],
            None => record.phases.iter().collect(),
        };
        let count = counted.iter().fold(0_u64, |sum, phase| sum.saturating_add(phase.tokens));
        let time: f64 = counted.iter().map(|phase| phase.time.as_secs_f64()).sum();
        Self {
            count,
            per_s: ratio(count as f64, time),
            ttft_s: named("prefill").map(|phase| phase.time.as_secs_f64()),
            tpot_s: decode.and_then(|phase| ratio(phase.time.as_secs_f64(), phase.steps as f64)),
        }
    }
}

fn phase_report(phase: &PhaseRecord) -> PhaseReport {
    PhaseReport {
        name: phase.name.clone(),
        steps: phase.steps,
        tokens: phase.tokens,
        time_s: phase.time.as_secs_f64(),
        first_step_s: phase.first_step.as_secs_f64(),
        last_step_s: phase.last_step.as_secs_f64(),
        tokens_per_s: ratio(phase.tokens as f64, phase.time.as_secs_f64()),
    }
}

fn tier_report(tier: &TierRecord) -> TierReport {
    TierReport {
        name: tier.name.clone(),
        bytes_read: tier.bytes_read.0,
        bytes_written: tier.bytes_written.0,
        bandwidth_utilization: finite(tier.bandwidth_utilization),
        peak_occupancy_bytes: tier.peak_occupancy.0,
        capacity_bytes: tier.capacity.0,
    }
}

fn engine_report(engine: &EngineRecord, wall: Picos) -> EngineReport {
    EngineReport {
        name: engine.name.clone(),
        units: engine.units,
        wall_ps: wall.0,
        busy_ps: engine.busy,
        stalls: engine.stalls.iter().map(stall_report).collect(),
    }
}

fn stall_report(stall: &Stall) -> StallReport {
    StallReport { cause: stall.cause, place: stall.place.clone(), ps: stall.ps }
}

fn operator_report(op: &OperatorRecord) -> OperatorReport {
    OperatorReport {
        name: op.label.clone(),
        kind: op.kind.to_owned(),
        class: op.class.to_owned(),
        count: op.count,
        time_s: op.time.as_secs_f64(),
        flops: op.flops.0,
        bytes: op.mops.0,
        dram_bytes: op.dram_bytes.0,
        tier_bytes: op.tier_bytes.iter().map(|bytes| bytes.0).collect(),
        roofline_s: op.roofline.as_secs_f64(),
        bound_by: op.bound_by.clone(),
        busy_ps: op.busy,
        stalls: op.stalls.iter().map(stall_report).collect(),
    }
}

// In the order of the paper's tables; a class without operators is left out.
fn classes(operators: &[OperatorRecord]) -> Vec<ClassReport> {
    let sum = |name: &str| {
        let of_class = || operators.iter().filter(|op| op.class == name);
        let flops = of_class().fold(0_u128, |sum, op| sum.saturating_add(op.flops.0));
        let mops_bytes = of_class().map(|op| u128::from(op.mops.0)).sum::<u128>();
        let time = of_class().fold(Picos::ZERO, |sum, op| sum.saturating_add(op.time));
        of_class().next().map(|_| ClassReport {
            name: name.to_owned(),
            time_s: time.as_secs_f64(),
            flops,
            mops_bytes,
            intensity_mops: ratio(flops as f64, mops_bytes as f64),
        })
    };
    ["mha_proj", "act_act", "ffn_proj", "other"].into_iter().filter_map(sum).collect()
}
