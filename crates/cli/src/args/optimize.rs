//! The command line of `memwall optimize`.

use std::path::PathBuf;

use clap::Args;

use super::{Format, PictureArgs, ScenarioArgs};

pub(super) const OPTIMIZE_EXAMPLES: &str = "Examples:\n  memwall optimize scenarios/explore/optimize_decode.yaml\n  \
    memwall optimize mine.yaml --set 'optimize.minimize=[time, cost]' --set 'optimize.at_most.area=850 mm2'\n  \
    memwall optimize mine.yaml --axis 'hardware.memory.hbm.bandwidth=2 TB/s..8 TB/s:13' --format csv -o front.csv";

/// `memwall optimize`.
#[derive(Debug, Clone, Args)]
pub struct OptimizeArgs {
    #[command(flatten)]
    pub scenario: ScenarioArgs,
    /// Values of a free parameter, besides those of the scenario's `sweep:`: `PATH=1,2,4`, or `PATH=FROM..TO:STEPS`,
    /// with `:log` behind it for equal ratios; may be repeated
    #[arg(long = "axis", value_name = "PATH=VALUES")]
    pub axes: Vec<String>,
    /// What to print: the simulated designs as a table, or all on the front
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Write to a file instead of standard output; the file appears complete or not at all
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub pictures: PictureArgs,
}
