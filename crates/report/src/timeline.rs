//! A run's timeline in the Trace Event Format, which ui.perfetto.dev and chrome://tracing open.

use std::collections::BTreeSet;

use memwall_simulator::{Interval, Timeline, Track};
use memwall_units::Picos;
use serde::Serialize;

#[derive(Serialize)]
struct TraceFile<'a> {
    #[serde(rename = "traceEvents")]
    events: Vec<Event<'a>>,
    #[serde(rename = "displayTimeUnit")]
    unit: &'static str,
    #[serde(rename = "otherData")]
    other: Other,
}

#[derive(Serialize)]
struct Other {
    version: &'static str,
    intervals_left_out: u64,
}

#[derive(Serialize)]
struct Event<'a> {
    /// `X` is a complete event, `M` names a process or thread.
    ph: &'static str,
    pid: u32,
    tid: u32,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cat: Option<&'static str>,
    /// Microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    ts: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<Arguments>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Arguments {
    Name { name: String },
    Detail { detail: String },
}

/// The timelines of several cases, each a process or more of the file: `(name, timeline, names of the fabric's levels)`.
/// A case's processes are several `noun`s: stages, or ranks.
///
/// # Errors
/// When serde cannot write it, which no content of a timeline causes.
pub fn perfetto_trace(
    cases: &[(&str, &Timeline, Vec<String>)],
    noun: &str,
) -> Result<String, serde_json::Error> {
    let mut events = Vec::new();
    let mut left_out = 0;
    for (first, (case, timeline, levels)) in (1..).zip(cases) {
        left_out += timeline.dropped;
        let mut tracks: Vec<Track> = timeline.intervals.iter().map(|interval| interval.track).collect();
        tracks.sort_unstable();
        tracks.dedup();
        let mut processes: Vec<u32> = tracks.iter().map(|track| place(*track).0).collect();
        processes.sort_unstable();
        processes.dedup();
        for process in &processes {
            let name = if *process == FABRIC {
                "links".to_owned()
            } else if processes.iter().filter(|process| **process != FABRIC).count() > 1 {
                format!("{noun} {process}")
            } else {
                "device".to_owned()
            };
            let name = if cases.len() > 1 { format!("{case}: {name}") } else { name };
            events.push(naming("process_name", id(first, *process), 0, name));
        }
        let lanes = lanes(timeline);
        for (track, lane) in lanes.iter().collect::<BTreeSet<_>>() {
            let (process, thread, name) = place(*track);
            let name = match track {
                Track::Links(level) => levels.get(usize::from(*level)).cloned().unwrap_or(name),
                _ => name,
            };
            let name = if *lane > 0 { format!("{name}, beside ({lane})") } else { name };
            events.push(naming("thread_name", id(first, process), in_lane(thread, *lane), name));
        }
        for (interval, (_, lane)) in timeline.intervals.iter().zip(&lanes) {
            let (process, thread, _) = place(interval.track);
            let thread = in_lane(thread, *lane);
            let is_wait = matches!(interval.track, Track::Kernels(_)) && is_cause(&interval.name);
            events.push(Event {
                ph: "X",
                pid: id(first, process),
                tid: thread,
                name: &interval.name,
                cat: Some(if is_wait { "stall" } else { "work" }),
                ts: Some(interval.start.0 as f64 / 1e6),
                dur: Some(interval.duration.0 as f64 / 1e6),
                args: (!interval.detail.is_empty())
                    .then(|| Arguments::Detail { detail: interval.detail.clone() }),
            });
        }
    }
    let other = Other { version: env!("CARGO_PKG_VERSION"), intervals_left_out: left_out };
    serde_json::to_string(&TraceFile { events, unit: "ns", other }).map(|text| text + "\n")
}

/// Each interval's track, and its lane: viewers cannot draw events of one thread that overlap, such as a micro-batch
/// sent to the next stage beside an all-reduce, so they are spread over as few lanes as it takes.
pub(crate) fn lanes(timeline: &Timeline) -> Vec<(Track, u32)> {
    let intervals = &timeline.intervals;
    let mut order: Vec<usize> = (0..intervals.len()).collect();
    order.sort_by_key(|&index| (intervals[index].track, intervals[index].start, index));
    let mut lanes: Vec<(Track, u32)> = intervals.iter().map(|interval| (interval.track, 0)).collect();
    for of_track in order.chunk_by(|a, b| intervals[*a].track == intervals[*b].track) {
        let mut ends: Vec<Picos> = Vec::new();
        for &index in of_track {
            let Interval { start, duration, .. } = &intervals[index];
            let free = ends.iter().position(|end| end <= start);
            let lane = free.unwrap_or_else(|| {
                ends.push(Picos::ZERO);
                ends.len() - 1
            });
            ends[lane] = start.saturating_add(*duration);
            lanes[index].1 = lane as u32;
        }
    }
    lanes
}

/// The number of a thread's lane.
fn in_lane(thread: u32, lane: u32) -> u32 {
    thread.saturating_add(lane.saturating_mul(1000))
}

/// The process that stands for the fabric.
pub(crate) const FABRIC: u32 = 99_999;

/// Each case has a range of process numbers of its own.
fn id(case: u32, process: u32) -> u32 {
    case.saturating_mul(100_000).saturating_add(process)
}

/// Process (stage) and thread of a track, and its name.
pub(crate) fn place(track: Track) -> (u32, u32, String) {
    match track {
        Track::Host(stage) => (stage, 0, "host".to_owned()),
        Track::Kernels(stage) => (stage, 1, "kernels".to_owned()),
        Track::Communication(stage) => (stage, 2, "communication".to_owned()),
        Track::Copies(stage) => (stage, 3, "loads and stores".to_owned()),
        Track::Links(level) => (FABRIC, u32::from(level), format!("level {level}")),
    }
}

fn is_cause(name: &str) -> bool {
    memwall_simulator::Cause::ALL.iter().any(|cause| cause.name() == name)
}

fn naming(what: &'static str, pid: u32, tid: u32, name: String) -> Event<'static> {
    Event {
        ph: "M",
        pid,
        tid,
        name: what,
        cat: None,
        ts: None,
        dur: None,
        args: Some(Arguments::Name { name }),
    }
}
