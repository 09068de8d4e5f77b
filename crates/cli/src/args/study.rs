//! The command lines of `whatif` and `compare`.

use std::path::PathBuf;

use clap::Args;

use super::{FidelityArg, Format, ScenarioArgs};

/// `memwall whatif`.
#[derive(Debug, Clone, Args)]
pub struct WhatifArgs {
    #[command(flatten)]
    pub scenario: ScenarioArgs,
    /// How much better each figure becomes, in percent: less of a latency, more of anything else
    #[arg(long, value_name = "PERCENT", default_value = "10 %", value_parser = percent)]
    pub by: f64,
    /// The most figures to show of a case; JSON and CSV have all
    #[arg(long, value_name = "N", default_value_t = 15)]
    pub top: usize,
    /// How closely to simulate, instead of what the scenario says
    #[arg(long, value_enum)]
    pub fidelity: Option<FidelityArg>,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Write to a file instead of standard output; the file appears complete or not at all
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `memwall compare`.
#[derive(Debug, Clone, Args)]
pub struct CompareArgs {
    /// The scenarios' files; the others are compared with the first. Of one file, its cases with its first
    #[arg(required = true, value_name = "FILE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub files: Vec<String>,
    /// Compare with the first file with a value changed: `--with workload.batch=32`; may be repeated
    #[arg(long = "with", value_name = "PATH=VALUE")]
    pub changes: Vec<String>,
    /// Change a value of all of them; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    /// Take only the case of this name; may be repeated
    #[arg(long = "case", value_name = "NAME")]
    pub cases: Vec<String>,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Write to a file instead of standard output; the file appears complete or not at all
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// A percentage as a part of 1: `10 %`, `10%` or `10`.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim();
    match number.parse::<f64>() {
        Ok(value) if (0.1..=90.0).contains(&value) => Ok(value / 100.0),
        Ok(value) => Err(format!("{value} % is out of range: it must be from 0.1 % to 90 %")),
        Err(_) => Err("expected a percentage such as `10 %`".to_owned()),
    }
}
