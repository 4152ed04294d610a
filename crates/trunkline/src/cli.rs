//! The verbs. One file each; a verb's name is its module's name.

mod config_check;
mod demo;
mod doctor;
mod label;
mod out;
mod redeliver;
mod replay;
mod scale_config;
mod serve;
mod sim;

use clap::{CommandFactory, Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode};

/// How a verb ended; anything else is an error of the environment (exit code 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// 0
    Ok,
    /// 1: asked and answered with no.
    No,
    /// 2: the command line or a configuration is wrong.
    Usage,
}

#[derive(Parser)]
#[command(name = "trunkline", version, about = "The CI control plane of a large open-source project")]
#[command(after_help = "Exit codes: 0 ok, 1 negative answer, 2 usage or configuration, 3 environment.")]
struct Cli {
    /// Print data as JSON.
    #[arg(long, global = true)]
    json: bool,
    /// Log filter, such as `debug` or `trunkline_fleet=debug`;
    /// `info` when absent, and `error` for `sim run`, whose report tells what happened.
    #[arg(long, global = true, env = "TRUNKLINE_LOG")]
    log: Option<String>,
    /// Log lines as JSON.
    #[arg(long, global = true, env = "TRUNKLINE_LOG_JSON")]
    log_json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Serves webhooks, API and pages, and runs the fleet, against the real GitHub.
    Serve(serve::Args),
    /// Starts everything on a lively simulated project; prints the URL.
    Demo(demo::Args),
    /// Parts of the simulation.
    #[command(subcommand)]
    Sim(sim::Verb),
    /// Checks configuration files; all problems at once, with line and column.
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Validates a scale configuration as its own project would, and generates the other fleets' files from it.
    #[command(subcommand)]
    ScaleConfig(scale_config::Verb),
    /// Explains labels.
    #[command(subcommand)]
    Label(LabelVerb),
    /// Feeds recorded deliveries to a running Trunkline.
    Replay(replay::Args),
    /// Asks GitHub for deliveries that never arrived and stores them.
    Redeliver(redeliver::Args),
    /// Checks configuration, storage, clock and credentials, and says what to do.
    Doctor(doctor::Args),
    /// Prints the API's OpenAPI description.
    Openapi,
    /// Prints a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Subcommand)]
enum ConfigVerb {
    /// Checks `trunkline.toml`, `scale-config.yml`, or every such file of a folder.
    Check {
        /// File or folder.
        path: PathBuf,
    },
}

#[derive(Subcommand)]
enum LabelVerb {
    /// Says what a label is: runner type, variant, hosted, unknown; and why.
    Explain(label::Args),
}

/// Runs the program.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    start_log(&cli);
    let json = cli.json;
    let answer = match cli.verb {
        Verb::Serve(args) => serve::run(&args),
        Verb::Demo(args) => demo::run(&args),
        Verb::Sim(verb) => sim::run(&verb, json),
        Verb::Config(ConfigVerb::Check { path }) => config_check::run(&path, json),
        Verb::ScaleConfig(verb) => scale_config::run(&verb, json),
        Verb::Label(LabelVerb::Explain(args)) => label::run(&args, json),
        Verb::Replay(args) => replay::run(&args, json),
        Verb::Redeliver(args) => redeliver::run(&args, json),
        Verb::Doctor(args) => doctor::run(&args, json),
        Verb::Openapi => out::line(&trunkline_server::openapi_json()).map(|()| Answer::Ok),
        Verb::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "trunkline", &mut std::io::stdout());
            Ok(Answer::Ok)
        }
    };
    match answer {
        Ok(Answer::Ok) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Ok(Answer::Usage) => ExitCode::from(2),
        Err(error) => {
            out::talk(&format!("error: {error:#}"));
            ExitCode::from(3)
        }
    }
}

fn start_log(cli: &Cli) {
    let default = if matches!(cli.verb, Verb::Sim(sim::Verb::Run(_))) { "error" } else { "info" };
    let filter = cli.log.as_deref().unwrap_or(default);
    let filter = tracing_subscriber::EnvFilter::try_new(filter).unwrap_or_else(|_| default.into());
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if cli.log_json { lines.json().init() } else { lines.init() }
}

/// The asynchronous runtime of a verb that talks.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// Loads `trunkline.toml`; its problems go to standard error.
fn load(path: &std::path::Path) -> anyhow::Result<Option<crate::config::Config>> {
    let (config, problems) = crate::config::load(path)?;
    for problem in problems {
        out::talk(&problem.to_string());
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
