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
