//! `trunkline sim`: parts of the simulation that run as programs of their own.

use super::Answer;
use anyhow::{Context, Result};

#[derive(clap::Subcommand)]
pub(super) enum Verb {
    /// Works off one simulated job; started by the demo's fleet, configured by ACTIONS_RUNNER_INPUT_JITCONFIG.
    Runner,
}

pub(super) fn run(verb: &Verb) -> Result<Answer> {
    match verb {
        Verb::Runner => {
            let config = std::env::var("ACTIONS_RUNNER_INPUT_JITCONFIG")
                .context("the variable ACTIONS_RUNNER_INPUT_JITCONFIG is not set")?;
            trunkline_sim::runner::main(&config)?;
            Ok(Answer::Ok)
        }
    }
}
