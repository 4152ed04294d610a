//! Two replicas on one store: one acts, the other stands by and takes over. On SQLite (two handles on one file) and on
//! PostgreSQL.

use super::*;
use crate::forge::{Error as ForgeError, Forge, JitConfig, Registered};
use async_trait::async_trait;
use std::collections::BTreeMap;
use tokio::sync::Semaphore;
use trunkline_model::{Label, RunnerId, RunnerName};
use trunkline_store::{Batch, testing};

enum Place {
    File(tempfile::TempDir),
    Server(testing::Database),
}

/// A place for the state; for PostgreSQL nothing when there is none.
async fn places() -> Vec<Place> {
    let mut places = vec![Place::File(tempfile::tempdir().unwrap())];
    places.extend(testing::database().await.map(Place::Server));
    places
}

/// GitHub, where registering takes until somebody lets it through.
#[derive(Debug, Clone)]
struct Gate(FakeForge, Arc<Semaphore>, Arc<Semaphore>);

#[async_trait]
impl Forge for Gate {
    async fn runners(&self) -> Result<Vec<Registered>, ForgeError> {
        self.0.runners().await
    }
    async fn runner(&self, id: RunnerId) -> Result<Registered, ForgeError> {
        self.0.runner(id).await
    }
    async fn register(&self, name: &RunnerName, labels: &[Label]) -> Result<JitConfig, ForgeError> {
        let jit = self.0.register(name, labels).await;
        self.1.add_permits(1);
        self.2.acquire().await.unwrap().forget();
        jit
    }
    async fn deregister(&self, id: RunnerId) -> Result<(), ForgeError> {
        self.0.deregister(id).await
    }
    async fn job(&self, repo: &RepoName, id: JobId) -> Result<Job, ForgeError> {
        self.0.job(repo, id).await
    }
    async fn queued_runs(&self, repo: &RepoName) -> Result<Vec<RunId>, ForgeError> {
        self.0.queued_runs(repo).await
    }
    async fn run_jobs(&self, repo: &RepoName, run: RunId) -> Result<Vec<Job>, ForgeError> {
        self.0.run_jobs(repo, run).await
    }
}

struct Pair {
    clock: ManualClock,
    forge: Gate,
    provider: FakeProvider,
    a: Fleet,
    b: Fleet,
    _place: Place,
}

impl Pair {
    async fn on(place: Place) -> Self {
        let clock = ManualClock::new(start());
        let forge = Gate(FakeForge::default(), Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(1_000)));
        let provider = FakeProvider::with_limit(100);
        let a = replica("a", 5, &place, &forge, &provider, &clock).await;
        let b = replica("b", 6, &place, &forge, &provider, &clock).await;
        Self { clock, forge, provider, a, b, _place: place }
    }

    fn pass(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    async fn hear(&self, job: &Job) {
        let event = NewEvent {
            source: "poll".into(),
            kind: "job".into(),
            dedupe_key: None,
            received_at: self.a.now(),
            headers: BTreeMap::default(),
            body: serde_json::to_vec(job).unwrap().into(),
        };
        self.b.0.store.append(vec![event]).await.unwrap();
    }
}

async fn replica(
    name: &str,
    seed: u64,
    place: &Place,
    forge: &Gate,
    provider: &FakeProvider,
    clock: &ManualClock,
) -> Fleet {
    let shared: SharedClock = Arc::new(clock.clone());
    let store = match place {
        Place::File(folder) => Store::open_sqlite(folder.path().join("state.sqlite"), &shared).await,
        Place::Server(database) => Store::open_postgres(&database.url, &shared).await,
    };
    let mut config = FleetConfig::new(Scope::Repository("o/r".parse().unwrap()));
    config.replica = Some(name.into());
    let parts = Parts {
        store: store.unwrap(),
        forge: Arc::new(forge.clone()),
        provider: Arc::new(provider.clone()),
        scale: parse("scale-config.yml", SCALE).0.unwrap(),
        config,
        clock: shared,
        rng: Rng::from_seed(seed),
    };
    Fleet::open(parts).await.unwrap()
}

async fn round(fleet: &Fleet) {
    while fleet.step_intake().await.unwrap().more {}
    fleet.step_plan().await.unwrap();
    fleet.step_execute().await.unwrap();
    fleet.step_reconcile().await.unwrap();
}

async fn holders(pair: &Pair) -> Vec<(String, bool)> {
    let mut seen = vec![];
    for fleet in [&pair.a, &pair.b] {
        let lease = fleet.status().await.unwrap().lease.unwrap();
        seen.push((lease.holder, lease.mine));
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_launch_one_runner_per_job() {
    for place in places().await {
        let pair = Pair::on(place).await;
        assert_eq!(pair.a.status().await.unwrap().lease, None);
        for turn in 0..10 {
            pair.hear(&job(turn, "linux.large")).await;
            let (a, b) = (pair.a.clone(), pair.b.clone());
            let both =
                [tokio::spawn(async move { round(&a).await }), tokio::spawn(async move { round(&b).await })];
            for one in both {
                one.await.unwrap();
            }
            pair.pass(2);
        }
        round(&pair.a).await;
        round(&pair.b).await;
        assert_eq!(pair.provider.counts(), (10, 0));
        assert_eq!(pair.forge.0.state().registrations, 10);
        let seen = holders(&pair).await;
        assert_eq!(seen[0].0, seen[1].0, "both name the same holder");
        assert_ne!(seen[0].1, seen[1].1, "one of them acts");
        // Both show the same jobs and runners.
        let (a, b) = (pair.a.status().await.unwrap(), pair.b.status().await.unwrap());
        pair.pass(2);
        assert_eq!((a.labels, a.totals), (b.labels, b.totals));
        assert_eq!(a.totals.queued, 10);
    }
}

#[tokio::test]
async fn a_dead_holder_is_replaced_when_its_lease_ran_out() {
    for place in places().await {
        let pair = Pair::on(place).await;
        pair.hear(&job(1, "linux.large")).await;
        // `a` decides and dies before it does anything.
        pair.a.step_intake().await.unwrap();
        assert_eq!(pair.a.step_plan().await.unwrap().launches, 1);
        round(&pair.b).await;
        assert_eq!(pair.provider.counts(), (0, 0), "`b` stands by");
        assert_eq!(holders(&pair).await, [("a".into(), true), ("a".into(), false)]);
        pair.pass(9);
        round(&pair.b).await;
        round(&pair.b).await;
        assert_eq!(pair.provider.counts(), (1, 0), "`b` does what `a` decided, once");
        assert_eq!(holders(&pair).await, [("b".into(), false), ("b".into(), true)]);
        // `a` was only asleep: it writes nothing any more, and stands by.
        let written = pair.a.0.store.commit(Batch { lease: None, ..Batch::default() }).await;
        assert!(written.is_ok());
        let refused = pair.a.commit(Batch::default()).await;
        assert!(
            matches!(refused, Err(Error::Store(trunkline_store::Error::LeaseLost { .. }))),
            "{refused:?}"
        );
        assert!(!pair.a.is_holder());
        pair.hear(&job(2, "linux.large")).await;
        round(&pair.a).await;
        assert_eq!(pair.a.step_plan().await.unwrap(), PlanStats::default());
        assert_eq!(pair.provider.counts(), (1, 0));
        // Given back, it goes over at once, with all that `b` knew.
        pair.b.step_intake().await.unwrap();
        pair.b.release().await.unwrap();
        round(&pair.a).await;
        assert_eq!(pair.provider.counts(), (2, 0));
        assert_eq!(holders(&pair).await, [("a".into(), true), ("a".into(), false)]);
    }
}

#[tokio::test]
async fn a_holder_that_lost_its_lease_launches_nothing() {
    for place in places().await {
        let pair = Pair::on(place).await;
        pair.hear(&job(1, "linux.large")).await;
        pair.a.step_intake().await.unwrap();
        pair.a.step_plan().await.unwrap();
        // GitHub answers the registration only after `b` took over.
        let Gate(github, asked, gate) = &pair.forge;
        gate.forget_permits(1_000);
        let slow = tokio::spawn({
            let a = pair.a.clone();
            async move { a.step_execute().await }
        });
        asked.acquire().await.unwrap().forget();
        pair.pass(9);
        assert!(pair.b.hold().await.unwrap());
        gate.add_permits(1_000);
        let refused = slow.await.unwrap();
        assert!(
            matches!(refused, Err(Error::Store(trunkline_store::Error::LeaseLost { .. }))),
            "{refused:?}"
        );
        assert_eq!(pair.provider.counts(), (0, 0));
        assert!(github.state().runners.is_empty(), "its registration is removed");
        assert!(!pair.a.is_holder());
        // The effect is due again when the claim of `a` ran out.
        round(&pair.b).await;
        assert_eq!(pair.provider.counts(), (0, 0));
        pair.pass(301);
        round(&pair.b).await;
        assert_eq!(pair.provider.counts(), (1, 0));
        assert_eq!(github.state().runners.len(), 1);
    }
}

#[tokio::test]
async fn a_holder_prolongs_and_keeps_what_it_knows() {
    let pair = Pair::on(Place::File(tempfile::tempdir().unwrap())).await;
    assert!(pair.a.hold().await.unwrap());
    pair.b.prolong().await.unwrap();
    for _ in 0..10 {
        pair.pass(3);
        pair.a.prolong().await.unwrap();
        assert!(!pair.b.hold().await.unwrap());
    }
    // Run out, but nobody came: it goes on without reading all anew.
    let read_at = pair.a.state().jobs_read_at;
    pair.pass(100);
    assert!(!pair.a.is_holder());
    assert!(pair.a.hold().await.unwrap());
    assert_eq!(pair.a.state().jobs_read_at, read_at);
    // Somebody came meanwhile: it does not.
    pair.pass(9);
    assert!(pair.b.hold().await.unwrap());
    pair.pass(9);
    assert!(pair.a.hold().await.unwrap());
    assert!(pair.a.state().jobs_read_at > read_at);
}
