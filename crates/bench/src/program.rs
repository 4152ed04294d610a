//! A `trunkline serve` of the test's own.

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The webhook secret of every installation made here.
pub const SECRET: &str = "a secret of the tests";

/// Time for the program to become ready, and to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with a configuration; it goes with this value.
#[derive(Debug)]
pub struct Installation {
    folder: TempDir,
    program: PathBuf,
}

impl Installation {
    /// A fresh folder. `storage` has lines for `[storage]` besides the folder.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn new(program: impl Into<PathBuf>, storage: &str) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("trunkline-").tempdir().context("make a folder")?;
        fs::write(folder.path().join("webhook-secret"), SECRET)?;
        let config = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\n\n[storage]\nfolder = \"data\"\n{storage}\n\n[github]\n\
             webhook_secrets = [{{ file = \"webhook-secret\" }}]\n"
        );
        fs::write(folder.path().join("trunkline.toml"), config)?;
        Ok(Self { folder, program: program.into() })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.folder().join("trunkline.toml")
    }

    /// Where the program keeps its data.
    pub fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    /// Starts `trunkline serve`; answers when it listens.
    ///
    /// # Errors
    /// When it does not get ready; with its log.
    pub fn start(&self) -> Result<Program> {
        Program::start(&self.program, &self.config())
    }

    /// Starts `trunkline serve` and ends it at once after a time, ready or not.
    ///
    /// # Errors
    /// When it ends by itself before.
    pub fn kill_while_starting(&self, after: Duration) -> Result<()> {
        let (mut child, log, _ready) = Program::spawn(&self.program, &self.config())?;
        thread::sleep(after);
        kill(&mut child, &log)
    }

    /// The configuration's text, to be changed before a start.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn configure(&self, change: impl FnOnce(String) -> String) -> Result<()> {
        let text = fs::read_to_string(self.config())?;
        fs::write(self.config(), change(text)).context("write the configuration")
    }

    /// Another verb of the program, ready to be given arguments; it logs warnings only.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(self.folder()).env("TRUNKLINE_LOG", "warn");
        command
    }
}

/// A running `trunkline serve`. Dropping it kills it.
#[derive(Debug)]
pub struct Program {
    child: Child,
    address: SocketAddr,
    log: Log,
}

type Log = Arc<Mutex<Vec<String>>>;

impl Program {
    fn start(program: &Path, config: &Path) -> Result<Self> {
        let (mut child, log, ready) = Self::spawn(program, config)?;
        let Ok(address) = ready.recv_timeout(PATIENCE) else {
            drop(child.kill());
            drop(child.wait());
            bail!("`trunkline serve` did not get ready:\n{}", lines(&log).join("\n"));
        };
        Ok(Self { child, address, log })
    }

    fn spawn(program: &Path, config: &Path) -> Result<(Child, Log, mpsc::Receiver<SocketAddr>)> {
        let mut child = Command::new(program)
            .args(["serve", "--config"])
            .arg(config)
            .env("TRUNKLINE_LOG", "info")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("start `{}`", program.display()))?;
        let stderr = child.stderr.take().context("the program's standard error")?;
        let log = Log::default();
        let ready = follow(stderr, Arc::clone(&log));
        Ok((child, log, ready))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has logged.
    pub fn log(&self) -> Vec<String> {
        lines(&self.log)
    }

    /// Warnings and errors it has logged.
    pub fn complaints(&self) -> Vec<String> {
        let serious = |line: &String| line.contains(" WARN ") || line.contains(" ERROR ");
        self.log().into_iter().filter(serious).collect()
    }

    /// Resident memory in MiB: now, and the most there was.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn memory_mib(&self) -> Result<(f64, f64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let field = |name: &str| -> Result<f64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).context("a memory field")?;
            let kib: f64 = line.trim_end_matches("kB").trim().parse()?;
            Ok(kib / 1024.0)
        };
        Ok((field("VmRSS:")?, field("VmHWM:")?))
    }

    /// Processor seconds used so far.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn cpu_seconds(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
        let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<f64>().ok());
        let (user, system) = ticks(11).zip(ticks(12)).context("processor times")?;
        Ok((user + system) / rustix::param::clock_ticks_per_second() as f64)
    }

    /// Ends it at once, as a power cut would.
    ///
    /// # Errors
    /// When it had ended already, with its log: it must not end by itself.
    pub fn kill(mut self) -> Result<()> {
        kill(&mut self.child, &self.log)
    }

    /// Asks it to stop and waits; answers what it logged.
    ///
    /// # Errors
    /// When it does not stop in time or says it failed.
    pub fn stop(mut self) -> Result<Vec<String>> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).context("ask the program to stop")?;
        let status = wait(&mut self.child)?;
        let log = self.log();
        if !status.success() {
            bail!("the program ended with {status}:\n{}", log.join("\n"));
        }
        Ok(log)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn kill(child: &mut Child, log: &Log) -> Result<()> {
    if let Some(status) = child.try_wait()? {
        bail!("the program had ended with {status}:\n{}", lines(log).join("\n"));
    }
    child.kill()?;
    let status = child.wait()?;
    if status.signal() != Some(Signal::KILL.as_raw()) {
        bail!("the program ended with {status} and not by the kill:\n{}", lines(log).join("\n"));
    }
    Ok(())
}

fn wait(child: &mut Child) -> Result<ExitStatus> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
    bail!("the program did not stop within {} s", PATIENCE.as_secs())
}

fn lines(log: &Log) -> Vec<String> {
    log.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Keeps the log and answers the address once the program says it. The thread ends with the pipe.
fn follow(stderr: ChildStderr, log: Log) -> mpsc::Receiver<SocketAddr> {
    let (said, ready) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let address = line.split("ready: http://").nth(1).and_then(|rest| rest.split('/').next());
            let address = address.and_then(|text| text.parse().ok());
            log.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            if let Some(address) = address {
                // Nobody may be waiting any more.
                let _ = said.send(address);
            }
        }
    });
    ready
}
