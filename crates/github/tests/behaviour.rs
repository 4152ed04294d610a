//! What the client does with GitHub's moods: pages, limits, failures, tokens that end.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "behaviour/apps.rs"]
mod apps;
#[path = "behaviour/script.rs"]
mod script;

use jiff::{SignedDuration, Timestamp};
use script::{Answer, Fake, answer};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use trunkline_github::{
    Client,
    client::{AppCredentials, ClientConfig, CommitQuery, Credentials, Deleted, Error, Scope},
};
use trunkline_model::{Clock, Label, ManualClock, RepoName, Rng, RunnerId, RunnerName};

const RUNNERS: &str = "GET /orgs/acme/actions/runners";
const RUNNER: &str = "GET /orgs/acme/actions/runners/7";
const JIT: &str = "POST /orgs/acme/actions/runners/generate-jitconfig";

fn start() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

fn config(fake: &Fake, credentials: Credentials) -> ClientConfig {
    let mut config = ClientConfig::new(fake.base.parse().unwrap(), credentials);
    config.retry_base = Duration::from_millis(5);
    config
}

fn client_of(config: ClientConfig, clock: &ManualClock) -> Client {
    Client::new(config, Arc::new(clock.clone()), Rng::from_seed(1)).unwrap()
}

fn client_with(fake: &Fake, credentials: Credentials, clock: &ManualClock) -> Client {
    client_of(config(fake, credentials), clock)
}

fn client(fake: &Fake) -> Client {
    client_with(fake, Credentials::Token("hush-token".into()), &ManualClock::new(start()))
}

fn app_of(id: u64) -> AppCredentials {
    AppCredentials::new(id, include_str!("data/test-app-key.pem").into())
}

fn app() -> Credentials {
    Credentials::Apps(vec![app_of(1)])
}

fn scope() -> Scope {
    Scope::Org("acme".into())
}

fn runner(id: u64) -> Value {
    json!({"id": id, "name": format!("r{id}"), "os": "linux", "status": "offline", "busy": false, "labels": []})
}

fn page(ids: impl IntoIterator<Item = u64>) -> Answer {
    answer(200, &json!({"total_count": 3, "runners": ids.into_iter().map(runner).collect::<Vec<_>>()}))
}

fn failure(status: u16) -> Answer {
    answer(status, &json!({"message": "No luck"}))
}

async fn register(client: &Client) -> Result<trunkline_github::client::JitConfig, Error> {
    let (name, label): (RunnerName, Label) = ("r".parse().unwrap(), "linux".parse().unwrap());
    client.generate_jit_config(&scope(), &name, 1, &[label]).await
}

#[tokio::test]
async fn every_page_is_read() {
    let fake = Fake::start().await;
    let second = format!("{}/orgs/acme/actions/runners?per_page=100&page=2", fake.base);
    fake.on(
        RUNNERS,
        [page([1, 2]).header("link", format!("<{second}>; rel=\"next\", <{second}>; rel=\"last\""))],
    );
    let first = second.replace("&page=2", "");
    fake.on(
        &format!("{RUNNERS}?per_page=100&page=2"),
        [page([3]).header("link", format!("<{first}>; rel=\"first\""))],
    );
    let ids: Vec<u64> =
        client(&fake).list_runners(&scope(), None).await.unwrap().iter().map(|r| r.id.0).collect();
    assert_eq!(ids, [1, 2, 3]);
}

#[tokio::test]
async fn a_page_link_to_another_host_gets_no_credentials() {
    let (fake, other) = (Fake::start().await, Fake::start().await);
    other.on(RUNNERS, [page([9])]);
    let link = format!("<{}/orgs/acme/actions/runners?page=2>; rel=\"next\"", other.base);
    fake.on(RUNNERS, [page([1]).header("link", link)]);
    let error = client(&fake).list_runners(&scope(), None).await.unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error}");
    assert_eq!(other.asked().len(), 0);
}

#[tokio::test]
async fn redirects_to_another_host_get_no_credentials() {
    let (fake, other) = (Fake::start().await, Fake::start().await);
    fake.on(RUNNER, [failure(302).header("location", format!("{}/x", other.base))]);
    let error = client(&fake).get_runner(&scope(), RunnerId(7)).await.unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error}");
    assert_eq!(other.asked().len(), 0);
}

#[tokio::test]
async fn a_read_is_repeated_after_passing_trouble_and_a_write_is_not() {
    let fake = Fake::start().await;
    fake.on(RUNNER, [failure(502), failure(503), answer(200, &runner(7))]);
    fake.on(JIT, [failure(502)]);
    let client = client(&fake);
    assert_eq!(client.get_runner(&scope(), RunnerId(7)).await.unwrap().id, RunnerId(7));
    assert_eq!(fake.count(RUNNER), 3);
    let error = register(&client).await.unwrap_err();
    assert!(matches!(error, Error::Transient { .. }), "{error}");
    assert_eq!(fake.count(JIT), 1, "GitHub may have made the runner: only the caller can tell");
}

#[tokio::test]
async fn trouble_that_stays_ends_in_an_error() {
    let fake = Fake::start().await;
    fake.on(RUNNER, [failure(500)]);
    let error = client(&fake).get_runner(&scope(), RunnerId(7)).await.unwrap_err();
    assert!(matches!(error, Error::Transient { .. }), "{error}");
    assert!((2..=5).contains(&fake.count(RUNNER)), "{}", fake.count(RUNNER));
}

#[tokio::test]
async fn no_server_is_passing_trouble() {
    let fake = Fake::start().await;
    let client = client(&fake);
    drop(fake);
    let error = register(&client).await.unwrap_err();
    assert!(matches!(error, Error::Transient { .. }), "{error}");
}

#[tokio::test]
async fn a_used_up_budget_says_when_to_come_back() {
    let fake = Fake::start().await;
    let reset = start() + SignedDuration::from_mins(20);
    fake.on(
        RUNNER,
        [failure(403)
            .header("x-ratelimit-limit", "5000")
            .header("x-ratelimit-remaining", "0")
            .header("x-ratelimit-reset", reset.as_second().to_string())
            .header("x-ratelimit-resource", "core")],
    );
    let error = client(&fake).get_runner(&scope(), RunnerId(7)).await.unwrap_err();
    assert!(matches!(error, Error::RateLimited { until } if until == reset), "{error}");
    assert_eq!(fake.count(RUNNER), 1, "a limit is not hammered");
}

#[tokio::test]
async fn secondary_limits_say_when_to_come_back() {
    let limited = "You have exceeded a secondary rate limit.";
    let cases = [
        (answer(403, &json!({"message": limited})), 60),
        (failure(429), 60),
        (failure(429).header("retry-after", "7"), 7),
        (failure(403).header("retry-after", "90"), 90),
    ];
    for (refusal, seconds) in cases {
        let fake = Fake::start().await;
        fake.on(JIT, [refusal.clone()]);
        let error = register(&client(&fake)).await.unwrap_err();
        let expected = start() + SignedDuration::from_secs(seconds);
        assert!(matches!(error, Error::RateLimited { until } if until == expected), "{refusal:?}: {error}");
    }
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let fake = Fake::start().await;
    let client = client(&fake);
    let registered = async |status| {
        fake.on(JIT, [failure(status)]);
        register(&client).await.unwrap_err()
    };
    assert!(matches!(registered(409).await, Error::Conflict { .. }));
    assert!(matches!(registered(404).await, Error::NotFound { .. }));
    assert!(matches!(registered(401).await, Error::Auth { .. }));
    assert!(matches!(registered(403).await, Error::Auth { .. }), "a plain 403 is no limit");
    assert!(matches!(registered(422).await, Error::Invalid { .. }), "only a removal reads 422 as busy");
    fake.on("DELETE /orgs/acme/actions/runners/7", [failure(422)]);
    let removed = client.delete_runner(&scope(), RunnerId(7)).await;
    assert!(matches!(removed, Err(Error::Busy { .. })), "{removed:?}");
}

#[tokio::test]
async fn no_secret_is_shown() {
    let fake = Fake::start().await;
    fake.on(
        JIT,
        [answer(201, &json!({"runner": runner(7), "encoded_jit_config": "hush-config"})), failure(401)],
    );
    let client = client(&fake);
    let made = register(&client).await.unwrap();
    let error = register(&client).await.unwrap_err();
    let shown = format!("{client:?} {made:?} {error:?} {error}");
    assert!(!shown.contains("hush"), "{shown}");
    let with_key = format!("{:?}", client_with(&fake, app(), &ManualClock::new(start())));
    assert!(!with_key.contains("PRIVATE KEY"), "{with_key}");
}

#[tokio::test]
async fn an_answer_that_is_not_what_was_asked_for_repeats_no_secret() {
    let fake = Fake::start().await;
    fake.on(JIT, [answer(201, &json!({"runner": "hush-runner", "encoded_jit_config": "hush-config"}))]);
    let error = register(&client(&fake)).await.unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error}");
    assert!(!format!("{error:?} {error}").contains("hush-config"), "{error}");
}

#[tokio::test]
async fn secondary_limits_hold_back_everything_and_grow() {
    let fake = Fake::start().await;
    let clock = ManualClock::new(start());
    fake.on(JIT, [answer(403, &json!({"message": "You have exceeded a secondary rate limit."}))]);
    fake.on(RUNNER, [answer(200, &runner(7))]);
    let client = client_with(&fake, Credentials::Token("t".into()), &clock);
    register(&client).await.unwrap_err();
    let error = client.get_runner(&scope(), RunnerId(7)).await.unwrap_err();
    assert!(matches!(error, Error::RateLimited { .. }), "{error}");
    assert_eq!(fake.count(RUNNER), 0, "nothing is sent while the pause lasts");
    clock.advance(SignedDuration::from_secs(60));
    let error = register(&client).await.unwrap_err();
    let expected = clock.now() + SignedDuration::from_secs(120);
    assert!(matches!(error, Error::RateLimited { until } if until == expected), "{error}");
}

#[tokio::test]
async fn an_empty_bucket_is_not_asked_again_and_another_bucket_is() {
    let fake = Fake::start().await;
    let clock = ManualClock::new(start());
    let reset = start() + SignedDuration::from_mins(20);
    let spent = |bucket: &str, answer: Answer| {
        answer
            .header("x-ratelimit-limit", "10")
            .header("x-ratelimit-remaining", "0")
            .header("x-ratelimit-reset", reset.as_second().to_string())
            .header("x-ratelimit-resource", bucket)
    };
    let made = json!({"runner": runner(7), "encoded_jit_config": "c"});
    fake.on(JIT, [spent("actions_runner_registration", answer(201, &made))]);
    fake.on(RUNNER, [answer(200, &runner(7))]);
    let client = client_with(&fake, Credentials::Token("t".into()), &clock);
    register(&client).await.unwrap();
    let error = register(&client).await.unwrap_err();
    assert!(matches!(error, Error::RateLimited { until } if until == reset), "{error}");
    assert_eq!(fake.count(JIT), 1);
    client.get_runner(&scope(), RunnerId(7)).await.unwrap();
    assert_eq!(client.budgets()[0].bucket, "actions_runner_registration");
    clock.advance_to(reset);
    register(&client).await.unwrap();
}

#[tokio::test]
async fn an_unchanged_answer_is_taken_from_the_cache() {
    let fake = Fake::start().await;
    fake.on(RUNNER, [answer(200, &runner(7)).header("etag", "\"v1\""), failure(304)]);
    let client = client(&fake);
    let first = client.get_runner(&scope(), RunnerId(7)).await.unwrap();
    assert_eq!(client.get_runner(&scope(), RunnerId(7)).await.unwrap(), first);
    let sent: Vec<String> = fake.asked().into_iter().map(|asked| asked.if_none_match).collect();
    assert_eq!(sent, ["", "\"v1\""]);
}

#[tokio::test]
async fn a_renamed_repository_is_followed_at_home() {
    let fake = Fake::start().await;
    let repo: RepoName = "old/name".parse().unwrap();
    fake.on(
        "GET /repos/old/name/contents/a/b.yml",
        [failure(301).header("location", "/repositories/1/contents/a/b.yml?ref=main")],
    );
    fake.on("GET /repositories/1/contents/a/b.yml?ref=main", [answer(200, &json!("text"))]);
    let bytes = client(&fake).get_contents(&repo, "a/b.yml", Some("main")).await.unwrap();
    assert_eq!(&bytes[..], b"\"text\"");
    for bad in ["", "a//b", "../secrets", "a/./b"] {
        let error = client(&fake).get_contents(&repo, bad, None).await.unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{bad}: {error}");
    }
}

#[tokio::test]
async fn an_endless_listing_and_a_huge_answer_are_bounded() {
    let fake = Fake::start().await;
    let repo: RepoName = "o/r".parse().unwrap();
    let commit = json!({"sha": "a".repeat(40), "commit": {"message": "m".repeat(3000)}, "author": {}});
    let link = format!("<{}/repos/o/r/commits?page=2>; rel=\"next\"", fake.base);
    fake.on("GET /repos/o/r/commits", [answer(200, &json!([commit])).header("link", link)]);
    let query = CommitQuery { limit: Some(1), ..CommitQuery::default() };
    assert_eq!(client(&fake).list_commits(&repo, &query).await.unwrap().len(), 1);
    assert_eq!(fake.asked().len(), 1);
    let error = client(&fake).list_commits(&repo, &CommitQuery::default()).await.unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "a page that names itself as the next: {error}");

    let mut small = config(&fake, Credentials::Token("t".into()));
    small.max_response_bytes = 1000;
    let error = client_of(small, &ManualClock::new(start())).list_commits(&repo, &query).await.unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error}");
}

#[tokio::test]
async fn a_call_ends_at_its_deadline() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let mut config = ClientConfig::new(base, Credentials::Token("t".into()));
    config.deadline = Duration::from_millis(100);
    let error =
        client_of(config, &ManualClock::new(start())).get_runner(&scope(), RunnerId(7)).await.unwrap_err();
    assert!(matches!(error, Error::Transient { .. }), "{error}");
}

#[tokio::test]
async fn a_runner_that_is_gone_already_counts_as_removed() {
    let fake = Fake::start().await;
    assert_eq!(client(&fake).delete_runner(&scope(), RunnerId(7)).await.unwrap(), Deleted::Absent);
    let enterprise = Scope::Enterprise("big".into());
    let error = client_with(&fake, app(), &ManualClock::new(start()));
    let error = error.get_runner(&enterprise, RunnerId(7)).await.unwrap_err();
    assert!(matches!(error, Error::Auth { .. }), "{error}");
}
