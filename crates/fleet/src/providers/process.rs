//! Runners as processes on this machine, for the demo, tests and small installations.
//!
//! Every runner has a folder of its own below the provider's folder: its working directory, its output
//! (`output.log`) and the file `machine` that says which process it is. The process writes that file itself
//! before it becomes the runner, so a crash of the control plane at any moment leaves no process that a later
//! start cannot find; and because the file is never overwritten, one name never becomes two processes. A process
//! counts as ours only while its start time is the recorded one: process ids are reused.
//!
//! The JIT configuration is handed over in the environment variable `ACTIONS_RUNNER_INPUT_JITCONFIG`; nothing else
//! of the control plane's environment is, but for a short list of harmless variables.

mod identity;

use crate::provider::{Capabilities, Error, ErrorClass, LaunchSpec, Machine, Provider};
use async_trait::async_trait;
use identity::{Identity, Life};
use rustix::process::{Pid, Signal};
use secrecy::ExposeSecret;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, PoisonError},
    time::Duration,
};
use tokio::process::{Child, Command};
use trunkline_model::RunnerName;

/// File in a runner's folder that identifies its process.
const IDENTITY_FILE: &str = "machine";
/// How long a stopped process may take to end before it is killed.
const TERM_GRACE: Duration = Duration::from_secs(5);

/// Writes the identity file (never over an existing one), then becomes the runner: process id and start time stay.
const START: &str = r#"set -C
if [ -r /proc/$$/stat ]; then id=$(cat /proc/$$/stat); else id="$$ ps $(ps -o lstart= -p $$)"; fi
printf '%s\n' "$id" > "$0" || exit 97
exec "$@""#;

/// How runner processes are started.
#[derive(Debug, Clone)]
pub struct ProcessConfig {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Folder for the runners' folders; made when absent.
    pub folder: PathBuf,
    /// Most processes at once.
    pub max_runners: u32,
    /// Variables of our environment that runners get, beside the fixed harmless ones.
    pub pass_environment: Vec<String>,
}

/// Variables that every runner gets when we have them.
const PASSED: [&str; 10] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "SSL_CERT_FILE",
];

/// See the [module](self). Clones share the processes.
#[derive(Debug, Clone)]
pub struct ProcessProvider {
    config: Arc<ProcessConfig>,
    /// Our own children, to collect their exit status; others were started before our start.
    children: Arc<std::sync::Mutex<HashMap<RunnerName, Child>>>,
    /// Launches and terminations one after another: the cap holds.
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl ProcessProvider {
    /// A provider over a folder; processes found there again are its machines.
    ///
    /// # Errors
    /// When the command is empty or the folder cannot be made.
    pub fn new(mut config: ProcessConfig) -> Result<Self, Error> {
        if config.command.is_empty() {
            return Err(Error::new(ErrorClass::Config, "the runner command is empty"));
        }
        std::fs::create_dir_all(&config.folder).map_err(|e| cannot("make folder", &config.folder, &e))?;
        config.folder = config.folder.canonicalize().map_err(|e| cannot("find", &config.folder, &e))?;
        Ok(Self { config: Arc::new(config), children: Arc::default(), turn: Arc::default() })
    }

    fn folder(&self, name: &RunnerName) -> PathBuf {
        self.config.folder.join(name.as_str())
    }

    /// Collects exit statuses of our own children, so that none stays a zombie.
    fn reap(&self) {
        let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
        children.retain(|_, child| matches!(child.try_wait(), Ok(None)));
    }

    fn identity(&self, name: &RunnerName) -> Option<Identity> {
        let text = std::fs::read_to_string(self.folder(name).join(IDENTITY_FILE)).ok()?;
        Identity::parse(&text)
    }

    /// Live machines. Folders of ended ones stay with their output until they are terminated.
    fn scan(&self) -> Result<Vec<Machine>, Error> {
        self.reap();
        let folder = &self.config.folder;
        let entries = std::fs::read_dir(folder).map_err(|e| cannot("list", folder, &e))?;
        let mut machines = vec![];
        for entry in entries {
            let entry = entry.map_err(|e| cannot("list", folder, &e))?;
            let name = entry.file_name();
            let Some(name) = name.to_str().and_then(|name| name.parse::<RunnerName>().ok()) else { continue };
            let Some(identity) = self.identity(&name) else { continue };
            match identity.life() {
                Life::Running => {
                    let id = identity.pid.to_string();
                    machines.push(Machine { id, name, started_at: None });
                }

                Life::Ended => {}
                Life::Unknown(why) => return Err(Error::new(ErrorClass::Transient, why)),
            }
        }
        Ok(machines)
    }

    async fn launch_one(&self, order: &LaunchSpec, room: &mut usize) -> Result<Machine, Error> {
        let folder = self.folder(&order.name);
        if let Some(identity) = self.identity(&order.name) {
            return match identity.life() {
                Life::Running => {
                    Ok(Machine { id: identity.pid.to_string(), name: order.name.clone(), started_at: None })
                }
                Life::Ended => Err(Error::new(ErrorClass::Config, "a runner of this name already ended")),
                Life::Unknown(why) => Err(Error::new(ErrorClass::Transient, why)),
            };
        }
        if *room == 0 {
            let message = format!("all {} runner processes are in use", self.config.max_runners);
            return Err(Error::new(ErrorClass::Quota, message));
        }
        std::fs::create_dir_all(&folder).map_err(|e| cannot("make folder", &folder, &e))?;
        let mut child = self.spawn(order, &folder)?;
        // The shell needs a moment to write who it is; until then a list would not show it.
        for _ in 0..500 {
            if let Some(identity) = self.identity(&order.name) {
                *room -= 1;
                let mut children = self.children.lock().unwrap_or_else(PoisonError::into_inner);
                children.insert(order.name.clone(), child);
                let id = identity.pid.to_string();
                return Ok(Machine { id, name: order.name.clone(), started_at: None });
            }
            if let Ok(Some(status)) = child.try_wait() {
                let message = format!("the runner command ended at once ({status})");
                return Err(Error::new(ErrorClass::Config, message));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let _ = child.start_kill();
        Err(Error::new(ErrorClass::Transient, "the runner process did not start within 5 s"))
    }

    fn spawn(&self, order: &LaunchSpec, folder: &Path) -> Result<Child, Error> {
        let output = std::fs::File::options()
            .create(true)
            .append(true)
            .open(folder.join("output.log"))
            .map_err(|e| cannot("open output of", folder, &e))?;
        let errors = output.try_clone().map_err(|e| cannot("open output of", folder, &e))?;
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(START).arg(folder.join(IDENTITY_FILE)).args(&self.config.command);
        command.env_clear();
        let passed = PASSED.iter().copied().chain(self.config.pass_environment.iter().map(String::as_str));
        for variable in passed {
            if let Some(value) = std::env::var_os(variable) {
                command.env(variable, value);
            }
        }
        command
            .env("ACTIONS_RUNNER_INPUT_JITCONFIG", order.jit_config.expose_secret())
            .env("TRUNKLINE_RUNNER_NAME", order.name.as_str())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .kill_on_drop(false);
        command.spawn().map_err(|e| cannot("start a shell in", folder, &e))
    }

    /// Signals the whole process group, if it is still the one we started.
    fn signal(identity: &Identity, signal: Signal) {
        if let Some(group) = Pid::from_raw(identity.pid) {
            // Fails only when the group has just ended.
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::new(ErrorClass::Transient, format!("{what} `{}`: {error}", path.display()))
}

#[async_trait]
impl Provider for ProcessProvider {
    fn name(&self) -> &str {
        "process"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities { max_machines: Some(self.config.max_runners), launch_batch: 16 }
    }

    async fn list(&self) -> Result<Vec<Machine>, Error> {
        self.scan()
    }

    async fn launch(&self, orders: &[LaunchSpec]) -> Vec<Result<Machine, Error>> {
        let _turn = self.turn.lock().await;
        let mut room = match self.scan() {
            Ok(machines) => (self.config.max_runners as usize).saturating_sub(machines.len()),
            Err(error) => return orders.iter().map(|_| Err(error.clone())).collect(),
        };
        let mut answers = vec![];
        for order in orders {
            answers.push(self.launch_one(order, &mut room).await);
        }
        answers
    }

    async fn terminate(&self, name: &RunnerName) -> Result<(), Error> {
        let _turn = self.turn.lock().await;
        let folder = self.folder(name);
        if let Some(identity) = self.identity(name) {
            let mut waited = Duration::ZERO;
            let pause = Duration::from_millis(20);
            loop {
                self.reap();
                match identity.life() {
                    Life::Ended => break,
                    Life::Unknown(why) => return Err(Error::new(ErrorClass::Transient, why)),
                    Life::Running if waited.is_zero() => Self::signal(&identity, Signal::TERM),
                    Life::Running if waited >= TERM_GRACE * 2 => {
                        let message = format!("process {} does not end", identity.pid);
                        return Err(Error::new(ErrorClass::Transient, message));
                    }
                    Life::Running if waited >= TERM_GRACE => Self::signal(&identity, Signal::KILL),
                    Life::Running => {}
                }
                tokio::time::sleep(pause).await;
                waited += pause;
            }
        }
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(cannot("remove", &folder, &error))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
