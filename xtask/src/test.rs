//! `cargo xtask test`: installs what the tests need and runs all of them.

use crate::{
    lint,
    run::{cargo, check, command, exists, root, say, target_dir},
    tools, web,
};
use anyhow::Result;
use std::time::Instant;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Leave the browser tests out.
    #[arg(long)]
    no_browser: bool,
    /// Also run format, clippy, dependency policy and documentation checks.
    #[arg(long)]
    lint: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let started = Instant::now();
    tools::setup_all()?;
    web::build()?;
    web::npm_run("test")?;
    rust_tests()?;
    if !args.no_browser {
        browser_tests()?;
    }
    if args.lint {
        lint::run()?;
    }
    say(&format!("all tests passed in {} s", started.elapsed().as_secs()));
    Ok(())
}

fn rust_tests() -> Result<()> {
    let workspace = ["--workspace", "--all-targets"];
    let mut tests = if exists("cargo-nextest") {
        cargo(&["nextest", "run", "--no-fail-fast"])
    } else {
        cargo(&["test", "--no-fail-fast"])
    };
    // Everything the tests may want is installed by now: a skip would hide a hole.
    let required = [("TRUNKLINE_REQUIRE_POSTGRES", "1"), ("TRUNKLINE_REQUIRE_TOOLS", "1")];
    check(tests.args(workspace).envs(required))
}

/// Drives a running demo with a real browser.
fn browser_tests() -> Result<()> {
    check(&mut cargo(&["build", "--bin", "trunkline"]))?;
    let program = target_dir().join("debug/trunkline");
    let mut e2e = command("npm", &["run", "--silent", "e2e"]);
    if let Some(chromium) = tools::chromium() {
        e2e.env("TRUNKLINE_CHROMIUM", chromium);
    }
    check(e2e.current_dir(root().join("web")).env("TRUNKLINE_PROGRAM", program))
}
