use super::*;
use crate::{
    forge::fake::FakeForge,
    jobs::job_key,
    provider::{ErrorClass, fake::FakeProvider},
    scale_config::parse,
};
use trunkline_model::{Job, JobId, JobStatus, ManualClock, RunId, RunnerState};
use trunkline_store::NewEvent;

struct World {
    clock: ManualClock,
    forge: FakeForge,
    provider: FakeProvider,
    store: Store,
    fleet: Fleet,
    _folder: tempfile::TempDir,
}

const SCALE: &str = "\
runner_types:
  linux.large: {disk_size: 15, instance_type: c7i.large, is_ephemeral: true, os: linux, max_available: 60}
  linux.gpu: {disk_size: 15, instance_type: g5.large, is_ephemeral: true, os: linux}
";

fn start() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

impl World {
    async fn new() -> Self {
        let clock = ManualClock::new(start());
        let shared: SharedClock = Arc::new(clock.clone());
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_sqlite(folder.path().join("state.sqlite"), &shared).await.unwrap();
        let (forge, provider) = (FakeForge::default(), FakeProvider::with_limit(10));
        let fleet = open(&store, &forge, &provider, &clock).await;
        Self { clock, forge, provider, store, fleet, _folder: folder }
    }

    /// The control plane dies and starts again on the same data.
    async fn restart(&mut self) {
        self.fleet = open(&self.store, &self.forge, &self.provider, &self.clock).await;
    }

    fn pass(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    /// An event that speaks of the job arrives.
    async fn hear(&self, job: &Job) {
        let event = NewEvent {
            source: "poll".into(),
            kind: "job".into(),
            dedupe_key: None,
            received_at: self.fleet.now(),
            headers: Default::default(),
            body: serde_json::to_vec(job).unwrap().into(),
        };
        self.store.append(vec![event]).await.unwrap();
    }

    /// One round of all loops.
    async fn round(&self) {
        while self.fleet.step_intake().await.unwrap().more {}
        self.fleet.step_plan().await.unwrap();
        self.fleet.step_execute().await.unwrap();
    }

    /// GitHub gives the job to the one idle runner.
    fn assign(&self, job: &mut Job) {
        let mut state = self.forge.state();
        let runner = state.runners.values_mut().find(|runner| runner.online && !runner.busy).unwrap();
        runner.busy = true;
        job.status = JobStatus::InProgress;
        job.started_at = Some(self.fleet.now());
        job.runner_name = Some(runner.name.clone());
        job.runner_id = Some(runner.id.0);
    }

    fn all_online(&self) {
        self.forge.state().runners.values_mut().for_each(|runner| runner.online = true);
    }

    async fn states(&self) -> Vec<RunnerState> {
        self.fleet.status().await.unwrap().runners.iter().map(|runner| runner.state).collect()
    }
}

async fn open(store: &Store, forge: &FakeForge, provider: &FakeProvider, clock: &ManualClock) -> Fleet {
    Fleet::open(Parts {
        store: store.clone(),
        forge: Arc::new(forge.clone()),
        provider: Arc::new(provider.clone()),
        scale: parse("scale-config.yml", SCALE).0.unwrap(),
        config: FleetConfig::new(Scope::Repository("o/r".parse().unwrap())),
        clock: Arc::new(clock.clone()),
        rng: Rng::from_seed(5),
    })
    .await
    .unwrap()
}

fn job(id: u64, label: &str) -> Job {
    Job {
        repo: "o/r".parse().unwrap(),
        id: JobId(id),
        run_id: RunId(1),
        run_attempt: 1,
        name: "build".into(),
        workflow_name: "pull".into(),
        head_sha: "a".repeat(40).parse().unwrap(),
        head_branch: None,
        status: JobStatus::Queued,
        conclusion: None,
        labels: vec![label.parse().unwrap()],
        runner_id: None,
        runner_name: None,
        runner_group_id: None,
        runner_group_name: None,
        created_at: start(),
        started_at: Some(start()),
        completed_at: None,
        gate_updated_at: None,
        html_url: String::new(),
        steps: vec![],
    }
}

#[tokio::test]
async fn what_the_provider_says_of_a_machine_stands_at_its_runner() {
    use crate::provider::{Notice, NoticeKind};
    let world = World::new().await;
    world.hear(&job(1, "linux.large")).await;
    world.round().await;
    let name = world.provider.names().remove(0);
    let notice = Notice {
        name: Some(name.clone()),
        machine_id: "m".into(),
        kind: NoticeKind::Interruption,
        reason: "capacity is needed elsewhere".into(),
    };
    world.provider.say(vec![notice]);
    assert_eq!(world.fleet.step_maintain().await.unwrap().noted, 1);
    assert_eq!(world.fleet.step_maintain().await.unwrap().noted, 0, "said once");
    let status = world.fleet.status().await.unwrap();
    let told = "the provider takes its machine away: capacity is needed elsewhere";
    assert_eq!((status.runners[0].reason.as_str(), status.runners[0].state), (told, RunnerState::Booting));
    world.provider.fail_list(Some(ErrorClass::Throttle));
    assert_eq!(world.fleet.step_maintain().await.unwrap().unanswered.len(), 1);
}

#[tokio::test]
async fn a_job_gets_a_runner_runs_and_leaves_nothing_behind() {
    let world = World::new().await;
    let mut one = job(1, "linux.large");
    world.hear(&one).await;
    world.round().await;
    world.round().await;
    assert_eq!(world.provider.counts(), (1, 0));
    let status = world.fleet.status().await.unwrap();
    assert_eq!((status.labels[0].queued, status.labels[0].booting, status.labels[0].max), (1, 1, Some(60)));

    world.all_online();
    world.fleet.step_reconcile().await.unwrap();
    assert_eq!(world.states().await, [RunnerState::Idle]);
    world.assign(&mut one);
    world.hear(&one).await;
    world.round().await;
    assert_eq!(world.states().await, [RunnerState::Busy]);
    assert_eq!(world.fleet.status().await.unwrap().totals, Totals { busy: 1, ..Totals::default() });

    // Single use: GitHub removes the registration, the machine stops by itself.
    one.status = JobStatus::Completed;
    one.completed_at = Some(world.fleet.now());
    world.hear(&one).await;
    world.round().await;
    assert_eq!(world.states().await, [RunnerState::Finished]);
    world.forge.state().runners.clear();
    world.provider.end(&world.provider.names()[0]);
    world.fleet.step_reconcile().await.unwrap();
    assert!(world.states().await.is_empty());
    assert!(world.fleet.state().jobs.is_empty());
}

#[tokio::test]
async fn a_repeated_event_and_a_restart_launch_nothing_twice() {
    let mut world = World::new().await;
    world.hear(&job(1, "LINUX.large")).await;
    world.hear(&job(1, "LINUX.large")).await;
    world.hear(&job(2, "ubuntu-latest")).await;
    let elsewhere = Job { repo: "x/y".parse().unwrap(), ..job(3, "linux.large") };
    world.hear(&elsewhere).await;
    world.fleet.step_intake().await.unwrap();
    world.restart().await;
    world.fleet.step_plan().await.unwrap();
    world.restart().await;
    world.fleet.step_execute().await.unwrap();
    world.restart().await;
    world.round().await;
    assert_eq!(world.provider.counts(), (1, 0));
    assert_eq!(world.forge.state().registrations, 1);
}

#[tokio::test]
async fn a_cut_between_registration_and_launch_is_healed() {
    let world = World::new().await;
    world.hear(&job(1, "linux.large")).await;
    world.fleet.step_intake().await.unwrap();
    world.fleet.step_plan().await.unwrap();
    // The first attempt registered and died before anything was noted.
    let name = world.fleet.status().await.unwrap().runners[0].name.clone();
    world.forge.register(&name, &[]).await.unwrap();
    world.fleet.step_execute().await.unwrap();
    assert_eq!(world.states().await, [RunnerState::Booting]);
    let state = world.forge.state();
    assert_eq!((state.runners.len(), state.registrations, state.removals), (1, 2, 1));
}

#[tokio::test]
async fn a_refused_launch_waits_and_is_not_a_storm() {
    let world = World::new().await;
    world.provider.fail_launch(Some(ErrorClass::Capacity));
    world.hear(&job(1, "linux.large")).await;
    for _ in 0..20 {
        world.round().await;
    }
    assert_eq!(world.forge.state().registrations, 1);
    for _ in 0..40 {
        world.pass(30);
        world.round().await;
    }
    world.provider.fail_launch(None);
    for _ in 0..20 {
        world.pass(30);
        world.round().await;
    }
    assert_eq!(world.provider.counts().0, 1);
    assert_eq!(world.forge.state().runners.len(), 1, "no registration is left over");
}

#[tokio::test]
async fn a_busy_runner_survives_an_outage_and_a_wrong_belief() {
    let world = World::new().await;
    world.hear(&job(1, "linux.large")).await;
    world.round().await;
    world.all_online();
    world.fleet.step_reconcile().await.unwrap();
    // The job was cancelled and another one, whose webhooks are lost, took the runner.
    let mut gone = job(1, "linux.large");
    gone.status = JobStatus::Completed;
    world.hear(&gone).await;
    world.forge.state().down = true;
    for _ in 0..20 {
        world.pass(60);
        world.fleet.step_reconcile().await.unwrap();
        world.round().await;
    }
    assert_eq!(world.provider.counts(), (1, 0), "nothing is destroyed on unknown");
    world.forge.state().down = false;
    world.fleet.step_reconcile().await.unwrap();
    world.forge.state().runners.values_mut().for_each(|runner| runner.busy = true);
    world.round().await;
    assert_eq!(world.provider.counts(), (1, 0), "GitHub's 422 protects it");
    let again = world.fleet.step_plan().await.unwrap();
    assert_eq!(again.terminations, 0, "the refusal said that it has a job; nobody asks again");
    world.fleet.step_reconcile().await.unwrap();
    assert_eq!(world.states().await, [RunnerState::Busy]);
}

#[tokio::test]
async fn surplus_runners_and_orphans_leave() {
    let world = World::new().await;
    world.hear(&job(1, "linux.large")).await;
    world.round().await;
    world.all_online();
    world.fleet.step_reconcile().await.unwrap();
    let mut gone = job(1, "linux.large");
    gone.status = JobStatus::Completed;
    world.hear(&gone).await;
    world.pass(301);
    world.fleet.step_reconcile().await.unwrap();
    world.round().await;
    assert_eq!(world.provider.counts(), (1, 1));
    assert!(world.states().await.is_empty() && world.forge.state().runners.is_empty());

    let order = |name: &str| crate::provider::LaunchSpec {
        name: name.parse().unwrap(),
        runner_type: String::new(),
        labels: vec![],
        jit_config: String::new().into(),
        runner_id: None,
        machine: crate::provider::MachineSpec::default(),
    };
    world.provider.launch(&[order("trunkline-lost"), order("somebody-elses")]).await;
    let stats = world.fleet.step_reconcile().await.unwrap();
    assert_eq!(stats.orphans, 1);
    assert_eq!(world.provider.names(), ["somebody-elses".parse().unwrap()]);
}

#[tokio::test]
async fn lost_webhooks_heal() {
    let world = World::new().await;
    // A lost `queued` is found in the list of queued runs, once.
    world.forge.state().jobs.push(job(7, "linux.gpu"));
    assert_eq!(world.fleet.step_reconcile().await.unwrap().healed, 1);
    assert_eq!(world.fleet.step_reconcile().await.unwrap().healed, 0);
    world.round().await;
    assert_eq!(world.provider.counts().0, 1);
    // A lost `completed` is found by asking for the job.
    world.forge.state().jobs[0].status = JobStatus::Completed;
    world.forge.state().jobs[0].conclusion = Some(trunkline_model::Conclusion::Success);
    world.pass(601);
    let stats = world.fleet.step_reconcile().await.unwrap();
    assert_eq!((stats.jobs_checked, stats.healed), (1, 1));
    world.round().await;
    assert!(world.fleet.state().jobs.is_empty());
}

#[tokio::test]
async fn a_bad_payload_never_blocks_the_cursor() {
    let world = World::new().await;
    let bad = NewEvent {
        source: "github".into(),
        kind: "workflow_job".into(),
        dedupe_key: None,
        received_at: start(),
        headers: Default::default(),
        body: "{\"half".into(),
    };
    world.store.append(vec![bad]).await.unwrap();
    world.hear(&job(1, "linux.large")).await;
    let stats = world.fleet.step_intake().await.unwrap();
    assert_eq!((stats.events, stats.skipped, stats.jobs_changed), (2, 1, 1));
    assert_eq!(world.fleet.step_intake().await.unwrap(), IntakeStats::default());
    assert_eq!(world.fleet.status().await.unwrap().bad_payloads, 1);
    assert_eq!(world.store.record("job", &job_key(&job(1, "x"))).await.unwrap().unwrap().id, "o/r/1");
}

mod chaos;
mod past;
mod replicas;
