//! `kill -9` at fifty random moments under load: no acknowledged delivery is lost, none is applied twice.
//!
//! Senders deliver jobs in three steps and, now and then, something they have delivered before. Whatever was answered 202
//! must keep its place in the log for ever. `TRUNKLINE_TEST_SEED` repeats a run's moments, as far as time can be repeated.

use crate::{
    installation, rows,
    send::{get, settled},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};
use tokio::task::JoinSet;
use trunkline_bench::{
    deliveries::{delivery_id, request},
    http::Connection,
    program::Installation,
};
use trunkline_model::{Rng, SharedClock, SystemClock};
use trunkline_store::{Event, Store};

const KILLS: u32 = 50;
const SENDERS: u64 = 6;
/// The cursors that consumers have in the log.
const CURSORS: [&str; 2] = ["warehouse", "fleet"];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_on_sqlite() {
    let place = installation("");
    let path = place.data().join("state.sqlite");
    run(place, async |clock| Store::open_sqlite(&path, &clock).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_on_postgres() {
    let Some(database) = trunkline_store::testing::database().await else { return };
    let place = installation("postgres = { file = \"postgres-url\" }");
    std::fs::write(place.folder().join("postgres-url"), &database.url).unwrap();
    run(place, async |clock| Store::open_postgres(&database.url, &clock).await.unwrap()).await;
}

/// A delivery: what was sent, and the place in the log it was answered to have.
#[derive(Debug, Clone)]
struct Sent {
    number: u64,
    seq: Option<i64>,
    /// Whether an answer said that it was new.
    stored: bool,
}

/// What the senders share.
#[derive(Debug, Clone, Default)]
struct Book(Arc<Mutex<Vec<Sent>>>);

impl Book {
    fn lock(&self) -> MutexGuard<'_, Vec<Sent>> {
        self.0.lock().expect("a sender failed before")
    }

    /// A new delivery, or an old one again.
    fn next(&self, rng: &mut Rng) -> u64 {
        let mut book = self.lock();
        if rng.chance(0.15)
            && let Some(old) = rng.pick(&book)
        {
            return old.number;
        }
        let number = book.len() as u64;
        book.push(Sent { number, seq: None, stored: false });
        number
    }

    /// Notes an answer; fails when it contradicts an earlier one: the place never changes, and is given once.
    fn answered(&self, number: u64, answer: &Value) {
        let (seq, duplicate) = (answer["seq"].as_i64().unwrap(), answer["duplicate"].as_bool().unwrap());
        let sent = &mut self.lock()[usize::try_from(number).unwrap()];
        // Of two that send the same at a time, either may hear of it first.
        let contradicts = sent.seq.is_some_and(|before| before != seq) || (sent.stored && !duplicate);
        assert!(!contradicts, "delivery {number}: {sent:?}, and now {answer}");
        sent.seq = Some(seq);
        sent.stored |= !duplicate;
    }

    fn newest(&self) -> i64 {
        self.lock().iter().filter_map(|sent| sent.seq).max().unwrap_or(0)
    }
}

/// Every job is delivered as queued, running and finished: delivery `n` has step `n % 3` of job `n / 3`.
fn body(number: u64) -> Vec<u8> {
    let (job, step) = (number / 3, number % 3);
    let (status, conclusion) = [("queued", None), ("in_progress", None), ("completed", Some("success"))]
        [usize::try_from(step).unwrap()];
    let payload = json!({
        "action": status,
        "workflow_job": {
            "id": 1_000_000 + job, "run_id": 500 + job / 40, "run_attempt": 1, "workflow_name": "pull",
            "name": format!("linux / test (default, {}, 40)", job % 40), "head_sha": format!("{:040x}", 0xabc + job / 40),
            "head_branch": "main", "status": status, "conclusion": conclusion, "labels": ["ubuntu-latest"],
            "created_at": "2026-03-01T10:00:00Z", "started_at": "2026-03-01T10:01:00Z",
            "completed_at": conclusion.map(|_| "2026-03-01T10:30:00Z"), "steps": [],
        },
        "repository": {"full_name": "octo-org/kilted"},
        "padding": "x".repeat(2_000),
    });
    serde_json::to_vec(&payload).unwrap()
}

fn id(number: u64) -> String {
    delivery_id(0x6b69_6c6c, number)
}

async fn send(address: SocketAddr, book: Book, mut rng: Rng) {
    let Ok(mut connection) = Connection::open(address).await else { return };
    loop {
        let number = book.next(&mut rng);
        // The kill comes some time: then the delivery may be there or not.
        let Ok(answer) = connection.ask(&request("workflow_job", &id(number), &body(number))).await else {
            return;
        };
        assert_eq!(answer.status, 202, "{}", answer.json());
        book.answered(number, &answer.json());
    }
}

/// The fleet watches the jobs too; it needs no runner for them, and its GitHub is not there.
fn with_fleet(place: &Installation) {
    let scale = "runner_types:\n  linux.small:\n    instance_type: process\n    os: linux\n    max_available: 4\n    disk_size: 10\n    is_ephemeral: true\n";
    std::fs::write(place.folder().join("scale-config.yml"), scale).unwrap();
    std::fs::write(place.folder().join("token"), "none").unwrap();
    place
        .configure(|text| {
            format!(
                "{text}api_url = \"http://127.0.0.1:9/\"\ntoken = {{ file = \"token\" }}\nredeliver_minutes = 0\n\n[fleet]\n\
                 scale_config = \"scale-config.yml\"\nrepository = \"octo-org/kilted\"\ncommand = [\"true\"]\n"
            )
        })
        .unwrap();
}

async fn run(place: Installation, open: impl AsyncFn(SharedClock) -> Store) {
    let seed = std::env::var("TRUNKLINE_TEST_SEED")
        .map_or_else(|_| Rng::from_os().u64(), |text| text.parse().unwrap());
    println!("TRUNKLINE_TEST_SEED={seed}");
    let mut rng = Rng::from_seed(seed);
    with_fleet(&place);
    let (book, start) = (Book::default(), Instant::now());
    for round in 0..KILLS {
        if round % 7 == 6 {
            place.kill_while_starting(Duration::from_millis(rng.below(200))).unwrap();
            continue;
        }
        let program = place.start().unwrap();
        let address = program.address();
        let status = get(address, "/api/v1/status").await.json();
        let (last, newest) = (status["intake"]["last_seq"].as_i64().unwrap(), book.newest());
        assert!(last >= newest, "round {round}: the log ends at {last}, {newest} was acknowledged");
        let mut senders = JoinSet::new();
        for _ in 0..SENDERS {
            senders.spawn(send(address, book.clone(), rng.fork()));
        }
        tokio::time::sleep(Duration::from_millis(rng.below(250))).await;
        program.kill().unwrap();
        senders.join_all().await;
    }
    let acknowledged = book.lock().iter().filter(|sent| sent.seq.is_some()).count();
    println!(
        "{acknowledged} of {} deliveries acknowledged, {KILLS} kills in {:.1?}",
        book.lock().len(),
        start.elapsed()
    );
    assert!(acknowledged > 200, "only {acknowledged} deliveries were acknowledged");

    // Everything once more, as GitHub does when asked to redeliver; the last job is completed.
    let program = place.start().unwrap();
    while !book.lock().len().is_multiple_of(3) {
        let number = book.lock().len() as u64;
        book.lock().push(Sent { number, seq: None, stored: false });
    }
    let mut connection = Connection::open(program.address()).await.unwrap();
    let count = book.lock().len() as u64;
    for number in 0..count {
        let answer = connection.ask(&request("workflow_job", &id(number), &body(number))).await.unwrap();
        assert_eq!(answer.status, 202, "{}", answer.json());
        book.answered(number, &answer.json());
    }
    let last = settled(program.address()).await;
    let clock: SharedClock = Arc::new(SystemClock);
    let store = open(Arc::clone(&clock)).await;
    consumed(&store, last, &clock).await;
    program.stop().unwrap();
    check_log(&store, &book).await;
    check_jobs(&store, &place, usize::try_from(count / 3).unwrap()).await;
}

/// Waits until every consumer has read everything.
async fn consumed(store: &Store, last: i64, clock: &SharedClock) {
    let until = clock.now() + Duration::from_secs(60);
    for name in CURSORS {
        while store.cursor(name).await.unwrap() < last {
            assert!(clock.now() < until, "{name} stands at {} of {last}", store.cursor(name).await.unwrap());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(store.cursor(name).await.unwrap(), last, "{name}");
    }
}

/// The log has every delivery once, where it was said to be, as it was sent.
async fn check_log(store: &Store, book: &Book) {
    let mut found: BTreeMap<String, Event> = BTreeMap::new();
    let mut after = 0;
    loop {
        let events = store.events(after, 200).await.unwrap();
        let Some(last) = events.last() else { break };
        after = last.seq;
        for event in events {
            let twice = found.insert(event.dedupe_key.clone().unwrap(), event);
            assert!(twice.is_none(), "{twice:?} is there twice");
        }
    }
    let book = book.lock();
    assert_eq!(found.len(), book.len());
    for sent in book.iter() {
        let event = &found[&id(sent.number)];
        assert_eq!(Some(event.seq), sent.seq, "delivery {}", sent.number);
        assert!(event.body == body(sent.number), "delivery {} was changed", sent.number);
    }
}

/// Every job is finished, in one row and in one record, which no delivery has changed twice.
async fn check_jobs(store: &Store, place: &Installation, jobs: usize) {
    assert_eq!(rows::doubled(&place.data()), Vec::<String>::new());
    let rows = &rows::dump(&place.data())["jobs"];
    assert_eq!(rows.len(), jobs);
    let unfinished = rows.iter().find(|row| !row.contains("completed, success"));
    assert_eq!(unfinished, None);

    let ids: Vec<String> = (0..jobs).map(|job| format!("octo-org/kilted/{}", 1_000_000 + job)).collect();
    let records = store.records("job", &ids).await.unwrap();
    assert_eq!(records.len(), jobs);
    assert_eq!(store.count_records("job").await.unwrap(), jobs as i64);
    for record in records {
        assert_eq!(record.value["status"], "completed", "{}", record.id);
        assert!(record.version <= 3, "{} was changed {} times by 3 deliveries", record.id, record.version);
    }
    assert_eq!(store.count_records("job.active").await.unwrap(), 0);
}
