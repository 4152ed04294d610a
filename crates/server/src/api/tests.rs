//! The API over real connections, on a small world loaded into the warehouse.

use crate::testing::{Server, server, server_with};
use jiff::{SignedDuration, Timestamp};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use trunkline_model::{Commit, Conclusion, Job, JobId, JobStatus, Push, RepoName, Run, RunId, Sha};
use trunkline_warehouse::Rows;

fn repo() -> RepoName {
    "acme/engine".parse().unwrap()
}

fn sha(number: u32) -> Sha {
    format!("{number:040x}").parse().unwrap()
}

fn start() -> Timestamp {
    "2026-03-04T04:00:00Z".parse().unwrap()
}

fn push(number: u32) -> Push {
    let commit = Commit {
        sha: sha(number),
        message: format!("Change {number} (#{})\n\nWhy not.", number + 100),
        author_name: "Ada".into(),
        author_email: "ada@example.org".into(),
        author_login: Some("ada".into()),
        timestamp: start(),
        url: format!("https://github.com/acme/engine/commit/{}", sha(number)),
    };
    Push {
        repo: repo(),
        git_ref: "refs/heads/main".into(),
        before: sha(number - 1),
        after: sha(number),
        forced: false,
        commits: vec![commit.clone()],
        head_commit: Some(commit),
        pusher: "ada".into(),
        pushed_at: start() + SignedDuration::from_mins(i64::from(number)),
    }
}

fn job(id: u64, commit: u32, name: &str, letter: char) -> Job {
    let (workflow, name) = name.split_once(" / ").unwrap();
    let (status, conclusion) = match letter {
        'Q' => (JobStatus::Queued, None),
        '?' => (JobStatus::InProgress, None),
        'O' => (JobStatus::Completed, Some(Conclusion::Success)),
        'X' => (JobStatus::Completed, Some(Conclusion::Failure)),
        'C' => (JobStatus::Completed, Some(Conclusion::Cancelled)),
        _ => (JobStatus::Completed, Some(Conclusion::Skipped)),
    };
    let at = |minutes| start() + SignedDuration::from_mins(minutes);
    Job {
        repo: repo(),
        id: JobId(id),
        run_id: RunId(id / 10),
        run_attempt: u32::try_from(id % 10).unwrap().max(1),
        name: name.into(),
        workflow_name: workflow.into(),
        head_sha: sha(commit),
        head_branch: Some("main".into()),
        status,
        conclusion,
        labels: vec!["linux.large".parse().unwrap()],
        runner_id: (status != JobStatus::Queued).then_some(1),
        runner_name: (status != JobStatus::Queued).then(|| "r1".into()),
        runner_group_id: None,
        runner_group_name: None,
        created_at: at(10),
        started_at: Some(at(if status == JobStatus::Queued { 10 } else { 12 })),
        completed_at: conclusion.map(|_| at(20)),
        gate_updated_at: None,
        html_url: format!("https://github.com/acme/engine/actions/runs/{}/job/{id}", id / 10),
        steps: vec![],
    }
}

fn run(id: u64, commit: u32, event: &str) -> Run {
    serde_json::from_value(serde_json::json!({
        "repo": "acme/engine", "id": id, "attempt": 1, "name": "pull", "workflow_id": 1, "event": event, "status": "completed",
        "conclusion": null, "head_sha": sha(commit), "head_branch": "main", "head_repo": null, "actor": null,
        "triggering_actor": null, "pull_requests": [], "created_at": start(), "run_started_at": null, "updated_at": start(),
        "html_url": ""
    }))
    .unwrap()
}

async fn world() -> Server {
    let server = server_with(|_| {}).await;
    let rows = Rows {
        pushes: (1..=5).map(push).collect(),
        runs: vec![run(1, 5, "push"), run(9, 5, "workflow_run")],
        jobs: vec![
            job(11, 5, "pull / linux-jammy / test (default, 1, 2, linux.4xlarge)", 'X'),
            job(12, 5, "pull / linux-jammy / test (default, 1, 2, lf.linux.4xlarge)", 'O'),
            job(13, 5, "pull / linux-jammy / test (default, 10, 12, linux.4xlarge)", '?'),
            job(14, 5, "pull / linux-jammy / test (default, 2, 12, linux.4xlarge)", 'Q'),
            job(15, 5, "Lint / lintrunner", 'O'),
            job(91, 5, "pull / hidden", 'X'),
            job(21, 4, "Lint / lintrunner", 'C'),
            job(31, 4, "pull / linux-jammy / test (default, 1, 2, linux.4xlarge)", 'S'),
            job(41, 4, "pull / linux-jammy / test (default, 1, 2, linux.4xlarge, unstable)", 'X'),
        ],
        ..Rows::default()
    };
    server.warehouse.load(&rows).await.unwrap();
    server
}

#[tokio::test]
async fn repositories_are_listed_with_branches() {
    let answer = world().await.get("/api/v1/repos").await;
    insta::assert_snapshot!(answer.text(), @r#"{"repos":[{"name":"acme/engine","branches":["main"],"default_branch":"main"}]}"#);
}

#[tokio::test]
async fn the_grid_is_columnar_grouped_and_merged() {
    let answer = world().await.get("/api/v1/repos/ACME/engine/grid?per_page=2").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    insta::assert_snapshot!(answer.text(), @r#"{"repo":"acme/engine","branch":"main","as_of":"2026-03-04T05:06:07Z","intake_lag_seconds":null,"last_seq":0,"columns":[{"name":"Lint / lintrunner","group":0},{"name":"pull / linux-jammy / test (default, 1, 2, linux.4xlarge)","group":1},{"name":"pull / linux-jammy / test (default, 2, 12, linux.4xlarge)","group":1},{"name":"pull / linux-jammy / test (default, 10, 12, linux.4xlarge)","group":1},{"name":"pull / linux-jammy / test (default, 1, 2, linux.4xlarge, unstable)","group":2}],"groups":[{"name":"Lint","persistent":false},{"name":"Linux","persistent":false},{"name":"Unstable","persistent":false}],"commits":[{"sha":"0000000000000000000000000000000000000005","time":"2026-03-04T04:05:00Z","title":"Change 5 (#105)","author":"ada","pr":105,"cells":"OFQ?~","detail":{"1":[12,2],"2":[14,1],"3":[13,1]}},{"sha":"0000000000000000000000000000000000000004","time":"2026-03-04T04:04:00Z","title":"Change 4 (#104)","author":"ada","pr":104,"cells":"CS~~X","detail":{"0":[21,1],"4":[41,1]}}],"next":"0000000000000000000000000000000000000004"}"#);
}

#[tokio::test]
async fn pages_follow_each_other_to_the_end() {
    let server = world().await;
    let mut seen = Vec::new();
    let mut before = String::new();
    loop {
        let page = server
            .get(&format!("/api/v1/repos/acme/engine/grid?branch=main&per_page=2{before}"))
            .await
            .json();
        seen.extend(
            page["commits"]
                .as_array()
                .unwrap()
                .iter()
                .map(|commit| commit["sha"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => before = format!("&before={next}"),
            None => break,
        }
    }
    assert_eq!(seen, (1..=5).rev().map(|number| sha(number).to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_page_is_sent_again_only_when_it_changed() {
    let server = world().await;
    let path = "/api/v1/repos/acme/engine/grid";
    let first = server.get_with(path, "Accept-Encoding: zstd\r\n").await;
    assert_eq!(first.headers["content-encoding"], "zstd");
    let plain: serde_json::Value = serde_json::from_slice(&zstd::decode_all(&*first.body).unwrap()).unwrap();
    assert_eq!(plain["commits"].as_array().unwrap().len(), 5);
    let etag = format!("If-None-Match: {}\r\n", first.headers["etag"]);
    assert_eq!(server.get_with(path, &etag).await.status, 304);

    let rows = Rows {
        jobs: vec![job(13, 5, "pull / linux-jammy / test (default, 10, 12, linux.4xlarge)", 'O')],
        ..Rows::default()
    };
    server.warehouse.load(&rows).await.unwrap();
    assert_eq!(server.get_with(path, &etag).await.status, 304, "until it is told");
    server.app.commits_changed(&repo(), vec![sha(5)]);
    let second = server.get_with(path, &etag).await;
    assert_eq!((second.status, second.json()["commits"][0]["cells"].as_str()), (200, Some("OFQO~")));
    server.app.commits_changed(&repo(), vec![sha(5)]);
    let etag = format!("If-None-Match: {}\r\n", second.headers["etag"]);
    assert_eq!(server.get_with(path, &etag).await.status, 304, "told, but the same");
}

#[tokio::test]
async fn a_commit_shows_all_its_jobs() {
    let answer = world().await.get(&format!("/api/v1/repos/acme/engine/commits/{}", sha(4))).await;
    insta::assert_snapshot!(answer.text(), @r#"{"commit":{"sha":"0000000000000000000000000000000000000004","title":"Change 4 (#104)","message":"Change 4 (#104)\n\nWhy not.","author":"ada","pr":104,"time":"2026-03-04T04:04:00Z","url":"https://github.com/acme/engine/commit/0000000000000000000000000000000000000004"},"jobs":[{"id":21,"name":"Lint / lintrunner","status":"completed","conclusion":"cancelled","letter":"C","run_id":2,"attempt":1,"queue_seconds":120,"run_seconds":480,"created_at":"2026-03-04T04:10:00Z","started_at":"2026-03-04T04:12:00Z","completed_at":"2026-03-04T04:20:00Z","runner_name":"r1","labels":["linux.large"],"html_url":"https://github.com/acme/engine/actions/runs/2/job/21","event":""},{"id":31,"name":"pull / linux-jammy / test (default, 1, 2, linux.4xlarge)","status":"completed","conclusion":"skipped","letter":"S","run_id":3,"attempt":1,"queue_seconds":120,"run_seconds":480,"created_at":"2026-03-04T04:10:00Z","started_at":"2026-03-04T04:12:00Z","completed_at":"2026-03-04T04:20:00Z","runner_name":"r1","labels":["linux.large"],"html_url":"https://github.com/acme/engine/actions/runs/3/job/31","event":""},{"id":41,"name":"pull / linux-jammy / test (default, 1, 2, linux.4xlarge, unstable)","status":"completed","conclusion":"failure","letter":"X","run_id":4,"attempt":1,"queue_seconds":120,"run_seconds":480,"created_at":"2026-03-04T04:10:00Z","started_at":"2026-03-04T04:12:00Z","completed_at":"2026-03-04T04:20:00Z","runner_name":"r1","labels":["linux.large"],"html_url":"https://github.com/acme/engine/actions/runs/4/job/41","event":""}],"counts":{"failure":1,"running":0,"queued":0,"success":0,"other":2}}"#);
}

#[tokio::test]
async fn counts_take_cells_not_runs() {
    let answer = world().await.get(&format!("/api/v1/repos/acme/engine/commits/{}", sha(5))).await;
    assert_eq!(answer.json()["jobs"].as_array().unwrap().len(), 6);
    insta::assert_snapshot!(answer.json()["counts"], @r#"{"failure":1,"other":0,"queued":1,"running":1,"success":2}"#);
}

#[tokio::test]
async fn a_cell_shows_its_runs_the_representative_first() {
    let server = world().await;
    let name = "pull+%2F+linux-jammy+%2F+test+%28default%2C+1%2C+2%2C+linux.4xlarge%29";
    let answer = server.get(&format!("/api/v1/repos/acme/engine/cell?sha={}&name={name}", sha(5))).await;
    let runs: Vec<_> =
        answer.json()["runs"].as_array().unwrap().iter().map(|run| run["id"].to_string()).collect();
    assert_eq!(runs, ["12", "11"]);
    let empty = server.get(&format!("/api/v1/repos/acme/engine/cell?sha={}&name=x", sha(5))).await;
    assert_eq!(empty.text(), r#"{"runs":[]}"#);
}

#[tokio::test]
async fn what_does_not_exist_is_said_with_what_does() {
    let server = world().await;
    for (path, status, code, hint) in [
        ("/api/v1/repos/acme/nothing/grid", 404, "no_such_repository", "known: acme/engine"),
        ("/api/v1/repos/acme/engine/grid?branch=nope", 404, "no_such_branch", "known: main"),
        (
            &format!("/api/v1/repos/acme/engine/grid?before={}", sha(99)),
            404,
            "no_such_commit",
            "give the `next`",
        ),
        ("/api/v1/repos/acme/engine/grid?per_page=0", 400, "bad_parameter", "take several pages"),
        ("/api/v1/repos/acme/engine/grid?per_page=many", 400, "bad_parameter", ""),
        ("/api/v1/repos/acme/engine/grid?before=abc", 400, "bad_parameter", ""),
        ("/api/v1/repos/acme/engine/commits/abc", 400, "bad_parameter", ""),
        (&format!("/api/v1/repos/acme/engine/commits/{}", sha(99)), 404, "no_such_commit", "a push or a job"),
        ("/api/v1/repos/acme/engine/cell?sha=abc", 400, "bad_parameter", ""),
        ("/api/v1/nothing", 404, "no_such_address", "/openapi.json"),
    ] {
        let answer = server.get(path).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{path}");
        let error = &answer.json()["error"];
        assert!(error["hint"].as_str().unwrap_or("").contains(hint), "{path}: {error}");
        assert_eq!(error["request_id"].as_str().unwrap().len(), 16);
    }
    let posted = server.raw(b"POST /api/v1/repos HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n").await;
    assert_eq!((posted.status, posted.code().as_str()), (405, "method_not_allowed"));
}

#[tokio::test]
async fn an_empty_installation_says_what_to_do() {
    let server = server().await;
    assert_eq!(server.get("/api/v1/repos").await.text(), r#"{"repos":[]}"#);
    let answer = server.get("/api/v1/repos/a/b/grid").await;
    assert!(answer.json()["error"]["hint"].as_str().unwrap().contains("add a webhook"));
}

#[tokio::test]
async fn without_a_fleet_the_queues_are_shown() {
    let answer = world().await.get("/api/v1/fleet").await;
    insta::assert_snapshot!(answer.text(), @r#"{"labels":[{"label":"linux.large","queued":1,"oldest_queued_seconds":3367,"planned":0,"booting":0,"idle":0,"busy":0,"max":null}],"runners":[],"totals":{"queued":1,"booting":0,"idle":0,"busy":0}}"#);
}

#[tokio::test]
async fn status_shows_intake_and_loops() {
    let server = world().await;
    let status = server.get("/api/v1/status").await;
    insta::assert_snapshot!(status.text(), @r#"{"version":"1.2.3","as_of":"2026-03-04T05:06:07Z","intake":{"last_seq":0,"last_received_at":null,"lag_seconds":null},"loops":[]}"#);
    server.deliver("ping", "11111111-2222", b"{}").await;
    server.app.projector().catch_up().await.unwrap();
    let run =
        crate::LoopRun { decided: 2, done: 1, refused: 1, why: "cap".into(), ..crate::LoopRun::default() };
    server.app.loops().report("fleet.plan", run);
    server.clock.advance(SignedDuration::from_secs(9));
    insta::assert_snapshot!(server.get("/api/v1/status").await.text(), @r#"{"version":"1.2.3","as_of":"2026-03-04T05:06:16Z","intake":{"last_seq":1,"last_received_at":"2026-03-04T05:06:07Z","lag_seconds":0.0},"loops":[{"name":"fleet.plan","last_run":"2026-03-04T05:06:07Z","duration_seconds":0.0,"decided":2,"done":1,"refused":1,"why":"cap","runs":1}]}"#);
    insta::assert_snapshot!(server.get("/api/v1/loops").await.text(), @r#"{"loops":[{"name":"fleet.plan","last_run":"2026-03-04T05:06:07Z","duration_seconds":0.0,"decided":2,"done":1,"refused":1,"why":"cap","runs":1}]}"#);
}

#[tokio::test]
async fn health_readiness_metrics_and_description_answer() {
    let server = server().await;
    assert_eq!(server.get("/healthz").await.text(), r#"{"alive":true}"#);
    let ready = server.get("/readyz").await;
    insta::assert_snapshot!(ready.text(), @r#"{"ready":true,"checks":[{"name":"store","ok":true,"error":null},{"name":"warehouse","ok":true,"error":null}]}"#);
    let metrics = server.get("/metrics").await;
    assert!(metrics.text().ends_with("# EOF\n"));
    assert!(
        metrics
            .text()
            .contains(r#"trunkline_http_requests_total{method="GET",route="/readyz",status="200"} 1"#),
        "{}",
        metrics.text()
    );
    assert_eq!(server.get("/openapi.json").await.text(), crate::openapi_json());
}

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let server = server().await;
    for path in ["/", "/api/v1/repos", "/api/v1/nothing", "/metrics", "/some/page"] {
        let answer = server.get(path).await;
        assert!(answer.headers["content-security-policy"].contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["referrer-policy"], "no-referrer");
    }
}

#[tokio::test]
async fn the_stream_tells_changes_and_ends_with_the_server() {
    let server = world().await;
    let run = tokio::spawn({
        let (app, stop) = (server.app.clone(), server.stop.clone());
        async move { app.run(stop).await }
    });
    let mut stream = server.connect().await;
    let request = b"GET /api/v1/stream HTTP/1.1\r\nHost: t\r\nAccept: text/event-stream\r\nLast-Event-ID: what?\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut text = String::new();
    read_until(&mut stream, &mut text, "retry: 1000").await;
    assert!(text.contains("content-type: text/event-stream"), "{text}");
    server.app.commits_changed(&repo(), vec![sha(5)]);
    read_until(&mut stream, &mut text, "event: commits").await;
    read_until(
        &mut stream,
        &mut text,
        &format!(r#"data: {{"repo":"acme/engine","shas":["{}"],"seq":0}}"#, sha(5)),
    )
    .await;
    read_until(&mut stream, &mut text, "event: fleet").await;
    read_until(&mut stream, &mut text, r#"{"queued":1,"booting":0,"idle":0,"busy":0}"#).await;
    read_until(&mut stream, &mut text, "event: status").await;

    server.stop.cancel();
    stream.read_to_string(&mut text).await.unwrap();
    server.task.await.unwrap().unwrap();
    run.await.unwrap();
}

async fn read_until(stream: &mut tokio::net::TcpStream, text: &mut String, wanted: &str) {
    let reading = async {
        let mut buffer = [0; 4096];
        while !text.contains(wanted) {
            let count = stream.read(&mut buffer).await.unwrap();
            assert!(count > 0, "ended before `{wanted}`: {text}");
            text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        }
    };
    let patience = std::time::Duration::from_secs(10);
    tokio::time::timeout(patience, reading).await.unwrap_or_else(|_| panic!("no `{wanted}`"));
}
