//! GitHub's JSON objects, shared by webhooks and REST.

use super::{Attempt, Repository, SimJob, SimRun, SimRunner, WorldConfig};
use jiff::Timestamp;
use serde_json::{Value, json};
use trunkline_model::{Commit, IssueComment, PullRequest, PullRequestState};

/// An id that belongs to a name.
pub(crate) fn stable_id(text: &str, below: u64) -> u64 {
    crate::workload::catalogue::fnv(text) % below
}

/// A user or bot.
pub(crate) fn user(login: &str) -> Value {
    let kind = if login.ends_with("[bot]") { "Bot" } else { "User" };
    let id = stable_id(login, 100_000_000);
    json!({
        "login": login,
        "id": id,
        "node_id": format!("U_{id}"),
        "avatar_url": format!("https://avatars.githubusercontent.com/u/{id}?v=4"),
        "url": format!("https://api.github.com/users/{login}"),
        "html_url": format!("https://github.com/{login}"),
        "type": kind,
        "site_admin": false,
    })
}

/// An organisation, as webhooks carry it.
pub(crate) fn organization(login: &str) -> Value {
    let id = stable_id(login, 100_000_000);
    json!({
        "login": login,
        "id": id,
        "node_id": format!("O_{id}"),
        "url": format!("https://api.github.com/orgs/{login}"),
        "avatar_url": format!("https://avatars.githubusercontent.com/u/{id}?v=4"),
        "description": Value::Null,
    })
}

/// A repository.
pub(crate) fn repository(repo: &Repository) -> Value {
    let name = &repo.name;
    let id = stable_id(name.as_str(), 1_000_000_000);
    let mut owner = user(name.owner());
    owner["type"] = "Organization".into();
    json!({
        "id": id,
        "node_id": format!("R_{id}"),
        "name": name.name(),
        "full_name": name.as_str(),
        "private": false,
        "owner": owner,
        "html_url": format!("https://github.com/{name}"),
        "description": Value::Null,
        "fork": false,
        "url": format!("https://api.github.com/repos/{name}"),
        "default_branch": repo.default_branch,
        "visibility": "public",
        "archived": false,
        "disabled": false,
    })
}

/// A job: `workflow_job` of the webhook and the REST object.
pub(crate) fn job(job: &SimJob, now: Timestamp) -> Value {
    let job = job.shown(now);
    let api = format!("https://api.github.com/repos/{}", job.repo);
    json!({
        "id": job.id,
        "run_id": job.run_id,
        "workflow_name": job.workflow_name,
        "head_branch": job.head_branch,
        "run_url": format!("{api}/actions/runs/{}", job.run_id),
        "run_attempt": job.run_attempt,
        "node_id": format!("CR_{}", job.id),
        "head_sha": job.head_sha,
        "url": format!("{api}/actions/jobs/{}", job.id),
        "html_url": job.html_url,
        "status": job.status,
        "conclusion": job.conclusion,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "completed_at": job.completed_at,
        "name": job.name,
        "steps": job.steps,
        "check_run_url": format!("{api}/check-runs/{}", job.id),
        "labels": job.labels,
        "runner_id": job.runner_id,
        "runner_name": job.runner_name,
        "runner_group_id": job.runner_group_id,
        "runner_group_name": job.runner_group_name,
    })
}

/// A run.
pub(crate) fn run(run: &SimRun, repo: &Repository) -> Value {
    let SimRun { run, number, .. } = run;
    let api = format!("https://api.github.com/repos/{}", run.repo);
    let url = format!("{api}/actions/runs/{}", run.id);
    let pulls: Vec<_> = run
        .pull_requests
        .iter()
        .map(|number| {
            let pull = repo.pulls.get(number);
            let base = pull.map(|pull| json!({ "ref": pull.base_ref, "sha": pull.base_sha }));
            json!({
                "id": stable_id(&format!("{}#{number}", run.repo), 2_000_000_000),
                "number": number,
                "url": format!("{api}/pulls/{number}"),
                "head": { "ref": run.head_branch, "sha": run.head_sha },
                "base": base,
            })
        })
        .collect();
    let head_commit = repo.commit(&run.head_sha).map(|commit| {
        json!({
            "id": commit.sha,
            "tree_id": commit.sha,
            "message": commit.message,
            "timestamp": commit.timestamp,
            "author": { "name": commit.author_name, "email": commit.author_email },
            "committer": { "name": "GitHub", "email": "noreply@github.com" },
        })
    });
    json!({
        "id": run.id,
        "name": run.name,
        "node_id": format!("WFR_{}", run.id),
        "head_branch": run.head_branch,
        "head_sha": run.head_sha,
        "path": format!(".github/workflows/{}.yml", run.name),
        "display_title": head_commit.as_ref().map_or(run.name.as_str(), |commit| {
            commit["message"].as_str().and_then(|message| message.lines().next()).unwrap_or_default()
        }),
        "run_number": number,
        "event": run.event,
        "status": run.status,
        "conclusion": run.conclusion,
        "workflow_id": run.workflow_id,
        "check_suite_id": run.id.0 + 20_000_000_000,
        "url": url,
        "html_url": run.html_url,
        "pull_requests": pulls,
        "created_at": run.created_at,
        "updated_at": run.updated_at,
        "actor": run.actor.as_deref().map(user),
        "run_attempt": run.attempt,
        "run_started_at": run.run_started_at,
        "triggering_actor": run.triggering_actor.as_deref().map(user),
        "jobs_url": format!("{url}/jobs"),
        "logs_url": format!("{url}/logs"),
        "cancel_url": format!("{url}/cancel"),
        "rerun_url": format!("{url}/rerun"),
        "head_commit": head_commit,
        "repository": repository(repo),
        "head_repository": repository(repo),
    })
}

/// The check run that GitHub Actions makes for a job: it has the job's id.
pub(crate) fn check_run(sim: &SimJob) -> Value {
    let job = &sim.job;
    let api = format!("https://api.github.com/repos/{}", job.repo);
    json!({
        "id": job.id,
        "name": job.name,
        "node_id": format!("CR_{}", job.id),
        "head_sha": job.head_sha,
        "external_id": format!("{}-{}", job.run_id, job.id),
        "url": format!("{api}/check-runs/{}", job.id),
        "html_url": job.html_url,
        "details_url": job.html_url,
        "status": job.status,
        "conclusion": job.conclusion,
        "started_at": job.started_at,
        "completed_at": job.completed_at,
        "output": { "title": Value::Null, "summary": Value::Null, "text": Value::Null,
            "annotations_count": 0, "annotations_url": format!("{api}/check-runs/{}/annotations", job.id) },
        "check_suite": { "id": job.run_id.0 + 20_000_000_000, "head_branch": job.head_branch,
            "head_sha": job.head_sha },
        "app": { "id": 15_368, "slug": "github-actions", "name": "GitHub Actions" },
        "pull_requests": [],
    })
}

/// A commit as `push` carries it.
pub(crate) fn pushed_commit(commit: &Commit) -> Value {
    let author = json!({
        "name": commit.author_name,
        "email": commit.author_email,
        "username": commit.author_login,
    });
    json!({
        "id": commit.sha,
        "tree_id": commit.sha,
        "distinct": true,
        "message": commit.message,
        "timestamp": commit.timestamp,
        "url": commit.url,
        "author": author,
        "committer": author,
        "added": [],
        "removed": [],
        "modified": [],
    })
}

/// A commit as REST shows it.
pub(crate) fn commit(commit: &Commit, repo: &Repository) -> Value {
    let person = json!({
        "name": commit.author_name,
        "email": commit.author_email,
        "date": commit.timestamp,
    });
    let url = format!("https://api.github.com/repos/{}/commits/{}", repo.name, commit.sha);
    json!({
        "sha": commit.sha,
        "node_id": format!("C_{}", commit.sha),
        "url": url,
        "html_url": commit.url,
        "comments_url": format!("{url}/comments"),
        "commit": { "message": commit.message, "author": person, "committer": person, "comment_count": 0,
            "url": url, "tree": { "sha": commit.sha, "url": url } },
        "author": commit.author_login.as_deref().map(user),
        "committer": commit.author_login.as_deref().map(user),
        "parents": [],
    })
}

/// A pull request.
pub(crate) fn pull(pull: &PullRequest, repo: &Repository) -> Value {
    let labels: Vec<_> = pull
        .labels
        .iter()
        .map(|name| json!({ "id": stable_id(name, 1_000_000_000), "name": name, "color": "ededed" }))
        .collect();
    let api = format!("https://api.github.com/repos/{}", pull.repo);
    json!({
        "id": stable_id(&format!("{}#{}", pull.repo, pull.number), 2_000_000_000),
        "number": pull.number,
        "url": format!("{api}/pulls/{}", pull.number),
        "html_url": pull.html_url,
        "state": if pull.state == PullRequestState::Open { "open" } else { "closed" },
        "locked": false,
        "title": pull.title,
        "body": pull.body,
        "user": user(&pull.author),
        "labels": labels,
        "draft": pull.draft,
        "merged": pull.state == PullRequestState::Merged,
        "head": { "label": format!("{}:{}", pull.repo.owner(), pull.head_ref), "ref": pull.head_ref,
            "sha": pull.head_sha, "user": user(pull.repo.owner()), "repo": repository(repo) },
        "base": { "label": format!("{}:{}", pull.repo.owner(), pull.base_ref), "ref": pull.base_ref,
            "sha": pull.base_sha, "user": user(pull.repo.owner()), "repo": repository(repo) },
        "merge_commit_sha": pull.merge_commit_sha,
        "author_association": "CONTRIBUTOR",
        "created_at": pull.created_at,
        "updated_at": pull.updated_at,
        "closed_at": pull.closed_at,
        "merged_at": pull.merged_at,
    })
}

/// A comment.
pub(crate) fn comment(comment: &IssueComment) -> Value {
    let api = format!("https://api.github.com/repos/{}", comment.repo);
    json!({
        "id": comment.id,
        "url": format!("{api}/issues/comments/{}", comment.id),
        "html_url": comment.html_url,
        "issue_url": format!("{api}/issues/{}", comment.number),
        "user": user(&comment.author),
        "author_association": comment.author_association,
        "body": comment.body,
        "created_at": comment.created_at,
        "updated_at": comment.updated_at,
    })
}

/// A runner, as REST shows it.
pub(crate) fn runner(runner: &SimRunner) -> Value {
    let labels: Vec<_> = (1..)
        .zip(&runner.labels)
        .map(|(id, label)| json!({ "id": id, "name": label, "type": "custom" }))
        .collect();
    json!({
        "id": runner.id,
        "name": runner.name,
        "os": "unknown",
        "status": if runner.online() { "online" } else { "offline" },
        "busy": runner.job.is_some(),
        "ephemeral": true,
        "runner_group_id": 1,
        "labels": labels,
    })
}

/// An attempt in the delivery record.
pub(crate) fn attempt(attempt: &Attempt, config: &WorldConfig) -> Value {
    let webhook = &attempt.webhook;
    json!({
        "id": attempt.id,
        "guid": webhook.guid,
        "delivered_at": attempt.delivered_at,
        "redelivery": webhook.redelivery,
        "duration": attempt.result.duration.as_secs_f64(),
        "status": attempt.result.status(),
        "status_code": attempt.result.status_code,
        "event": webhook.event,
        "action": webhook.action,
        "installation_id": config.installation_id,
        "repository_id": stable_id(webhook.repo.as_str(), 1_000_000_000),
        "throttled_at": Value::Null,
    })
}
