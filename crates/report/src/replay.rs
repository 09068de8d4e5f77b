//! A replay as JSON, CSV and text.

use memwall_simulator::request::{CacheRecord, Latencies, ReplayRecord};
use memwall_units::{Bytes, BytesPerSec, Picos};
use serde::Serialize;

use crate::SCHEMA_VERSION;
use crate::csv::write_line;
use crate::number::{count, percent, ratio, significant};
use crate::table::{Columns, Grid, Tone, View, clean, section};

/// What was replayed, on what, and what came of it. Times in seconds are `_s`, rates in bytes a second `_bytes_per_s`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplayReport {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The version of memwall that wrote it.
    pub memwall_version: &'static str,
    /// The trace or the pattern.
    pub source: String,
    /// The memory, for people.
    pub memory: String,
    /// Accesses.
    pub requests: u64,
    /// Those that read.
    pub reads: u64,
    /// Those that wrote.
    pub writes: u64,
    /// Bytes asked for.
    pub bytes: u64,
    /// From the first access to the last data.
    pub time_s: f64,
    /// The same in picoseconds, exact.
    pub time_ps: u64,
    /// Bytes asked for over the time.
    pub bandwidth_bytes_per_s: f64,
    /// Time from a read's arrival to its data.
    pub read_latency: LatencyReport,
    /// What the caches did, the one nearest the program first.
    pub caches: Vec<CacheRecord>,
    /// What DRAM did.
    pub dram: DramReport,
}

/// Latencies, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LatencyReport {
    /// Mean.
    pub mean_s: f64,
    /// Half of the reads were no slower.
    pub p50_s: f64,
    /// Nine in ten.
    pub p90_s: f64,
    /// Ninety-nine in a hundred.
    pub p99_s: f64,
    /// The slowest.
    pub max_s: f64,
}

/// What DRAM did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DramReport {
    /// The part.
    pub part: String,
    /// Its channels.
    pub channels: u32,
    /// Bandwidth of all pins.
    pub peak_bytes_per_s: f64,
    /// Bytes it moved, in whole bursts.
    pub bytes: u64,
    /// Those over the time.
    pub bandwidth_bytes_per_s: f64,
    /// As a fraction of the peak.
    pub fraction_of_peak: f64,
    /// Bursts read.
    pub reads: u64,
    /// Bursts written.
    pub writes: u64,
    /// Bursts that met a waiting write to the same place, and moved no data.
    pub merged: u64,
    /// Bursts that found their row open.
    pub row_hits: u64,
    /// Bursts that found their bank closed.
    pub row_misses: u64,
    /// Bursts that found another row open.
    pub row_conflicts: u64,
    /// Refresh commands.
    pub refreshes: u64,
    /// Bursts waiting in a channel's queues, on average.
    pub queue_mean: f64,
    /// The most that waited in one channel.
    pub queue_max: u64,
}

impl ReplayReport {
    /// The report of a record. `source` and `memory` say what was replayed on what.
    #[must_use]
    pub fn new(source: &str, memory: &str, record: ReplayRecord) -> Self {
        let dram = record.dram;
        Self {
            schema_version: SCHEMA_VERSION,
            memwall_version: env!("CARGO_PKG_VERSION"),
            source: source.to_owned(),
            memory: memory.to_owned(),
            requests: record.requests,
            reads: record.reads,
            writes: record.writes,
            bytes: record.bytes.0,
            time_s: record.time.as_secs_f64(),
            time_ps: record.time.0,
            bandwidth_bytes_per_s: record.bandwidth.0,
            read_latency: latencies(&record.read_latency),
            caches: record.caches,
            dram: DramReport {
                part: dram.part,
                channels: dram.channels,
                peak_bytes_per_s: dram.peak.0,
                bytes: dram.bytes.0,
                bandwidth_bytes_per_s: dram.bandwidth.0,
                fraction_of_peak: dram.fraction_of_peak,
                reads: dram.reads,
                writes: dram.writes,
                merged: dram.merged,
                row_hits: dram.row_hits,
                row_misses: dram.row_misses,
                row_conflicts: dram.row_conflicts,
                refreshes: dram.refreshes,
                queue_mean: dram.queue_mean,
                queue_max: dram.queue_max,
            },
        }
    }

    /// The report as indented JSON, a newline at its end.
    ///
    /// # Errors
    /// When serde cannot write it, which no content causes.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// The report as CSV, a header and one line; caches add columns named after them.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let dram = &self.dram;
        let mut columns: Vec<(String, String)> = [
            ("source", self.source.clone()),
            ("memory", self.memory.clone()),
            ("requests", self.requests.to_string()),
            ("reads", self.reads.to_string()),
            ("writes", self.writes.to_string()),
            ("bytes", self.bytes.to_string()),
            ("time_s", self.time_s.to_string()),
            ("bandwidth_bytes_per_s", self.bandwidth_bytes_per_s.to_string()),
            ("read_latency_mean_s", self.read_latency.mean_s.to_string()),
            ("read_latency_p50_s", self.read_latency.p50_s.to_string()),
            ("read_latency_p90_s", self.read_latency.p90_s.to_string()),
            ("read_latency_p99_s", self.read_latency.p99_s.to_string()),
            ("read_latency_max_s", self.read_latency.max_s.to_string()),
            ("dram_part", dram.part.clone()),
            ("dram_channels", dram.channels.to_string()),
            ("dram_peak_bytes_per_s", dram.peak_bytes_per_s.to_string()),
            ("dram_bytes", dram.bytes.to_string()),
            ("dram_bandwidth_bytes_per_s", dram.bandwidth_bytes_per_s.to_string()),
            ("dram_fraction_of_peak", dram.fraction_of_peak.to_string()),
            ("row_hits", dram.row_hits.to_string()),
            ("row_misses", dram.row_misses.to_string()),
            ("row_conflicts", dram.row_conflicts.to_string()),
            ("refreshes", dram.refreshes.to_string()),
            ("queue_mean", dram.queue_mean.to_string()),
            ("queue_max", dram.queue_max.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        for cache in &self.caches {
            columns.push((format!("{}_hit_rate", cache.name), cache.hit_rate.to_string()));
        }
        let mut text = String::new();
        write_line(&mut text, columns.iter().map(|(name, _)| name.clone()));
        write_line(&mut text, columns.into_iter().map(|(_, value)| value));
        text
    }

    /// The report as text for a terminal.
    #[must_use]
    pub fn to_table(&self, view: View) -> String {
        let mut text = view.paint(Tone::Title, &clean(&self.source)) + "\n";
        text += &(clean(&self.memory) + "\n\n");
        text += &self.figures().render(view);
        text += &section(view, "Latency of reads");
        text += &self.latency_grid().render(view);
        if !self.caches.is_empty() {
            text += &section(view, "Caches");
            text += &self.cache_columns().fit(view).render(view);
        }
        text += &section(view, "DRAM");
        text += &self.dram_grid().render(view);
        text
    }

    fn figures(&self) -> Grid {
        let mut grid = Grid::new("<<<<");
        let seconds = |value| Picos::from_secs_f64_ceil(value).to_string();
        let accesses = format!("{} ({} reads, {} writes)", self.requests, self.reads, self.writes);
        grid.row(None, &["accesses", &accesses, "simulated time", &seconds(self.time_s)]);
        grid.row(
            None,
            &[
                "bytes asked for",
                &Bytes(self.bytes).to_string(),
                "bandwidth",
                &BytesPerSec(self.bandwidth_bytes_per_s).to_string(),
            ],
        );
        grid
    }

    fn latency_grid(&self) -> Grid {
        let mut grid = Grid::new(">>>>>");
        grid.header(&["mean", "half within", "90 % within", "99 % within", "slowest"]);
        let latency = &self.read_latency;
        let values = [latency.mean_s, latency.p50_s, latency.p90_s, latency.p99_s, latency.max_s];
        grid.row(None, &values.map(|value| Picos::from_secs_f64_ceil(value).to_string()));
        grid
    }

    fn cache_columns(&self) -> Columns {
        let mut columns = Columns::new(None);
        let mut add = |heading: &str, drop, cell: fn(&CacheRecord) -> String| {
            let side = if heading.is_empty() { '<' } else { '>' };
            columns.add(heading, side, drop, self.caches.iter().map(cell));
        };
        add("", 0, |cache| cache.name.clone());
        add("hit rate", 0, |cache| percent(cache.hit_rate));
        add("accesses", 1, |cache| count(cache.accesses as f64));
        add("misses", 1, |cache| count(cache.misses as f64));
        add("evictions", 2, |cache| count(cache.evictions as f64));
        add("written back", 3, |cache| count(cache.writebacks as f64));
        add("brought in ahead", 4, |cache| {
            if cache.prefetches == 0 {
                return String::new();
            }
            let useful = ratio(cache.useful_prefetches as f64, cache.prefetches as f64);
            format!("{} ({} used)", count(cache.prefetches as f64), useful.map(percent).unwrap_or_default())
        });
        columns
    }

    fn dram_grid(&self) -> Grid {
        let dram = &self.dram;
        let mut grid = Grid::new("<<");
        let rate = |value| BytesPerSec(value).to_string();
        grid.row(None, &["moved", &Bytes(dram.bytes).to_string()]);
        let share = format!(
            "{}, {} of {}",
            rate(dram.bandwidth_bytes_per_s),
            percent(dram.fraction_of_peak),
            rate(dram.peak_bytes_per_s)
        );
        grid.row(None, &["bandwidth", &share]);
        let total = (dram.row_hits + dram.row_misses + dram.row_conflicts) as f64;
        let part = |value: u64| ratio(value as f64, total).map(percent).unwrap_or_else(|| percent(0.0));
        let rows = format!(
            "{} found open, {} found the bank closed, {} found another row",
            part(dram.row_hits),
            part(dram.row_misses),
            part(dram.row_conflicts)
        );
        grid.row(None, &["rows", &rows]);
        let queue = format!(
            "{} bursts a channel on average, {} at most",
            significant(dram.queue_mean, 3),
            dram.queue_max
        );
        grid.row(None, &["queues", &queue]);
        grid.row(None, &["refreshes", &dram.refreshes.to_string()]);
        if dram.merged > 0 {
            grid.row(None, &["merged", &format!("{} bursts met a waiting write", dram.merged)]);
        }
        grid
    }
}

fn latencies(latencies: &Latencies) -> LatencyReport {
    LatencyReport {
        mean_s: latencies.mean.as_secs_f64(),
        p50_s: latencies.p50.as_secs_f64(),
        p90_s: latencies.p90.as_secs_f64(),
        p99_s: latencies.p99.as_secs_f64(),
        max_s: latencies.max.as_secs_f64(),
    }
}
