//! What device memory holds over time.

use memwall_simulator::memory_timeline::{MemoryItem, MemoryTimeline, Moment};
use serde::Serialize;

use super::{Chart, DataTable, Figure, Part, Unit};

/// Moments that are kept; of more, the fullest of each of as many equal stretches of time.
const MOST_MOMENTS: usize = 600;

/// What device memory holds, by name, from moment to moment, under the line of what there is.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct MemoryAreas {
    /// Bytes there are.
    pub capacity: f64,
    /// When each moment begins, in seconds; it holds until the next.
    pub times_s: Vec<f64>,
    /// What is held, from the bottom up.
    pub items: Vec<MemoryArea>,
    /// When the step ends, in seconds.
    pub end_s: f64,
    /// When most is held: which moment.
    pub peak: usize,
}

/// One item.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MemoryArea {
    /// What it is called and how it is coloured.
    #[serde(flatten)]
    pub part: Part,
    /// Bytes at each moment.
    pub bytes: Vec<f64>,
}

impl MemoryAreas {
    /// Device memory over a step, as finely as it can be seen; the peak is always among it.
    #[must_use]
    pub fn new(timeline: &MemoryTimeline) -> Self {
        let moments = thinned(timeline);
        let area = |item: MemoryItem| MemoryArea {
            part: part(item),
            bytes: moments.iter().map(|moment| timeline.bytes(item, moment) as f64).collect(),
        };
        let mut peak = 0;
        for (index, moment) in moments.iter().enumerate() {
            if moment.total() > moments[peak].total() {
                peak = index;
            }
        }
        let used = |area: &MemoryArea| area.bytes.iter().any(|bytes| *bytes > 0.0);
        Self {
            capacity: timeline.capacity as f64,
            times_s: moments.iter().map(|moment| moment.at.as_secs_f64()).collect(),
            items: MemoryItem::ALL.map(area).into_iter().filter(used).collect(),
            end_s: timeline.end.as_secs_f64(),
            peak,
        }
    }

    /// This chart with words around it; `of` is whose memory it is: "stage 0".
    #[must_use]
    pub fn figure(self, id: &str, of: &str) -> Figure {
        let peak = Unit::Bytes.text(self.total(self.peak));
        let capacity = Unit::Bytes.text(self.capacity);
        let verdict = if self.total(self.peak) > self.capacity { "more than" } else { "of" };
        let summary = format!(
            "What a device of {of} keeps in its memory over a step. At the peak it is {peak}, {verdict} the {capacity} there \
             are."
        );
        let title = "Memory over time".to_owned();
        Figure { id: id.to_owned(), title, summary, chart: Chart::MemoryAreas(self) }
    }

    /// Bytes held at a moment.
    pub(crate) fn total(&self, moment: usize) -> f64 {
        self.items.iter().filter_map(|item| item.bytes.get(moment)).sum()
    }

    /// The most of an item at any moment.
    pub(crate) fn most(item: &MemoryArea) -> f64 {
        item.bytes.iter().copied().fold(0.0, f64::max)
    }

    pub(super) fn table(&self) -> DataTable {
        let columns = ["item", "at the peak", "most", "least"].map(str::to_owned).to_vec();
        let row = |item: &MemoryArea| {
            let at_peak = item.bytes.get(self.peak).copied().unwrap_or(0.0);
            let least = item.bytes.iter().copied().fold(f64::INFINITY, f64::min);
            let numbers = [at_peak, Self::most(item), least].map(|bytes| Unit::Bytes.text(bytes));
            std::iter::once(item.part.name.clone()).chain(numbers).collect()
        };
        DataTable::new(columns, self.items.iter().map(row))
    }
}

/// The fullest moment of each stretch of time, which begins with the stretch.
fn thinned(timeline: &MemoryTimeline) -> Vec<Moment> {
    let mut kept: Vec<Moment> = Vec::new();
    let all = &timeline.moments;
    if all.len() <= MOST_MOMENTS {
        return all.clone();
    }
    let stretch =
        |moment: &Moment| u128::from(moment.at.0) * MOST_MOMENTS as u128 / u128::from(timeline.end.0.max(1));
    for moment in all {
        match kept.last_mut() {
            Some(last) if stretch(last) == stretch(moment) => {
                if moment.total() > last.total() {
                    *last = Moment { at: last.at, ..*moment };
                }
            }
            _ => kept.push(*moment),
        }
    }
    kept
}

/// Items of a kind have one colour in tints.
fn part(item: MemoryItem) -> Part {
    let (role, tint) = match item {
        MemoryItem::Context => ("dependency", 0),
        MemoryItem::Workspace => ("ramp", 0),
        MemoryItem::CommunicationBuffers => ("communication", 0),
        MemoryItem::Weights => ("occupancy", 0),
        MemoryItem::MasterWeights => ("occupancy", 1),
        MemoryItem::OptimizerState => ("efficiency", 0),
        MemoryItem::Gradients => ("latency", 0),
        MemoryItem::Activations => ("compute", 0),
        MemoryItem::Recomputed => ("compute", 1),
        MemoryItem::Temporary => ("compute", 2),
        MemoryItem::Fragmentation => ("idle", 0),
    };
    Part { name: item.name().to_owned(), role: role.to_owned(), tint }
}

#[cfg(test)]
mod tests {
    use super::*;
    use memwall_units::Picos;

    /// However many moments there are, the fullest is seen at its height.
    #[test]
    fn thinning_keeps_the_peak() {
        let moment = |at: u64| Moment { at: Picos(at), activations: at * 7919 % 10_007, ..Moment::default() };
        let constant = vec![(MemoryItem::Weights, 5)];
        let timeline = MemoryTimeline {
            capacity: 20_000,
            constant,
            moments: (0..5000).map(moment).collect(),
            end: Picos(5000),
        };
        let chart = MemoryAreas::new(&timeline);
        assert_eq!(chart.times_s.len(), MOST_MOMENTS);
        assert_eq!(chart.total(chart.peak), timeline.peak().bytes as f64);
        assert!(chart.times_s.is_sorted());
        assert_eq!(
            chart.items.iter().map(|item| item.part.name.as_str()).collect::<Vec<_>>(),
            ["weights", "activations"]
        );
    }
}
