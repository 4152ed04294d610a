//! Payloads into rows. Pure.

use crate::intake;
use std::collections::{BTreeMap, BTreeSet};
use trunkline_fleet::fleet::{POLL_SOURCE, POLLED_JOB};
use trunkline_github::webhook::{self, Event as Payload};
use trunkline_model::{Job, RepoName, Sha};
use trunkline_store::Event;
use trunkline_warehouse::{CheckRunRow, Rows};

/// What some events say.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) rows: Rows,
    /// Commits whose cells, or whose place on a branch, may have changed.
    pub(super) changed: BTreeMap<RepoName, BTreeSet<Sha>>,
    /// Repositories that rows are about.
    pub(super) repos: BTreeSet<RepoName>,
    /// Sequence number, and why.
    pub(super) unreadable: Vec<(i64, String)>,
}

/// Reads events in order. What is about something else is passed over in silence.
pub(super) fn read(events: &[Event]) -> Reading {
    let mut reading = Reading::default();
    for event in events {
        let read = match (event.source.as_str(), event.kind.as_str()) {
            (intake::SOURCE, kind) => webhook::parse(kind, &event.body, event.received_at)
                .map(|delivery| reading.delivery(delivery.event, event))
                .map_err(|error| crate::error::chain(&error)),
            (POLL_SOURCE, POLLED_JOB) => serde_json::from_slice(&event.body)
                .map(|job| reading.job(job))
                .map_err(|error| error.to_string()),
            _ => Ok(()),
        };
        if let Err(why) = read {
            reading.unreadable.push((event.seq, format!("{} event: {why}", event.kind)));
        }
    }
    reading
}

impl Reading {
    fn delivery(&mut self, payload: Payload, event: &Event) {
        match payload {
            Payload::WorkflowJob(job) => self.job(job),
            Payload::WorkflowRun(run) => {
                self.touch(&run.repo, [run.head_sha.clone()]);
                self.rows.runs.push(run);
            }
            Payload::Push(push) => {
                let shas = push.commits.iter().chain(&push.head_commit).map(|commit| commit.sha.clone());
                self.touch(&push.repo, shas.collect::<Vec<_>>());
                self.rows.pushes.push(push);
            }
            Payload::PullRequest(pull_request) => self.rows.pull_requests.push(pull_request),
            Payload::IssueComment(comment) => self.rows.comments.push(comment),
            Payload::Review(review) => self.rows.reviews.push(review),
            Payload::CheckRun(check) => self.rows.check_runs.push(CheckRunRow {
                repo: check.repo,
                id: check.id,
                name: check.name,
                head_sha: check.head_sha,
                status: check.status,
                conclusion: check.conclusion,
                app: check.app,
                external_id: check.external_id,
                title: check.title,
                started_at: check.started_at,
                completed_at: check.completed_at,
                seen_at: event.received_at,
                html_url: check.html_url,
            }),
            Payload::Ping | Payload::Other => {}
        }
    }

    fn job(&mut self, job: Job) {
        self.touch(&job.repo, [job.head_sha.clone()]);
        self.rows.jobs.push(job);
    }

    fn touch(&mut self, repo: &RepoName, shas: impl IntoIterator<Item = Sha>) {
        self.repos.insert(repo.clone());
        self.changed.entry(repo.clone()).or_default().extend(shas);
    }
}
