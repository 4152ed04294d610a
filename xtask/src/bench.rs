//! `cargo xtask bench`: builds in release mode, measures, prints the machine, a table and JSON.

use crate::{
    run::{cargo, check, command, root, target_dir},
    tools, web,
};
use anyhow::Result;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Arguments for the benchmark program, such as `intake` or `--jobs 100000`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    tools::duckdb()?;
    tools::node_packages()?;
    tools::system_packages()?;
    web::build()?;
    check(&mut cargo(&["build", "--release", "--bin", "trunkline", "--bin", "trunkline-bench"]))?;
    let program = target_dir().join("release/trunkline-bench");
    let mut bench = command(&program.to_string_lossy(), &[]);
    if let Some(chromium) = tools::chromium() {
        bench.env("TRUNKLINE_CHROMIUM", chromium);
    }
    bench.env("TRUNKLINE_WORKSPACE", root());
    check(bench.args(&args.rest))
}
