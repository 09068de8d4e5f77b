//! What the stages of a pipeline did when.

use memwall_simulator::pipeline::{PassInterval, PassKind, PipelineRecord, PipelineStage};
use memwall_units::Picos;
use serde::Serialize;

use super::{Chart, DataTable, Figure, Unit};
use crate::number::percent;

/// Stages that are shown; of more, as many, equally far apart, with the first and the last.
const MOST_STAGES: usize = 32;
/// Passes that are kept, of all stages shown.
const MOST_PASSES: usize = 2400;

/// Passes of pipeline stages over time; what is empty is the bubble, or a message on its way.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Pipeline {
    /// The stages shown, from the first.
    pub stages: Vec<PipelineRow>,
    /// Stages between them that are not shown.
    pub stages_left_out: usize,
    /// When the last stage is done, in seconds.
    pub end_s: f64,
    /// Until when passes are kept.
    pub until_s: f64,
}

/// A stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PipelineRow {
    /// Its number.
    pub stage: usize,
    /// Its passes, in order of time.
    pub passes: Vec<PassBar>,
    /// How many it does in all.
    pub count: usize,
    /// Time in passes, in seconds.
    pub busy_s: f64,
    /// Before the first pass, between passes and after the last: the bubble.
    pub bubble_s: [f64; 3],
    /// Waiting for messages.
    pub message_s: f64,
}

/// A pass.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PassBar {
    /// What is done.
    pub kind: PassBarKind,
    /// The part of the stage's model.
    pub part: u16,
    /// The micro-batch.
    pub micro_batch: u32,
    /// Whether another pass runs beside it.
    pub beside: bool,
    /// When it begins, in seconds.
    pub start_s: f64,
    /// When it ends.
    pub end_s: f64,
}

/// What a pass does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum PassBarKind {
    Forward,
    Backward,
    Input,
    Weight,
}

impl PassBarKind {
    /// Every kind.
    pub(crate) const ALL: [Self; 4] = [Self::Forward, Self::Backward, Self::Input, Self::Weight];

    /// `gradients of weights`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Backward => "backward",
            Self::Input => "backward, input only",
            Self::Weight => "gradients of weights",
        }
    }
}

impl From<PassKind> for PassBarKind {
    fn from(kind: PassKind) -> Self {
        match kind {
            PassKind::Forward => Self::Forward,
            PassKind::Backward => Self::Backward,
            PassKind::BackwardInput => Self::Input,
            PassKind::BackwardWeight => Self::Weight,
        }
    }
}

impl Pipeline {
    /// The passes of a run that kept its intervals; the first of them, where they are too many to be seen.
    #[must_use]
    pub fn new(record: &PipelineRecord) -> Self {
        let shown = spread(record.stages.len(), MOST_STAGES);
        let until = until(record, &shown);
        let row = |stage: &usize| row(*stage, &record.stages[*stage], until);
        Self {
            stages: shown.iter().map(row).collect(),
            stages_left_out: record.stages.len() - shown.len(),
            end_s: record.wall.as_secs_f64(),
            until_s: until.as_secs_f64(),
        }
    }

    /// This chart with words around it; `schedule` is what the order of passes is called.
    #[must_use]
    pub fn figure(self, id: &str, schedule: &str) -> Figure {
        let part = if self.until_s < self.end_s { " The beginning of it." } else { "" };
        let summary = format!(
            "What each pipeline stage does when, under {schedule}. Numbers are micro-batches; where nothing is drawn, the \
             stage waits: for another stage, which is the bubble, or for a message.{part}"
        );
        Figure { id: id.to_owned(), title: "Pipeline".to_owned(), summary, chart: Chart::Pipeline(self) }
    }

    /// Parts of the model that a stage holds, as far as is seen.
    pub(crate) fn parts(&self) -> usize {
        let parts = self.stages.iter().flat_map(|row| &row.passes).map(|pass| usize::from(pass.part) + 1);
        parts.max().unwrap_or(1)
    }

    /// What a pass is, in words.
    pub(crate) fn words(&self, row: &PipelineRow, pass: &PassBar) -> String {
        let part = if self.parts() > 1 { format!(", part {}", pass.part) } else { String::new() };
        let took = Unit::Seconds.text(pass.end_s - pass.start_s);
        let start = Unit::Seconds.text(pass.start_s);
        let beside = if pass.beside { ", beside another" } else { "" };
        let (stage, kind, micro_batch) = (row.stage, pass.kind.name(), pass.micro_batch);
        format!("stage {stage}: {kind} of micro-batch {micro_batch}{part}, {took} from {start}{beside}")
    }

    // Thousands of passes help nobody as a table: where each stage's time went does.
    pub(super) fn table(&self) -> DataTable {
        let columns =
            ["stage", "passes", "busy", "of the time", "fill", "between passes", "drain", "messages"];
        let row = |row: &PipelineRow| {
            let share = crate::number::ratio(row.busy_s, self.end_s).map(percent).unwrap_or_default();
            let mut cells = vec![row.stage.to_string(), row.count.to_string()];
            cells.extend([Unit::Seconds.text(row.busy_s), share]);
            cells.extend(row.bubble_s.map(|time| Unit::Seconds.text(time)));
            cells.push(Unit::Seconds.text(row.message_s));
            cells
        };
        DataTable::new(columns.map(str::to_owned).to_vec(), self.stages.iter().map(row))
    }
}

/// Of `count` things, at most `most`, equally far apart, the first and the last among them.
fn spread(count: usize, most: usize) -> Vec<usize> {
    if count <= most {
        return (0..count).collect();
    }
    (0..most).map(|index| index * (count - 1) / (most - 1)).collect()
}

/// The moment until which the stages shown have no more passes than are kept.
fn until(record: &PipelineRecord, shown: &[usize]) -> Picos {
    let passes: usize = shown.iter().map(|stage| record.stages[*stage].intervals.len()).sum();
    if passes <= MOST_PASSES {
        return record.wall;
    }
    let mut ends: Vec<Picos> = shown
        .iter()
        .flat_map(|stage| &record.stages[*stage].intervals)
        .map(|interval| interval.end)
        .collect();
    ends.sort_unstable();
    ends[MOST_PASSES - 1]
}

fn row(number: usize, stage: &PipelineStage, until: Picos) -> PipelineRow {
    let intervals = &stage.intervals;
    let kept = intervals.iter().take_while(|interval| interval.end <= until).count();
    let bar = |index: usize| {
        let PassInterval { pass, start, end } = intervals[index];
        let same = |other: Option<&PassInterval>| {
            other.is_some_and(|other| (other.start, other.end) == (start, end))
        };
        let after_pair = index > 0 && intervals[index - 1].pass.paired && same(intervals.get(index - 1));
        PassBar {
            kind: pass.kind.into(),
            part: pass.part,
            micro_batch: pass.micro_batch,
            beside: (pass.paired && same(intervals.get(index + 1))) || after_pair,
            start_s: start.as_secs_f64(),
            end_s: end.as_secs_f64(),
        }
    };
    let waits = &stage.waits;
    PipelineRow {
        stage: number,
        passes: (0..kept).map(bar).collect(),
        count: intervals.len(),
        busy_s: stage.busy.as_secs_f64(),
        bubble_s: [waits.fill, waits.between, waits.drain].map(Picos::as_secs_f64),
        message_s: waits.message.as_secs_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_spread_with_both_ends() {
        assert_eq!(spread(3, 32), [0, 1, 2]);
        let spread = spread(128, 32);
        assert_eq!((spread.len(), spread[0], spread[31]), (32, 0, 127));
        assert!(spread.is_sorted());
    }
}
