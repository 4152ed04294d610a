//! The API's behaviours, asked in the process; and once by the product's own client over loopback.

use super::*;
use crate::{
    Faults,
    world::{
        Finish, World,
        testing::{job, online, pass, register, repo, run_in, secs, start, world},
    },
};
use axum::http::Request;
use serde_json::{Value, json};
use trunkline_model::{SharedClock, clock::ManualClock};

struct Bed {
    api: Api,
    world: SharedWorld,
    faults: SharedFaults,
    clock: ManualClock,
}

fn bed(world: World) -> Bed {
    let clock = ManualClock::new(world.now());
    let shared: SharedClock = Arc::new(clock.clone());
    let (world, faults) = (SharedWorld::new(world, shared), SharedFaults::default());
    let config = HttpConfig { tokens: vec!["hush".into()], ..HttpConfig::default() };
    let api = Api::new(world.clone(), faults.clone(), "http://github", config);
    Bed { api, world, faults, clock }
}

/// An answer as assertions read it.
struct Seen {
    status: u16,
    answer: Answered,
    body: Value,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.answer.header(name).unwrap_or_default()
    }

    fn message(&self) -> &str {
        self.body["message"].as_str().unwrap_or_default()
    }
}

impl Bed {
    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Seen {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Self::seen(self.api.call(request.body(Body::empty()).unwrap()).await)
    }

    fn seen(answer: Answered) -> Seen {
        Seen { status: answer.status.as_u16(), body: answer.json(), answer }
    }

    async fn ask(&self, method: &str, path: &str, body: Value) -> Seen {
        let body = Some(&body).filter(|body| !body.is_null());
        Self::seen(self.api.ask(method.parse().unwrap(), path, "hush", body).await)
    }

    async fn get(&self, path: &str) -> Seen {
        self.ask("GET", path, Value::Null).await
    }
}

const RUNNERS: &str = "/repos/acme/torchlite/actions/runners";

#[tokio::test]
async fn runners_register_are_listed_and_removed_as_at_github() {
    let bed = bed(world());
    let order = json!({"name": "one", "runner_group_id": 1, "labels": ["linux"]});
    let made = bed.ask("POST", &format!("{RUNNERS}/generate-jitconfig"), order.clone()).await;
    assert_eq!((made.status, &made.body["runner"]["status"]), (201, &json!("offline")));
    let jit = crate::jit::Jit::decode(made.body["encoded_jit_config"].as_str().unwrap()).unwrap();
    assert_eq!(jit.server, "http://github");
    let again = bed.ask("POST", &format!("{RUNNERS}/generate-jitconfig"), order).await;
    assert_eq!(again.status, 409);
    assert!(again.message().contains("already exists"));
    let missing = bed.ask("POST", &format!("{RUNNERS}/generate-jitconfig"), json!({"name": "two"})).await;
    assert_eq!((missing.status, missing.message().contains("runner_group_id")), (422, true));

    bed.world.with(|world| {
        world.connect_runner(&jit, true).unwrap();
        let run = run_in(world, Finish::WithJobs);
        job(world, run, "build", &["linux"]);
    });
    let listed = bed.get(RUNNERS).await;
    assert_eq!((&listed.body["total_count"], &listed.body["runners"][0]["busy"]), (&json!(1), &json!(true)));
    let own = format!("{RUNNERS}/{}", jit.runner);
    let refused = bed.ask("DELETE", &own, Value::Null).await;
    assert_eq!((refused.status, refused.message().contains("still running a job")), (422, true));
    bed.clock.advance(secs(300));
    assert_eq!(bed.get(&own).await.status, 404, "it is gone with its job");
    assert_eq!(bed.ask("DELETE", &own, Value::Null).await.status, 404);
    assert_eq!(bed.get("/orgs/ACME/actions/runners").await.body["total_count"], 0);
    assert_eq!(bed.get("/orgs/other/actions/runners").await.status, 404);
}

#[tokio::test]
async fn lists_come_in_pages_with_links() {
    let mut world = world();
    for number in 0..5 {
        register(&mut world, &format!("r{number}"), &["linux"]);
    }
    let bed = bed(world);
    let (mut path, mut names) = (format!("{RUNNERS}?per_page=2"), vec![]);
    loop {
        let page = bed.get(&path).await;
        assert_eq!(page.body["total_count"], 5);
        let runners = page.body["runners"].as_array().unwrap();
        names.extend(runners.iter().map(|runner| runner["name"].as_str().unwrap().to_owned()));
        let Some(next) = page.answer.next_page() else { break };
        path = next.to_owned();
        assert!(page.header("link").ends_with("rel=\"next\"") && path.contains("per_page=2"));
    }
    assert_eq!(names, ["r0", "r1", "r2", "r3", "r4"]);
}

#[tokio::test]
async fn each_bucket_has_its_own_limit_and_an_unchanged_answer_is_free() {
    let mut config = world().config().clone();
    (config.core_limit, config.registration_limit) = (3, 1);
    let mut world = World::new(config, start());
    world.add_repo(&repo(), "main".parse().unwrap());
    let bed = bed(world);
    let first = bed.get(RUNNERS).await;
    assert_eq!((first.status, first.header("x-ratelimit-remaining")), (200, "2"));
    let tag = first.header("etag").to_owned();
    let known = [("authorization", "Bearer hush"), ("if-none-match", tag.as_str())];
    let same = bed.send("GET", RUNNERS, &known).await;
    assert_eq!((same.status, same.header("x-ratelimit-remaining")), (304, "2"));
    bed.world.with(|world| register(world, "new", &["linux"]));
    let changed = bed.send("GET", RUNNERS, &known).await;
    assert_eq!((changed.status, changed.header("x-ratelimit-remaining")), (200, "1"));
    bed.get(RUNNERS).await;
    let refused = bed.get(RUNNERS).await;
    assert_eq!((refused.status, refused.header("x-ratelimit-remaining")), (403, "0"));
    assert!(refused.message().contains("rate limit"));
    let reset: i64 = refused.header("x-ratelimit-reset").parse().unwrap();
    assert_eq!(reset, start().as_second() + 3_600);
    assert_eq!(bed.get("/rate_limit").await.body["resources"]["core"]["remaining"], 0);

    let order = |name: &str| json!({"name": name, "runner_group_id": 1, "labels": ["x"]});
    let path = format!("{RUNNERS}/generate-jitconfig");
    let other = bed.ask("POST", &path, order("a")).await;
    assert_eq!((other.status, other.header("x-ratelimit-resource")), (201, "actions_runner_registration"));
    assert_eq!(bed.ask("POST", &path, order("b")).await.status, 403);
    bed.clock.advance(secs(3_600));
    assert_eq!(bed.get(RUNNERS).await.status, 200);
}

#[tokio::test]
async fn a_secondary_limit_says_how_long_to_wait() {
    let bed = bed(world());
    bed.faults.set(Faults { rate_limited: true, retry_after_seconds: Some(90), ..Faults::default() });
    let refused = bed.get(RUNNERS).await;
    assert_eq!((refused.status, refused.header("retry-after")), (403, "90"));
    assert!(refused.message().contains("secondary rate limit"));
    bed.faults.set(Faults::default());
    assert_eq!(bed.get(RUNNERS).await.status, 200);
}

#[tokio::test]
async fn faults_answer_in_place_of_github() {
    let bed = bed(world());
    bed.faults.set(Faults { outage: true, ..Faults::default() });
    assert_eq!(bed.get(RUNNERS).await.status, 503);
    bed.faults.set(Faults { server_errors: 0.5, ..Faults::default() });
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..40 {
        seen.insert(bed.get(RUNNERS).await.status);
    }
    assert_eq!(seen, [200, 502].into());
    let until = start() + secs(60);
    let planned = json!({"outage_from": start() + secs(30), "outage_until": until});
    assert_eq!(bed.ask("POST", "/_sim/faults", planned).await.status, 200);
    assert_eq!(bed.get(RUNNERS).await.status, 200);
    bed.clock.advance(secs(30));
    assert_eq!(bed.get(RUNNERS).await.status, 503);
    bed.clock.advance(secs(30));
    assert_eq!(bed.get(RUNNERS).await.status, 200);
}

#[tokio::test]
async fn only_known_tokens_are_let_in_and_the_app_gets_one() {
    let bed = bed(world());
    assert_eq!(bed.send("GET", RUNNERS, &[]).await.status, 401);
    assert_eq!(bed.send("GET", RUNNERS, &[("authorization", "Bearer guess")]).await.status, 401);
    assert_eq!(bed.get("/app").await.status, 401, "a token is not the App");
    let jwt = jwt(start().as_second());
    let as_app = [("authorization", jwt.as_str())];
    let installed = bed.send("GET", "/repos/acme/torchlite/installation", &as_app).await;
    let path = format!("/app/installations/{}/access_tokens", installed.body["id"]);
    let minted = bed.send("POST", &path, &as_app).await;
    let bearer = format!("Bearer {}", minted.body["token"].as_str().unwrap());
    let as_installation = [("authorization", bearer.as_str())];
    assert_eq!(bed.send("GET", RUNNERS, &as_installation).await.status, 200);
    bed.clock.advance(secs(3_601));
    assert_eq!(bed.send("GET", RUNNERS, &as_installation).await.status, 401, "it ran out");
}

/// A token of the App with a signature that nobody checks.
fn jwt(now: i64) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({"iss": "4242", "iat": now - 60, "exp": now + 540});
    format!("Bearer {}.{}.c2ln", part(json!({"alg": "RS256"})), part(claims))
}

#[tokio::test]
async fn deliveries_are_recorded_shown_and_sent_again() {
    let bed = bed(world());
    let mailbox = crate::Mailbox::new(bed.world.clone(), bed.faults.clone());
    bed.world.with(|world| {
        for _ in 0..5 {
            run_in(world, Finish::WithJobs);
        }
    });
    for (number, departure) in mailbox.take_due().into_iter().enumerate() {
        let status = if number == 1 { 0 } else { 202 };
        mailbox.record(departure.webhook, status, SignedDuration::ZERO);
    }
    let hook = "/repos/acme/torchlite/hooks/601/deliveries";
    let page = bed.get(&format!("{hook}?per_page=3")).await;
    let list = page.body.as_array().unwrap();
    assert_eq!(list.len(), 3);
    assert!(page.header("link").contains("cursor=v1_"), "newer attempts do not move what was seen");
    let next = page.answer.next_page().unwrap().to_owned();
    run_and_record(&bed, &mailbox);
    let older = bed.get(&next).await;
    let failed = &older.body[0];
    assert_eq!((&failed["status_code"], &failed["event"]), (&json!(0), &json!("workflow_run")));
    let one = bed.get(&format!("{hook}/{}", failed["id"])).await;
    assert_eq!(one.body["request"]["payload"]["action"], "requested");
    let again = bed.ask("POST", &format!("{hook}/{}/attempts", failed["id"]), Value::Null).await;
    assert_eq!(again.status, 202);
    let sent = mailbox.take_due();
    assert_eq!((sent.len(), sent[0].webhook.guid.as_str()), (1, failed["guid"].as_str().unwrap()));
    assert_eq!(bed.get("/repos/acme/torchlite/hooks/7/deliveries").await.status, 404);
    assert_eq!(bed.ask("POST", &format!("{hook}/1/attempts"), Value::Null).await.status, 404);
}

fn run_and_record(bed: &Bed, mailbox: &crate::Mailbox) {
    bed.world.with(|world| run_in(world, Finish::WithJobs));
    for departure in mailbox.take_due() {
        mailbox.record(departure.webhook, 202, SignedDuration::ZERO);
    }
}

#[tokio::test]
async fn runs_jobs_and_logs_are_shown() {
    let mut world = world();
    let run = run_in(&mut world, Finish::WithJobs);
    let build = job(&mut world, run, "build", &["linux"]);
    let base = "/repos/acme/torchlite/actions";
    online(&mut world, "one", &["linux"]);
    let bed = bed(world);
    assert_eq!(bed.get(&format!("{base}/runs?status=queued")).await.body["total_count"], 0);
    assert_eq!(bed.get(&format!("{base}/runs?status=in_progress")).await.body["total_count"], 1);
    let jobs = bed.get(&format!("{base}/runs/{run}/jobs")).await;
    assert_eq!(
        (&jobs.body["jobs"][0]["id"], jobs.body["jobs"].as_array().unwrap().len()),
        (&json!(build), 1)
    );
    assert_eq!(bed.get(&format!("{base}/jobs/{build}/logs")).await.status, 404, "it still runs");
    bed.world.with(|world| pass(world, secs(300)));
    let log = bed.get(&format!("{base}/jobs/{build}/logs")).await;
    assert_eq!(log.status, 302);
    assert_eq!(log.header("location"), format!("http://github/_sim/logs/{build}"));
    assert_eq!(bed.get(&format!("/repos/acme/other/actions/jobs/{build}")).await.status, 404);
}

#[tokio::test]
async fn files_come_encoded_or_raw() {
    let mut world = world();
    world.put_file(&repo(), ".github/scale-config.yml", "runner_types: {}\n").unwrap();
    let bed = bed(world);
    let path = "/repos/acme/torchlite/contents/.github/scale-config.yml";
    let file = bed.get(path).await;
    assert_eq!((&file.body["encoding"], &file.body["size"]), (&json!("base64"), &json!(17)));
    let raw = [("authorization", "Bearer hush"), ("accept", "application/vnd.github.raw+json")];
    let request = raw.iter().fold(Request::builder().uri(path), |r, (name, value)| r.header(*name, *value));
    let text = bed.api.call(request.body(Body::empty()).unwrap()).await.body;
    assert_eq!(text, "runner_types: {}\n");
    assert_eq!(bed.get("/repos/acme/torchlite/contents/none").await.status, 404);
}

#[tokio::test]
async fn the_program_of_a_runner_works_one_job_off() {
    use crate::runner::{Ended, run};
    let (mut made, pace) = (world(), Pace::new(600));
    let (_, jit) = register(&mut made, "late", &["windows"]);
    let clock: SharedClock = Arc::new(trunkline_model::clock::AcceleratedClock::new(
        Arc::new(trunkline_model::SystemClock),
        made.now(),
        600,
    ));
    let world = SharedWorld::new(made, clock);
    let config = HttpConfig { pace, runner_idle: secs(120), ..HttpConfig::default() };
    let github =
        FakeGitHub::start(world.clone(), SharedFaults::default(), "127.0.0.1:0".parse().unwrap(), config)
            .await
            .unwrap();
    let register = |name: &str| {
        world.with(|world| {
            let labels = ["linux".parse().unwrap()];
            let scope = crate::world::testing::scope();
            world.register_runner(&scope, &name.parse().unwrap(), 1, &labels, github.url()).unwrap()
        })
    };
    let (works, idles, removed) = (register("works"), register("idles"), register("removed"));
    let first = world.with(|world| {
        let run = run_in(world, Finish::WithJobs);
        job(world, run, "build", &["linux"])
    });
    let ended = run(&works.jit.encode()).await.unwrap();
    assert_eq!(ended, Ended::JobDone(first, trunkline_model::Conclusion::Success));
    let log = world.with(|world| world.job(first).unwrap().log().unwrap());
    assert!(log.contains("Job ended: success"), "{log}");
    assert_eq!(run(&idles.jit.encode()).await.unwrap(), Ended::Idle);
    world.with(|world| world.delete_runner(&crate::world::testing::scope(), removed.id)).unwrap();
    assert_eq!(run(&removed.jit.encode()).await.unwrap(), Ended::Removed);
    assert!(run("no configuration").await.is_err());
    let elsewhere = crate::jit::Jit { server: github.url().to_owned(), secret: "guess".into(), ..jit };
    assert!(run(&elsewhere.encode()).await.is_err());
    github.stop().await;
}

#[tokio::test]
async fn a_fake_github_is_for_this_machine_only() {
    let bed = bed(world());
    let open = "0.0.0.0:0".parse().unwrap();
    assert!(FakeGitHub::start(bed.world, bed.faults, open, HttpConfig::default()).await.is_err());
}
