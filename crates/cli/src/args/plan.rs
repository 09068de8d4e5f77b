//! The command line of `memwall plan`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Format, PictureArgs, ScenarioArgs};

pub(super) const PLAN_EXAMPLES: &str = "Examples:\n  memwall plan scenarios/explore/gpt3.yaml\n  \
    memwall plan mine.yaml --top 16 --set 'plan.pipeline=[4, 8, 16]'\n  \
    memwall plan mine.yaml --config megatron -o arguments.txt";

/// `memwall plan`.
#[derive(Debug, Clone, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub scenario: ScenarioArgs,
    /// How many of the best plans are simulated, whatever `plan.simulate` says; 0 only screens
    #[arg(long, value_name = "N")]
    pub top: Option<u32>,
    /// Print the best plan in the words of a program that trains, instead of the report
    #[arg(long, value_enum)]
    pub config: Option<Program>,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Write to a file instead of standard output; the file appears complete or not at all
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Threads; all cores unless given. The result is the same for any number
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub threads: Option<u32>,
    #[command(flatten)]
    pub pictures: PictureArgs,
}

/// Programs that train.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Program {
    /// Arguments of Megatron-LM
    Megatron,
    /// Tables of a torchtitan file
    Torchtitan,
}
