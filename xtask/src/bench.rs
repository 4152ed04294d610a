//! `cargo xtask bench`: the benchmarks, in release mode.

use crate::{
    run::{cargo, check},
    tools,
};
use anyhow::Result;

/// Package and example of each benchmark.
const BENCHMARKS: [(&str, &str); 2] = [("trunkline-warehouse", "bench"), ("trunkline-server", "grid_bench")];

pub(crate) fn run() -> Result<()> {
    tools::duckdb()?;
    for (package, example) in BENCHMARKS {
        check(&mut cargo(&["run", "--release", "-p", package, "--example", example]))?;
    }
    Ok(())
}
