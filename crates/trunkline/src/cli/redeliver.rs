//! `trunkline redeliver`

use super::{Answer, load, out, runtime};
use crate::engine::{
    self,
    redeliver::{self, Found},
};
use anyhow::{Result, bail};
use jiff::SignedDuration;
use serde::Serialize;
use std::{path::PathBuf, sync::Arc};
use trunkline_github::client::Hook;
use trunkline_model::{Clock as _, SharedClock, SystemClock};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Configuration file.
    #[arg(short, long, default_value = "trunkline.toml")]
    config: PathBuf,
    /// How far back to look, in hours; GitHub keeps three days.
    #[arg(long, default_value_t = 72, value_parser = clap::value_parser!(u32).range(1..=168))]
    hours: u32,
}

/// One webhook's line of the answer.
#[derive(Serialize)]
struct Looked {
    hook: String,
    #[serde(flatten)]
    found: Option<Found>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(super) fn run(args: &Args, json: bool) -> Result<Answer> {
    let Some(config) = load(&args.config)? else { return Ok(Answer::Usage) };
    runtime()?.block_on(async {
        let clock: SharedClock = Arc::new(SystemClock);
        let hooks = redeliver::hooks(&config.github);
        let Some(client) = engine::client(&config, &clock)? else {
            bail!("GitHub's deliveries need credentials: add `app` or `token` to `[github]`");
        };
        if hooks.is_empty() {
            bail!("a token cannot see an App's deliveries: name the webhooks in `[github] hooks`");
        }
        let store = engine::open_store(&config, &clock).await?;
        let now = SystemClock.now();
        let since = now - SignedDuration::from_hours(i64::from(args.hours));
        let mut all = vec![];
        for hook in &hooks {
            // One webhook that fails does not keep the others from being looked at.
            let (found, error) = match redeliver::look(&client, &store, hook, since, now).await {
                Ok(found) => (Some(found), None),
                Err(error) => (None, Some(format!("{error:#}"))),
            };
            out::talk(&line(hook, found.as_ref(), error.as_deref()));
            all.push(Looked { hook: hook.to_string(), found, error });
        }
        if json {
            out::json(&all)?;
        } else {
            let stored: usize = all.iter().filter_map(|looked| looked.found.as_ref()).map(|f| f.stored).sum();
            out::line(&format!("{stored} missed deliveries stored"))?;
        }
        let done = |looked: &Looked| looked.found.as_ref().is_some_and(|found| found.complete);
        Ok(if all.iter().all(done) { Answer::Ok } else { Answer::No })
    })
}

fn line(hook: &Hook, found: Option<&Found>, error: Option<&str>) -> String {
    match (found, error) {
        (Some(Found { looked_at, missing, lost, complete, .. }), _) => {
            let mut line = format!("{hook}: {looked_at} compared, {missing} missing");
            if *lost > 0 {
                line = format!("{line}, {lost} of them without a payload at GitHub");
            }
            if !complete {
                line.push_str("; not at the end yet, run it again");
            }
            line
        }
        (None, error) => format!("{hook}: {}", error.unwrap_or("no answer")),
    }
}
