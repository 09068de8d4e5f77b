//! The command line of `memwall sweep`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use memwall_explore::Shard;
use memwall_scenario::{MAX_SWEEP_POINTS, Sample, SampleMethod};

use super::{FidelityArg, PictureArgs};

pub(super) const SWEEP_EXAMPLES: &str = "Examples:\n  memwall sweep scenarios/explore/sweep_hbm_l2.yaml\n  \
    memwall sweep first_run.yaml --axis 'hardware.memory.hbm.bandwidth=1 TB/s..8 TB/s:20:log' --axis workload.batch=1,2,4\n  \
    memwall sweep big.yaml -o out.csv --shard 1/4\n  \
    memwall sweep --merge out1.csv out2.csv -o out.csv\n  \
    memwall sweep scenarios/explore/uncertain.yaml";

/// `memwall sweep`.
#[derive(Debug, Clone, Args)]
pub struct SweepArgs {
    /// The scenario's file; `-` reads standard input
    #[arg(required_unless_present = "merge", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub file: Option<String>,
    /// Change a value: `--set workload.batch=32`; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    /// Sweep the case of this name
    #[arg(long = "case", value_name = "NAME")]
    pub cases: Vec<String>,
    /// Values of a parameter, besides those of the scenario's `sweep:`: `PATH=1,2,4`, or `PATH=FROM..TO:STEPS`, with
    /// `:log` behind it for equal ratios; may be repeated, the last varies fastest
    #[arg(long = "axis", value_name = "PATH=VALUES")]
    pub axes: Vec<String>,
    /// Draw so many points instead of every combination: `random:1000`, `latin_hypercube:1000`, or `grid:1000` for a
    /// grid of at most that many
    #[arg(long, value_name = "METHOD:POINTS", value_parser = sample)]
    pub sample: Option<Sample>,
    /// Draw the scenario's `uncertain:` parameters, so many times where a number follows
    #[arg(long, value_name = "SAMPLES", num_args = 0..=1, require_equals = true, conflicts_with_all = ["axes", "sample"])]
    pub monte_carlo: Option<Option<u64>>,
    /// How closely to simulate, instead of what the scenario says
    #[arg(long, value_enum)]
    pub fidelity: Option<FidelityArg>,
    /// Seed of the draw, instead of what the scenario says
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// Threads; all cores unless given. The result is the same for any number
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub threads: Option<u32>,
    /// Run one part of several: `--shard 2/8` is every eighth point from the second on
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub shard: Option<Shard>,
    /// Put the outputs of all shards together
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "output", conflicts_with_all = ["file", "axes", "sample",
        "monte_carlo", "fidelity", "seed", "threads", "shard", "sets", "cases", "html", "svg"])]
    pub merge: Vec<String>,
    /// What to write, if the output's name (`.csv`, `.jsonl`) should not decide; without an output, a table unless given
    #[arg(long, value_enum)]
    format: Option<SweepFormat>,
    /// Write all rows to a file, which appears when they are complete. Until then they are in FILE.journal, and the same
    /// command goes on from there
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub pictures: PictureArgs,
}

/// Formats of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SweepFormat {
    /// One line a point, for spreadsheets
    Csv,
    /// One JSON object a point
    Jsonl,
    /// A table for people, of some points
    #[value(skip)]
    Table,
}

impl SweepArgs {
    /// The format that was asked for, or that the output's name says.
    pub fn format(&self) -> SweepFormat {
        let named = self.format.or_else(|| self.named_format());
        named.unwrap_or(if self.output.is_some() { SweepFormat::Csv } else { SweepFormat::Table })
    }

    /// What is wrong with the output's name, if it should say the format and does not.
    pub fn unclear_format(&self) -> Option<String> {
        let output = self.output.as_ref()?;
        let unclear = self.format.is_none() && self.named_format().is_none();
        unclear.then(|| {
            format!(
                "the name of {} does not say the format: end it in `.csv` or `.jsonl`, or give `--format`",
                output.display()
            )
        })
    }

    fn named_format(&self) -> Option<SweepFormat> {
        match self.output.as_ref()?.extension()?.to_str()? {
            "csv" => Some(SweepFormat::Csv),
            "jsonl" | "ndjson" => Some(SweepFormat::Jsonl),
            _ => None,
        }
    }
}

fn sample(text: &str) -> Result<Sample, String> {
    let (method, points) = text.split_once(':').ok_or("expected such as `random:1000`")?;
    let method = match method {
        "random" => SampleMethod::Random,
        "latin_hypercube" | "lhs" => SampleMethod::LatinHypercube,
        "grid" => SampleMethod::Grid,
        _ => return Err("the methods are random, latin_hypercube and grid".to_owned()),
    };
    let points =
        points.parse().map_err(|_| format!("a number of points up to {MAX_SWEEP_POINTS} is needed"))?;
    Ok(Sample { method, points, seed: None })
}

fn shard(text: &str) -> Result<Shard, String> {
    const MOST: u64 = 1_000_000;
    let parts =
        text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
    match parts {
        Some((index, count)) if (1..=count).contains(&index) && count <= MOST => {
            Ok(Shard { index: index - 1, count })
        }
        _ => Err("expected such as `1/4`, the first of four parts".to_owned()),
    }
}
