use super::*;
use crate::engine::script::{Answer, Fake, answer};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::sync::Arc;
use trunkline_github::client::{AppCredentials, ClientConfig, Credentials};
use trunkline_model::{ManualClock, Rng};

const KEY: &str = include_str!("../../../../github/tests/data/test-app-key.pem");

fn now() -> Timestamp {
    "2026-01-05T12:00:00Z".parse().unwrap()
}

fn clock() -> SharedClock {
    Arc::new(ManualClock::new(now()))
}

fn hours(ago: i64) -> Timestamp {
    now() - SignedDuration::from_hours(ago)
}

/// A scripted GitHub, a client with an App that is installed at `acme`, and an empty log.
struct World {
    fake: Fake,
    client: Client,
    store: Store,
    _folder: tempfile::TempDir,
}

impl World {
    async fn start() -> Self {
        let fake = Fake::start().await;
        for place in ["orgs/acme", "repos/acme/tool"] {
            fake.on(&format!("GET /{place}/installation"), [answer(200, &json!({"id": 5}))]);
        }
        let token = json!({"token": "installed", "expires_at": "2100-01-01T00:00:00Z"});
        fake.on("POST /app/installations/5/access_tokens", [answer(201, &token)]);
        let app = AppCredentials::new(1, SecretString::from(KEY));
        let mut config = ClientConfig::new(fake.base.parse().unwrap(), Credentials::Apps(vec![app]));
        config.max_retries = 0;
        let client = Client::new(config, clock(), Rng::from_seed(1)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_sqlite(folder.path().join("state.sqlite"), &clock()).await.unwrap();
        Self { fake, client, store, _folder: folder }
    }

    /// The log has this delivery, as if its webhook had arrived.
    async fn arrived(&self, guid: &str) {
        let event = NewEvent {
            source: intake::SOURCE.into(),
            kind: "push".into(),
            dedupe_key: Some(guid.into()),
            received_at: now(),
            headers: [].into(),
            body: "{}".into(),
        };
        self.store.append(vec![event]).await.unwrap();
    }

    async fn look(&self, hook: &Hook) -> Result<Found> {
        look(&self.client, &self.store, hook, hours(24), now()).await
    }

    /// What looks have stored: id, event, body.
    async fn stored(&self) -> Vec<(String, String, String)> {
        let all = self.store.events(0, 1000).await.unwrap();
        let found = all.into_iter().filter(|event| event.headers.contains_key("via"));
        let text = |event: trunkline_store::Event| {
            let body = String::from_utf8(event.body.to_vec()).unwrap();
            (event.dedupe_key.unwrap(), event.kind, body)
        };
        found.map(text).collect()
    }
}

fn attempt(id: u64, guid: &str, at: Timestamp, status: &str) -> Value {
    json!({"id": id, "guid": guid, "delivered_at": at.to_string(), "status": status, "event": "workflow_job"})
}

fn detail(id: u64, guid: &str, payload: &Value) -> Answer {
    let mut attempt = attempt(id, guid, now(), "failed");
    attempt["request"] = json!({"headers": {}, "payload": payload});
    answer(200, &attempt)
}

fn kinds() -> [(Hook, &'static str); 3] {
    [
        (Hook::App("1".into()), "/app/hook/deliveries"),
        (Hook::Repo("acme/tool".parse().unwrap(), 7), "/repos/acme/tool/hooks/7/deliveries"),
        (Hook::Org("acme".into(), 8), "/orgs/acme/hooks/8/deliveries"),
    ]
}

#[tokio::test]
async fn gaps_of_every_kind_of_webhook_are_stored_once() {
    for (hook, path) in kinds() {
        let world = World::start().await;
        world.arrived("arrived").await;
        let first = json!([
            attempt(9, "GAP-1", hours(1), "OK"),
            attempt(8, "arrived", hours(2), "timed out"),
            attempt(7, "gap-1", hours(3), "timed out"),
        ]);
        // The same delivery on two pages, another gap, and one before the time that is asked for.
        let second = json!([
            attempt(6, "gap-1", hours(4), "timed out"),
            attempt(5, "gap-2", hours(5), "timed out"),
            attempt(4, "old", hours(30), "timed out"),
        ]);
        let next = format!("<{}{path}?per_page=100&cursor=c2>; rel=\"next\"", world.fake.base);
        let third = next.replace("c2", "c3");
        world.fake.on(&format!("GET {path}"), [answer(200, &first).header("link", next)]);
        world
            .fake
            .on(&format!("GET {path}?per_page=100&cursor=c2"), [answer(200, &second).header("link", third)]);
        world.fake.on(&format!("GET {path}/9"), [detail(9, "GAP-1", &json!({"b": 1, "a": [2]}))]);
        world.fake.on(&format!("GET {path}/5"), [detail(5, "gap-2", &json!({"n": 2}))]);

        let found = world.look(&hook).await.unwrap();
        let expected = Found { looked_at: 3, missing: 2, stored: 2, lost: 0, complete: true };
        assert_eq!(found, expected, "{hook}");
        let job = "workflow_job".to_string();
        let gap = |guid: &str, body: &str| (guid.to_string(), job.clone(), body.to_string());
        // The payload as GitHub sent it: key order is kept.
        assert_eq!(
            world.stored().await,
            [gap("gap-1", &json!({"b": 1, "a": [2]}).to_string()), gap("gap-2", r#"{"n":2}"#)]
        );

        let again = world.look(&hook).await.unwrap();
        assert_eq!(again, Found { missing: 0, stored: 0, ..expected }, "{hook}");
        assert_eq!(world.stored().await.len(), 2);
        let fetched = ["/9", "/8", "/7", "/6", "/5", "/4", "?per_page=100&cursor=c3"];
        let fetched = fetched.map(|rest| world.fake.count(&format!("GET {path}{rest}")));
        assert_eq!(fetched, [1, 0, 0, 0, 1, 0, 0], "{hook}: only gaps, once, and no page past the time");

        let asked = world.fake.asked();
        let listing = asked.iter().find(|asked| asked.line.starts_with(&format!("GET {path}"))).unwrap();
        let signed = listing.authorization.split('.').count() == 3;
        assert_eq!(signed, matches!(hook, Hook::App(_)), "an App's record is for the App itself");
    }
}

#[tokio::test]
async fn what_github_has_dropped_does_not_stop_the_rest() {
    let world = World::start().await;
    let (hook, path) = (Hook::App("1".into()), "GET /app/hook/deliveries");
    let listed = [("gone", 3u32), ("empty", 2), ("here", 1)];
    let listed: Vec<Value> =
        listed.map(|(guid, id)| attempt(id.into(), guid, hours(id.into()), "failed")).into();
    world.fake.on(path, [answer(200, &json!(listed))]);
    world.fake.on(&format!("{path}/2"), [detail(2, "empty", &Value::Null)]);
    world.fake.on(&format!("{path}/1"), [detail(1, "here", &json!({"n": 1}))]);
    let found = world.look(&hook).await.unwrap();
    assert_eq!(found, Found { looked_at: 3, missing: 3, stored: 1, lost: 2, complete: true });
    assert_eq!(world.stored().await[0].0, "here");
}

#[tokio::test]
async fn a_look_is_bounded_and_the_next_goes_on() {
    let world = World::start().await;
    let (hook, path) = (Hook::App("1".into()), "GET /app/hook/deliveries");
    let listed: Vec<Value> = (1..=5).map(|id| attempt(id, &format!("g{id}"), hours(1), "failed")).collect();
    for id in 1..=5 {
        world.fake.on(&format!("{path}/{id}"), [detail(id, "", &json!({"n": id}))]);
    }
    // A record that never ends.
    let next = format!("<{}/app/hook/deliveries?cursor=x>; rel=\"next\"", world.fake.base);
    world.fake.on(path, [answer(200, &json!(listed)).header("link", next)]);
    let bounds = Bounds { pages: 3, fetched: 2 };
    let mut stored = vec![];
    for _ in 0..3 {
        let found = look_through(&OfHook(&world.client, &hook), &world.store, hours(24), now(), bounds)
            .await
            .unwrap();
        assert!(!found.complete);
        stored.push(found.stored);
    }
    assert_eq!(stored, [2, 2, 1]);
    assert_eq!(world.stored().await.len(), 5);
    assert_eq!(world.fake.count(&format!("{path}?")), 1 + 1 + 3, "pages of the three looks");
}

#[tokio::test]
async fn a_limit_ends_the_look_and_keeps_what_is_stored() {
    let world = World::start().await;
    let (hook, path) = (Hook::Org("acme".into(), 8), "GET /orgs/acme/hooks/8/deliveries");
    let listed = json!([attempt(2, "later", hours(1), "failed"), attempt(1, "first", hours(2), "failed")]);
    world.fake.on(path, [answer(200, &listed)]);
    world.fake.on(&format!("{path}/1"), [detail(1, "first", &json!({"n": 1}))]);
    let limit = answer(403, &json!({"message": "You have exceeded a secondary rate limit."}));
    world.fake.on(&format!("{path}/2"), [limit]);
    let error = format!("{:#}", world.look(&hook).await.unwrap_err());
    assert!(error.contains("webhook 8 of acme") && error.contains("rate limit"), "{error}");
    assert_eq!(world.stored().await.len(), 1);
}

#[tokio::test]
async fn a_turn_goes_on_from_the_last_and_one_webhook_does_not_stop_another() {
    let world = World::start().await;
    let path = "GET /app/hook/deliveries";
    let listed = json!([attempt(2, "new", hours(0), "OK"), attempt(1, "old", hours(70), "OK")]);
    world.fake.on(path, [answer(200, &listed)]);
    for id in [1, 2] {
        world.fake.on(&format!("{path}/{id}"), [detail(id, "", &json!({"n": id}))]);
    }
    // GitHub knows no webhook 8 here.
    let hooks = vec![Hook::Org("acme".into(), 8), Hook::App("1".into())];
    let mut looker = Looker::new(&world.client, &world.store, hooks);
    let first = looker.turn(now()).await;
    assert_eq!((first.found.looked_at, first.found.stored, first.errors.len()), (2, 2, 1));
    let run = first.report(Duration::from_secs(1));
    assert_eq!((run.decided, run.done, run.refused), (2, 2, 1));
    assert!(run.why.contains("webhook 8 of acme"), "{}", run.why);
    let second = looker.turn(now() + SignedDuration::from_mins(10)).await;
    assert_eq!((second.found.looked_at, second.found.stored), (1, 0), "only since the last look");
}
