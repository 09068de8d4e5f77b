//! A replay of execution traces, for a terminal.

use memwall_units::{Bytes, BytesPerSec, Picos};

use super::case::section;
use super::columns::Columns;
use super::layout::{Grid, Tone, View, bar, clean, shorten, wrap};
use crate::number::{percent, ratio};
use crate::{RankReport, TraceReplayReport, TrafficReport};

const SHOWN: usize = 8;

impl TraceReplayReport {
    /// The report as text for a terminal.
    #[must_use]
    pub fn to_table(&self, view: View) -> String {
        let mut text = view.paint(Tone::Title, &clean(&self.source)) + "\n";
        let count = self.ranks.len();
        let ranks = if count == 1 { "1 rank".to_owned() } else { format!("{count} ranks") };
        text += &wrap(
            &format!(
                "{ranks} on {}, each on {}, with {}",
                clean(&self.system),
                clean(&self.device),
                clean(&self.library)
            ),
            view.width,
            "",
            "",
        );
        text.push('\n');
        let mut grid = Grid::new("<<<<");
        grid.row(None, &["simulated time", &time(self.time_s), "nodes", &self.nodes.to_string()]);
        text += &grid.render(view);
        text += &section(view, "Where the time of the ranks goes");
        text += &self.ranks_table(view);
        text += &section(view, "What the ranks said to each other");
        text += &self.communication_table(view);
        let used: Vec<_> = self.links.iter().filter(|link| link.bytes > 0.0).collect();
        if !used.is_empty() {
            text += &section(view, "How busy the links were");
            let mut table = Columns::new(Some(Tone::Bad));
            table.add("links", '<', 0, used.iter().map(|link| shorten(&link.name, 40)));
            table.add("bytes", '>', 1, used.iter().map(|link| bytes(link.bytes)));
            table.add("busiest rank's", '>', 0, used.iter().map(|link| percent(link.utilization)));
            table.add("", '<', 2, used.iter().map(|link| bar(link.utilization, 20)));
            text += &table.fit(view).render(view);
        }
        for note in &self.notes {
            text += &view.paint(Tone::Dim, wrap(&clean(note), view.width, "Note: ", "  ").trim_end());
            text.push('\n');
        }
        text
    }

    /// Those with the most exposed communication, unless all are asked for.
    fn ranks_table(&self, view: View) -> String {
        let mut shown: Vec<&RankReport> = self.ranks.iter().collect();
        if !view.verbose && shown.len() > SHOWN {
            shown.sort_by(|a, b| b.exposed_communication_s.total_cmp(&a.exposed_communication_s));
            shown.truncate(SHOWN);
        }
        let of_run = |time: f64| ratio(time, self.time_s).map(percent).unwrap_or_default();
        let mut table = Columns::new(Some(Tone::Good));
        let mut add = |heading: &str, side, drop, cell: &dyn Fn(&RankReport) -> String| {
            table.add(heading, side, drop, shown.iter().map(|rank| cell(rank)));
        };
        add("rank", '>', 0, &|rank| rank.rank.to_string());
        add("busy", '>', 0, &|rank| of_run(rank.busy_s));
        add("exposed communication", '>', 0, &|rank| of_run(rank.exposed_communication_s));
        add("idle", '>', 0, &|rank| of_run(rank.idle_s));
        add("", '<', 2, &|rank| bar(ratio(rank.busy_s, self.time_s).unwrap_or(0.0), 20));
        let mut text = table.fit(view).render(view);
        if self.ranks.len() > shown.len() {
            let line = format!(
                "  the {} with the most exposed communication of {} (-v shows all)",
                shown.len(),
                self.ranks.len()
            );
            text += &(view.paint(Tone::Dim, &line) + "\n");
        }
        text
    }

    fn communication_table(&self, view: View) -> String {
        if self.communication.is_empty() {
            return view.paint(Tone::Dim, "  nothing") + "\n";
        }
        let mut table = Columns::new(None);
        let mut add = |heading: &str, side, drop, cell: &dyn Fn(&TrafficReport) -> String| {
            table.add(heading, side, drop, self.communication.iter().map(cell));
        };
        add("collective", '<', 0, &|one| one.collective.clone());
        add("ranks", '>', 1, &|one| one.ranks.to_string());
        add("runs", '>', 1, &|one| one.count.to_string());
        add("bytes", '>', 2, &|one| bytes(one.bytes as f64));
        add("time", '>', 0, &|one| time(one.time_s));
        add("waiting", '>', 4, &|one| {
            if one.waiting_for_ranks_s > 0.0 { time(one.waiting_for_ranks_s) } else { String::new() }
        });
        add("bus bandwidth", '>', 3, &|one| BytesPerSec(one.bus_bandwidth).to_string());
        add("last as", '<', 5, &|one| one.way.clone());
        table.fit(view).render(view)
    }
}

fn time(seconds: f64) -> String {
    Picos::from_secs_f64_ceil(seconds).to_string()
}

fn bytes(count: f64) -> String {
    Bytes(count.round().max(0.0) as u64).to_string()
}
