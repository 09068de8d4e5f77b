//! The command line of `memwall replay`.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{ArgGroup, Args, ValueEnum};
use memwall_simulator::request::{AddressOrder, KINDS};
use memwall_units::{Bytes, Picos};

use super::Format;

/// `memwall replay`.
#[derive(Debug, Clone, Args)]
#[command(group(ArgGroup::new("accesses").required(true).args(["traces", "pattern"])))]
#[command(group(ArgGroup::new("memory").required(true).multiple(true).args(["device", "dram", "system"])))]
pub struct ReplayArgs {
    /// The address trace, or the Chakra execution traces (`.et`) in the order of their ranks; `-` reads standard input
    #[arg(value_name = "TRACE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub traces: Vec<String>,
    /// The trace's format, if its name (`.et`) or its first line should not decide
    #[arg(long, value_name = "FORMAT", conflicts_with = "pattern", value_parser = trace_kinds())]
    pub kind: Option<String>,
    /// Accesses made up instead of a trace
    #[arg(long, value_enum)]
    pub pattern: Option<PatternArg>,
    /// Accesses of the pattern
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000_000, requires = "pattern")]
    pub requests: u64,
    /// Bytes of one access of the pattern
    #[arg(long, value_name = "SIZE", default_value = "64 B", requires = "pattern")]
    pub bytes: Bytes,
    /// Memory the pattern goes over
    #[arg(long, value_name = "SIZE", default_value = "1 GiB", requires = "pattern")]
    pub footprint: Bytes,
    /// Distance of a stride's accesses
    #[arg(long, value_name = "SIZE", default_value = "4 KiB", requires = "pattern")]
    pub stride: Bytes,
    /// How much more often a gather takes its popular rows: the exponent of a Zipf distribution, 0 for all alike
    #[arg(long, value_name = "NUMBER", default_value_t = 1.0, requires = "pattern", value_parser = skew)]
    pub skew: f64,
    /// How many of a hundred accesses of the pattern read
    #[arg(long, value_name = "PERCENT", default_value_t = 100, requires = "pattern",
        value_parser = clap::value_parser!(u32).range(0..=100))]
    pub read_percent: u32,
    /// Seed of everything random
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Take the DRAM, its channels and the last cache from a device of the catalog; with --system, every rank's device
    /// instead of the system's own
    #[arg(long, value_name = "NAME", conflicts_with_all = ["channels", "dram"])]
    pub device: Option<String>,
    #[command(flatten)]
    pub chakra: ChakraArgs,
    /// A kind of DRAM; `memwall hardware dram` lists them, and `HBM3_6400@5200` runs one at another rate
    #[arg(long, value_name = "PART", conflicts_with = "system")]
    pub dram: Option<String>,
    /// Channels of that DRAM
    #[arg(long, value_name = "NUMBER", default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub channels: u32,
    /// How addresses are spread over channels and banks
    #[arg(long, value_name = "ORDER", default_value = "spread", value_parser = address_orders())]
    pub address_order: String,
    /// When rows are closed
    #[arg(long, value_enum, default_value_t = PageArg::Open)]
    pub page: PageArg,
    /// How rows are refreshed
    #[arg(long, value_enum, default_value_t = RefreshArg::AllBanks)]
    pub refresh: RefreshArg,
    /// Reads that can wait in a channel
    #[arg(long, value_name = "NUMBER", default_value_t = 64,
        value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub read_queue: u32,
    /// Writes that can wait in a channel
    #[arg(long, value_name = "NUMBER", default_value_t = 64,
        value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub write_queue: u32,
    /// A cache in front, as YAML: 'name: l2, size: 1 MiB, ways: 8'; may be repeated, the nearest first
    #[arg(long = "cache", value_name = "YAML")]
    pub caches: Vec<String>,
    /// A YAML file with a list of caches
    #[arg(long, value_name = "FILE", conflicts_with = "caches")]
    pub cache_file: Option<String>,
    /// No caches, even where the device has them
    #[arg(long, conflicts_with_all = ["caches", "cache_file"])]
    pub no_cache: bool,
    /// The most accesses under way at once; 0 for as many as the queues take
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub outstanding: u32,
    /// Time from one access to the next, where the trace has none
    #[arg(long, value_name = "TIME", default_value = "0 ps")]
    pub interval: Picos,
    /// Give up after this many accesses
    #[arg(long, value_name = "NUMBER", default_value_t = 100_000_000)]
    pub max_requests: u64,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Write to a file instead of standard output; the file appears complete or not at all
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// What Chakra execution traces are replayed on.
#[derive(Debug, Clone, Args)]
pub struct ChakraArgs {
    /// Replay Chakra execution traces on a system of the catalog, such as dgx-h100: rank r runs on device r
    #[arg(long, value_name = "NAME", conflicts_with = "pattern")]
    pub system: Option<String>,
    /// Nodes of that system, where it has a choice
    #[arg(long, value_name = "NUMBER", requires = "system")]
    pub nodes: Option<u32>,
    /// Ranks; each trace stands for equally many, one after the other (one rank a trace unless given)
    #[arg(long, value_name = "NUMBER", requires = "system", value_parser = clap::value_parser!(u32).range(1..))]
    pub ranks: Option<u32>,
    /// A JSON file with the ranks of each communicator group: {"0": [0, 1]}
    #[arg(long, value_name = "FILE", requires = "system")]
    pub groups: Option<String>,
    /// The communication library
    #[arg(long, value_name = "NAME", requires = "system", default_value = "nccl")]
    pub communication: String,
    /// Write what happened when as a trace that ui.perfetto.dev opens
    #[arg(long = "trace", value_name = "FILE", requires = "system")]
    pub timeline: Option<PathBuf>,
}

/// The kind of trace that is replayed on a system.
pub const CHAKRA: &str = "chakra";

fn trace_kinds() -> PossibleValuesParser {
    let addresses = KINDS.iter().map(|kind| PossibleValue::new(kind.name).help(kind.looks_like));
    let chakra =
        PossibleValue::new(CHAKRA).help("what each rank computes and communicates (MLCommons), for --system");
    addresses.chain([chakra]).collect::<Vec<_>>().into()
}

fn address_orders() -> PossibleValuesParser {
    AddressOrder::ALL.map(|(name, _)| name).into()
}

fn skew(text: &str) -> Result<f64, String> {
    let skew: f64 = text.parse().map_err(|_| "a number such as 1.1 is needed".to_owned())?;
    if (0.0..=100.0).contains(&skew) { Ok(skew) } else { Err("it must be from 0 to 100".to_owned()) }
}

/// Patterns on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PatternArg {
    /// One access after the other
    Stream,
    /// Every `--stride` bytes
    Stride,
    /// Anywhere
    Random,
    /// Rows of a table, popular ones more often
    Gather,
}

/// Page policies on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PageArg {
    /// When another row is wanted
    Open,
    /// As soon as nobody waits for the row
    Closed,
}

/// Refresh policies on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RefreshArg {
    /// All banks at once
    AllBanks,
    /// One bank after the other, where the DRAM can
    PerBank,
    /// Not at all
    None,
}
