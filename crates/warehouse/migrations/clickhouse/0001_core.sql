-- First schema. Several versions of a row may be stored; the views, which queries read, show the newest.

CREATE TABLE IF NOT EXISTS pushes_versions (
    repo LowCardinality(String),
    git_ref LowCardinality(String),
    before String,
    after String,
    forced Bool,
    pusher LowCardinality(String),
    head_sha Nullable(String),
    commits UInt64,
    pushed_at DateTime64(6, 'UTC'),
    version UInt64,
    digest UInt64
) ENGINE = ReplacingMergeTree(version) ORDER BY (repo, git_ref, before, after);

CREATE VIEW IF NOT EXISTS pushes AS SELECT * FROM pushes_versions FINAL;

CREATE TABLE IF NOT EXISTS push_commits_versions (
    repo LowCardinality(String),
    git_ref LowCardinality(String),
    sha String,
    position UInt64,
    pushed_at DateTime64(6, 'UTC'),
    message String,
    author_name String,
    author_email String,
    author_login Nullable(String),
    committed_at DateTime64(6, 'UTC'),
    pr Nullable(UInt64),
    url String,
    version UInt64,
    digest UInt64
) ENGINE = ReplacingMergeTree(version) ORDER BY (repo, git_ref, sha);

CREATE VIEW IF NOT EXISTS push_commits AS SELECT * FROM push_commits_versions FINAL;

CREATE TABLE IF NOT EXISTS pull_requests_versions (
    repo LowCardinality(String),
    number UInt64,
    title String,
    body String,
    state LowCardinality(String),
    draft Bool,
    author LowCardinality(String),
    labels Array(String),
    head_sha String,
    head_ref String,
    head_repo Nullable(String),
    base_sha String,
    base_ref LowCardinality(String),
    merge_commit_sha Nullable(String),
    created_at DateTime64(6, 'UTC'),
    updated_at DateTime64(6, 'UTC'),
    closed_at Nullable(DateTime64(6, 'UTC')),
    merged_at Nullable(DateTime64(6, 'UTC')),
    html_url String,
    version UInt64,
    digest UInt64,
    INDEX by_created created_at TYPE minmax
) ENGINE = ReplacingMergeTree(version) ORDER BY (repo, number);

CREATE VIEW IF NOT EXISTS pull_requests AS SELECT * FROM pull_requests_versions FINAL;

CREATE TABLE IF NOT EXISTS runs_versions (
    repo LowCardinality(String),
    id UInt64,
    attempt UInt64,
    name LowCardinality(String),
    workflow_id UInt64,
    event LowCardinality(String),
    status LowCardinality(String),
    conclusion LowCardinality(Nullable(String)),
    head_sha String,
    sha_key UInt64,
    head_branch LowCardinality(Nullable(String)),
    head_repo Nullable(String),
    actor LowCardinality(Nullable(String)),
    triggering_actor LowCardinality(Nullable(String)),
    pull_requests Array(String),
    created_at DateTime64(6, 'UTC'),
    run_started_at Nullable(DateTime64(6, 'UTC')),
    updated_at DateTime64(6, 'UTC'),
    html_url String,
    version UInt64,
    digest UInt64,
    INDEX by_created created_at TYPE minmax
) ENGINE = ReplacingMergeTree(version) ORDER BY (sha_key, repo, id);

CREATE VIEW IF NOT EXISTS runs AS SELECT * FROM runs_versions FINAL;

CREATE TABLE IF NOT EXISTS jobs_versions (
    repo LowCardinality(String),
    id UInt64,
    run_id UInt64,
    run_attempt UInt64,
    full_name LowCardinality(String),
    name LowCardinality(String),
    workflow_name LowCardinality(String),
    head_sha String,
    sha_key UInt64,
    head_branch LowCardinality(Nullable(String)),
    status LowCardinality(String),
    conclusion LowCardinality(Nullable(String)),
    labels Array(String),
    runner_id Nullable(UInt64),
    runner_name Nullable(String),
    runner_group_id Nullable(UInt64),
    runner_group_name LowCardinality(Nullable(String)),
    created_at DateTime64(6, 'UTC'),
    started_at Nullable(DateTime64(6, 'UTC')),
    completed_at Nullable(DateTime64(6, 'UTC')),
    html_url String,
    steps String,
    version UInt64,
    digest UInt64,
    INDEX by_created created_at TYPE minmax
) ENGINE = ReplacingMergeTree(version) ORDER BY (sha_key, repo, id);

CREATE VIEW IF NOT EXISTS jobs AS SELECT * FROM jobs_versions FINAL;

CREATE TABLE IF NOT EXISTS reviews_versions (
    repo LowCardinality(String),
    id UInt64,
    number UInt64,
    author LowCardinality(String),
    author_association LowCardinality(String),
    state LowCardinality(String),
    commit_id Nullable(String),
    body String,
    submitted_at DateTime64(6, 'UTC'),
    html_url String,
    version UInt64,
    digest UInt64
) ENGINE = ReplacingMergeTree(version) ORDER BY (repo, id);

CREATE VIEW IF NOT EXISTS reviews AS SELECT * FROM reviews_versions FINAL;

CREATE TABLE IF NOT EXISTS issue_comments_versions (
    repo LowCardinality(String),
    id UInt64,
    number UInt64,
    on_pull_request Bool,
    author LowCardinality(String),
    author_association LowCardinality(String),
    body String,
    deleted Bool,
    created_at DateTime64(6, 'UTC'),
    updated_at DateTime64(6, 'UTC'),
    html_url String,
    version UInt64,
    digest UInt64,
    INDEX by_created created_at TYPE minmax
) ENGINE = ReplacingMergeTree(version) ORDER BY (repo, id);

CREATE VIEW IF NOT EXISTS issue_comments AS SELECT * FROM issue_comments_versions FINAL;

CREATE TABLE IF NOT EXISTS check_runs_versions (
    repo LowCardinality(String),
    id UInt64,
    name LowCardinality(String),
    head_sha String,
    sha_key UInt64,
    status LowCardinality(String),
    conclusion LowCardinality(Nullable(String)),
    app LowCardinality(String),
    external_id String,
    title Nullable(String),
    started_at Nullable(DateTime64(6, 'UTC')),
    completed_at Nullable(DateTime64(6, 'UTC')),
    seen_at DateTime64(6, 'UTC'),
    html_url String,
    version UInt64,
    digest UInt64
) ENGINE = ReplacingMergeTree(version) ORDER BY (sha_key, repo, id);

CREATE VIEW IF NOT EXISTS check_runs AS SELECT * FROM check_runs_versions FINAL;
