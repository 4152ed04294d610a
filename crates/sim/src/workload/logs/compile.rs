//! Logs of builds: ninja's progress, a compiler's error with its note, a broken link.

use super::{JobLog, Log};
use crate::workload::Kind;
use trunkline_model::Rng;

const FOLDERS: &[&str] =
    &["aten/src", "c10/core", "csrc/autograd", "csrc/jit/passes", "csrc/distributed", "csrc/dynamo"];
const UNITS: &[&str] = &[
    "ReduceOps",
    "IndexKernel",
    "Allocator",
    "GuardManager",
    "Engine",
    "SymNode",
    "Scheduler",
    "ProcessGroup",
    "StorageImpl",
    "FunctionHooks",
    "PeepholeOptimize",
    "Dispatcher",
    "PythonArgs",
    "StreamPool",
    "TensorShape",
];

const ERRORS: &[&str] = &[
    "'optional_ref' is not a member of 'c10'",
    "no matching function for call to 'reduce_into(Tensor&, IntArrayRef&)'",
    "comparison of integer expressions of different signedness: 'size_t' and 'int' [-Werror=sign-compare]",
    "unused variable 'stride_hint' [-Werror=unused-variable]",
    "'class StorageImpl' has no member named 'nbytes_hint'",
    "expected ';' before '}' token",
];

pub(super) fn run(log: &mut Log, job: &JobLog<'_>, failing: Option<u64>, ends_early: bool) {
    let command = match job.kind {
        Kind::Docker => "docker build --progress=plain .",
        Kind::Binary => ".ci/manywheel/build.sh",
        _ => ".ci/torchlite/build.sh",
    };
    log.step(command);
    log.lines(&[
        "+ sccache --start-server",
        "-- Build type            : Release",
        "-- Generating done (1.9s)",
    ]);
    let total = 2_400 + log.rng.below(900);
    let shown = if ends_early { 90 } else { 220 };
    for at in 1..=shown {
        let unit = unit(&mut log.rng);
        log.line(&format!("[{}/{total}] Building CXX object {unit}.cpp.o", at * total / 230));
        if at % 2 == 0 {
            log.pass();
        }
    }
    if let Some(seed) = failing {
        let mut rng = Rng::from_seed(seed);
        let (unit, line) = (unit(&mut rng), 40 + rng.below(900));
        let error = rng.pick(ERRORS).copied().unwrap_or(ERRORS[0]);
        log.line(&format!("FAILED: {unit}.cpp.o "));
        log.line(&format!("/opt/cache/bin/sccache /opt/cache/bin/c++ -O3 -DNDEBUG -std=gnu++20 -c /var/lib/jenkins/workspace/{unit}.cpp"));
        log.line(&format!("/var/lib/jenkins/workspace/{unit}.cpp:{line}:17: error: {error}"));
        log.line(&format!("  {line} |   auto next = reduce_into(self, dims);"));
        log.line("      |               ~~~~~~~~~~~^~~~~~~~~~~~");
        log.lines(&[
            "ninja: build stopped: subcommand failed.",
            "*** CMake build failed",
            "+ sccache_epilogue",
        ]);
    } else if !ends_early {
        log.line(&format!("[{total}/{total}] Linking CXX shared library lib/libtorchlite.so"));
        log.lines(&[
            "Successfully built torchlite-2.14.0a0",
            "+ python -c 'import torchlite'",
            "+ sccache --show-stats",
        ]);
        log.line(&format!("Cache hits                        {}", total - total / 9));
    }
}

fn unit(rng: &mut Rng) -> String {
    let folder = rng.pick(FOLDERS).copied().unwrap_or(FOLDERS[0]);
    let unit = rng.pick(UNITS).copied().unwrap_or(UNITS[0]);
    format!("{folder}/{unit}")
}
