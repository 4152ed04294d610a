//! The `trunkline` program: roles and command-line verbs; wiring only.
//!
//! Standard output has data, standard error has talk. Exit codes: 0 ok, 1 negative answer, 2 usage or
//! configuration, 3 environment.

mod cli;
mod config;
mod engine;
mod simulate;

fn main() -> std::process::ExitCode {
    cli::run()
}
