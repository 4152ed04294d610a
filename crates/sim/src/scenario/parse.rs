//! Reads a scenario file; what is wrong is said with its place.

use super::{
    file::Scenario,
    step::{JobSpec, Step},
};
use serde_saphyr::{Options, Spanned};
use std::collections::HashSet;
use trunkline_model::{Problem, Severity};

/// Larger files are refused.
pub const MAX_BYTES: usize = 1 << 20;
/// More jobs in one step are refused.
const MAX_COUNT: u32 = 100_000;

/// Reads a scenario. `file` is its name for messages.
///
/// # Errors
/// All problems of its meaning at once, or the first of its form.
pub fn parse(file: &str, text: &str) -> Result<Scenario, Vec<Problem>> {
    let problem = |place: Place, path: &str, message: String| Problem {
        file: file.to_owned(),
        line: usize::try_from(place.0).unwrap_or(1).max(1),
        column: usize::try_from(place.1).unwrap_or(1).max(1),
        severity: Severity::Error,
        path: path.to_owned(),
        message,
        expected: String::new(),
        fix: String::new(),
        rule: "",
    };
    if text.len() > MAX_BYTES {
        return Err(vec![problem((1, 1), "", "the file has more than 1 MiB".into())]);
    }
    let read: Result<Scenario, _> = serde_saphyr::from_str_with_options(text, options());
    let scenario = read.map_err(|error| {
        let place = error.location().map_or((1, 1), |at| (at.line(), at.column()));
        vec![problem(place, "", message(&error))]
    })?;
    let found = meaning(&scenario);
    if found.is_empty() {
        return Ok(scenario);
    }
    let steps = places_of_steps(text);
    Err(found
        .into_iter()
        .map(|wrong| match wrong.step {
            Some(at) => {
                problem(steps.get(at).copied().unwrap_or((1, 1)), &format!("steps[{at}]"), wrong.message)
            }
            None => problem((1, 1), "config.fleet", wrong.message),
        })
        .collect())
}

/// Line and column, both from 1.
type Place = (u64, u64);

/// Where each step begins.
fn places_of_steps(text: &str) -> Vec<Place> {
    #[derive(serde::Deserialize)]
    struct Outline {
        steps: Vec<Spanned<serde::de::IgnoredAny>>,
    }
    let outline: Result<Outline, _> = serde_saphyr::from_str_with_options(text, options());
    outline
        .map_or_else(|_| vec![], |o| o.steps.iter().map(|s| (s.defined.line(), s.defined.column())).collect())
}

/// A mistake that the types cannot see.
struct Wrong {
    /// Which step, from 0; `config.fleet` when none.
    step: Option<usize>,
    message: String,
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: 32, max_nodes: 100_000, max_aliases: 100 },
        with_snippet: false,
    }
}

/// The error in words: without place and snippet, which the problem has of its own.
fn message(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    let text = text.lines().next().unwrap_or_default();
    text.split(" at line ").next().unwrap_or(text).trim_end_matches(':').to_owned()
}

fn meaning(scenario: &Scenario) -> Vec<Wrong> {
    let mut all = Vec::new();
    let fleet = &scenario.config.fleet;
    if fleet.scale_config.is_some() && fleet.runner_types.is_some() {
        let message = "`scale_config` and `runner_types` exclude each other".into();
        all.push(Wrong { step: None, message });
    }
    let mut pushed = scenario.world.workload.is_some();
    let mut names = HashSet::new();
    for (at, step) in scenario.steps.iter().enumerate() {
        let mut wrong = |message: String| all.push(Wrong { step: Some(at), message });
        let mut specs: &[JobSpec] = &[];
        match step {
            Step::Push(push) => (pushed, specs) = (true, &push.jobs),
            Step::OpenPull(pull) => (pushed, specs) = (true, &pull.jobs),
            Step::QueueJob(spec) => specs = std::slice::from_ref(spec),
            Step::QueueJobs(several) => specs = several,
            Step::Deliver(deliver) if deliver.file.is_some() == deliver.body.is_some() => {
                wrong("`deliver` needs either `file` or `body`".into());
            }
            Step::Workload(_) if scenario.world.workload.is_none() => {
                wrong("there is no `world.workload` to pause or resume".into());
            }
            Step::Cancel(job) | Step::Rerun(job) if !names.contains(&job.job) => {
                wrong(format!("no step before makes a job `{}`", job.job));
            }
            _ => {}
        }
        if !specs.is_empty() && !pushed {
            wrong("no commit to run jobs on; begin with a `push`".into());
        }
        for spec in specs {
            if spec.runs_on.is_empty() {
                wrong(format!("job `{}` asks for no label in `runs_on`", spec.name));
            }
            if spec.count == 0 || spec.count > MAX_COUNT {
                wrong(format!("job `{}` has count {}: 1 to {MAX_COUNT}", spec.name, spec.count));
            }
        }
        names.extend(specs.iter().filter(|spec| spec.count <= MAX_COUNT).flat_map(JobSpec::names));
    }
    all
}

#[cfg(test)]
mod tests;
