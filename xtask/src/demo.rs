//! `cargo xtask demo`: from a fresh clone to a running Trunkline.

use crate::{
    run::{cargo, check},
    tools, web,
};
use anyhow::Result;

/// What is passed on to `trunkline demo`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Arguments for `trunkline demo`, such as `--listen 127.0.0.1:9000`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    tools::duckdb()?;
    web::build()?;
    check(&mut cargo(&["build", "--bin", "trunkline"]))?;
    let program = crate::run::target_dir().join("debug/trunkline");
    let mut demo = crate::run::command(&program.to_string_lossy(), &["demo"]);
    check(demo.args(&args.rest))
}
