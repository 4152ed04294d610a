//! The tables as both engines hold them: names, keys, columns. The DDL is in `migrations/`; a test compares them.

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// Text or nothing.
    OptText,
    /// Unsigned 64-bit number.
    Number,
    /// Unsigned 64-bit number or nothing.
    OptNumber,
    /// True or false.
    Flag,
    /// Microseconds, UTC.
    Time,
    /// Microseconds, UTC, or nothing.
    OptTime,
    /// Texts, in order.
    TextList,
}

/// One table. Its last two columns are always `version` (higher replaces lower) and `digest` (of the content).
#[derive(Debug)]
pub struct Table {
    /// Its name, under which queries read one row per key.
    pub name: &'static str,
    /// Columns that identify a row.
    pub key: &'static [&'static str],
    /// Column by which old rows are removed.
    pub time: &'static str,
    /// All columns, in order.
    pub columns: &'static [(&'static str, Kind)],
}

/// Every table.
pub static TABLES: [&Table; 8] =
    [&PUSHES, &PUSH_COMMITS, &PULL_REQUESTS, &RUNS, &JOBS, &REVIEWS, &ISSUE_COMMENTS, &CHECK_RUNS];

/// One push to a branch or tag.
pub static PUSHES: Table = Table {
    name: "pushes",
    key: &["repo", "git_ref", "before", "after"],
    time: "pushed_at",
    columns: &[
        ("repo", Kind::Text),
        ("git_ref", Kind::Text),
        ("before", Kind::Text),
        ("after", Kind::Text),
        ("forced", Kind::Flag),
        ("pusher", Kind::Text),
        ("head_sha", Kind::OptText),
        ("commits", Kind::Number),
        ("pushed_at", Kind::Time),
        ("version", Kind::Number),
        ("digest", Kind::Number),
    ],
};

/// The commits a push brought, one row per ref and commit.
pub static PUSH_COMMITS: Table = Table {
    name: "push_commits",
    key: &["repo", "git_ref", "sha"],
    time: "pushed_at",
    columns: &[
        ("repo", Kind::Text),
        ("git_ref", Kind::Text),
        ("sha", Kind::Text),
        ("position", Kind::Number),
        ("pushed_at", Kind::Time),
        ("message", Kind::Text),
        ("author_name", Kind::Text),
        ("author_email", Kind::Text),
        ("author_login", Kind::OptText),
        ("committed_at", Kind::Time),
        ("pr", Kind::OptNumber),
        ("url", Kind::Text),
        ("version", Kind::Number),
        ("digest", Kind::Number),
    ],
};

/// Pull requests.
pub static PULL_REQUESTS: Table = Table {
    name: "pull_requests",
    key: &["repo", "number"],
    time: "updated_at",
    columns: &[
        ("repo", Kind::Text),
        ("number", Kind::Number),
        ("title", Kind::Text),
        ("body", Kind::Text),
        ("state", Kind::Text),
        ("draft", Kind::Flag),
        ("author", Kind::Text),
        ("labels", Kind::TextList),
        ("head_sha", Kind::Text),
        ("head_ref", Kind::Text),
        ("head_repo", Kind::OptText),
        ("base_sha", Kind::Text),
        ("base_ref", Kind::Text),
        ("merge_commit_sha", Kind::OptText),
        ("created_at", Kind::Time),
        ("updated_at", Kind::Time),
        ("closed_at", Kind::OptTime),
        ("merged_at", Kind::OptTime),
        ("html_url", Kind::Text),
        ("version", Kind::Number),
        ("digest", Kind::Number),
    ],
};

/// Workflow runs, newest attempt.
pub static RUNS: Table = Table {
    name: "runs",
    key: &["repo", "id"],
    time: "created_at",
    columns: &[
        ("repo", Kind::Text),
        ("id", Kind::Number),
        ("attempt", Kind::Number),
        ("name", Kind::Text),
        ("workflow_id", Kind::Number),
        ("event", Kind::Text),
        ("status", Kind::Text),
        ("conclusion", Kind::OptText),
        ("head_sha", Kind::Text),
        ("sha_key", Kind::Number),
        ("head_branch", Kind::OptText),
        ("head_repo", Kind::OptText),
        ("actor", Kind::OptText),
        ("triggering_actor", Kind::OptText),
        ("pull_requests", Kind::TextList),
        ("created_at", Kind::Time),
        ("run_started_at", Kind::OptTime),
        ("updated_at", Kind::Time),
        ("html_url", Kind::Text),
        ("version", Kind::Number),
        ("digest", Kind::Number),
    ],
};

/// Jobs of workflow runs.
pub static JOBS: Table = Table {
    name: "jobs",
    key: &["repo", "id"],
    time: "created_at",
    columns: &[
        ("repo", Kind::Text),
        ("id", Kind::Number),
        ("run_id", Kind::Number),
        ("run_attempt", Kind::Number),
        ("full_name", Kind::Text),
        ("name", Kind::Text),
        ("workflow_name", Kind::Text),
        ("head_sha", Kind::Text),
        ("sha_key", Kind::Number),
        ("head_branch", Kind::OptText),
        ("status", Kind::Text),
        ("conclusion", Kind::OptText),
        ("labels", Kind::TextList),
        ("runner_id", Kind::OptNumber),
        ("runner_name", Kind::OptText),
        ("runner_group_id", Kind::OptNumber),
        ("runner_group_name", Kind::OptText),
        ("created_at", Kind::Time),
        ("started_at", Kind::OptTime),
        ("completed_at", Kind::OptTime),
        ("html_url", Kind::Text),
        ("steps", Kind::Text),
        ("version", Kind::Number),
        ("digest", Kind::Number),
    ],
};

/// Reviews of pull requests.
pub static REVIEWS: Table = Table {
    name: "reviews",
    key: &["repo", "id"],
    time: "submitted_at",
    columns: &[
        ("repo", Kind::Text),
        ("id", Kind::Number),
        ("number", Kind::Number),
        ("author", Kind::Text),
        ("author_association", Kind::Text),
        ("state", Kind::Text),
        ("commit_id", Kind::OptText),
        ("body", Kind::Text),
        ("submitted_at", Kind::Time),
        ("html_url", Kind::Text),
        ("version", Kind::Number),
        ("digest", Kind::Number),
    ],
};

/// Comments on issues and pull requests.
pub static ISSUE_COMMENTS: Table = Table {
    name: "issue_comments",
    key: &["repo", "id"],
    time: "created_at",
    columns: &[
        ("repo", Kind::Text),
        ("id", Kind::Number),
        ("number", Kind::Number),
        ("on_pull_request", Kind::Flag),
        ("author", Kind::Text),
        ("author_association", Kind::Text),
        ("body", Kind::Text),
        ("deleted", Kind::Flag),
        ("created_at", Kind::Time),
        ("updated_at", Kind::Time),
        ("html_url", Kind::Text),
        ("version", Kind::Number),
        ("digest", Kind::Number),
    ],
};

/// Check runs of GitHub Apps.
pub static CHECK_RUNS: Table = Table {
    name: "check_runs",
    key: &["repo", "id"],
    time: "seen_at",
    columns: &[
        ("repo", Kind::Text),
        ("id", Kind::Number),
        ("name", Kind::Text),
        ("head_sha", Kind::Text),
        ("sha_key", Kind::Number),
        ("status", Kind::Text),
        ("conclusion", Kind::OptText),
        ("app", Kind::Text),
        ("external_id", Kind::Text),
        ("title", Kind::OptText),
        ("started_at", Kind::OptTime),
        ("completed_at", Kind::OptTime),
        ("seen_at", Kind::Time),
        ("html_url", Kind::Text),
        ("version", Kind::Number),
        ("digest", Kind::Number),
    ],
};
