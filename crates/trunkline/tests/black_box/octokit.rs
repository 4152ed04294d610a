//! The main job on real input: every webhook example GitHub publishes.

use crate::{
    installation, rows,
    send::{all, get, metric, settled},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    net::SocketAddr,
};
use trunkline_bench::{
    deliveries::{self, Example, delivery_id, request},
    program::Installation,
};

/// The examples of all GitHub versions; nothing, with a message, when they are not there.
pub(crate) fn examples() -> Option<Vec<Example>> {
    let Some(folder) = deliveries::folder() else {
        assert!(std::env::var_os("TRUNKLINE_REQUIRE_TOOLS").is_none(), "run `cargo xtask setup` first");
        println!("skipped: GitHub's webhook examples are not there; `cargo xtask setup` fetches them");
        return None;
    };
    Some(deliveries::examples(&folder, true).unwrap())
}

fn requests(examples: &[Example]) -> Vec<Vec<u8>> {
    (0_u64..)
        .zip(examples)
        .map(|(n, example)| request(&example.event, &delivery_id(1, n), &example.body))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_is_accepted_stored_once_and_shown() {
    let Some(examples) = examples() else { return };
    assert!(examples.len() > 700, "{} examples", examples.len());
    let place = installation("");
    let program = place.start().unwrap();
    let address = program.address();

    let answers = all(address, requests(&examples), 8).await;
    let mut numbers = BTreeSet::new();
    for (example, answer) in examples.iter().zip(&answers) {
        let said = answer.json();
        assert_eq!(
            (answer.status, &said["duplicate"]),
            (202, &Value::Bool(false)),
            "{}: {said}",
            example.from
        );
        assert!(numbers.insert(said["seq"].as_i64().unwrap()), "{}: {said}", example.from);
    }
    // Again: the same places in the log, nothing more.
    let again = all(address, requests(&examples), 8).await;
    for ((example, first), second) in examples.iter().zip(&answers).zip(&again) {
        let said = second.json();
        assert_eq!(
            (second.status, &said["duplicate"]),
            (202, &Value::Bool(true)),
            "{}: {said}",
            example.from
        );
        assert_eq!(said["seq"], first.json()["seq"], "{}", example.from);
    }
    let count = examples.len();
    assert_eq!(settled(address).await, i64::try_from(count).unwrap());
    for (name, value) in [
        ("trunkline_intake_deliveries_total{outcome=\"stored\"}", count),
        ("trunkline_intake_deliveries_total{outcome=\"duplicate\"}", count),
        ("trunkline_projector_events_total", count),
        ("trunkline_projector_unreadable_events_total", 0),
    ] {
        assert_eq!(metric(address, name).await, value as f64, "{name}");
    }
    every_job_has_a_page(address, &examples).await;
    let log = program.stop().unwrap();
    assert_no_complaints(&log);
    let counts = rows::counts(&place.data());
    for (table, keys) in expected(&examples) {
        assert_eq!(counts[table], keys.len(), "{table}: {keys:?}");
    }
    assert_eq!(rows::doubled(&place.data()), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn replayed_deliveries_give_the_same_rows() {
    let Some(examples) = examples() else { return };
    let sent = installation("");
    let program = sent.start().unwrap();
    // In the order of the replay, and what is alike in two versions of GitHub under one id, as there.
    let requests = examples.iter().map(|e| request(&e.event, &id_of_content(e), &e.body)).collect();
    all(program.address(), requests, 1).await;
    let in_log = settled(program.address()).await;
    program.stop().unwrap();

    let replayed = installation("");
    let program = replayed.start().unwrap();
    let first = replay(&replayed, program.address());
    let count = examples.len() as u64;
    assert_eq!((first.sent, first.accepted), (count, count));
    let last = settled(program.address()).await;
    assert_eq!((last, first.duplicates), (in_log, count - u64::try_from(last).unwrap()));
    assert_eq!(replay(&replayed, program.address()).duplicates, count);
    assert_eq!(settled(program.address()).await, last);
    assert_no_complaints(&program.stop().unwrap());

    let (one, other) = (rows::dump(&sent.data()), rows::dump(&replayed.data()));
    assert!(one.values().all(|rows| !rows.is_empty()), "{:?}", one.iter().map(|(t, r)| (t, r.len())));
    for (table, rows) in &one {
        assert_eq!(rows.len(), other[table].len(), "{table}");
        for (row, other) in rows.iter().zip(&other[table]) {
            assert_eq!(row, other, "{table}");
        }
    }
}

fn id_of_content(example: &Example) -> String {
    let mut hasher = DefaultHasher::new();
    let place = example.from.split(": ").nth(1);
    (place, &example.body).hash(&mut hasher);
    delivery_id(hasher.finish(), 0)
}

#[derive(Default)]
struct Replayed {
    sent: u64,
    accepted: u64,
    duplicates: u64,
}

/// `trunkline --json replay` of each version's folder.
fn replay(place: &Installation, address: SocketAddr) -> Replayed {
    let url = format!("http://{address}/webhooks/github");
    let mut all = Replayed::default();
    for version in deliveries::VERSIONS {
        let folder = deliveries::folder().unwrap().join(version);
        let output = place.command().args(["--json", "replay", "--url", &url]).arg(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(said["refused"], Value::Array(vec![]));
        all.sent += said["sent"].as_u64().unwrap();
        all.accepted += said["accepted"].as_u64().unwrap();
        all.duplicates += said["duplicates"].as_u64().unwrap();
    }
    all
}

fn assert_no_complaints(log: &[String]) {
    let complaints: Vec<_> = log.iter().filter(|l| l.contains(" WARN ") || l.contains(" ERROR ")).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// What must be rows, read from the payloads without the product's own reader: keys per table.
fn expected(examples: &[Example]) -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut keys: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
    let rules = [
        ("workflow_job", "jobs", "workflow_job/id"),
        ("workflow_run", "runs", "workflow_run/id"),
        ("pull_request", "pull_requests", "pull_request/number"),
        ("check_run", "check_runs", "check_run/id"),
        ("issue_comment", "issue_comments", "comment/id"),
        ("pull_request_review", "reviews", "review/id"),
    ];
    for example in examples {
        let payload: Value = serde_json::from_slice(&example.body).unwrap();
        let text = |pointer: &str| {
            let value = payload.pointer(&format!("/{pointer}"));
            value.unwrap_or_else(|| panic!("{}: no {pointer}", example.from)).to_string()
        };
        for (event, table, id) in rules {
            if example.event == event {
                keys.entry(table).or_default().insert(format!(
                    "{} {}",
                    text("repository/full_name"),
                    text(id)
                ));
            }
        }
        if example.event == "push" {
            let key = ["repository/full_name", "ref", "before", "after"].map(text).join(" ");
            keys.entry("pushes").or_default().insert(key);
        }
    }
    assert_eq!(keys.len(), rules.len() + 1, "{:?}", keys.keys());
    keys
}

/// Over the API, as the pages ask.
async fn every_job_has_a_page(address: SocketAddr, examples: &[Example]) {
    let mut seen = 0;
    for example in examples.iter().filter(|example| example.event == "workflow_job") {
        let payload: Value = serde_json::from_slice(&example.body).unwrap();
        let (repo, job) = (payload["repository"]["full_name"].as_str().unwrap(), &payload["workflow_job"]);
        let path = format!("/api/v1/repos/{repo}/commits/{}", job["head_sha"].as_str().unwrap());
        let page = get(address, &path).await.json();
        let jobs = page["jobs"].as_array().unwrap();
        assert!(jobs.iter().any(|shown| shown["id"] == job["id"]), "{}: {page}", example.from);
        seen += 1;
    }
    assert!(seen > 8, "{seen}");
}
