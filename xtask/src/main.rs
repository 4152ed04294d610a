//! The project's verbs: `cargo xtask VERB`.
//!
//! | verb | does |
//! |---|---|
//! | `demo` | builds everything and starts Trunkline on a simulated project |
//! | `test` | installs what the tests need and runs all of them |
//! | `lint` | format, clippy, dependency policy, documentation |
//! | `fuzz` | runs every fuzz target for a while, from its checked-in seeds |
//! | `bench` | measures intake, warehouse, grid and page against their budgets |
//! | `web` | builds the web UI |
//! | `openapi` | refreshes the checked-in API description and the web types made from it |
//! | `setup` | only fetches tools and libraries |

mod bench;
mod demo;
mod fuzz;
mod lint;
mod run;
mod test;
mod tools;
mod web;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's verbs")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Builds everything and starts Trunkline on a lively simulated project; prints the URL.
    Demo(demo::Args),
    /// Installs what tests need and runs all of them.
    Test(test::Args),
    /// Format, clippy with warnings denied, dependency policy, documentation.
    Lint,
    /// Runs every fuzz target, or one, for some seconds each.
    Fuzz(fuzz::Args),
    /// Measures intake, warehouse, grid and page against their budgets, in the release profile.
    Bench(bench::Args),
    /// Builds the web UI into `web/dist`.
    Web,
    /// Refreshes `crates/server/openapi.json` and the web UI's types.
    Openapi,
    /// Fetches the tools and libraries that builds and tests need.
    Setup,
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().verb {
        Verb::Demo(args) => demo::run(&args),
        Verb::Test(args) => test::run(&args),
        Verb::Lint => lint::run(),
        Verb::Fuzz(args) => fuzz::run(&args),
        Verb::Bench(args) => bench::run(&args),
        Verb::Web => web::build(),
        Verb::Openapi => web::openapi(),
        Verb::Setup => tools::setup_all(),
    }
}
