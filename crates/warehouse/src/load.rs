//! Observations into the rows of each table, the newest of each key.

use crate::{
    Error,
    encode::Encoder,
    rows::{CheckRunRow, Rows},
    schema::{self, Table},
};
use arrow::record_batch::RecordBatch;
use std::{collections::HashMap, hash::Hash};
use trunkline_model::{Commit, IssueComment, Job, PullRequest, Push, Review, Run, Sha};

/// The rows of one table, ready to insert.
pub(crate) struct Encoded {
    pub(crate) table: &'static Table,
    pub(crate) received: u64,
    pub(crate) batch: RecordBatch,
}

/// One commit within a push.
struct PushCommit<'a> {
    push: &'a Push,
    commit: &'a Commit,
    position: u64,
}

/// Encodes what is not empty.
pub(crate) fn encode(rows: &Rows) -> Result<Vec<Encoded>, Error> {
    let push_commits: Vec<PushCommit<'_>> = rows.pushes.iter().flat_map(commits_of).collect();
    let mut out = Vec::new();
    let mut add = |table, received: usize, batch: Result<RecordBatch, Error>| {
        if received > 0 {
            out.push(Encoded { table, received: received as u64, batch: batch? });
        }
        Ok::<_, Error>(())
    };
    let table = &schema::PUSHES;
    add(
        table,
        rows.pushes.len(),
        fill(table, &rows.pushes, |p| (&p.repo, &p.git_ref, &p.before, &p.after), push),
    )?;
    let table = &schema::PUSH_COMMITS;
    let key = |c: &PushCommit<'_>| (c.push.repo.to_string(), c.push.git_ref.clone(), c.commit.sha.clone());
    add(table, push_commits.len(), fill(table, &push_commits, key, push_commit))?;
    let table = &schema::PULL_REQUESTS;
    add(
        table,
        rows.pull_requests.len(),
        fill(table, &rows.pull_requests, |p| (&p.repo, p.number), pull_request),
    )?;
    let table = &schema::RUNS;
    add(table, rows.runs.len(), fill(table, &rows.runs, |r| (&r.repo, r.id), run))?;
    let table = &schema::JOBS;
    add(table, rows.jobs.len(), fill(table, &rows.jobs, |j| (&j.repo, j.id), job))?;
    let table = &schema::REVIEWS;
    add(table, rows.reviews.len(), fill(table, &rows.reviews, |r| (&r.repo, r.id), review))?;
    let table = &schema::ISSUE_COMMENTS;
    add(table, rows.comments.len(), fill(table, &rows.comments, |c| (&c.repo, c.id), comment))?;
    let table = &schema::CHECK_RUNS;
    add(table, rows.check_runs.len(), fill(table, &rows.check_runs, |c| (&c.repo, c.id), check_run))?;
    Ok(out)
}

/// A row type's version.
trait Versioned {
    fn version(&self) -> u64;
}

macro_rules! versioned {
    ($($row:ty),*) => { $(impl Versioned for $row {
        fn version(&self) -> u64 { <$row>::version(self) }
    })* };
}
versioned!(PullRequest, Run, Job, Review, IssueComment, CheckRunRow);

impl Versioned for Push {
    fn version(&self) -> u64 {
        u64::try_from(self.pushed_at.as_microsecond()).unwrap_or(0)
    }
}

impl Versioned for PushCommit<'_> {
    fn version(&self) -> u64 {
        self.push.version()
    }
}

/// Encodes the newest observation of each key; of equal versions the one that arrived last.
fn fill<'a, T: Versioned, K: Hash + Eq>(
    table: &'static Table,
    rows: &'a [T],
    key: impl Fn(&'a T) -> K,
    write: impl Fn(&mut Encoder, &T),
) -> Result<RecordBatch, Error> {
    let mut newest: HashMap<K, usize> = HashMap::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let known = newest.entry(key(row)).or_insert(index);
        if row.version() >= rows[*known].version() {
            *known = index;
        }
    }
    let mut encoder = Encoder::new(table);
    for (index, row) in rows.iter().enumerate() {
        if newest.get(&key(row)) == Some(&index) {
            write(&mut encoder, row);
            encoder.end_row(row.version());
        }
    }
    encoder.finish()
}

/// The commits of a push, oldest first; its tip too, when GitHub names only that (a new branch, a fast-forward).
fn commits_of(push: &Push) -> Vec<PushCommit<'_>> {
    let tip = push.head_commit.iter().filter(|tip| push.commits.iter().all(|commit| commit.sha != tip.sha));
    let commits = push.commits.iter().chain(tip).zip(0..);
    commits.map(|(commit, position)| PushCommit { push, commit, position }).collect()
}

/// First 16 digits of a hash as a number: what the engines search by, as it is compact and quick to compare.
pub(crate) fn sha_key(sha: &Sha) -> u64 {
    u64::from_str_radix(&sha.as_str()[..16], 16).unwrap_or(0)
}

fn push(row: &mut Encoder, push: &Push) {
    row.text(&push.repo);
    row.text(&push.git_ref);
    row.text(&push.before);
    row.text(&push.after);
    row.flag(push.forced);
    row.text(&push.pusher);
    row.opt_text(push.head_commit.as_ref().map(|commit| &commit.sha));
    row.number(push.commits.len() as u64);
    row.time(push.pushed_at);
}

fn push_commit(row: &mut Encoder, at: &PushCommit<'_>) {
    row.text(&at.push.repo);
    row.text(&at.push.git_ref);
    row.text(&at.commit.sha);
    row.number(at.position);
    row.time(at.push.pushed_at);
    row.text(&at.commit.message);
    row.text(&at.commit.author_name);
    row.text(&at.commit.author_email);
    row.opt_text(at.commit.author_login.as_ref());
    row.time(at.commit.timestamp);
    row.opt_number(at.commit.pr_number().map(|pr| pr.0));
    row.text(&at.commit.url);
}

fn pull_request(row: &mut Encoder, pr: &PullRequest) {
    row.text(&pr.repo);
    row.number(pr.number.0);
    row.text(&pr.title);
    row.text(&pr.body);
    row.text(pr.state.as_str());
    row.flag(pr.draft);
    row.text(&pr.author);
    row.texts(&pr.labels);
    row.text(&pr.head_sha);
    row.text(&pr.head_ref);
    row.opt_text(pr.head_repo.as_ref());
    row.text(&pr.base_sha);
    row.text(&pr.base_ref);
    row.opt_text(pr.merge_commit_sha.as_ref());
    row.time(pr.created_at);
    row.time(pr.updated_at);
    row.opt_time(pr.closed_at);
    row.opt_time(pr.merged_at);
    row.text(&pr.html_url);
}

fn run(row: &mut Encoder, run: &Run) {
    row.text(&run.repo);
    row.number(run.id.0);
    row.number(u64::from(run.attempt));
    row.text(&run.name);
    row.number(run.workflow_id);
    row.text(&run.event);
    row.text(&run.status);
    row.opt_text(run.conclusion.map(|conclusion| conclusion.as_str()));
    row.text(&run.head_sha);
    row.number(sha_key(&run.head_sha));
    row.opt_text(run.head_branch.as_ref());
    row.opt_text(run.head_repo.as_ref());
    row.opt_text(run.actor.as_ref());
    row.opt_text(run.triggering_actor.as_ref());
    row.texts(run.pull_requests.iter().map(ToString::to_string));
    row.time(run.created_at);
    row.opt_time(run.run_started_at);
    row.time(run.updated_at);
    row.text(&run.html_url);
}

fn job(row: &mut Encoder, job: &Job) {
    row.text(&job.repo);
    row.number(job.id.0);
    row.number(job.run_id.0);
    row.number(u64::from(job.run_attempt));
    row.text(job.full_name());
    row.text(&job.name);
    row.text(&job.workflow_name);
    row.text(&job.head_sha);
    row.number(sha_key(&job.head_sha));
    row.opt_text(job.head_branch.as_ref());
    row.text(job.status.as_str());
    row.opt_text(job.conclusion.map(|conclusion| conclusion.as_str()));
    row.texts(&job.labels);
    row.opt_number(job.runner_id);
    row.opt_text(job.runner_name.as_ref());
    row.opt_number(job.runner_group_id);
    row.opt_text(job.runner_group_name.as_ref());
    row.time(job.created_at);
    row.opt_time(job.started_at);
    row.opt_time(job.completed_at);
    row.text(&job.html_url);
    // Read only whole, with its job: one text is smaller and quicker than a list of structures.
    row.text(if job.steps.is_empty() {
        "[]".into()
    } else {
        serde_json::to_string(&job.steps).unwrap_or_default()
    });
}

fn review(row: &mut Encoder, review: &Review) {
    row.text(&review.repo);
    row.number(review.id);
    row.number(review.number.0);
    row.text(&review.author);
    row.text(&review.author_association);
    row.text(review.state.as_str());
    row.opt_text(review.commit_id.as_ref());
    row.text(&review.body);
    row.time(review.submitted_at);
    row.text(&review.html_url);
}

fn comment(row: &mut Encoder, comment: &IssueComment) {
    row.text(&comment.repo);
    row.number(comment.id);
    row.number(comment.number.0);
    row.flag(comment.on_pull_request);
    row.text(&comment.author);
    row.text(&comment.author_association);
    row.text(&comment.body);
    row.flag(comment.deleted);
    row.time(comment.created_at);
    row.time(comment.updated_at);
    row.text(&comment.html_url);
}

fn check_run(row: &mut Encoder, check: &CheckRunRow) {
    row.text(&check.repo);
    row.number(check.id);
    row.text(&check.name);
    row.text(&check.head_sha);
    row.number(sha_key(&check.head_sha));
    row.text(&check.status);
    row.opt_text(check.conclusion.map(|conclusion| conclusion.as_str()));
    row.text(&check.app);
    row.text(&check.external_id);
    row.opt_text(check.title.as_ref());
    row.opt_time(check.started_at);
    row.opt_time(check.completed_at);
    row.time(check.seen_at);
    row.text(&check.html_url);
}
