//! `cargo xtask bench`: the real program and its parts against their budgets, in the release profile.

use crate::{
    run::{cargo, check, command, root, say, target_dir},
    tools, web,
};
use anyhow::Result;
use std::{fs, path::PathBuf};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// `intake`, `load`, `grid`, `paint`; everything when absent.
    names: Vec<String>,
    /// Also write the figures here, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Seconds of each run of deliveries.
    #[arg(long, default_value_t = 15)]
    seconds: u32,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    tools::duckdb()?;
    tools::node_packages()?;
    web::build()?;
    check(&mut cargo(&["build", "--release", "-p", "trunkline", "-p", "trunkline-bench"]))?;
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    if load.split('.').next().is_some_and(|whole| whole != "0") {
        say("note: the machine is busy; figures of a busy machine are worth little");
    }
    let release = target_dir().join("release");
    let mut bench = command(&release.join("trunkline-bench").to_string_lossy(), &[]);
    bench.args(&args.names).arg("--program").arg(release.join("trunkline"));
    bench.arg("--web").arg(root().join("web")).args(["--seconds", &args.seconds.to_string()]);
    if let Some(path) = &args.json {
        // The bench runs in the workspace root, the caller may be elsewhere.
        bench.arg("--json").arg(std::path::absolute(path)?);
    }
    if let Some(chromium) = tools::chromium() {
        bench.env("TRUNKLINE_CHROMIUM", chromium);
    }
    check(&mut bench)
}
