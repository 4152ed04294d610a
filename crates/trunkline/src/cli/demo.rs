//! `trunkline demo`: everything in one process, with a simulated project in accelerated time.

use super::{Answer, out, runtime, serve::on_signal};
use crate::{
    config,
    engine::{Engine, Pace},
};
use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{net::TcpListener, sync::watch};
use trunkline_model::{Clock as _, Rng, SharedClock, SystemClock, clock::AcceleratedClock};
use trunkline_sim::{
    Pace as SimPace, Target,
    drive::{Continuation, Options, Project, go_on_at},
    workload::WorkloadConfig,
};
use trunkline_store::Store;

/// Runner types of the simulated project.
const SCALE_CONFIG: &str = include_str!("../../../../examples/torchlite/scale-config.yml");
/// Where the simulated project keeps its place for a later start.
const NOTES: &str = "project.json";
/// Simulated seconds per second.
const PACE: u16 = 60;
/// Commits that the project has behind it at the start.
const PAST_COMMITS: u64 = 30;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Folder for the data; a later start goes on with it.
    #[arg(long, default_value = "./data/demo")]
    folder: PathBuf,
    /// Seed of the simulated project; by default every start brings new commits.
    #[arg(long)]
    seed: Option<u64>,
}

pub(super) fn run(args: &Args) -> Result<Answer> {
    let folder = &args.folder;
    std::fs::create_dir_all(folder).with_context(|| format!("create the folder `{}`", folder.display()))?;
    let folder = folder.canonicalize()?;
    let earlier = read_notes(&folder.join(NOTES));
    runtime()?.block_on(async {
        let listener =
            TcpListener::bind(args.listen).await.with_context(|| format!("listen on {}", args.listen))?;
        let address = listener.local_addr()?;
        let mut rng = Rng::from_os();
        let (secret, token) = (rng.hex(40), rng.hex(40));
        let mut workload = WorkloadConfig::demo();
        workload.seed = args.seed.unwrap_or_else(|| rng.u64());
        let repo = workload.repo.clone();
        let clock = clock(reached(&folder, earlier.as_ref()).await?);
        let project = Project::open(Options {
            workload,
            clock: Arc::clone(&clock),
            pace: SimPace::new(PACE),
            token: token.clone(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            past_commits: PAST_COMMITS,
            earlier,
        })
        .await
        .context("start the simulated GitHub")?;
        let github =
            Simulated { api: project.api_url(), hook: project.hook_id(), secret: &secret, token: &token };
        let config = configuration(&folder, address, &github, repo.as_str())?;
        let engine = Engine::open(config, clock, Pace(PACE)).await?;
        let shutdown = on_signal()?;
        out::talk(&format!("Trunkline's demo is ready: http://{address}/   (Ctrl-C stops it)"));
        let target = Target { url: format!("http://{address}/webhooks/github"), secret };
        let (notes, noted) = watch::channel(None);
        let (ran, (), kept) = tokio::join!(
            engine.run(listener, shutdown.clone()),
            project.live(target, notes, shutdown),
            keep_notes(&folder, noted)
        );
        ran?;
        kept.context("keep the simulated project's place")?;
        Ok(Answer::Ok)
    })
}

/// What an earlier demo in this folder left; an unreadable file is as none.
fn read_notes(path: &Path) -> Option<Continuation> {
    let text = std::fs::read_to_string(path).ok()?;
    serde_json::from_str(&text)
        .inspect_err(
            |error| tracing::warn!(%error, "`{}` cannot be read; the project begins anew", path.display()),
        )
        .ok()
}

/// Writes each note over the one before, until the project has ended.
async fn keep_notes(folder: &Path, mut notes: watch::Receiver<Option<Continuation>>) -> Result<()> {
    let (path, new) = (folder.join(NOTES), folder.join(format!("{NOTES}.new")));
    while notes.changed().await.is_ok() {
        let Some(note) = *notes.borrow_and_update() else { continue };
        tokio::fs::write(&new, serde_json::to_vec_pretty(&note)?).await?;
        tokio::fs::rename(&new, &path).await?;
    }
    Ok(())
}

/// The latest simulated time that this folder knows of: an earlier demo's last note, or its newest event.
async fn reached(folder: &Path, earlier: Option<&Continuation>) -> Result<Option<Timestamp>> {
    let noted = earlier.map(|earlier| earlier.at);
    let path = folder.join("state.sqlite");
    if !path.exists() {
        return Ok(noted);
    }
    let wall: SharedClock = Arc::new(SystemClock);
    let store =
        Store::open_sqlite(&path, &wall).await.with_context(|| format!("open `{}`", path.display()))?;
    Ok(noted.max(store.event_stats().await?.last_received_at))
}

/// Starts at the machine's time, or later where an earlier demo was later already, and runs ahead of it.
fn clock(reached: Option<Timestamp>) -> SharedClock {
    let base: SharedClock = Arc::new(SystemClock);
    let slack = SignedDuration::from_secs(2 * i64::from(PACE));
    let start = go_on_at(SystemClock.now(), reached, slack);
    Arc::new(AcceleratedClock::new(base, start, PACE))
}

/// The simulated GitHub, as the configuration names it.
struct Simulated<'a> {
    api: &'a str,
    hook: u64,
    secret: &'a str,
    token: &'a str,
}

/// The configuration a user would write, with the simulated GitHub as GitHub.
fn configuration(
    folder: &Path,
    listen: SocketAddr,
    github: &Simulated<'_>,
    repo: &str,
) -> Result<config::Config> {
    let Simulated { api, hook, secret, token } = github;
    write_private(&folder.join("webhook-secret"), secret)?;
    write_private(&folder.join("token"), token)?;
    std::fs::write(folder.join("scale-config.yml"), SCALE_CONFIG)?;
    let program = std::env::current_exe()?;
    let text = format!(
        "[server]\nlisten = \"{listen}\"\n\n[storage]\nfolder = \".\"\n\n\
         [github]\napi_url = \"{api}\"\nwebhook_secrets = [{{ file = \"webhook-secret\" }}]\n\
         token = {{ file = \"token\" }}\nredeliver_minutes = 1\n\
         hooks = [{{ repository = \"{repo}\", hook = {hook} }}]\n\n\
         [fleet]\nscale_config = \"scale-config.yml\"\nrepository = \"{repo}\"\n\
         command = [{program:?}, \"sim\", \"runner\"]\nmax_runners = 96\nplan_seconds = 1\n\
         reconcile_seconds = 5\nboot_timeout_seconds = 30\nidle_seconds = 20\n",
    );
    let path = folder.join("trunkline.toml");
    std::fs::write(&path, text)?;
    let (config, problems) = config::load(&path)?;
    config.with_context(|| problems.iter().map(|problem| format!("{problem}\n")).collect::<String>())
}

fn write_private(path: &Path, text: &str) -> Result<()> {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _};
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}
