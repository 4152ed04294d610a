//! A past as webhooks: what GitHub would have sent last about each thing, oldest first.
//!
//! Bodies have the fields of GitHub's own payloads that Trunkline or its users read; they are read back by
//! `trunkline_github::webhook::parse` to the same model types (a test proves it).

use super::history::History;
use jiff::Timestamp;
use serde_json::{Value, json};
use trunkline_model::{IssueComment, Job, PullRequest, PullRequestState, Push, RepoName, Run};

/// One webhook of the past.
#[derive(Debug, Clone, PartialEq)]
pub struct PastDelivery {
    /// `X-GitHub-Event`.
    pub event: &'static str,
    /// `X-GitHub-Delivery`: the same for the same thing each time, so that it is stored once.
    pub id: String,
    /// When GitHub sent it.
    pub at: Timestamp,
    /// Body.
    pub payload: Value,
}

impl History {
    /// All of it as webhooks.
    pub fn deliveries(&self) -> Vec<PastDelivery> {
        let pushes =
            self.pushes.iter().map(|x| (x.pushed_at, "push", x.after.as_str()[..24].to_owned(), push(x)));
        let pulls =
            self.pulls.iter().map(|x| (x.updated_at, "pull_request", x.number.to_string(), pull_request(x)));
        let comments =
            self.comments.iter().map(|x| (x.updated_at, "issue_comment", x.id.to_string(), issue_comment(x)));
        let runs =
            self.runs.iter().map(|x| (x.updated_at, "workflow_run", x.id.to_string(), workflow_run(x)));
        let jobs = self.jobs.iter().map(|x| {
            let at = x.completed_at.or(x.started_at).unwrap_or(x.created_at);
            (at, "workflow_job", x.id.to_string(), workflow_job(x))
        });
        let all = pushes.chain(pulls).chain(comments).chain(runs).chain(jobs);
        let mut deliveries: Vec<_> = all
            .map(|(at, event, key, payload)| {
                let id = format!("past-{}-{key}", event.replace('_', "-"));
                PastDelivery { event, id, at, payload }
            })
            .collect();
        deliveries.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        deliveries
    }
}

fn repository(repo: &RepoName) -> Value {
    json!({
        "id": super::catalogue::fnv(repo.as_str()) % 1_000_000_000,
        "name": repo.name(),
        "full_name": repo.as_str(),
        "private": false,
        "owner": user(repo.owner()),
        "html_url": format!("https://github.com/{repo}"),
        "default_branch": "main",
    })
}

fn user(login: &str) -> Value {
    json!({ "login": login, "id": super::catalogue::fnv(login) % 100_000_000, "type": "User" })
}

/// A `workflow_job` payload for the state that the job is in.
pub fn workflow_job(job: &Job) -> Value {
    json!({
        "action": job.status.as_str(),
        "workflow_job": {
            "id": job.id,
            "run_id": job.run_id,
            "run_attempt": job.run_attempt,
            "workflow_name": job.workflow_name,
            "head_branch": job.head_branch,
            "head_sha": job.head_sha,
            "run_url": format!("https://api.github.com/repos/{}/actions/runs/{}", job.repo, job.run_id),
            "url": format!("https://api.github.com/repos/{}/actions/jobs/{}", job.repo, job.id),
            "html_url": job.html_url,
            "status": job.status,
            "conclusion": job.conclusion,
            "created_at": job.created_at,
            "started_at": job.started_at,
            "completed_at": job.completed_at,
            "name": job.name,
            "steps": job.steps,
            "labels": job.labels,
            "runner_id": job.runner_id,
            "runner_name": job.runner_name,
            "runner_group_id": job.runner_group_id,
            "runner_group_name": job.runner_group_name,
        },
        "repository": repository(&job.repo),
        "sender": user("torchlite-mergebot"),
    })
}

/// A `workflow_run` payload for the state that the run is in.
pub fn workflow_run(run: &Run) -> Value {
    let action = match run.status.as_str() {
        "queued" => "requested",
        other => other,
    };
    let pulls: Vec<_> = run.pull_requests.iter().map(|number| json!({ "number": number })).collect();
    json!({
        "action": action,
        "workflow_run": {
            "id": run.id,
            "run_attempt": run.attempt,
            "name": run.name,
            "workflow_id": run.workflow_id,
            "event": run.event,
            "status": run.status,
            "conclusion": run.conclusion,
            "head_sha": run.head_sha,
            "head_branch": run.head_branch,
            "head_repository": run.head_repo.as_ref().map(|name| json!({ "full_name": name })),
            "actor": run.actor.as_deref().map(user),
            "triggering_actor": run.triggering_actor.as_deref().map(user),
            "pull_requests": pulls,
            "created_at": run.created_at,
            "run_started_at": run.run_started_at,
            "updated_at": run.updated_at,
            "html_url": run.html_url,
        },
        "repository": repository(&run.repo),
        "sender": user(run.actor.as_deref().unwrap_or("ghost")),
    })
}

/// A `push` payload.
pub fn push(push: &Push) -> Value {
    let commit = |commit: &trunkline_model::Commit| {
        let person = json!({
            "name": commit.author_name,
            "email": commit.author_email,
            "username": commit.author_login,
        });
        json!({
            "id": commit.sha,
            "message": commit.message,
            "timestamp": commit.timestamp,
            "url": commit.url,
            "author": person,
            "committer": person,
        })
    };
    let mut repository = repository(&push.repo);
    repository["pushed_at"] = push.pushed_at.as_second().into();
    json!({
        "ref": push.git_ref,
        "before": push.before,
        "after": push.after,
        "created": push.before.as_str().bytes().all(|b| b == b'0'),
        "deleted": false,
        "forced": push.forced,
        "commits": push.commits.iter().map(commit).collect::<Vec<_>>(),
        "head_commit": push.head_commit.as_ref().map(commit),
        "pusher": { "name": push.pusher, "email": format!("{}@example.com", push.pusher) },
        "repository": repository,
        "sender": user(&push.pusher),
    })
}

/// A `pull_request` payload for the state that the pull request is in.
pub fn pull_request(pull: &PullRequest) -> Value {
    let action = match pull.state {
        PullRequestState::Open if pull.created_at == pull.updated_at => "opened",
        PullRequestState::Open => "synchronize",
        PullRequestState::Closed | PullRequestState::Merged => "closed",
    };
    let labels: Vec<_> = pull.labels.iter().map(|name| json!({ "name": name })).collect();
    json!({
        "action": action,
        "number": pull.number,
        "pull_request": {
            "number": pull.number,
            "title": pull.title,
            "body": pull.body,
            "state": if pull.state == PullRequestState::Open { "open" } else { "closed" },
            "draft": pull.draft,
            "merged": pull.state == PullRequestState::Merged,
            "user": user(&pull.author),
            "labels": labels,
            "head": {
                "sha": pull.head_sha,
                "ref": pull.head_ref,
                "repo": pull.head_repo.as_ref().map(|name| json!({ "full_name": name })),
            },
            "base": { "sha": pull.base_sha, "ref": pull.base_ref, "repo": repository(&pull.repo) },
            "merge_commit_sha": pull.merge_commit_sha,
            "created_at": pull.created_at,
            "updated_at": pull.updated_at,
            "closed_at": pull.closed_at,
            "merged_at": pull.merged_at,
            "html_url": pull.html_url,
        },
        "repository": repository(&pull.repo),
        "sender": user(&pull.author),
    })
}

/// An `issue_comment` payload.
pub fn issue_comment(comment: &IssueComment) -> Value {
    let pull = comment.on_pull_request.then(|| json!({ "url": comment.html_url }));
    let mut issue = json!({ "number": comment.number, "state": "open" });
    if let (Some(pull), Some(issue)) = (pull, issue.as_object_mut()) {
        issue.insert("pull_request".into(), pull);
    }
    json!({
        "action": if comment.deleted { "deleted" } else { "created" },
        "comment": {
            "id": comment.id,
            "body": comment.body,
            "user": user(&comment.author),
            "author_association": comment.author_association,
            "created_at": comment.created_at,
            "updated_at": comment.updated_at,
            "html_url": comment.html_url,
        },
        "issue": issue,
        "repository": repository(&comment.repo),
        "sender": user(&comment.author),
    })
}

#[cfg(test)]
mod tests {
    use crate::workload::{
        WorkloadConfig,
        history::{FirstIds, live_through},
    };
    use std::collections::HashSet;
    use trunkline_github::webhook::{self, Event};
    use trunkline_model::{DeliveryId, Push};

    #[test]
    fn webhooks_read_back_as_what_they_were_made_from() {
        let until = "2026-03-02T12:00:00Z".parse().unwrap();
        let config = WorkloadConfig { jobs_scale: 0.1, ..WorkloadConfig::demo() };
        let history = live_through(&config, 12, until, FirstIds::default()).1;
        let deliveries = history.deliveries();
        // GitHub says the time of a push to the second.
        let to_the_second = |push: &Push| {
            let pushed_at = jiff::Timestamp::from_second(push.pushed_at.as_second()).unwrap();
            Push { pushed_at, ..push.clone() }
        };
        let pushes: Vec<Push> = history.pushes.iter().map(to_the_second).collect();
        let (mut ids, mut found) = (HashSet::new(), [0_usize; 5]);
        for delivery in &deliveries {
            assert!(ids.insert(delivery.id.parse::<DeliveryId>().unwrap()), "{}", delivery.id);
            let body = serde_json::to_vec(&delivery.payload).unwrap();
            let read = webhook::parse(delivery.event, &body, delivery.at).unwrap();
            let (at, known) = match &read.event {
                Event::WorkflowJob(job) => (0, history.jobs.contains(job)),
                Event::WorkflowRun(run) => (1, history.runs.contains(run)),
                Event::Push(push) => (2, pushes.contains(push)),
                Event::PullRequest(pull) => (3, history.pulls.contains(pull)),
                Event::IssueComment(comment) => (4, history.comments.contains(comment)),
                other => panic!("{other:?}"),
            };
            assert!(known, "{read:?}");
            found[at] += 1;
        }
        let there = [
            history.jobs.len(),
            history.runs.len(),
            history.pushes.len(),
            history.pulls.len(),
            history.comments.len(),
        ];
        assert_eq!(found, there);
        assert!(deliveries.windows(2).all(|pair| pair[0].at <= pair[1].at));
    }
}
