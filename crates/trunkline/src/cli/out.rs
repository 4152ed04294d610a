//! Standard output is data, standard error is talk.

use serde::Serialize;
use std::io::{ErrorKind, Write as _};

/// A line of data. A reader that left (`| head`) is no error.
pub(super) fn line(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Data as JSON.
pub(super) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(&serde_json::to_string_pretty(value)?)
}

/// A line of talk.
#[expect(clippy::print_stderr, reason = "the one place that talks to the person at the terminal")]
pub(super) fn talk(text: &str) {
    eprintln!("{text}");
}
