//! Every request the client makes, checked against GitHub's own description of its API.
//!
//! A loopback server records what the client sends, answers with GitHub's own examples, and every record must be an
//! operation the description knows, with parameters and body as described. The examples have to be readable too.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test, with a message when it is skipped")]

#[path = "openapi/description.rs"]
mod description;

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{Method, StatusCode, Uri},
};
use description::Description;
use jiff::Timestamp;
use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, Mutex},
};
use trunkline_github::{
    Client,
    client::{
        AppCredentials, ClientConfig, CommitQuery, Credentials, Hook, JobFilter, RunQuery, RunStatus, Scope,
    },
};
use trunkline_model::{JobId, RepoName, Rng, RunId, RunnerId, SystemClock};

/// GitHub with nothing behind it.
struct Recorder {
    github: Description,
    known: Mutex<BTreeSet<String>>,
    wrong: Mutex<Vec<String>>,
}

async fn answer(
    State(recorder): State<Arc<Recorder>>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> (StatusCode, String) {
    match recorder.github.check(method.as_str(), uri.path(), uri.query().unwrap_or(""), &body) {
        Ok(operation) => {
            recorder.known.lock().unwrap().insert(operation.id.into());
            let (status, mut value) = operation.answer;
            // The example's token ended in 2016.
            if let Some(ends) = value.get_mut("expires_at") {
                *ends = "2100-01-01T00:00:00Z".into();
            }
            (
                StatusCode::from_u16(status).unwrap(),
                if value.is_null() { String::new() } else { value.to_string() },
            )
        }
        Err(why) => {
            recorder.wrong.lock().unwrap().push(format!("{method} {uri}: {why}"));
            (StatusCode::IM_A_TEAPOT, "{}".into())
        }
    }
}

/// Calls `$client.$method(..)`, wants a good answer and notes the method's name.
macro_rules! call {
    ($called:ident, $client:expr, $method:ident ( $($argument:expr),* )) => {{
        $called.insert(stringify!($method).to_string());
        $client.$method($($argument),*).await.unwrap_or_else(|error| panic!("{}: {error}", stringify!($method)))
    }};
}

#[tokio::test]
async fn every_request_is_one_that_github_describes() {
    let Some(github) = Description::load("api.github.com.json") else { return };
    let recorder = Arc::new(Recorder { github, known: Mutex::default(), wrong: Mutex::default() });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(answer).with_state(Arc::clone(&recorder));
    let server = tokio::spawn(async move { axum::serve(listener, app).await });

    let new = |credentials| {
        let mut config = ClientConfig::new(base.parse().unwrap(), credentials);
        config.max_retries = 0;
        Client::new(config, Arc::new(SystemClock), Rng::from_seed(1)).unwrap()
    };
    let app = AppCredentials::new(1, include_str!("data/test-app-key.pem").into());
    let client = new(Credentials::Apps(vec![app]));
    let repo: RepoName = "octo-org/octo.repo".parse().unwrap();
    let (of_repo, of_org) = (Scope::Repo(repo.clone()), Scope::Org("octo-org".into()));
    let mut called = BTreeSet::new();
    for scope in [&of_repo, &of_org] {
        assert!(!call!(called, client, list_runners(scope, None)).is_empty());
        call!(called, client, list_runners(scope, Some("no_gpu")));
        call!(called, client, get_runner(scope, RunnerId(23)));
        let (name, labels) = ("runner-1".parse().unwrap(), ["linux.large".parse().unwrap()]);
        call!(called, client, generate_jit_config(scope, &name, 1, &labels));
        call!(called, client, delete_runner(scope, RunnerId(23)));
        call!(called, client, installation("1", scope));
        assert!(call!(called, client, rate_limit(Some(scope))).buckets.contains_key("core"));
    }
    call!(called, client, app("1"));
    assert_eq!(call!(called, client, installations("1"))[0].account(), "octocat");
    assert!(call!(called, client, rate_limit(None)).buckets.contains_key("core"));
    let at: Timestamp = "2026-01-02T03:04:05.678Z".parse().unwrap();
    let all = RunQuery {
        status: Some(RunStatus::Queued),
        branch: Some("main".into()),
        event: Some("push".into()),
        head_sha: Some("a".repeat(40).parse().unwrap()),
        created_since: Some(at),
        limit: None,
    };
    let runs = call!(called, client, list_runs(&repo, &all));
    let ids: Vec<RunId> = runs.iter().map(|run| run.id).collect();
    assert!(!ids.is_empty());
    assert_eq!(call!(called, client, list_run_ids(&repo, &all)), ids);
    use RunStatus::{Completed, InProgress, Pending, Requested, Waiting};
    for status in [InProgress, Waiting, Requested, Pending, Completed] {
        client.list_runs(&repo, &RunQuery { status: Some(status), ..RunQuery::default() }).await.unwrap();
    }
    for filter in [JobFilter::Latest, JobFilter::All] {
        assert!(!call!(called, client, list_run_jobs(&repo, RunId(29), filter)).is_empty());
    }
    call!(called, client, get_job(&repo, JobId(21)));
    call!(called, client, get_contents(&repo, ".github/scale config.yml", Some("main")));
    let commits = CommitQuery {
        start: Some("main".into()),
        path: Some("src/a b.rs".into()),
        since: Some(at),
        until: Some(at),
        limit: None,
    };
    assert!(!call!(called, client, list_commits(&repo, &commits)).is_empty());
    for hook in [Hook::App("1".into()), Hook::Repo(repo, 7), Hook::Org("octo-org".into(), 7)] {
        assert!(!call!(called, client, hook_deliveries(&hook, None)).deliveries.is_empty());
        call!(called, client, hook_deliveries(&hook, Some("v1_12077215967")));
        assert!(call!(called, client, hook_delivery(&hook, 12)).payload.starts_with(b"{"));
        call!(called, client, redeliver(&hook, 12));
    }
    server.abort();

    assert_eq!(recorder.wrong.lock().unwrap().join("\n"), "", "requests GitHub does not describe");
    assert_eq!(
        public_calls().difference(&called).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "not called here"
    );
    let known = recorder.known.lock().unwrap();
    for needed in
        ["apps/create-installation-access-token", "apps/get-repo-installation", "apps/get-org-installation"]
    {
        assert!(known.contains(needed), "{needed} of {known:?}");
    }
    drop(known);
    assert_eq!(known_count(&recorder), 28);
}

#[tokio::test]
async fn an_enterprises_runners_are_asked_as_github_describes() {
    let Some(github) = Description::load("ghec.json") else { return };
    let recorder = Arc::new(Recorder { github, known: Mutex::default(), wrong: Mutex::default() });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let app = Router::new().fallback(answer).with_state(Arc::clone(&recorder));
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let config = ClientConfig::new(base.parse().unwrap(), Credentials::Token("t".into()));
    let client = Client::new(config, Arc::new(SystemClock), Rng::from_seed(1)).unwrap();
    let scope = Scope::Enterprise("octo".into());
    client.list_runners(&scope, Some("n")).await.unwrap();
    client.get_runner(&scope, RunnerId(1)).await.unwrap();
    let (name, labels) = ("runner-1".parse().unwrap(), ["linux.large".parse().unwrap()]);
    client.generate_jit_config(&scope, &name, 1, &labels).await.unwrap();
    client.delete_runner(&scope, RunnerId(1)).await.unwrap();
    server.abort();
    assert_eq!(recorder.wrong.lock().unwrap().join("\n"), "");
    assert_eq!(known_count(&recorder), 4);
}

fn known_count(recorder: &Recorder) -> usize {
    recorder.known.lock().unwrap().len()
}

/// Names of the public calls, from the source: a new one that this test does not call fails it.
fn public_calls() -> BTreeSet<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut names = BTreeSet::new();
    let files = std::fs::read_dir(source.join("client")).unwrap().map(|file| file.unwrap().path());
    for file in
        files.chain([source.join("client.rs")]).filter(|path| path.extension().is_some_and(|e| e == "rs"))
    {
        let text = std::fs::read_to_string(file).unwrap();
        let starts = text.split("pub async fn ").skip(1);
        names.extend(starts.filter_map(|rest| rest.split(['(', '<']).next()).map(str::to_owned));
    }
    assert!(names.contains("generate_jit_config"), "{names:?}");
    names
}
