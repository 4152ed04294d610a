//! How long the fleet's steps take at scale: `cargo run --release -p trunkline-fleet --example scale [POSTGRES_URL]`.
//!
//! 10,000 queued jobs and 20,000 runners over 100 types: start, planning, reconcile; then a burst of 2,000 jobs on an empty
//! fleet until each has its launch call. GitHub and the provider answer at once, from memory.

#![expect(clippy::print_stdout, reason = "its figures are its purpose")]

use jiff::{SignedDuration, Timestamp};
use std::{error::Error, fmt::Write, sync::Arc, time::Instant};
use trunkline_fleet::{
    Fleet, FleetConfig, Parts, Scope,
    forge::{Registered, fake::FakeForge},
    jobs::{ACTIVE_JOB_RECORD, JOB_RECORD, job_key},
    ledger::{Entry, MachineState, RUNNER_RECORD, Registration},
    provider::{LaunchSpec, MachineSpec, Provider, fake::FakeProvider},
    scale_config::parse,
};
use trunkline_model::{
    Job, JobId, JobStatus, ManualClock, Rng, RunId, Runner, RunnerId, RunnerState, SharedClock,
};
use trunkline_store::{Batch, Expected, NewEvent, RecordWrite, Store};

type Answer<T> = Result<T, Box<dyn Error>>;

const TYPES: u64 = 100;
const QUEUED: u64 = 10_000;
const RUNNERS: u64 = 20_000;
const BURST: u64 = 2_000;

#[tokio::main]
async fn main() -> Answer<()> {
    let clock = ManualClock::new(Timestamp::from_second(1_800_000_000)?);
    let shared: SharedClock = Arc::new(clock.clone());
    let url = std::env::args().nth(1);
    let folder = tempfile::tempdir()?;
    let open = async |name: &str| match &url {
        Some(url) => Store::open_postgres(url, &shared).await,
        None => Store::open_sqlite(folder.path().join(name), &shared).await,
    };
    if url.is_none() {
        let store = open("burst.sqlite").await?;
        burst(&store, &clock).await?;
    }
    let store = open("full.sqlite").await?;
    full(&store, &clock).await
}

async fn full(store: &Store, clock: &ManualClock) -> Answer<()> {
    let (forge, provider) = (FakeForge::default(), FakeProvider::default());
    let now = clock_now(clock);
    let mut records = vec![];
    for id in 0..QUEUED {
        let job = job(id, now)?;
        records.push(record(JOB_RECORD, job_key(&job), serde_json::to_value(&job)?));
        records.push(record(ACTIVE_JOB_RECORD, job_key(&job), serde_json::json!({})));
    }
    for id in 0..RUNNERS {
        let entry = entry(id, now)?;
        let name = entry.runner.name.to_string();
        let registered = Registered {
            id: RunnerId(id),
            name,
            online: true,
            busy: entry.runner.state == RunnerState::Busy,
        };
        forge.state().runners.insert(registered.id, registered);
        let spec = LaunchSpec {
            runner_id: Some(RunnerId(id)),
            machine: MachineSpec::default(),
            name: entry.runner.name.clone(),
            runner_type: String::new(),
            labels: vec![],
            jit_config: String::new().into(),
        };
        provider.launch(&[spec]).await;
        records.push(record(RUNNER_RECORD, entry.runner.name.to_string(), serde_json::to_value(&entry)?));
    }
    while !records.is_empty() {
        let rest = records.split_off(records.len().min(1_000));
        store.commit(Batch { records: std::mem::replace(&mut records, rest), ..Batch::default() }).await?;
    }
    let started = Instant::now();
    let fleet = fleet(store, &forge, &provider, clock).await?;
    fleet.step_intake().await?;
    fleet.step_plan().await?;
    say("start and first plan", started);
    let mut times = vec![];
    for _ in 0..9 {
        clock.advance(SignedDuration::from_secs(2));
        let started = Instant::now();
        fleet.step_plan().await?;
        times.push(started.elapsed());
    }
    times.sort();
    println!("{:32} {:>9.1?} (median of {}, largest {:.1?})", "plan", times[4], times.len(), times[8]);
    for turn in ["reconcile", "reconcile, nothing changed"] {
        clock.advance(SignedDuration::from_secs(60));
        let started = Instant::now();
        fleet.step_reconcile().await?;
        say(turn, started);
        let started = Instant::now();
        fleet.step_plan().await?;
        say("plan after it", started);
    }
    let started = Instant::now();
    fleet.status().await?;
    say("status", started);
    Ok(())
}

async fn burst(store: &Store, clock: &ManualClock) -> Answer<()> {
    let (forge, provider) = (FakeForge::default(), FakeProvider::default());
    let fleet = fleet(store, &forge, &provider, clock).await?;
    let mut events = vec![];
    for id in 0..BURST {
        events.push(NewEvent {
            source: "poll".into(),
            kind: "job".into(),
            dedupe_key: None,
            received_at: clock_now(clock),
            headers: Default::default(),
            body: serde_json::to_vec(&job(id, clock_now(clock))?)?.into(),
        });
    }
    store.append(events).await?;
    let started = Instant::now();
    while fleet.step_intake().await?.more {}
    say("burst: taken in", started);
    let mut turns = 0;
    while u64::from(provider.counts().0) < BURST && turns < 2_000 {
        fleet.step_plan().await?;
        fleet.step_execute().await?;
        turns += 1;
    }
    say("burst: all launch calls issued", started);
    println!("{:32} {turns} turns, {} machines", "", provider.counts().0);
    Ok(())
}

fn say(what: &str, since: Instant) {
    println!("{what:32} {:>9.1?}", since.elapsed());
}

fn clock_now(clock: &ManualClock) -> Timestamp {
    trunkline_model::Clock::now(clock)
}

async fn fleet(
    store: &Store,
    forge: &FakeForge,
    provider: &FakeProvider,
    clock: &ManualClock,
) -> Answer<Fleet> {
    let mut scale = String::from("runner_types:\n");
    for kind in 0..TYPES {
        writeln!(
            scale,
            "  linux.{kind}: {{disk_size: 15, instance_type: c7i.large, is_ephemeral: true, os: linux}}"
        )?;
    }
    let mut config = FleetConfig::new(Scope::Repository("o/r".parse()?));
    config.max_runners = 100_000;
    let parts = Parts {
        store: store.clone(),
        forge: Arc::new(forge.clone()),
        provider: Arc::new(provider.clone()),
        scale: parse("scale-config.yml", &scale).0.ok_or("the scale configuration is broken")?,
        config,
        clock: Arc::new(clock.clone()),
        rng: Rng::from_seed(1),
    };
    Ok(Fleet::open(parts).await?)
}

fn record(kind: &str, id: String, value: serde_json::Value) -> RecordWrite {
    RecordWrite { kind: kind.into(), id, expected: Expected::Any, value: Some(value) }
}

fn job(id: u64, at: Timestamp) -> Answer<Job> {
    Ok(Job {
        repo: "o/r".parse()?,
        id: JobId(id),
        run_id: RunId(id / 50),
        run_attempt: 1,
        name: format!("linux-jammy-py3.10 / test (default, {}, 5)", id % 5),
        workflow_name: "pull".into(),
        head_sha: "a".repeat(40).parse()?,
        head_branch: None,
        status: JobStatus::Queued,
        conclusion: None,
        labels: vec![format!("linux.{}", id % TYPES).parse()?],
        runner_id: None,
        runner_name: None,
        runner_group_id: None,
        runner_group_name: None,
        created_at: at,
        started_at: None,
        completed_at: None,
        gate_updated_at: None,
        html_url: format!("https://github.com/o/r/actions/runs/{}/job/{id}", id / 50),
        steps: vec![],
    })
}

/// Three of four are busy, the rest waits.
fn entry(id: u64, at: Timestamp) -> Answer<Entry> {
    let busy = !id.is_multiple_of(4);
    Ok(Entry {
        runner: Runner {
            name: format!("trunkline-{id:016x}").parse()?,
            runner_type: format!("linux.{}", id % TYPES),
            labels: vec![format!("linux.{}", id % TYPES).parse()?],
            repo: None,
            provider: "fake".into(),
            machine_id: Some(format!("i-{id:016x}")),
            runner_id: Some(RunnerId(id)),
            state: if busy { RunnerState::Busy } else { RunnerState::Idle },
            job: busy.then_some(JobId(1_000_000 + id)),
            planned_at: at,
            launched_at: Some(at),
            online_at: Some(at),
            busy_at: busy.then_some(at),
            finished_at: None,
            reason: "online, waits for a job".into(),
        },
        registration: if busy { Registration::Busy } else { Registration::Idle },
        machine: MachineState::Present,
        seen_at: Some(at),
        terminating: false,
        terminations: 0,
    })
}
