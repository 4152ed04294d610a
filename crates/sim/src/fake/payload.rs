//! The model as GitHub writes it in webhooks and REST answers.

use super::Webhook;
use serde_json::{Value, json};
use trunkline_model::{IssueComment, Job, PullRequest, PullRequestState, Push, RepoName, Run};

fn repository(repo: &RepoName) -> Value {
    json!({
        "full_name": repo, "name": repo.name(), "owner": {"login": repo.owner()}, "default_branch": "main",
        "private": false, "html_url": format!("https://github.com/{repo}"),
    })
}

/// GitHub's job object.
pub fn job_object(job: &Job) -> Value {
    json!({
        "id": job.id, "run_id": job.run_id, "run_attempt": job.run_attempt, "name": job.name,
        "workflow_name": job.workflow_name, "head_sha": job.head_sha, "head_branch": job.head_branch,
        "status": job.status, "conclusion": job.conclusion, "labels": job.labels, "runner_id": job.runner_id,
        "runner_name": job.runner_name, "runner_group_id": job.runner_id.map(|_| 1),
        "runner_group_name": job.runner_id.map(|_| "Default"), "created_at": job.created_at,
        "started_at": job.started_at, "completed_at": job.completed_at, "html_url": job.html_url,
        "steps": job.steps,
    })
}

/// `workflow_job`
pub fn job(job: &Job, action: &str) -> Webhook {
    let payload = json!({
        "action": action, "workflow_job": job_object(job), "repository": repository(&job.repo),
        "sender": {"login": "github-actions[bot]"},
    });
    Webhook { event: "workflow_job", payload }
}

/// `workflow_run`
pub fn run(run: &Run, action: &str) -> Webhook {
    let user = |login: &Option<String>| login.as_ref().map(|login| json!({"login": login}));
    let pulls: Vec<Value> = run.pull_requests.iter().map(|number| json!({"number": number})).collect();
    let payload = json!({
        "action": action,
        "workflow_run": {
            "id": run.id, "run_attempt": run.attempt, "name": run.name, "workflow_id": run.workflow_id,
            "event": run.event, "status": run.status, "conclusion": run.conclusion, "head_sha": run.head_sha,
            "head_branch": run.head_branch, "head_repository": {"full_name": run.head_repo},
            "actor": user(&run.actor), "triggering_actor": user(&run.triggering_actor), "pull_requests": pulls,
            "created_at": run.created_at, "run_started_at": run.run_started_at, "updated_at": run.updated_at,
            "html_url": run.html_url,
        },
        "repository": repository(&run.repo), "sender": user(&run.triggering_actor),
    });
    Webhook { event: "workflow_run", payload }
}

/// `push`
pub fn push(push: &Push) -> Webhook {
    let commit = |commit: &trunkline_model::Commit| {
        json!({
            "id": commit.sha, "message": commit.message, "timestamp": commit.timestamp, "url": commit.url,
            "author": {
                "name": commit.author_name, "email": commit.author_email, "username": commit.author_login,
            },
        })
    };
    let payload = json!({
        "ref": push.git_ref, "before": push.before, "after": push.after, "forced": push.forced,
        "commits": push.commits.iter().map(commit).collect::<Vec<_>>(),
        "head_commit": push.head_commit.as_ref().map(commit), "pusher": {"name": push.pusher},
        "repository": repository(&push.repo), "sender": {"login": push.pusher},
    });
    Webhook { event: "push", payload }
}

/// `pull_request`
pub fn pull_request(pull: &PullRequest, action: &str) -> Webhook {
    let labels: Vec<Value> = pull.labels.iter().map(|name| json!({"name": name})).collect();
    let open = pull.state == PullRequestState::Open;
    let payload = json!({
        "action": action, "number": pull.number,
        "pull_request": {
            "number": pull.number, "title": pull.title, "body": pull.body, "draft": pull.draft, "labels": labels,
            "state": if open { "open" } else { "closed" }, "merged": pull.state == PullRequestState::Merged,
            "user": {"login": pull.author}, "merge_commit_sha": pull.merge_commit_sha,
            "head": {"sha": pull.head_sha, "ref": pull.head_ref, "repo": {"full_name": pull.head_repo}},
            "base": {"sha": pull.base_sha, "ref": pull.base_ref, "repo": repository(&pull.repo)},
            "created_at": pull.created_at, "updated_at": pull.updated_at, "closed_at": pull.closed_at,
            "merged_at": pull.merged_at, "html_url": pull.html_url,
        },
        "repository": repository(&pull.repo), "sender": {"login": pull.author},
    });
    Webhook { event: "pull_request", payload }
}

/// `issue_comment`
pub fn comment(comment: &IssueComment) -> Webhook {
    let payload = json!({
        "action": "created",
        "issue": {"number": comment.number, "pull_request": {}},
        "comment": {
            "id": comment.id, "body": comment.body, "user": {"login": comment.author},
            "author_association": comment.author_association, "created_at": comment.created_at,
            "updated_at": comment.updated_at, "html_url": comment.html_url,
        },
        "repository": repository(&comment.repo), "sender": {"login": comment.author},
    });
    Webhook { event: "issue_comment", payload }
}
