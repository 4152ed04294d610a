//! Plays scenarios: the whole product in virtual time on a simulated GitHub and cloud.
//!
//! Real: store, intake with its signatures, projector, warehouse, fleet. Simulated: GitHub (its API asked in the
//! process), the cloud, time. Nothing sleeps; the clock stands still but for the scenario's player, which moves it to
//! whatever falls due next. A kill cuts the product off between two calls to the outside and opens its folder again.
//!
//! | look for | in |
//! |---|---|
//! | what a scenario moves | `system` |
//! | the product and its timers | `product` |
//! | its calls to GitHub and the cloud | `forge`, `provider` |
//! | how it dies | `fuse` |
//! | what the checks read | `facts` |

mod facts;
mod forge;
mod fuse;
mod product;
mod provider;
mod system;
#[cfg(test)]
mod tests;

use anyhow::{Context as _, Result};
use std::path::Path;
use trunkline_fleet::scale_config;
use trunkline_model::{Problem, Severity};
use trunkline_sim::scenario::{self, Report, Scenario};

/// How a scenario is played.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How {
    /// Effects done at the same time; `None` as the product does it. Several at once come in any order, so equal
    /// seeds give equal reports only with one.
    pub(crate) effects_at_once: Option<usize>,
}

impl How {
    /// The same each time.
    pub(crate) const REPEATABLE: Self = Self { effects_at_once: Some(1) };
}

/// What came of a file.
#[derive(Debug)]
pub(crate) enum Played {
    /// It was played.
    Report(Box<Report>),
    /// It, or the scale configuration that it names, is wrong.
    Wrong(Vec<Problem>),
}

/// Plays a scenario file; `seed` in place of its own.
///
/// # Errors
/// When a file cannot be read, or the product could not do what the scenario asked of it.
pub(crate) async fn play_file(path: &Path, seed: Option<u64>) -> Result<Played> {
    let name = path.display().to_string();
    let text = tokio::fs::read_to_string(path).await.with_context(|| format!("read scenario `{name}`"))?;
    let mut scenario = match scenario::parse(&name, &text) {
        Ok(scenario) => scenario,
        Err(problems) => return Ok(Played::Wrong(problems)),
    };
    scenario.world.seed = seed.unwrap_or(scenario.world.seed);
    play(&scenario, path.parent().unwrap_or(Path::new("")), How::REPEATABLE).await
}

/// Plays a scenario; relative paths in it begin at `folder`.
pub(crate) async fn play(scenario: &Scenario, folder: &Path, how: How) -> Result<Played> {
    let (name, text) = system::scale_text(scenario, folder)?;
    let (scale, problems) = scale_config::parse(&name, &text);
    let errors: Vec<Problem> = problems.into_iter().filter(|p| p.severity == Severity::Error).collect();
    let Some(scale) = scale.filter(|_| errors.is_empty()) else { return Ok(Played::Wrong(errors)) };
    let mut system = system::SimSystem::open(scenario, scale, how).await?;
    let report = scenario::run(scenario, folder, &mut system).await?;
    Ok(Played::Report(Box::new(report)))
}
