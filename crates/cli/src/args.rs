//! The command line.

mod optimize;
mod plan;
mod replay;
mod study;
mod sweep;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use memwall_simulator::Fidelity;

use optimize::OPTIMIZE_EXAMPLES;
pub use optimize::OptimizeArgs;
use plan::PLAN_EXAMPLES;
pub use plan::{PlanArgs, Program};
pub use replay::{CHAKRA, PageArg, PatternArg, RefreshArg, ReplayArgs};
pub use study::{CompareArgs, WhatifArgs};
use sweep::SWEEP_EXAMPLES;
pub use sweep::{SweepArgs, SweepFormat};

/// The program's command line.
#[derive(Debug, Parser)]
#[command(
    name = "memwall",
    bin_name = "memwall",
    version,
    about = "Where does the time go? Simulates how data moves through an AI accelerator",
    long_about = "Where does the time go?\n\nmemwall reads a model, a machine (real or imagined) and a workload from one YAML file, simulates how \
        the data moves from DRAM through the caches to the compute units, and accounts for every picosecond: computing, \
        or stalled, and on what.",
    after_help = "Exit codes: 0 ok, 1 internal error, 2 usage, 3 invalid input or unwritable output, 4 an `expect:` \
        failed, 5 a limit was hit, 130 a sweep was interrupted.",
    max_term_width = 100
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options every command takes.
    #[command(flatten)]
    pub global: Global,
}

/// Options every command takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// When to use colour; NO_COLOR switches it off too
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
    /// Say more: every case, operator and engine
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// When to use colour. The values explain themselves: documented, they would take ten lines of every help text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum Color {
    Auto,
    Always,
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a scenario and report where the time went
    #[command(after_help = "Examples:\n  memwall run scenarios/tutorial/first_run.yaml\n  \
        memwall run first_run.yaml --set 'hardware.memory.hbm.bandwidth=6.7 TB/s'\n  \
        memwall run first_run.yaml --format json -o result.json\n  cat first_run.yaml | memwall run -")]
    Run(RunArgs),
    /// Run many variants of a scenario: every combination of values, or a sample; or a Monte Carlo of what is uncertain
    #[command(after_help = SWEEP_EXAMPLES)]
    Sweep(Box<SweepArgs>),
    /// The best designs of many: all that `sweep:` spans are screened, those nothing beats are simulated
    #[command(after_help = OPTIMIZE_EXAMPLES)]
    Optimize(OptimizeArgs),
    /// The best way to train: every way to divide a model and a batch over a cluster is screened, the best are simulated
    #[command(after_help = PLAN_EXAMPLES)]
    Plan(PlanArgs),
    /// Check scenarios without running them; reports everything that is wrong
    #[command(after_help = "Example:\n  memwall check scenarios/tutorial/*.yaml")]
    Check(CheckArgs),
    /// Explain one operator: its tiles, its traffic on every tier, and what bounds it
    #[command(after_help = "Examples:\n  memwall explain scenarios/tutorial/first_run.yaml mlp.down\n  \
        memwall explain first_run.yaml layers.3.attn --set workload.batch=32")]
    Explain(ExplainArgs),
    /// Change each figure of the machine a little: what that does to time, energy and cost, and what moves the wall
    #[command(after_help = "Examples:\n  memwall whatif scenarios/tutorial/first_run.yaml\n  \
        memwall whatif first_run.yaml --by '20 %' --top 5\n  memwall whatif first_run.yaml --format csv -o whatif.csv")]
    Whatif(WhatifArgs),
    /// Compare scenarios, or cases of one, side by side: what differs, and what that did, stall by stall
    #[command(
        after_help = "Examples:\n  memwall compare scenarios/tutorial/first_run.yaml scenarios/tutorial/twice_the_hbm.yaml\n  \
        memwall compare first_run.yaml --with 'hardware.memory.hbm.bandwidth=6.7 TB/s' --with workload.batch=8\n  \
        memwall compare scenarios/tutorial/hypothetical.yaml --case 'as it is' --case 'twice the L2'"
    )]
    Compare(CompareArgs),
    /// Compare predictions with measured kernels: rows of CSV files, error statistics by group
    #[command(after_help = "Examples:\n  memwall validate measured/*.csv\n  \
        memwall validate gemm.csv --worst 20\n  memwall validate gemm.csv --format csv -o rows.csv")]
    Validate(ValidateArgs),
    /// Fit the figures of a device and a software profile to your own measured kernels
    #[command(
        after_help = "Examples:\n  memwall calibrate gemm.csv attention.csv --device h100-sxm -o my_h100.yaml\n  \
        memwall calibrate gemm.csv --device a100 --software vllm --parameters hardware.matrix.sustained\n  \
        memwall validate gemm.csv --with my_h100.yaml"
    )]
    Calibrate(CalibrateArgs),
    /// Replay an address trace or a synthetic pattern on caches and DRAM, request by request, or Chakra execution traces
    /// on a system
    #[command(
        after_help = "Examples:\n  memwall replay traces/memory/paged_attention.csv --device h100-sxm\n  \
        memwall replay --pattern random --bytes '64 B' --dram HBM3_6400\n  \
        memwall replay --pattern gather --skew 1.1 --device h100-sxm --format json\n  \
        memwall replay trace.txt --dram DDR4_3200AA --cache 'name: l2, size: 1 MiB, ways: 8'\n  \
        memwall replay traces/chakra/pipeline.*.et --system dgx-h100\n  \
        memwall replay traces/chakra/all_reduce.0.et --system dgx-h100 --ranks 4"
    )]
    Replay(Box<ReplayArgs>),
    /// The catalog of hardware, each figure with its source
    #[command(
        subcommand,
        after_help = "Examples:\n  memwall hardware show h100\n  memwall hardware derive gaudi2"
    )]
    Hardware(HardwareCommand),
    /// The catalog of software profiles: what launches, fuses and tunes kernels
    #[command(subcommand, after_help = "Example:\n  memwall software show tensorrt-llm")]
    Software(CatalogCommand),
    /// The catalog of models; `show` also reads a Hugging Face config.json
    #[command(
        subcommand,
        after_help = "Examples:\n  memwall model show llama-3-8b\n  memwall model show path/to/config.json"
    )]
    Model(CatalogCommand),
    /// Print the JSON Schema of scenarios (draft-07)
    Schema,
    /// Print the manual page of memwall, or of one of its commands
    #[command(after_help = "Examples:\n  memwall man | man -l -\n  memwall man sweep > memwall-sweep.1")]
    Man {
        /// The command: `run`, or `hardware` followed by `show`
        command: Vec<String>,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// `list` and `show`.
#[derive(Debug, Clone, Subcommand)]
pub enum CatalogCommand {
    /// List what there is
    List,
    /// Show one entry in full
    Show {
        /// Its name
        name: String,
    },
}

/// `list`, `show` and `derive`.
#[derive(Debug, Clone, Subcommand)]
pub enum HardwareCommand {
    /// List what there is
    List,
    /// Show one entry in full
    Show {
        /// Its name
        name: String,
    },
    /// Derive the efficiency of a device's DRAM by simulating its commands, beside what the catalog holds
    Derive {
        /// The device, or a kind of DRAM such as HBM3_6400
        name: String,
    },
    /// List the kinds of DRAM that `replay` and `derive` know
    Dram,
    /// List the constants of silicon, memories, links and packages behind estimates of area, energy and cost
    Constants,
}

/// A scenario and what the command line lays over it.
#[derive(Debug, Clone, Args)]
pub struct ScenarioArgs {
    /// The scenario's file; `-` reads standard input
    #[arg(value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub file: String,
    /// Change a value: `--set workload.batch=32`; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    /// Take only the case of this name; may be repeated
    #[arg(long = "case", value_name = "NAME")]
    pub cases: Vec<String>,
}

/// What came out, as charts.
#[derive(Debug, Clone, Args)]
pub struct PictureArgs {
    /// Write a page with charts and the results, one file for any browser, no network needed
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write the charts as SVG files into this folder
    #[arg(long, value_name = "FOLDER")]
    pub svg: Option<PathBuf>,
}

/// `memwall run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub scenario: ScenarioArgs,
    /// How closely to simulate, instead of what the scenario says
    #[arg(long, value_enum)]
    pub fidelity: Option<FidelityArg>,
    /// Print the resolved scenario and where each value came from; run nothing
    #[arg(long, conflicts_with_all = ["format", "html", "svg"])]
    pub dry_run: bool,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Write to a file instead of standard output; the file appears complete or not at all
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write what happened when as a trace that ui.perfetto.dev opens
    #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
    pub trace: Option<PathBuf>,
    #[command(flatten)]
    pub pictures: PictureArgs,
    /// Write what one rank of each pipeline stage does as Chakra execution traces, into this folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "dry_run")]
    pub chakra: Option<PathBuf>,
}

/// `memwall check`.
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// The scenarios' files; `-` reads standard input
    #[arg(required = true, value_name = "FILE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub files: Vec<String>,
    /// Change a value before checking; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
}

/// `memwall explain`.
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    #[command(flatten)]
    pub scenario: ScenarioArgs,
    /// The operator: `mlp.down` for the first of that label, `layers.3.mlp.down` for one layer's
    pub operator: String,
    /// Which step: 1 is the prefill of a generate workload, or the first token; the last unless given
    #[arg(long, value_name = "NUMBER")]
    pub step: Option<u64>,
}

/// `memwall validate`.
#[derive(Debug, Clone, Args)]
pub struct ValidateArgs {
    /// CSV files of measured rows; `-` reads standard input. A file whose first column is not `kind` is passed over
    #[arg(required = true, value_name = "FILE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub files: Vec<String>,
    /// Change catalog parts first: a YAML file with `hardware:` or `software:` blocks that extend them, as
    /// `calibrate` writes; may be repeated
    #[arg(long = "with", value_name = "FILE")]
    pub overlays: Vec<String>,
    /// List the rows with the largest errors
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub worst: usize,
    /// What to print: groups as a table, groups as JSON, or rows as CSV
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Write to a file instead of standard output; the file appears complete or not at all
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `memwall calibrate`.
#[derive(Debug, Clone, Args)]
pub struct CalibrateArgs {
    /// CSV files of measured rows, as `validate` reads them; `-` reads standard input
    #[arg(required = true, value_name = "FILE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub files: Vec<String>,
    /// The device whose figures are fitted, by its name in the catalog; rows of others are left out
    #[arg(short, long, value_name = "NAME")]
    pub device: String,
    /// The software profile whose figures are fitted; the rows' own where they are all of one
    #[arg(short, long, value_name = "NAME")]
    pub software: Option<String>,
    /// Fit these and no others: `hardware.matrix.sustained,software.kernel_gap`
    #[arg(short, long, value_name = "PATHS", value_delimiter = ',')]
    pub parameters: Vec<String>,
    /// What to print
    #[arg(long, value_enum, default_value_t = TableOrJson::Table)]
    pub format: TableOrJson,
    /// Write the new figures to a file, which appears complete or not at all; otherwise they follow the table
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Output formats of what is no list of cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TableOrJson {
    /// Text for people
    Table,
    /// JSON for programs
    Json,
}

/// Output formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for people
    Table,
    /// JSON for programs
    Json,
    /// One line a case, for spreadsheets
    Csv,
}

/// Fidelities on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FidelityArg {
    /// Closed-form rooflines: a lower bound
    Bound,
    /// Tile waves as flows, event-driven (the default)
    Flow,
    /// Every tile step an event; slow
    Step,
}

impl From<FidelityArg> for Fidelity {
    fn from(fidelity: FidelityArg) -> Self {
        match fidelity {
            FidelityArg::Bound => Self::Bound,
            FidelityArg::Flow => Self::Flow,
            FidelityArg::Step => Self::Step,
        }
    }
}
