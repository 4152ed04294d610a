//! `trunkline.toml`: one struct per section, every problem reported at once with its place.

mod ec2;
mod github;
mod reader;
mod secret;

pub(crate) use ec2::Ec2;
pub(crate) use github::GitHub;
use reader::{Document, Section};
pub(crate) use secret::SecretRef;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};
use trunkline_model::{Problem, RepoName, Severity};

/// The whole configuration, with defaults filled in.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) server: Server,
    pub(crate) storage: Storage,
    pub(crate) github: GitHub,
    pub(crate) fleet: Option<Fleet>,
}

/// `[server]`
#[derive(Debug, Clone)]
pub(crate) struct Server {
    /// Address to listen on; default `127.0.0.1:8080`.
    pub(crate) listen: SocketAddr,
    /// Proxies whose `X-Forwarded-For` is believed; default none.
    pub(crate) trusted_proxies: Vec<std::net::IpAddr>,
}

/// `[storage]`
#[derive(Debug, Clone)]
pub(crate) struct Storage {
    /// Folder for SQLite, DuckDB and blobs; default `./data`.
    pub(crate) folder: PathBuf,
    /// PostgreSQL instead of SQLite: where to find its URL.
    pub(crate) postgres: Option<SecretRef>,
    /// ClickHouse instead of DuckDB: its HTTP URL.
    pub(crate) clickhouse: Option<SecretRef>,
    /// Days that raw deliveries are kept; default 30.
    pub(crate) keep_events_days: u32,
    /// Memory for the embedded analytics engine in MiB; default 96.
    pub(crate) analytics_memory_mib: u32,
}

/// `[fleet]`
#[derive(Debug, Clone)]
pub(crate) struct Fleet {
    /// The scale configuration file.
    pub(crate) scale_config: PathBuf,
    /// Where runners register: one repository …
    pub(crate) repository: Option<RepoName>,
    /// … or an organisation.
    pub(crate) organization: Option<String>,
    /// Runner group id; default 1, GitHub's default group.
    pub(crate) runner_group: u64,
    /// Program and arguments that the `process` provider starts for each runner.
    pub(crate) command: Vec<String>,
    /// Machines come from Amazon EC2 instead.
    pub(crate) ec2: Option<Ec2>,
    /// Most runners at once; default 8.
    pub(crate) max_runners: u32,
    /// Seconds between planning steps; default 2.
    pub(crate) plan_seconds: u32,
    /// Seconds between comparisons with GitHub; default 60.
    pub(crate) reconcile_seconds: u32,
    /// Seconds a runner may take to come online; default 600.
    pub(crate) boot_timeout_seconds: u32,
    /// Seconds a runner may idle without demand; default 300.
    pub(crate) idle_seconds: u32,
    /// Days that completed jobs and past runners are remembered; default 7.
    pub(crate) keep_finished_days: u32,
}

/// Reads a configuration text. `None` when it has an error; the problems say all of them.
pub(crate) fn parse(file: &str, text: &str) -> (Option<Config>, Vec<Problem>) {
    let document = match Document::parse(file, text) {
        Ok(document) => document,
        Err(problem) => return (None, vec![*problem]),
    };
    let mut root = document.root();
    let server = server(&mut root.section("server"));
    let storage = storage(&mut root.section("storage"));
    let github = github::read(&mut root.section("github"), root.has("github"));
    let fleet = root.has("fleet").then(|| fleet(&mut root.section("fleet")));
    root.finish();
    drop(root);
    let problems = document.into_problems();
    let broken = problems.iter().any(|problem| problem.severity == Severity::Error);
    ((!broken).then_some(Config { server, storage, github, fleet }), problems)
}

/// Reads a configuration file; relative paths in it start at its folder.
pub(crate) fn load(path: &Path) -> anyhow::Result<(Option<Config>, Vec<Problem>)> {
    use anyhow::Context as _;
    let text = std::fs::read(path).with_context(|| format!("read config file `{}`", path.display()))?;
    let text = String::from_utf8(text).with_context(|| format!("`{}` is not UTF-8 text", path.display()))?;
    let (mut config, problems) = parse(&path.to_string_lossy(), &text);
    if let Some(config) = &mut config {
        config.rebase(path.parent().unwrap_or(Path::new("")));
    }
    Ok((config, problems))
}

impl Config {
    fn rebase(&mut self, folder: &Path) {
        let rebase = |path: &mut PathBuf| *path = folder.join(&path);
        rebase(&mut self.storage.folder);
        let mut secrets = self.github.secrets_mut();
        secrets.extend(self.storage.postgres.iter_mut());
        secrets.extend(self.storage.clickhouse.iter_mut());
        for secret in secrets {
            secret.rebase(folder);
        }
        if let Some(fleet) = &mut self.fleet {
            rebase(&mut fleet.scale_config);
        }
    }
}

fn server(section: &mut Section<'_>) -> Server {
    let default = SocketAddr::from(([127, 0, 0, 1], 8080));
    let listen = section.parsed("listen", "an address and port, such as `127.0.0.1:8080`").unwrap_or(default);
    let trusted_proxies = section.parsed_list("trusted_proxies", "IP addresses, such as `[\"10.0.0.1\"]`");
    section.finish();
    Server { listen, trusted_proxies }
}

fn storage(section: &mut Section<'_>) -> Storage {
    let folder = section.text("folder").map_or_else(|| PathBuf::from("./data"), PathBuf::from);
    let postgres = section.secret("postgres");
    let clickhouse = section.secret("clickhouse");
    let keep_events_days = section.number("keep_events_days", 1..=3650).unwrap_or(30);
    let analytics_memory_mib = section.number("analytics_memory_mib", 32..=1_048_576).unwrap_or(96);
    section.finish();
    Storage { folder, postgres, clickhouse, keep_events_days, analytics_memory_mib }
}

fn fleet(section: &mut Section<'_>) -> Fleet {
    let scale_config = section.text("scale_config").map(PathBuf::from);
    if scale_config.is_none() {
        section.missing(
            "scale_config",
            "the path of a scale configuration",
            "add `scale_config = \"scale-config.yml\"`",
        );
    }
    let repository = section.parsed("repository", "`owner/name`");
    let organization = section.text("organization");
    if repository.is_some() == organization.is_some() {
        section.missing(
            "repository",
            "either `repository` or `organization`: where runners register",
            "add one of them, and only one",
        );
    }
    let runner_group = section.number("runner_group", 1..=u32::MAX).map_or(1, u64::from);
    let command = section.texts("command");
    let ec2 = section.has("ec2").then(|| ec2::read(&mut section.section("ec2")));
    match (command.is_empty(), &ec2) {
        (true, None) => section.missing(
            "command",
            "the program that runs one job and exits, or `[fleet.ec2]`",
            "add `command = [\"./run.sh\"]`; the configuration is passed in ACTIONS_RUNNER_INPUT_JITCONFIG",
        ),
        (false, Some(_)) => section.refuse(
            "command",
            "`command` and `[fleet.ec2]` are both there".into(),
            "one place where runners run",
            "remove one of them",
        ),
        _ => {}
    }
    let fleet = Fleet {
        scale_config: scale_config.unwrap_or_default(),
        repository,
        organization,
        runner_group,
        command,
        ec2,
        max_runners: section.number("max_runners", 0..=100_000).unwrap_or(8),
        plan_seconds: section.number("plan_seconds", 1..=3600).unwrap_or(2),
        reconcile_seconds: section.number("reconcile_seconds", 1..=86_400).unwrap_or(60),
        boot_timeout_seconds: section.number("boot_timeout_seconds", 5..=86_400).unwrap_or(600),
        idle_seconds: section.number("idle_seconds", 1..=86_400).unwrap_or(300),
        keep_finished_days: section.number("keep_finished_days", 4..=3650).unwrap_or(7),
    };
    section.finish();
    fleet
}

#[cfg(test)]
mod tests;
