//! `cargo xtask bench`: measures the real program and its parts against their budgets.

mod machine;
mod measure;
mod mix;
mod report;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use machine::Machine;
use report::Report;
use std::{path::PathBuf, process::ExitCode};

/// What there is to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Webhooks into the durable log: throughput, latency, memory.
    Intake,
    /// Rows into the analytics engine.
    Load,
    /// The grid endpoint among a million jobs.
    Grid,
    /// The grid page in a browser.
    Paint,
}

#[derive(Parser)]
#[command(about = "Measures Trunkline against its budgets")]
struct Args {
    /// What to measure; everything when absent.
    names: Vec<Name>,
    /// The program to measure.
    #[arg(long)]
    program: PathBuf,
    /// The web folder, for the browser.
    #[arg(long, default_value = "web")]
    web: PathBuf,
    /// Also write the figures here.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Seconds of each run of deliveries.
    #[arg(long, default_value_t = 15)]
    seconds: u32,
    /// Commits to store, of 1,500 jobs in the grid and 750 that it leaves out; 445 make a million jobs.
    #[arg(long, default_value_t = 445)]
    commits: usize,
}

#[expect(clippy::print_stdout, reason = "a program for people")]
#[tokio::main]
async fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let asked = |name| args.names.is_empty() || args.names.contains(&name);
    let machine = Machine::look();
    println!("{machine}");
    let mut report = Report::new(machine);
    if asked(Name::Intake) {
        measure::intake::run(&mut report, &args.program, args.seconds).await?;
    }
    if [Name::Load, Name::Grid, Name::Paint].into_iter().any(asked) {
        let data = measure::load::run(&mut report, &args.program, args.commits).await?;
        if asked(Name::Grid) {
            measure::grid::run(&mut report, &data).await?;
        }
        if asked(Name::Paint) {
            measure::paint::run(&mut report, &data, &args.web)?;
        }
    }
    println!("{}", report.table());
    println!("{}", report.json());
    if let Some(path) = &args.json {
        std::fs::write(path, format!("{}\n", report.json()))?;
    }
    Ok(if report.all_met() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
