//! Logs of test jobs: a pytest session, as the project's test driver runs one per file.

use super::{JobLog, Log};
use trunkline_model::Rng;

const FILES: &[(&str, &str)] = &[
    ("test_reductions.py", "TestReductionsCPU"),
    ("test_indexing.py", "TestIndexingCPU"),
    ("test_autograd.py", "TestAutograd"),
    ("test_nn_modules.py", "TestNN"),
    ("test_linalg.py", "TestLinalgCPU"),
    ("test_export.py", "TestExport"),
    ("test_serialization.py", "TestSerialization"),
    ("inductor/test_loops.py", "LoopOrderingTest"),
    ("dynamo/test_guards.py", "GuardTests"),
    ("distributed/test_collectives.py", "CollectivesTest"),
    ("test_dataloader.py", "TestDataLoader"),
    ("test_optim.py", "TestOptimRenewed"),
];

const TESTS: &[&str] = &[
    "test_backward_twice",
    "test_noncontiguous_strides",
    "test_empty_batch",
    "test_out_variant_float32",
    "test_dynamic_shapes_recompile",
    "test_broadcast_in_place",
    "test_negative_dim",
    "test_save_load_mmap",
    "test_large_index_int64",
    "test_random_offset_graph",
    "test_all_gather_uneven",
    "test_foreach_matches_single",
    "test_mixed_precision_bfloat16",
    "test_hooks_are_freed",
    "test_zero_sized_input",
    "test_complex_conj_view",
];

/// What a failing test shows: lines between the trace and the summary, and the line of the summary.
const ERRORS: &[(&str, &str)] = &[
    ("    self.assertEqual(actual, expected)", "AssertionError: Tensor-likes are not close!"),
    ("    out = fn(*args, **kwargs)", "RuntimeError: expected scalar type Float but found Half"),
    ("    result = compiled(x, y)", "IndexError: tuple index out of range"),
    ("    self.assertRaisesRegex(ValueError, msg, call)", "AssertionError: ValueError not raised"),
    (
        "    grad = torchlite.autograd.grad(loss, params)",
        "RuntimeError: One of the tensors has been freed twice",
    ),
    ("    return self._op(*args)", "TypeError: unsupported operand type(s) for +: 'NoneType' and 'SymInt'"),
    ("    self._join_processes(fn)", "RuntimeError: Process 1 exited with error code 10"),
    ("    model.load_state_dict(state)", "KeyError: 'layers.0.weight_scale'"),
];

/// `(file, class, test, code line, error)` of a seed.
fn failure_of(seed: u64) -> (&'static str, &'static str, &'static str, &'static str, &'static str) {
    let mut rng = Rng::from_seed(seed);
    let (file, class) = rng.pick(FILES).copied().unwrap_or(FILES[0]);
    let test = rng.pick(TESTS).copied().unwrap_or(TESTS[0]);
    let (code, error) = rng.pick(ERRORS).copied().unwrap_or(ERRORS[0]);
    (file, class, test, code, error)
}

pub(super) fn run(log: &mut Log, job: &JobLog<'_>, failing: Option<u64>, ends_early: bool) {
    log.step(".ci/torchlite/test.sh");
    log.line(&format!("+ echo 'Running tests of {}'", job.name));
    log.lines(&["+ python test/run_test.py --shard --verbose", "Downloading test times: ok"]);
    let failure = failing.map(failure_of);
    let files = if ends_early { 3 } else { 6 };
    let first = log.rng.below(FILES.len() as u64) as usize;
    for at in 0..files {
        let (file, class) = FILES[(first + at) % FILES.len()];
        if failure.is_none_or(|f| f.0 != file) {
            session(log, file, class, None);
        }
    }
    match failure {
        Some(failure) => {
            session(log, failure.0, failure.1, Some(failure));
            log.line(&format!("{} failed!", failure.0.trim_end_matches(".py")));
        }
        None if ends_early => {}
        None => log.lines(&["All test files passed", "+ assert_git_not_dirty"]),
    }
}

fn session(log: &mut Log, file: &str, class: &str, failure: Option<(&str, &str, &str, &str, &str)>) {
    log.line(&format!("Running {file} ... [{}]", if failure.is_some() { "rerun on failure" } else { "1/1" }));
    log.line("============================= test session starts ==============================");
    log.lines(&[
        "platform linux -- Python 3.10.20, pytest-8.4.2, pluggy-1.6.0",
        "rootdir: /var/lib/jenkins/workspace",
    ]);
    let count = 20 + log.rng.below(20);
    log.line(&format!("collected {count} items"));
    for number in 0..count {
        let test = TESTS[(number as usize) % TESTS.len()];
        let millis = log.rng.below(9_000);
        let part = (number + 1) * 100 / count;
        log.line(&format!(
            "{file}::{class}::{test}_{number} PASSED [{}.{:03}s] [{part:3}%]",
            millis / 1_000,
            millis % 1_000
        ));
        if number % 3 == 0 {
            log.pass();
        }
    }
    let Some((file, class, test, code, error)) = failure else {
        log.line(&format!(
            "============================= {count} passed in 61.20s =============================="
        ));
        return;
    };
    log.line(&format!("{file}::{class}::{test} FAILED [2.1840s] [100%]"));
    log.line("=================================== FAILURES ===================================");
    log.line(&format!("____________________ {class}.{test} ____________________"));
    log.line("Traceback (most recent call last):");
    log.line(&format!("  File \"/var/lib/jenkins/workspace/test/{file}\", line 412, in {test}"));
    log.lines(&[code, error]);
    log.line("To execute this test, run the following from the base repo dir:");
    log.line(&format!("    python test/{file} {class}.{test}"));
    log.line("=========================== short test summary info ============================");
    log.line(&format!("FAILED {file}::{class}::{test} - {error}"));
    log.line(&format!(
        "======================== 1 failed, {count} passed in 65.02s ========================="
    ));
}
