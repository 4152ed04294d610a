//! The program as its operator has it: started, spoken to over HTTP, stopped or killed, started again.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panic and says what it skips")]

mod hostile;
mod killed;
mod octokit;
mod rows;
mod send;

use trunkline_bench::program::Installation;

/// A fresh folder for the program under test.
fn installation(storage: &str) -> Installation {
    Installation::new(env!("CARGO_BIN_EXE_trunkline"), storage).unwrap()
}
