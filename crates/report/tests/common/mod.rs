//! Records as a simulator leaves them, with round numbers.

use memwall_hardware::Estimate;
use memwall_report::{CaseReport, Context, DeviceReport};
use memwall_simulator::{
    Cause, EnergyKind, EnergyPart, EnergyRecord, EngineRecord, Fidelity, OperatorRecord, PhaseRecord, Record,
    Stall, TierRecord,
};
use memwall_units::{Bytes, Flops, Picos};

const WALL: u64 = 10_000_000_000;
const UNITS: u32 = 100;

/// A run of 10 ms on 100 units: 6 % computing, 88 % waiting for `hbm`.
pub fn decode_record() -> Record {
    Record {
        fidelity: Fidelity::Flow,
        wall: Picos(WALL),
        phases: vec![phase("prefill", 1, 4096, 4_000_000_000), phase("decode", 3, 48, 6_000_000_000)],
        engines: vec![
            engine(
                "matrix",
                UNITS,
                60_000_000_000,
                &[
                    (Cause::Bandwidth, Some("hbm"), 880_000_000_000),
                    (Cause::Launch, None, 30_000_000_000),
                    (Cause::Latency, Some("hbm"), 20_000_000_000),
                    (Cause::Occupancy, None, 9_990_000_000),
                    (Cause::Idle, None, 10_000_000),
                ],
            ),
            engine("vector", UNITS, 2_000_000_000, &[(Cause::Dependency, None, 998_000_000_000)]),
            engine("host", 1, 300_000_000, &[(Cause::Idle, None, 9_700_000_000)]),
        ],
        tiers: vec![
            tier("l2", 34_000_000_000, 1_200_000_000, 0.62, 50_000_000, 50_000_000),
            tier("hbm", 31_000_000_000, 512_000_000, 0.94, 17_000_000_000, 80_000_000_000),
        ],
        energy: EnergyRecord {
            parts: vec![
                spent("matrix", EnergyKind::Compute, 0.2),
                spent("hbm", EnergyKind::Memory, 1.0),
                spent("idle", EnergyKind::Static, 0.75),
            ],
            unknown: vec!["special engine in fp32".to_owned()],
        },
        operators: vec![
            operator("attn.qkv", "matmul", "mha_proj", 96, 2_000_000_000, "bandwidth(hbm)"),
            operator("attn", "attention", "act_act", 96, 3_000_000_000, "latency(hbm)"),
            operator("mlp.gate_up", "matmul", "ffn_proj", 96, 4_400_000_000, "bandwidth(hbm)"),
            operator("mlp.norm", "norm", "other", 96, 500_000_000, "launch"),
        ],
        events: 12_345,
        notes: vec!["The datasheet has no fp4 rate; fp4 runs at the fp8 rate.".to_owned()],
        timeline: None,
        team: None,
        training: None,
    }
}

/// A run whose matrix engine computes most of the time.
pub fn prefill_record() -> Record {
    let ledger =
        [(Cause::Efficiency, None, 200_000_000_000), (Cause::Bandwidth, Some("l2"), 100_000_000_000)];
    Record {
        phases: vec![phase("prefill", 1, 4096, WALL)],
        engines: vec![engine("matrix", UNITS, 700_000_000_000, &ledger)],
        notes: Vec::new(),
        ..decode_record()
    }
}

/// A run in which nothing happened: every ratio is without a value.
pub fn empty_record() -> Record {
    Record {
        fidelity: Fidelity::Bound,
        wall: Picos::ZERO,
        phases: Vec::new(),
        engines: vec![engine("matrix", UNITS, 0, &[])],
        tiers: vec![tier("hbm", 0, 0, f64::NAN, 0, 80_000_000_000)],
        energy: EnergyRecord::default(),
        operators: Vec::new(),
        events: 0,
        notes: Vec::new(),
        timeline: None,
        team: None,
        training: None,
    }
}

/// The report of `record`.
pub fn case(name: &str, record: &Record) -> CaseReport {
    let context = Context {
        device: DeviceReport { name: "test-chip".to_owned(), title: "Test Chip 100".to_owned() },
        model: "tiny".to_owned(),
        workload: "generate, batch 16, prompt 256, 3 tokens, fp8".to_owned(),
        software: "generic".to_owned(),
        ..Context::default()
    };
    CaseReport::new(name, record, &context)
}

fn phase(name: &str, steps: u64, tokens: u64, time: u64) -> PhaseRecord {
    let step = Picos(time / steps);
    PhaseRecord { name: name.to_owned(), steps, tokens, time: Picos(time), first_step: step, last_step: step }
}

fn engine(name: &str, units: u32, busy: u128, stalls: &[(Cause, Option<&str>, u128)]) -> EngineRecord {
    let stalls = stalls.iter().map(|(cause, place, ps)| Stall {
        cause: *cause,
        place: place.map(str::to_owned),
        ps: *ps,
    });
    EngineRecord { name: name.to_owned(), units, busy, stalls: stalls.collect() }
}

fn tier(name: &str, read: u64, written: u64, utilization: f64, peak: u64, capacity: u64) -> TierRecord {
    TierRecord {
        name: name.to_owned(),
        bytes_read: Bytes(read),
        bytes_written: Bytes(written),
        bandwidth_utilization: utilization,
        peak_occupancy: Bytes(peak),
        capacity: Bytes(capacity),
    }
}

fn operator(
    label: &str,
    kind: &'static str,
    class: &'static str,
    count: u64,
    time: u64,
    bound_by: &str,
) -> OperatorRecord {
    OperatorRecord {
        label: label.to_owned(),
        kind,
        class,
        count,
        time: Picos(time),
        flops: Flops(u128::from(time) * 40),
        mops: Bytes(time * 3),
        dram_bytes: Bytes(time * 2),
        tier_bytes: vec![Bytes(time * 6), Bytes(time * 2)],
        roofline: Picos(time / 5 * 4),
        busy: u128::from(time) * 6,
        stalls: vec![Stall {
            cause: Cause::Bandwidth,
            place: Some("hbm".to_owned()),
            ps: u128::from(time) * 94,
        }],
        bound_by: bound_by.to_owned(),
    }
}

fn spent(name: &str, kind: EnergyKind, joules: f64) -> EnergyPart {
    let joules = Estimate { low: 0.8 * joules, likely: joules, high: 1.5 * joules };
    EnergyPart { name: name.to_owned(), kind, joules }
}
