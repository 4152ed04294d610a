//! Where a measurement was made: a figure says nothing without.

use serde::Serialize;
use std::{fmt, fs};

/// The machine and the build.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    cpu: String,
    cores: usize,
    memory_mib: u64,
    kernel: String,
    profile: &'static str,
    /// Processes that wanted to run in the minute before: with more than 0.5 others are in the way.
    load_before: f64,
}

impl Machine {
    /// Looks around.
    pub(crate) fn look() -> Self {
        let field = |file: &str, name: &str| -> Option<String> {
            let text = fs::read_to_string(file).ok()?;
            let line = text.lines().find(|line| line.starts_with(name))?.to_owned();
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let words = |file: &str, at: usize| -> Option<String> {
            Some(fs::read_to_string(file).ok()?.split_whitespace().nth(at)?.to_owned())
        };
        let memory = field("/proc/meminfo", "MemTotal");
        let kib: u64 = memory.and_then(|text| text.trim_end_matches("kB").trim().parse().ok()).unwrap_or(0);
        Self {
            cpu: field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".into()),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_mib: kib / 1024,
            kernel: words("/proc/sys/kernel/osrelease", 0).unwrap_or_else(|| "unknown".into()),
            profile: if cfg!(debug_assertions) { "dev" } else { "release" },
            load_before: words("/proc/loadavg", 0).and_then(|text| text.parse().ok()).unwrap_or(0.0),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cpu, cores, memory_mib, kernel, profile, load_before } = self;
        write!(
            f,
            "{cpu}, {cores} cores, {memory_mib} MiB, Linux {kernel}, {profile} profile, load {load_before}"
        )
    }
}
