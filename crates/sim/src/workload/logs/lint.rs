//! Logs of linters and of the manual: findings with their rule and place.

use super::{JobLog, Log};
use crate::workload::Kind;
use trunkline_model::Rng;

/// `(linter, rule, finding)`
const FINDINGS: &[(&str, &str, &str)] = &[
    ("RUFF", "F401", "`itertools.chain` imported but unused"),
    ("RUFF", "B007", "Loop control variable `name` not used within loop body"),
    ("MYPY", "attr-defined", "\"Node\" has no attribute \"users_of\""),
    (
        "CLANGFORMAT",
        "format",
        "See https://clang.llvm.org/docs/ClangFormat.html. Run `lintrunner -a` to apply this patch.",
    ),
    ("CLANGTIDY", "performance-unnecessary-copy", "the parameter 'sizes' is copied for each invocation"),
    (
        "NEWLINE",
        "trailing newline",
        "Trailing newline found. Run `lintrunner --take NEWLINE -a` to apply changes.",
    ),
    ("WORKFLOWSYNC", "sync", "Job step differs from the one in periodic.yml"),
    ("CODESPELL", "spelling error", "recieve ==> receive"),
];

const FILES: &[&str] = &[
    "torchlite/_inductor/scheduler.py",
    "torchlite/_dynamo/guards.py",
    "torchlite/nn/functional.py",
    "aten/src/native/ReduceOps.cpp",
    "test/test_export.py",
    "tools/setup_helpers/cmake.py",
    "docs/source/notes.rst",
];

pub(super) fn run(log: &mut Log, job: &JobLog<'_>, failing: Option<u64>, ends_early: bool) {
    if job.kind == Kind::Docs {
        return docs(log, failing, ends_early);
    }
    log.step("lintrunner --force-color --tee-json=lint.json");
    for linter in
        ["RUFF", "MYPY", "CLANGFORMAT", "CLANGTIDY", "NEWLINE", "CODESPELL", "SHELLCHECK", "ACTIONLINT"]
    {
        for part in 0..20 {
            log.line(&format!("  {linter} checked {} files", 40 + part * 37));
            log.pass();
        }
    }
    if let Some(seed) = failing {
        let mut rng = Rng::from_seed(seed);
        let (linter, rule, finding) = rng.pick(FINDINGS).copied().unwrap_or(FINDINGS[0]);
        let file = rng.pick(FILES).copied().unwrap_or(FILES[0]);
        let line = 10 + rng.below(800);
        log.lines(&["", ""]);
        log.line(&format!(">>> Lint for {file}:"));
        log.line("");
        log.line(&format!("  Error ({linter}) {rule}"));
        log.line(&format!("    {finding}"));
        log.line("");
        log.line(&format!("    >>> {line}  |  def forward(self, x):"));
        log.line("");
        log.line("Lint failed. See the lines above, and `lintrunner -m origin/main` to see them locally.");
    } else if !ends_early {
        log.line("ok No lint issues.");
    }
}

fn docs(log: &mut Log, failing: Option<u64>, ends_early: bool) {
    log.step("make -C docs html");
    for part in 0..160 {
        log.line(&format!("reading sources... [{:3}%] generated/torchlite.page{part}", part * 100 / 160));
        log.pass();
    }
    if let Some(seed) = failing {
        let mut rng = Rng::from_seed(seed);
        let line = 10 + rng.below(200);
        log.line(&format!(
            "docs/source/notes/autograd.rst:{line}: ERROR: Unknown target name: \"saved tensors\"."
        ));
        log.line("make: *** [Makefile:48: html] Error 1");
    } else if !ends_early {
        log.line("build succeeded, 12 warnings.");
    }
}
