//! A lively project in real time: the workload's people in a world that speaks HTTP and sends webhooks.
//!
//! Started again on the same product, the world goes on where it was: later, with ids and numbers that were never
//! given. [`Continuation`] is what has to be kept for that.

use crate::{
    Deliverer, FakeGitHub, HttpConfig, Pace, SharedStage, SharedWorld, Target, World, WorldConfig,
    deliver::{Mailbox, SharedFaults},
    stage::WorkScript,
    workload::{Generator, WorkloadConfig, history},
    world::{FirstIds, Script, Webhook},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use trunkline_model::SharedClock;

/// Least time between two looks of the workload's people.
const LOOK: Duration = Duration::from_millis(50);
/// Ids and numbers that may have been given after the last note was taken.
const UNNOTED: u64 = 10_000;

/// What a later start needs to know of an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Continuation {
    /// Virtual time that was reached.
    pub at: Timestamp,
    /// Ids that come next.
    pub ids: FirstIds,
    /// The last number of a pull request.
    pub number: u64,
    /// Starts so far: each has chances of its own.
    pub starts: u64,
    /// Whether the past was told to its end.
    pub past_told: bool,
}

/// How the project is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// What happens in it.
    pub workload: WorkloadConfig,
    /// Its time.
    pub clock: SharedClock,
    /// How fast that is.
    pub pace: Pace,
    /// What the REST API accepts.
    pub token: String,
    /// Where the REST API answers; a loopback address.
    pub listen: SocketAddr,
    /// Commits that have landed already, unless an earlier start told of them.
    pub past_commits: u64,
    /// What an earlier start left.
    pub earlier: Option<Continuation>,
}

/// A project that is ready to live.
#[derive(Debug)]
pub struct Project {
    github: FakeGitHub,
    generator: Generator,
    past: Vec<Webhook>,
    options: Options,
    told: bool,
}

impl Project {
    /// Makes the world with its past and answers the REST API; nothing moves yet.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn open(mut options: Options) -> io::Result<Self> {
        let now = options.clock.now();
        let starts = options.earlier.map_or(0, |earlier| earlier.starts);
        // The first start is what its seed says; later ones must not repeat its hashes and delivery ids.
        options.workload.seed ^= starts.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let config = &options.workload;
        let first = options.earlier.map_or_else(FirstIds::default, |earlier| above(earlier.ids));
        let told = options.earlier.is_some_and(|earlier| earlier.past_told);
        let past_ids = match options.earlier {
            None => history::FirstIds::default(),
            Some(_) => history::FirstIds { run: first.run, job: first.job, comment: first.comment },
        };
        let past_commits = if told { 0 } else { options.past_commits };
        let (mut generator, past) = history::live_through(config, past_commits, now, past_ids);
        generator.number_above(options.earlier.map_or(0, |earlier| earlier.number + UNNOTED));
        let mut world = World::new(WorldConfig { seed: config.seed, first, ..WorldConfig::default() }, now);
        world.add_repo(&config.repo, config.branch.clone());
        world.adopt(&past, |job| {
            let work = past.works.get(&job)?.clone();
            Some(Arc::new(WorkScript(work)) as Arc<dyn Script>)
        });
        let webhooks = past.deliveries().into_iter().map(|delivery| Webhook {
            guid: delivery.id,
            event: delivery.event.into(),
            action: delivery.payload["action"].as_str().map(str::to_owned),
            repo: config.repo.clone(),
            at: delivery.at,
            redelivery: false,
            body: delivery.payload.to_string().into(),
        });
        let past = webhooks.collect();
        let http =
            HttpConfig { tokens: vec![options.token.clone()], pace: options.pace, ..HttpConfig::default() };
        let world = SharedWorld::new(world, Arc::clone(&options.clock));
        let github = FakeGitHub::start(world, SharedFaults::default(), options.listen, http).await?;
        Ok(Self { github, generator, past, options, told })
    }

    /// Where the REST API answers.
    pub fn api_url(&self) -> &str {
        self.github.url()
    }

    /// Id of the repository's webhook, for looks at its deliveries.
    pub fn hook_id(&self) -> u64 {
        self.github.world().with(|world| world.config().hook_id)
    }

    /// Tells the past, then lets people work and time pass until shutdown. Every second `notes` gets what a later
    /// start needs; it is dropped with the last one.
    pub async fn live(
        self,
        target: Target,
        notes: watch::Sender<Option<Continuation>>,
        shutdown: CancellationToken,
    ) {
        let Self { github, mut generator, past, options, told } = self;
        let world = github.world().clone();
        let deliverer = Deliverer::new(Mailbox::new(world.clone(), github.faults().clone()), target);
        let state = |generator: &Generator, past_told| Continuation {
            at: world.now(),
            ids: world.with(|world| world.next_ids()),
            number: generator.last_number(),
            starts: options.earlier.map_or(0, |earlier| earlier.starts) + 1,
            past_told,
        };
        notes.send_replace(Some(state(&generator, told)));
        let told = deliverer.deliver_all(past, &shutdown).await || told;
        generator.resume(options.clock.now());
        let mut stage = SharedStage::new(world.clone(), options.workload.repo.clone());
        let people = async {
            let mut changes = world.changes();
            let mut noted = tokio::time::Instant::now();
            while !shutdown.is_cancelled() {
                changes.mark_unchanged();
                generator.step(&mut stage, options.clock.now());
                if noted.elapsed() >= Duration::from_secs(1) {
                    noted = tokio::time::Instant::now();
                    notes.send_replace(Some(state(&generator, told)));
                }
                tokio::time::sleep(LOOK).await;
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    () = options.pace.sleep_until(generator.next_due(), &options.clock) => {}
                    _ = changes.changed() => {}
                }
            }
            notes.send_replace(Some(state(&generator, told)));
        };
        tokio::join!(
            people,
            world.run(options.pace, shutdown.clone()),
            deliverer.run(options.pace, shutdown.clone())
        );
        github.stop().await;
    }
}

/// Ids that no earlier start gave.
fn above(ids: FirstIds) -> FirstIds {
    FirstIds {
        run: ids.run + UNNOTED,
        job: ids.job + UNNOTED,
        comment: ids.comment + UNNOTED,
        runner: ids.runner + UNNOTED,
        delivery: ids.delivery + UNNOTED,
    }
}

/// When a world should go on: at the present, or after what an earlier start reached if that is later. The slack is
/// for what happened after the last note.
pub fn go_on_at(present: Timestamp, reached: Option<Timestamp>, slack: SignedDuration) -> Timestamp {
    reached.and_then(|at| at.checked_add(slack).ok()).map_or(present, |at| at.max(present))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Preset;
    use axum::{Router, http::HeaderMap, routing::post};
    use std::{collections::HashSet, sync::Mutex};
    use trunkline_model::clock::{AcceleratedClock, ManualClock};

    #[test]
    fn time_goes_on_after_what_was_reached() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let slack = SignedDuration::from_secs(10);
        assert_eq!(go_on_at(at(100), None, slack), at(100));
        assert_eq!(go_on_at(at(100), Some(at(50)), slack), at(100));
        assert_eq!(go_on_at(at(100), Some(at(200)), slack), at(210));
    }

    /// What a receiver got: delivery ids, and ids of runs with their commit.
    type Got = Arc<Mutex<(Vec<String>, Vec<(u64, String)>)>>;

    async fn receiver() -> (String, Got) {
        let got = Got::default();
        let keep = Arc::clone(&got);
        let take = post(move |headers: HeaderMap, body: String| async move {
            let body: serde_json::Value = serde_json::from_str(&body).unwrap();
            let mut got = keep.lock().unwrap();
            got.0.push(headers["x-github-delivery"].to_str().unwrap().to_owned());
            if let Some(run) = body["workflow_run"].as_object() {
                got.1.push((run["id"].as_u64().unwrap(), run["head_sha"].as_str().unwrap().to_owned()));
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/", take)).await });
        (url, got)
    }

    /// Lives for a moment of real time and gives the last note.
    async fn live(url: &str, now: Timestamp, earlier: Option<Continuation>) -> Continuation {
        let wall: SharedClock = Arc::new(trunkline_model::SystemClock);
        let options = Options {
            workload: Preset::Tiny.config(),
            clock: Arc::new(AcceleratedClock::new(wall, now, 600)),
            pace: Pace::new(600),
            token: "hush".into(),
            listen: "127.0.0.1:0".parse().unwrap(),
            past_commits: 3,
            earlier,
        };
        let project = Project::open(options).await.unwrap();
        let (notes, noted) = watch::channel(None);
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let target = Target { url: url.to_owned(), secret: "s".into() };
        let stopper = async {
            tokio::time::sleep(Duration::from_millis(700)).await;
            stop.cancel();
        };
        tokio::join!(project.live(target, notes, shutdown), stopper);
        let last = *noted.borrow();
        last.unwrap()
    }

    #[tokio::test]
    async fn a_later_start_repeats_nothing_of_an_earlier_one() {
        let (url, got) = receiver().await;
        let now = ManualClock::new("2026-03-02T09:00:00Z".parse().unwrap());
        let now = trunkline_model::Clock::now(&now);
        let first = live(&url, now, None).await;
        let told = got.lock().unwrap().0.iter().filter(|id| id.starts_with("past-")).count();
        assert!(first.past_told && first.at > now && told > 10, "{first:?}, {told} told");
        let second = live(&url, first.at, Some(first)).await;
        assert!(second.at > first.at && second.starts == 2 && second.number > first.number);
        let got = got.lock().unwrap();
        let retold = got.0.iter().filter(|id| id.starts_with("past-")).count();
        assert_eq!(retold, told, "the past is told once");
        assert_eq!(got.0.iter().collect::<HashSet<_>>().len(), got.0.len(), "each delivery has its own id");
        let runs: HashSet<_> = got.1.iter().collect();
        let ids: HashSet<_> = got.1.iter().map(|(id, _)| id).collect();
        assert_eq!(runs.len(), ids.len(), "a run is of one commit");
    }
}
