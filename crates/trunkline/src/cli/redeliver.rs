//! `trunkline redeliver`

use super::{Answer, load, out, runtime};
use crate::engine;
use anyhow::{Result, bail};
use jiff::SignedDuration;
use std::{path::PathBuf, sync::Arc};
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

pub(super) fn run(args: &Args, json: bool) -> Result<Answer> {
    let Some(config) = load(&args.config)? else { return Ok(Answer::Usage) };
    runtime()?.block_on(async {
        let clock: SharedClock = Arc::new(SystemClock);
        let scopes = engine::redeliver::scopes(&config.github);
        let Some(client) = engine::client(&config, &clock)? else {
            bail!("GitHub's deliveries need credentials: add `app` or `token` to `[github]`");
        };
        if scopes.is_empty() {
            bail!("a token cannot see an App's deliveries: name the webhooks in `[github] hooks`");
        }
        let store = engine::open_store(&config, &clock).await?;
        let now = SystemClock.now();
        let since = now - SignedDuration::from_hours(i64::from(args.hours));
        let mut all = vec![];
        for scope in &scopes {
            let record = engine::redeliver::OfClient(&client, scope);
            let found = engine::redeliver::look(&record, &store, since, now).await?;
            out::talk(&format!("{scope:?}: {} compared, {} missing", found.looked_at, found.missing));
            all.push(found);
        }
        if json {
            out::json(&all)?;
        } else {
            let stored: usize = all.iter().map(|found| found.stored).sum();
            out::line(&format!("{stored} missed deliveries stored"))?;
        }
        Ok(Answer::Ok)
    })
}
