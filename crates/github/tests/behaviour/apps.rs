//! Apps: whose token goes out, when it is renewed, and which installation is meant.

use super::{JIT, RUNNER, app, app_of, client_with, config, failure, register, runner, scope, start};
use crate::script::{Answer, Fake, answer};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::sync::Arc;
use trunkline_github::{
    Client,
    client::{Credentials, Error, Scope},
};
use trunkline_model::{Clock, ManualClock, Rng, RunnerId};

const INSTALLATION: &str = "GET /orgs/acme/installation";
const INSTALLATIONS: &str = "GET /app/installations";
const TOKENS: &str = "POST /app/installations/5/access_tokens";
const LIMITS: &str = "GET /rate_limit";

fn token(text: &str, ends: Timestamp) -> Answer {
    answer(201, &json!({"token": text, "expires_at": ends.to_string()}))
}

#[tokio::test]
async fn an_installation_token_is_fetched_once_and_renewed_before_it_ends() {
    let fake = Fake::start().await;
    let clock = ManualClock::new(start());
    let hour = SignedDuration::from_hours(1);
    fake.on(INSTALLATION, [answer(200, &json!({"id": 5}))]);
    fake.on(TOKENS, [token("first", start() + hour), token("second", start() + hour * 2)]);
    fake.on(RUNNER, [answer(200, &runner(7))]);
    let client = client_with(&fake, app(), &clock);

    // Many at once: one of them fetches, all use it.
    let scope = scope();
    let (a, b, c) = tokio::join!(
        client.get_runner(&scope, RunnerId(7)),
        client.get_runner(&scope, RunnerId(7)),
        client.get_runner(&scope, RunnerId(7))
    );
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert_eq!(fake.count(TOKENS), 1);

    clock.advance(SignedDuration::from_mins(54));
    client.get_runner(&scope, RunnerId(7)).await.unwrap();
    assert_eq!(fake.count(TOKENS), 1);
    clock.advance(SignedDuration::from_mins(2));
    client.get_runner(&scope, RunnerId(7)).await.unwrap();
    assert_eq!(fake.count(TOKENS), 2);
    let used: Vec<String> =
        fake.asked().into_iter().filter(|a| a.line == RUNNER).map(|a| a.authorization).collect();
    assert_eq!(used, ["Bearer first", "Bearer first", "Bearer first", "Bearer first", "Bearer second"]);
}

#[tokio::test]
async fn the_app_signs_for_itself_with_a_short_lived_token() {
    let fake = Fake::start().await;
    let clock = ManualClock::new(start());
    fake.on(INSTALLATION, [answer(200, &json!({"id": 5}))]);
    fake.on(TOKENS, [token("t", start() + SignedDuration::from_hours(1))]);
    fake.on(RUNNER, [answer(200, &runner(7))]);
    client_with(&fake, app(), &clock).get_runner(&scope(), RunnerId(7)).await.unwrap();
    let asked = fake.asked();
    let signed = asked.iter().find(|asked| asked.line == INSTALLATION).unwrap();
    let claims = claims(&signed.authorization);
    assert_eq!(claims["iat"], clock.now().as_second() - 60, "a minute back against skew");
    let life = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert!((480..=600).contains(&life), "GitHub takes ten minutes at most, counted from `iat`: {life}");
    assert_eq!(claims["iss"], "1");
    assert!(!claims["jti"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn the_app_with_most_budget_is_used_and_another_takes_over_at_a_limit() {
    let fake = Fake::start().await;
    let clock = ManualClock::new(start());
    let ends = start() + SignedDuration::from_hours(1);
    let reset = (start() + SignedDuration::from_mins(30)).as_second().to_string();
    // Both Apps sign with one key here; the installation tells them apart.
    let mut apps = [app_of(1), app_of(2)];
    apps[0].installation_id = Some(5);
    apps[1].installation_id = Some(6);
    fake.on(TOKENS, [token("one", ends)]);
    fake.on("POST /app/installations/6/access_tokens", [token("two", ends)]);
    let left = |answer: Answer, left: &str| {
        answer
            .header("x-ratelimit-limit", "5000")
            .header("x-ratelimit-remaining", left)
            .header("x-ratelimit-reset", reset.clone())
    };
    fake.on(
        RUNNER,
        [
            left(answer(200, &runner(7)), "10"),
            left(answer(200, &runner(7)), "90"),
            left(failure(403), "0"),
            left(answer(200, &runner(7)), "9"),
        ],
    );
    let client = client_with(&fake, Credentials::Apps(apps.into()), &clock);
    for _ in 0..3 {
        client.get_runner(&scope(), RunnerId(7)).await.unwrap();
    }
    let used: Vec<String> =
        fake.asked().into_iter().filter(|a| a.line == RUNNER).map(|a| a.authorization).collect();
    assert_eq!(used, ["Bearer one", "Bearer two", "Bearer two", "Bearer one"]);
}

#[tokio::test]
async fn an_app_that_is_not_installed_is_passed_over() {
    let fake = Fake::start().await;
    let client = client_with(&fake, app(), &ManualClock::new(start()));
    let error = client.get_runner(&scope(), RunnerId(7)).await.unwrap_err();
    assert!(matches!(error, Error::Auth { .. }), "{error}");
    client.get_runner(&scope(), RunnerId(7)).await.unwrap_err();
    assert_eq!(fake.count(INSTALLATION), 1, "the answer counts for a while");
}

#[tokio::test]
async fn a_token_that_was_revoked_is_replaced_once() {
    let fake = Fake::start().await;
    let ends = start() + SignedDuration::from_hours(1);
    fake.on(INSTALLATION, [answer(200, &json!({"id": 5}))]);
    fake.on(TOKENS, [token("revoked", ends), token("fresh", ends)]);
    fake.on(JIT, [failure(401), answer(201, &json!({"runner": runner(7), "encoded_jit_config": "c"}))]);
    let client = client_with(&fake, app(), &ManualClock::new(start()));
    register(&client).await.unwrap();
    assert_eq!((fake.count(TOKENS), fake.count(JIT)), (2, 2));
    fake.on(JIT, [failure(401)]);
    assert!(matches!(register(&client).await, Err(Error::Auth { .. })));
    assert_eq!(fake.count(JIT), 4, "a credential that is never good is tried once more, not for ever");
}

#[tokio::test]
async fn the_apps_own_token_is_reused_for_minutes_and_is_unique() {
    let fake = Fake::start().await;
    let clock = ManualClock::new(start());
    fake.on("GET /app", [answer(200, &json!({"id": 1, "name": "n"}))]);
    let client = client_with(&fake, app(), &clock);
    for minutes in [0, 6, 2] {
        clock.advance(SignedDuration::from_mins(minutes));
        client.app("1").await.unwrap();
    }
    let other = Client::new(config(&fake, app()), Arc::new(clock.clone()), Rng::from_seed(2)).unwrap();
    other.app("1").await.unwrap();
    let sent: Vec<String> = fake.asked().into_iter().map(|asked| asked.authorization).collect();
    assert_eq!(sent[0], sent[1]);
    assert_ne!(sent[1], sent[2]);
    assert_ne!(sent[2], sent[3], "equal tokens within one second have been refused");
}

fn claims(authorization: &str) -> Value {
    use base64::Engine;
    let middle = authorization.split('.').nth(1).unwrap();
    let text = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(middle).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn limits() -> Answer {
    answer(200, &json!({"resources": {"core": {"limit": 5000, "remaining": 4000, "reset": 1_800_000_000}}}))
}

fn installed(accounts: &[(u64, &str)]) -> Answer {
    let all: Vec<Value> =
        accounts.iter().map(|(id, login)| json!({"id": id, "account": {"login": login}})).collect();
    answer(200, &json!(all))
}

#[tokio::test]
async fn a_question_about_no_owner_uses_the_only_installation() {
    let fake = Fake::start().await;
    fake.on(INSTALLATIONS, [installed(&[(5, "acme")])]);
    fake.on(TOKENS, [token("t", start() + SignedDuration::from_hours(1))]);
    fake.on(LIMITS, [limits()]);
    let client = client_with(&fake, app(), &ManualClock::new(start()));
    for _ in 0..2 {
        assert_eq!(client.rate_limit(None).await.unwrap().buckets["core"].remaining, 4000);
    }
    assert_eq!(fake.count(INSTALLATIONS), 1, "the answer counts for a while");
}

#[tokio::test]
async fn several_installations_are_not_guessed_from() {
    let fake = Fake::start().await;
    let client = client_with(&fake, app(), &ManualClock::new(start()));
    fake.on(INSTALLATIONS, [installed(&[(5, "acme"), (6, "octo")])]);
    let error = client.rate_limit(None).await.unwrap_err();
    let said = error.to_string();
    assert!(matches!(error, Error::Auth { .. }), "{said}");
    assert!(said.contains("(acme, octo)") && said.contains("`installation_id`"), "{said}");
    fake.on(INSTALLATIONS, [installed(&[])]);
    let said = client.rate_limit(None).await.unwrap_err().to_string();
    assert!(said.contains("installed nowhere"), "{said}");
    assert_eq!(fake.count(LIMITS), 0);
}

#[tokio::test]
async fn an_app_asks_from_the_home_it_was_given() {
    let fake = Fake::start().await;
    fake.on("GET /repos/acme/tool/installation", [answer(200, &json!({"id": 5}))]);
    fake.on(TOKENS, [token("t", start() + SignedDuration::from_hours(1))]);
    fake.on(LIMITS, [limits()]);
    let mut at_home = app_of(1);
    at_home.home = Some(Scope::Repo("acme/tool".parse().unwrap()));
    let mut fixed = app_of(1);
    fixed.installation_id = Some(5);
    for credentials in [at_home, fixed] {
        let client = client_with(&fake, Credentials::Apps(vec![credentials]), &ManualClock::new(start()));
        client.rate_limit(None).await.unwrap();
    }
    assert_eq!(fake.count(INSTALLATIONS), 0);
    assert_eq!(fake.count("GET /repos/acme/tool/installation"), 1, "a fixed installation is not looked up");
}
