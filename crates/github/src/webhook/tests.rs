use super::*;
use std::path::Path;

fn at() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

#[test]
fn every_example_of_github_is_read() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../.tools/node_modules/@octokit/webhooks-examples/api.github.com/index.json");
    let Ok(text) = std::fs::read(&examples) else {
        assert!(std::env::var_os("TRUNKLINE_REQUIRE_TOOLS").is_none(), "run `cargo xtask setup` first");
        eprintln!("skipped: GitHub's webhook examples are not there; `cargo xtask setup` fetches them");
        return;
    };
    let events: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let (mut read, mut typed) = (0, 0);
    for event in events.as_array().unwrap() {
        let name = event["name"].as_str().unwrap();
        for example in event["examples"].as_array().unwrap() {
            let body = serde_json::to_vec(example).unwrap();
            let delivery = parse(name, &body, at()).unwrap_or_else(|error| panic!("{name}: {error:?}"));
            let other = delivery.event == Event::Other;
            let ours = ["workflow_job", "workflow_run", "push", "pull_request", "check_run"].contains(&name)
                || ["issue_comment", "pull_request_review", "ping"].contains(&name);
            assert_eq!(other, !ours, "{name}");
            typed += u32::from(!other);
            read += 1;
        }
    }
    assert!(read > 300 && typed > 60, "{read} read, {typed} typed");
}

#[test]
fn unknown_events_are_no_error_and_broken_json_is() {
    assert_eq!(parse("brand_new", b"{}", at()).unwrap().event, Event::Other);
    for bad in [&b"{"[..], b"\xff\xfe", b"", &[b'['; 5000]] {
        assert!(parse("push", bad, at()).is_err());
        assert!(parse("brand_new", bad, at()).is_err());
    }
}

#[test]
fn a_job_that_waits_for_approval_wants_no_runner() {
    let body = serde_json::json!({
        "action": "queued",
        "workflow_job": {
            "id": 1, "run_id": 2, "name": "deploy", "head_sha": "a".repeat(40), "status": "waiting",
            "labels": ["self-hosted", "bad, label"], "runner_id": 0, "created_at": "2026-01-02T03:04:05Z",
        },
        "deployment": {"updated_at": "2026-01-02T03:05:00Z"},
        "repository": {"full_name": "o/r"},
    });
    let delivery = parse("workflow_job", &serde_json::to_vec(&body).unwrap(), at()).unwrap();
    let Event::WorkflowJob(job) = delivery.event else { panic!("{delivery:?}") };
    assert_eq!(job.status, trunkline_model::JobStatus::Waiting);
    assert_eq!(job.labels.len(), 1);
    assert_eq!(job.runner_id, None);
    assert!(job.gate_updated_at.is_some());
}
