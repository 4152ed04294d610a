-- First schema. No primary keys: the loader keeps one row per key, and an index would cost memory per row.

CREATE TABLE pushes (
    repo VARCHAR NOT NULL,
    git_ref VARCHAR NOT NULL,
    before VARCHAR NOT NULL,
    after VARCHAR NOT NULL,
    forced BOOLEAN NOT NULL,
    pusher VARCHAR NOT NULL,
    head_sha VARCHAR,
    commits UBIGINT NOT NULL,
    pushed_at TIMESTAMP NOT NULL,
    version UBIGINT NOT NULL,
    digest UBIGINT NOT NULL
);

CREATE TABLE push_commits (
    repo VARCHAR NOT NULL,
    git_ref VARCHAR NOT NULL,
    sha VARCHAR NOT NULL,
    position UBIGINT NOT NULL,
    pushed_at TIMESTAMP NOT NULL,
    message VARCHAR NOT NULL,
    author_name VARCHAR NOT NULL,
    author_email VARCHAR NOT NULL,
    author_login VARCHAR,
    committed_at TIMESTAMP NOT NULL,
    pr UBIGINT,
    url VARCHAR NOT NULL,
    version UBIGINT NOT NULL,
    digest UBIGINT NOT NULL
);

CREATE TABLE pull_requests (
    repo VARCHAR NOT NULL,
    number UBIGINT NOT NULL,
    title VARCHAR NOT NULL,
    body VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    draft BOOLEAN NOT NULL,
    author VARCHAR NOT NULL,
    labels VARCHAR[] NOT NULL,
    head_sha VARCHAR NOT NULL,
    head_ref VARCHAR NOT NULL,
    head_repo VARCHAR,
    base_sha VARCHAR NOT NULL,
    base_ref VARCHAR NOT NULL,
    merge_commit_sha VARCHAR,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    closed_at TIMESTAMP,
    merged_at TIMESTAMP,
    html_url VARCHAR NOT NULL,
    version UBIGINT NOT NULL,
    digest UBIGINT NOT NULL
);

CREATE TABLE runs (
    repo VARCHAR NOT NULL,
    id UBIGINT NOT NULL,
    attempt UBIGINT NOT NULL,
    name VARCHAR NOT NULL,
    workflow_id UBIGINT NOT NULL,
    event VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    conclusion VARCHAR,
    head_sha VARCHAR NOT NULL,
    sha_key UBIGINT NOT NULL,
    head_branch VARCHAR,
    head_repo VARCHAR,
    actor VARCHAR,
    triggering_actor VARCHAR,
    pull_requests VARCHAR[] NOT NULL,
    created_at TIMESTAMP NOT NULL,
    run_started_at TIMESTAMP,
    updated_at TIMESTAMP NOT NULL,
    html_url VARCHAR NOT NULL,
    version UBIGINT NOT NULL,
    digest UBIGINT NOT NULL
);

CREATE TABLE jobs (
    repo VARCHAR NOT NULL,
    id UBIGINT NOT NULL,
    run_id UBIGINT NOT NULL,
    run_attempt UBIGINT NOT NULL,
    full_name VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    workflow_name VARCHAR NOT NULL,
    head_sha VARCHAR NOT NULL,
    sha_key UBIGINT NOT NULL,
    head_branch VARCHAR,
    status VARCHAR NOT NULL,
    conclusion VARCHAR,
    labels VARCHAR[] NOT NULL,
    runner_id UBIGINT,
    runner_name VARCHAR,
    runner_group_id UBIGINT,
    runner_group_name VARCHAR,
    created_at TIMESTAMP NOT NULL,
    started_at TIMESTAMP,
    completed_at TIMESTAMP,
    html_url VARCHAR NOT NULL,
    steps VARCHAR NOT NULL,
    version UBIGINT NOT NULL,
    digest UBIGINT NOT NULL
);

CREATE TABLE reviews (
    repo VARCHAR NOT NULL,
    id UBIGINT NOT NULL,
    number UBIGINT NOT NULL,
    author VARCHAR NOT NULL,
    author_association VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    commit_id VARCHAR,
    body VARCHAR NOT NULL,
    submitted_at TIMESTAMP NOT NULL,
    html_url VARCHAR NOT NULL,
    version UBIGINT NOT NULL,
    digest UBIGINT NOT NULL
);

CREATE TABLE issue_comments (
    repo VARCHAR NOT NULL,
    id UBIGINT NOT NULL,
    number UBIGINT NOT NULL,
    on_pull_request BOOLEAN NOT NULL,
    author VARCHAR NOT NULL,
    author_association VARCHAR NOT NULL,
    body VARCHAR NOT NULL,
    deleted BOOLEAN NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    html_url VARCHAR NOT NULL,
    version UBIGINT NOT NULL,
    digest UBIGINT NOT NULL
);

CREATE TABLE check_runs (
    repo VARCHAR NOT NULL,
    id UBIGINT NOT NULL,
    name VARCHAR NOT NULL,
    head_sha VARCHAR NOT NULL,
    sha_key UBIGINT NOT NULL,
    status VARCHAR NOT NULL,
    conclusion VARCHAR,
    app VARCHAR NOT NULL,
    external_id VARCHAR NOT NULL,
    title VARCHAR,
    started_at TIMESTAMP,
    completed_at TIMESTAMP,
    seen_at TIMESTAMP NOT NULL,
    html_url VARCHAR NOT NULL,
    version UBIGINT NOT NULL,
    digest UBIGINT NOT NULL
);
