//! What happened when, in lanes.

use std::collections::{BTreeSet, HashMap};

use memwall_simulator::Track;
use serde::Serialize;

use super::{DataTable, Machine, Unit};
use crate::CaseReport;
use crate::number::percent;
use crate::timeline::{FABRIC, lanes, place};

/// Spans of time in lanes: the host, kernels, communication, links, and how busy each tier was meanwhile.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Timeline {
    /// The lanes, from top to bottom.
    pub lanes: Vec<Lane>,
    /// What spans are called.
    pub names: Vec<String>,
    /// What held them: `bandwidth(hbm)`; other details for what is no kernel.
    pub details: Vec<String>,
    /// What happened, in order of its start.
    pub spans: Vec<Span>,
    /// Tiers that lanes of kind `tier` show.
    pub tiers: Vec<String>,
    /// By name of a span, how busy it keeps each of `tiers`, in thousandths of the tier's bandwidth; the mean over the
    /// executions of the operator. Empty where that is not known.
    pub busy: Vec<Vec<u16>>,
    /// When the last span kept ends, in nanoseconds.
    pub end_ns: u64,
    /// Spans for which there was no room: all later ones.
    pub left_out: u64,
}

/// One lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lane {
    /// What it is called.
    pub name: String,
    /// What it shows.
    pub kind: LaneKind,
    /// Of a tier: which. Otherwise 0.
    pub tier: usize,
    /// Of a tier: the lane whose spans it shows again, shaded by how busy they keep it. Otherwise its own number.
    pub of: usize,
}

/// What a lane shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum LaneKind {
    Host,
    Kernels,
    Communication,
    Copies,
    Links,
    Tier,
}

/// Something that took time: lane, name, detail, start and duration in nanoseconds. An array in JSON: there are many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span(pub u32, pub u32, pub u32, pub u64, pub u64);

/// What lanes are called.
pub(super) struct Naming<'a> {
    /// "stage" or "rank".
    pub noun: &'a str,
    /// The levels of the fabric, innermost first.
    pub levels: &'a [String],
}

impl Timeline {
    /// The first `most` intervals of a run.
    pub(super) fn new(timeline: &memwall_simulator::Timeline, naming: &Naming, most: usize) -> Self {
        let placed = lanes(timeline);
        let mut order: Vec<usize> = (0..timeline.intervals.len()).collect();
        order.sort_by_key(|index| (timeline.intervals[*index].start, *index));
        let left_out = order.len().saturating_sub(most) as u64 + timeline.dropped;
        order.truncate(most);
        let used: BTreeSet<(u32, u32, u32, Track)> = order
            .iter()
            .map(|index| {
                let (track, lane) = placed[*index];
                let (process, thread, _) = place(track);
                (process, thread, lane, track)
            })
            .collect();
        let processes: BTreeSet<u32> =
            used.iter().map(|lane| lane.0).filter(|process| *process != FABRIC).collect();
        let mut number = HashMap::new();
        let mut chart = Self { left_out, ..Self::default() };
        for (process, _, lane, track) in &used {
            number.insert((*track, *lane), chart.lanes.len() as u32);
            let name = lane_name(*track, *lane, naming);
            let name = if processes.len() > 1 && *process != FABRIC {
                format!("{} {process}: {name}", naming.noun)
            } else {
                name
            };
            let of = chart.lanes.len();
            chart.lanes.push(Lane { name, kind: kind(*track), tier: 0, of });
        }
        let mut names = Words::default();
        let mut details = Words::default();
        for index in order {
            let interval = &timeline.intervals[index];
            let start = interval.start.0 / 1000;
            let end = (interval.start.0.saturating_add(interval.duration.0)) / 1000;
            let lane = number.get(&placed[index]).copied().unwrap_or_default();
            let span = Span(
                lane,
                names.number(&interval.name),
                details.number(&interval.detail),
                start,
                end - start,
            );
            chart.end_ns = chart.end_ns.max(end);
            chart.spans.push(span);
        }
        chart.names = names.list;
        chart.details = details.list;
        chart
    }

    /// Adds a lane for each tier that the case's operators moved something at, below the kernels; only where one device
    /// is shown.
    #[must_use]
    pub(super) fn with_tiers(mut self, case: &CaseReport, machine: &Machine) -> Self {
        let kernels: Vec<usize> =
            (0..self.lanes.len()).filter(|lane| self.lanes[*lane].kind == LaneKind::Kernels).collect();
        let [of] = kernels[..] else { return self };
        let count = machine.tiers.len().min(case.tiers.len());
        let used: Vec<usize> = (0..count)
            .filter(|tier| {
                case.operators.iter().any(|op| op.tier_bytes.get(*tier).is_some_and(|bytes| *bytes > 0))
            })
            .collect();
        let busy = |name: &String| -> Vec<u16> {
            let label = super::layers::label(name);
            let Some(op) = case.operators.iter().find(|op| op.name == label) else { return Vec::new() };
            let share = |tier: &usize| {
                let bytes = op.tier_bytes.get(*tier).copied().unwrap_or(0) as f64;
                let share = bytes / machine.tiers[*tier].value / op.time_s;
                // A float to integer cast saturates, and makes NaN zero.
                (share.min(1.0) * 1000.0).round() as u16
            };
            used.iter().map(share).collect()
        };
        self.busy = self.names.iter().map(busy).collect();
        for (place, tier) in used.iter().enumerate() {
            let name = machine.tiers[*tier].name.clone();
            let lane = Lane { name: name.clone(), kind: LaneKind::Tier, tier: place, of };
            self.tiers.push(name);
            self.lanes.push(lane);
        }
        self
    }

    /// What a span is, in words.
    pub(crate) fn words(&self, span: &Span) -> String {
        let name = &self.names[span.1 as usize];
        let detail = &self.details[span.2 as usize];
        let took = Unit::Seconds.text(span.4 as f64 / 1e9);
        let start = Unit::Seconds.text(span.3 as f64 / 1e9);
        let detail = if detail.is_empty() { String::new() } else { format!(", {detail}") };
        format!("{name}: {took} from {start}{detail}")
    }

    // Thousands of spans help nobody as a table: what each lane did in all does.
    pub(super) fn table(&self) -> DataTable {
        let columns = ["lane", "spans", "busy", "of the time shown"].map(str::to_owned).to_vec();
        let row = |lane: &Lane| {
            let own = self.spans.iter().filter(|span| span.0 as usize == lane.of);
            let (mut count, mut busy) = (0_u64, 0.0);
            for span in own {
                let thousandths = match lane.kind {
                    LaneKind::Tier => self
                        .busy
                        .get(span.1 as usize)
                        .and_then(|busy| busy.get(lane.tier))
                        .copied()
                        .unwrap_or(0),
                    _ => 1000,
                };
                count += 1;
                busy += span.4 as f64 * f64::from(thousandths) / 1000.0;
            }
            let share = crate::number::ratio(busy, self.end_ns as f64).map(percent).unwrap_or_default();
            vec![lane.name.clone(), count.to_string(), Unit::Seconds.text(busy / 1e9), share]
        };
        DataTable::new(columns, self.lanes.iter().map(row))
    }
}

#[derive(Default)]
struct Words {
    list: Vec<String>,
    known: HashMap<String, u32>,
}

impl Words {
    fn number(&mut self, word: &str) -> u32 {
        if let Some(number) = self.known.get(word) {
            return *number;
        }
        let number = self.list.len() as u32;
        self.list.push(word.to_owned());
        self.known.insert(word.to_owned(), number);
        number
    }
}

fn lane_name(track: Track, lane: u32, naming: &Naming) -> String {
    let name = match track {
        Track::Links(level) => naming.levels.get(usize::from(level)).cloned(),
        _ => None,
    };
    let name = name.unwrap_or_else(|| place(track).2);
    if lane > 0 { format!("{name}, beside ({lane})") } else { name }
}

const fn kind(track: Track) -> LaneKind {
    match track {
        Track::Host(_) => LaneKind::Host,
        Track::Kernels(_) => LaneKind::Kernels,
        Track::Communication(_) => LaneKind::Communication,
        Track::Copies(_) => LaneKind::Copies,
        Track::Links(_) => LaneKind::Links,
    }
}
