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
use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, Mutex},
};
use trunkline_github::{
    Client,
    client::{Credentials, HookScope, Scope},
    http::{self, HttpOptions},
};
use trunkline_model::{JobId, RepoName, RunId, RunnerId, SystemClock};

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

    let as_app = |installation_for: &str| {
        Client::new(
            http::client(&HttpOptions::default()).unwrap(),
            base.parse().unwrap(),
            Credentials::App {
                id: 1,
                private_key: include_str!("data/test-app-key.pem").into(),
                installation_for: installation_for.into(),
            },
            Arc::new(SystemClock),
        )
    };
    let repo: RepoName = "octo-org/octo.repo".parse().unwrap();
    let of_repo = as_app("repos/octo-org/octo.repo");
    let of_org = as_app("orgs/octo-org");
    let mut called = BTreeSet::new();
    for (client, scope) in [(&of_repo, Scope::Repo(repo.clone())), (&of_org, Scope::Org("octo-org".into()))] {
        assert!(!call!(called, client, runners(&scope)).is_empty());
        call!(called, client, runner(&scope, RunnerId(23)));
        let (name, labels) = ("runner-1".parse().unwrap(), ["linux.large".parse().unwrap()]);
        call!(called, client, generate_jit_config(&scope, &name, 1, &labels));
        call!(called, client, delete_runner(&scope, RunnerId(23)));
    }
    call!(called, of_repo, job(&repo, JobId(21)));
    assert!(!call!(called, of_repo, runs(&repo, "queued", 300)).is_empty());
    assert!(!call!(called, of_repo, run_jobs(&repo, RunId(29))).is_empty());
    for hook in [HookScope::App, HookScope::Repo(repo, 7)] {
        let since = "2000-01-01T00:00:00Z".parse().unwrap();
        assert!(!call!(called, of_repo, deliveries(&hook, since, 50)).is_empty());
        assert!(call!(called, of_repo, delivery_payload(&hook, 12)).starts_with('{'));
    }
    assert!(call!(called, of_org, rate_limit()).limit > 0);
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
    assert!(known.len() >= 16, "{known:?}");
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
