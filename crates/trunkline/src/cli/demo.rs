//! `trunkline demo`: everything in one process, with a simulated project in accelerated time.

use super::{Answer, out, runtime, serve::on_signal};
use crate::{
    config,
    engine::{Engine, Pace},
};
use anyhow::{Context, Result};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::net::TcpListener;
use trunkline_model::{Clock as _, Rng, SharedClock, SystemClock, clock::AcceleratedClock};
use trunkline_sim::{fake::drive, workload::WorkloadConfig};

/// Runner types of the simulated project.
const SCALE_CONFIG: &str = include_str!("../../../../examples/torchlite/scale-config.yml");
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
    runtime()?.block_on(async {
        let listener =
            TcpListener::bind(args.listen).await.with_context(|| format!("listen on {}", args.listen))?;
        let address = listener.local_addr()?;
        let github = TcpListener::bind("127.0.0.1:0").await.context("listen for the simulated GitHub")?;
        let mut rng = Rng::from_os();
        let secret = rng.hex(40);
        let token = rng.hex(40);
        let mut workload = WorkloadConfig::demo();
        workload.seed = args.seed.unwrap_or_else(|| rng.u64());
        let api = format!("http://{}", github.local_addr()?);
        let config = configuration(&folder, address, &api, &secret, &token, workload.repo.as_str())?;
        let clock: SharedClock = clock();
        let engine = Engine::open(config, Arc::clone(&clock), Pace(PACE)).await?;
        let shutdown = on_signal()?;
        out::talk(&format!("Trunkline's demo is ready: http://{address}/   (Ctrl-C stops it)"));
        let options = drive::Options {
            workload,
            clock,
            pace: PACE,
            webhook_url: format!("http://{address}/webhooks/github"),
            webhook_secret: secret,
            token,
            past_commits: PAST_COMMITS,
        };
        let (ran, played) =
            tokio::join!(engine.run(listener, shutdown.clone()), drive::play(github, options, shutdown));
        ran?;
        played?;
        Ok(Answer::Ok)
    })
}

/// Starts at the machine's time and runs ahead of it.
fn clock() -> SharedClock {
    let base: SharedClock = Arc::new(SystemClock);
    let start = SystemClock.now();
    Arc::new(AcceleratedClock::new(base, start, PACE))
}

/// The configuration a user would write, with the simulated GitHub as GitHub.
fn configuration(
    folder: &Path,
    listen: SocketAddr,
    api: &str,
    secret: &str,
    token: &str,
    repo: &str,
) -> Result<config::Config> {
    write_private(&folder.join("webhook-secret"), secret)?;
    write_private(&folder.join("token"), token)?;
    std::fs::write(folder.join("scale-config.yml"), SCALE_CONFIG)?;
    let program = std::env::current_exe()?;
    let text = format!(
        "[server]\nlisten = \"{listen}\"\n\n[storage]\nfolder = \".\"\n\n\
         [github]\napi_url = \"{api}\"\nwebhook_secrets = [{{ file = \"webhook-secret\" }}]\n\
         token = {{ file = \"token\" }}\n\n\
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
