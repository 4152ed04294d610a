//! A job of the world: what it asks for, what it will do, where it stands.

use jiff::{SignedDuration, Timestamp};
use std::{fmt::Debug, sync::Arc};
use trunkline_model::{Conclusion, Job, Label, RunnerId, RunnerName, Step};

/// A job that becomes ready for a runner.
#[derive(Debug, Clone)]
pub struct JobSpec {
    /// Name, without the workflow.
    pub name: String,
    /// `runs-on`.
    pub labels: Vec<Label>,
    /// Whether GitHub's own runners serve it.
    pub hosted: bool,
    /// How long it takes on a runner.
    pub duration: SignedDuration,
    /// How it ends when nobody cancels it.
    pub conclusion: Conclusion,
    /// Its steps and its log.
    pub script: Arc<dyn Script>,
}

impl JobSpec {
    /// A job that ends well after `duration`; hosted when its labels say so.
    pub fn new(name: impl Into<String>, labels: Vec<Label>, duration: SignedDuration) -> Self {
        let hosted = is_hosted(&labels);
        let script = Arc::new(PlainScript);
        Self { name: name.into(), labels, hosted, duration, conclusion: Conclusion::Success, script }
    }

    /// The same job with another end.
    pub fn ending(self, conclusion: Conclusion) -> Self {
        Self { conclusion, ..self }
    }

    /// The same job with its own steps and log.
    pub fn scripted(self, script: Arc<dyn Script>) -> Self {
        Self { script, ..self }
    }
}

/// Whether GitHub serves a job with runners of its own: by its one label.
pub fn is_hosted(labels: &[Label]) -> bool {
    let [label] = labels else { return false };
    let label = label.key();
    ["ubuntu-", "windows-", "macos-"].iter().any(|prefix| label.starts_with(prefix))
}

/// How a job went, or goes: all that its steps and log may depend on.
#[derive(Debug, Clone)]
pub struct Execution<'a> {
    /// The job.
    pub job: &'a Job,
    /// Runner that had it; empty when none had.
    pub runner: &'a str,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, or will take.
    pub duration: SignedDuration,
    /// How it ended, or will end.
    pub conclusion: Conclusion,
}

/// Says what a job did. Pure: it is asked again for each answer.
pub trait Script: Debug + Send + Sync {
    /// The steps of the finished job.
    fn steps(&self, run: &Execution<'_>) -> Vec<Step>;
    /// The log of the finished job; `None` when only the runner's own report is there.
    fn log(&self, run: &Execution<'_>) -> Option<String>;
}

/// Three steps and no log of its own.
#[derive(Debug, Clone, Copy)]
pub struct PlainScript;

impl Script for PlainScript {
    fn steps(&self, run: &Execution<'_>) -> Vec<Step> {
        let at = |part: i32| run.started_at + run.duration * part / 20;
        let step = |number: u32, name: &str, from: i32, to: i32, conclusion| Step {
            name: name.into(),
            number,
            status: "completed".into(),
            conclusion: Some(conclusion),
            started_at: Some(at(from)),
            completed_at: Some(at(to)),
        };
        let main =
            if run.conclusion == Conclusion::TimedOut { Conclusion::Cancelled } else { run.conclusion };
        vec![
            step(1, "Set up job", 0, 1, Conclusion::Success),
            step(2, "Run", 1, 19, main),
            step(3, "Complete job", 19, 20, Conclusion::Success),
        ]
    }

    fn log(&self, _: &Execution<'_>) -> Option<String> {
        None
    }
}

/// Where a job stands, more closely than its status says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Wants a runner.
    Queued,
    /// Given to a runner whose listener has not taken it yet.
    Assigned(RunnerId),
    /// On a self-hosted runner.
    Running(RunnerId),
    /// On one of GitHub's own.
    Hosted,
    /// Ended.
    Done,
}

/// A job with all that the world knows of it.
#[derive(Debug, Clone)]
pub struct SimJob {
    /// As GitHub shows it; its steps are made when asked for, see [`SimJob::shown`].
    pub job: Job,
    /// What it asks for and does.
    pub spec: JobSpec,
    /// Where it stands.
    pub phase: Phase,
    /// Every runner that began it.
    pub runners: Vec<RunnerName>,
    /// Whether its runner is to stop.
    pub cancel_requested: bool,
    /// What the runner reported, in place of a log of the script.
    pub reported: String,
}

/// A runner's own report is cut to this many bytes.
const MAX_REPORT: usize = 64 * 1024;

impl SimJob {
    /// How it went or goes; `None` before it began.
    fn execution(&self) -> Option<Execution<'_>> {
        if self.job.status.rank() == 0 || self.job.conclusion == Some(Conclusion::Skipped) {
            return None;
        }
        let runner = self.job.runner_name.as_deref()?;
        let started_at = self.job.started_at?;
        let duration = self
            .job
            .completed_at
            .map_or(self.spec.duration, |completed| completed.duration_since(started_at));
        let conclusion = self.job.conclusion.unwrap_or(self.spec.conclusion);
        Some(Execution { job: &self.job, runner, started_at, duration, conclusion })
    }

    /// The job as GitHub shows it at a time, with the steps so far.
    pub fn shown(&self, now: Timestamp) -> Job {
        let mut job = self.job.clone();
        let Some(run) = self.execution() else { return job };
        job.steps = self.spec.script.steps(&run);
        if job.conclusion.is_none() {
            job.steps.retain(|step| step.number == 1 || step.started_at.is_none_or(|at| at <= now));
            if let Some(step) = job.steps.last_mut() {
                (step.status, step.conclusion, step.completed_at) = ("in_progress".into(), None, None);
            }
        }
        job
    }

    /// The log, once the job has ended on a runner.
    pub fn log(&self) -> Option<String> {
        let run = self.execution().filter(|_| self.phase == Phase::Done)?;
        Some(self.spec.script.log(&run).unwrap_or_else(|| self.reported.clone()))
    }

    /// Adds to the runner's own report.
    pub(super) fn report(&mut self, text: &str) {
        let room = MAX_REPORT.saturating_sub(self.reported.len());
        let mut end = room.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.reported.push_str(&text[..end]);
    }
}
