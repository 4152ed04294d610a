//! `trunkline sim`: parts of the simulation.

use super::{Answer, out, runtime};
use crate::simulate::{self, Played};
use anyhow::{Context, Result};
use serde::Serialize;
use std::{io::IsTerminal as _, path::PathBuf};
use trunkline_sim::scenario::Report;

#[derive(clap::Subcommand)]
pub(super) enum Verb {
    /// Plays scenario files in virtual time and says whether what they expect holds.
    Run(RunArgs),
    /// Works off one simulated job; started by the demo's fleet, configured by ACTIONS_RUNNER_INPUT_JITCONFIG.
    Runner,
}

#[derive(clap::Args)]
pub(super) struct RunArgs {
    /// Scenario files.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Seed of the world, in place of the files' own.
    #[arg(long)]
    seed: Option<u64>,
}

pub(super) fn run(verb: &Verb, json: bool) -> Result<Answer> {
    match verb {
        Verb::Run(args) => runtime()?.block_on(play(args, json)),
        Verb::Runner => {
            let config = std::env::var("ACTIONS_RUNNER_INPUT_JITCONFIG")
                .context("the variable ACTIONS_RUNNER_INPUT_JITCONFIG is not set")?;
            trunkline_sim::runner::main(&config)?;
            Ok(Answer::Ok)
        }
    }
}

/// All of a call, as `--json` prints it.
#[derive(Serialize)]
struct Reports {
    passed: bool,
    scenarios: Vec<FileReport>,
}

#[derive(Serialize)]
struct FileReport {
    file: PathBuf,
    #[serde(flatten)]
    report: Report,
}

async fn play(args: &RunArgs, json: bool) -> Result<Answer> {
    let (mut scenarios, mut wrong) = (vec![], false);
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    for file in &args.files {
        match simulate::play_file(file, args.seed)
            .await
            .with_context(|| format!("play `{}`", file.display()))?
        {
            Played::Wrong(problems) => {
                wrong = true;
                problems.iter().for_each(|problem| out::talk(&problem.to_string()));
            }
            Played::Report(report) => {
                if !json {
                    out::line(&report.to_text(colour))?;
                }
                scenarios.push(FileReport { file: file.clone(), report: *report });
            }
        }
    }
    let passed = !wrong && scenarios.iter().all(|scenario| scenario.report.passed);
    if json {
        out::json(&Reports { passed, scenarios })?;
    }
    Ok(match (wrong, passed) {
        (true, _) => Answer::Usage,
        (false, true) => Answer::Ok,
        (false, false) => Answer::No,
    })
}
