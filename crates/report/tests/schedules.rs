//! The book's page on pipeline schedules: its pictures and its numbers are what the simulator says.
//!
//! `UPDATE_BOOK=1 cargo test -p memwall-report --test schedules` draws the pictures anew.

use std::path::PathBuf;

use memwall_model_graph::{PipelineSchedule, ScheduleKind};
use memwall_report::chart::Pipeline;
use memwall_report::svg::svg_file;
use memwall_simulator::pipeline::{Detail, PartWork, PipelineOrder, PipelineRecord, PipelineWork, run};
use memwall_units::Picos;

const STAGES: u32 = 4;
const MICRO_BATCHES: u32 = 8;
/// A pass through a whole stage.
const PASS: u64 = 10_000_000_000;

/// A whole stage's passes take the same time each, under any schedule; messages take none.
fn ideal(kind: ScheduleKind) -> PipelineRecord {
    let chunks = if kind == ScheduleKind::Interleaved { 2 } else { 1 };
    let schedule = PipelineSchedule { kind, chunks };
    let order = PipelineOrder::of(schedule, STAGES, MICRO_BATCHES).unwrap();
    // DualPipe's two parts are two copies: each is as much as a whole stage.
    let share = if kind == ScheduleKind::DualPipe { 1 } else { u64::from(schedule.parts()) };
    let part = PartWork {
        forward: Picos(PASS / share),
        backward: Picos(2 * PASS / share),
        backward_input: Picos(PASS / share),
        backward_weight: Picos(PASS / share),
        // A pair gains nothing over its passes one after the other.
        together: Some(Picos(3 * PASS)),
        activations: 2 / share,
        kept_for_weights: 2 / share,
        ..PartWork::default()
    };
    let parts = vec![part; (STAGES * schedule.parts()) as usize];
    run(&order, &PipelineWork { parts, sender_waits: false }, Detail::Intervals).unwrap()
}

fn book(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../book/src").join(path)
}

#[test]
fn the_pictures_of_schedules_are_these() {
    for kind in [
        ScheduleKind::OneForwardOneBackward,
        ScheduleKind::Interleaved,
        ScheduleKind::ZeroBubbleH1,
        ScheduleKind::ZeroBubbleV,
        ScheduleKind::DualPipe,
    ] {
        let mut figure = Pipeline::new(&ideal(kind)).figure("pipeline", kind.name());
        figure.title = format!("{}: {STAGES} stages, {MICRO_BATCHES} micro-batches", kind.name());
        let (picture, path) =
            (svg_file(&figure).unwrap(), book(&format!("img/schedule_{}.svg", kind.name())));
        if std::env::var_os("UPDATE_BOOK").is_some() {
            std::fs::write(&path, picture).unwrap();
        } else {
            assert_eq!(std::fs::read_to_string(&path).unwrap(), picture, "UPDATE_BOOK=1 draws it anew");
        }
    }
}

#[test]
fn the_table_of_schedules_has_what_the_simulator_counts() {
    let page = std::fs::read_to_string(book("concepts/pipeline.md")).unwrap();
    for kind in ScheduleKind::ALL {
        let record = ideal(kind);
        let bubble = format!("{:.1}", record.bubble_share() * 100.0);
        let held = record.stages.iter().map(|stage| stage.peak_held).max().unwrap() as f64 / 2.0;
        let row = page.lines().find(|line| line.starts_with(&format!("| `{}`", kind.name()))).unwrap();
        let end = format!("| {} % | {held} |", bubble.trim_end_matches(".0"));
        assert!(row.ends_with(&end), "{row} should end with {end}");
    }
}
