//! Webhooks that follow from what happens.

use super::{PushSpec, Webhook, World, payload};
use serde_json::{Value, json};
use trunkline_model::{IssueComment, JobId, PrNumber, RepoName, RunId, Sha};

impl World {
    /// Adds what every payload has and puts it in the queue.
    fn emit(&mut self, event: &str, action: Option<&str>, repo: &RepoName, sender: &str, mut body: Value) {
        let Some(mut repository) = self.repo(repo).map(payload::repository) else { return };
        if event == "push" {
            repository["pushed_at"] = self.now.as_second().into();
        }
        if let Some(action) = action {
            body["action"] = action.into();
        }
        body["repository"] = repository;
        body["organization"] = payload::organization(repo.owner());
        body["installation"] = json!({ "id": self.config.installation_id });
        body["sender"] = payload::user(sender);
        let webhook = Webhook {
            guid: self.guid(),
            event: event.to_owned(),
            action: action.map(str::to_owned),
            repo: repo.clone(),
            at: self.now,
            redelivery: false,
            body: body.to_string().into(),
        };
        self.outgoing.push(webhook);
        self.changed();
    }

    /// A GUID of the usual look.
    fn guid(&mut self) -> String {
        let hex = self.rng.hex(32);
        format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }

    pub(super) fn emit_push(&mut self, repo: &RepoName, push: &PushSpec) {
        let Some(head) = push.commits.last() else { return };
        let zeros = "0".repeat(40);
        let before = push.before.as_ref().map_or(zeros.as_str(), Sha::as_str);
        let commits: Vec<_> = push.commits.iter().map(payload::pushed_commit).collect();
        let body = json!({
            "ref": format!("refs/heads/{}", push.branch),
            "before": before,
            "after": head.sha,
            "created": push.before.is_none(),
            "deleted": false,
            "forced": false,
            "base_ref": Value::Null,
            "compare": format!("https://github.com/{repo}/compare/{}...{}", &before[..12], &head.sha.as_str()[..12]),
            "commits": commits,
            "head_commit": payload::pushed_commit(head),
            "pusher": { "name": push.pusher, "email": format!("{}@users.noreply.github.com", push.pusher) },
        });
        self.emit("push", None, repo, &push.pusher, body);
    }

    pub(super) fn emit_pull(
        &mut self,
        repo: &RepoName,
        number: PrNumber,
        action: &str,
        before: Option<&Sha>,
        sender: &str,
    ) {
        let Some(repository) = self.repo(repo) else { return };
        let Some(pull) = repository.pulls.get(&number) else { return };
        let mut body = json!({ "number": number, "pull_request": payload::pull(pull, repository) });
        if let Some(before) = before {
            body["before"] = json!(before);
            body["after"] = json!(pull.head_sha);
        }
        self.emit("pull_request", Some(action), repo, sender, body);
    }

    pub(super) fn emit_comment(&mut self, comment: &IssueComment) {
        let Some(repository) = self.repo(&comment.repo) else { return };
        let issue = match repository.pulls.get(&comment.number) {
            Some(pull) => json!({
                "number": pull.number,
                "title": pull.title,
                "user": payload::user(&pull.author),
                "state": if pull.closed_at.is_some() { "closed" } else { "open" },
                "labels": pull.labels.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
                "html_url": pull.html_url,
                "body": pull.body,
                "created_at": pull.created_at,
                "updated_at": pull.updated_at,
                "pull_request": { "url": format!(
                    "https://api.github.com/repos/{}/pulls/{}", comment.repo, pull.number), "html_url": pull.html_url },
            }),
            None => json!({ "number": comment.number, "title": "", "state": "open", "pull_request": {} }),
        };
        let body = json!({ "issue": issue, "comment": payload::comment(comment) });
        self.emit("issue_comment", Some("created"), &comment.repo, &comment.author, body);
    }

    pub(super) fn emit_run(&mut self, id: RunId, action: &str) {
        let Some(run) = self.runs.get(&id) else { return };
        let (name, sender) = (run.run.repo.clone(), run.run.triggering_actor.clone().unwrap_or_default());
        let Some(repository) = self.repo(&name) else { return };
        let object = payload::run(run, repository);
        let workflow = json!({
            "id": run.run.workflow_id,
            "name": run.run.name,
            "path": format!(".github/workflows/{}.yml", run.run.name),
            "state": "active",
        });
        let body = json!({ "workflow_run": object, "workflow": workflow });
        self.emit("workflow_run", Some(action), &name, &sender, body);
    }

    pub(super) fn emit_job(&mut self, id: JobId, action: &str) {
        let Some(job) = self.jobs.get(&id) else { return };
        let (name, run) = (job.job.repo.clone(), job.job.run_id);
        let body = json!({ "workflow_job": payload::job(job, self.now) });
        let sender = self.sender(run);
        self.emit("workflow_job", Some(action), &name, &sender, body);
    }

    pub(super) fn emit_check(&mut self, id: JobId, action: &str) {
        let Some(job) = self.jobs.get(&id).filter(|_| self.config.check_runs) else { return };
        let (name, run) = (job.job.repo.clone(), job.job.run_id);
        let body = json!({ "check_run": payload::check_run(job) });
        let sender = self.sender(run);
        self.emit("check_run", Some(action), &name, &sender, body);
    }

    fn sender(&self, run: RunId) -> String {
        self.runs.get(&run).and_then(|run| run.run.triggering_actor.clone()).unwrap_or_else(|| "ghost".into())
    }
}
