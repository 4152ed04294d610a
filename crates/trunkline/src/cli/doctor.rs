//! `trunkline doctor`: is everything in place, and what to do where it is not.

use super::{Answer, out, runtime};
use crate::{config, engine};
use anyhow::Result;
use serde::Serialize;
use std::{os::unix::fs::PermissionsExt as _, path::PathBuf, sync::Arc};
use trunkline_github::client;
use trunkline_model::{Clock as _, SharedClock, SystemClock};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Configuration file.
    #[arg(short, long, default_value = "trunkline.toml")]
    config: PathBuf,
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    detail: String,
    /// What to do; empty when it is well.
    fix: String,
}

pub(super) fn run(args: &Args, json: bool) -> Result<Answer> {
    let mut checks = vec![];
    let mut check = |name, result: Result<String>, fix: &str| {
        let ok = result.is_ok();
        let detail = result.unwrap_or_else(|error| format!("{error:#}"));
        checks.push(Check { name, ok, detail, fix: if ok { String::new() } else { fix.into() } });
    };
    let loaded = config::load(&args.config);
    let (config, problems) = match loaded {
        Ok((config, problems)) => (config, problems.iter().map(ToString::to_string).collect::<Vec<_>>()),
        Err(error) => (None, vec![format!("{error:#}")]),
    };
    let well = if problems.is_empty() {
        Ok(args.config.display().to_string())
    } else {
        Err(anyhow::anyhow!(problems.join("\n")))
    };
    check("configuration", well, "mend the places named above; `trunkline config check` repeats the check");
    if let Some(config) = &config {
        check("secrets", secrets(config), "put each secret into a file that only you can read");
        runtime()?.block_on(async {
            let clock: SharedClock = Arc::new(SystemClock);
            let storage = async {
                let store = engine::open_store(config, &clock).await?;
                store.health().await?;
                Ok(format!("{} deliveries in the log", store.event_stats().await?.count))
            };
            check("storage", storage.await, "make the folder writable, or start the database");
            let fleet = config.fleet.as_ref().map(|fleet| {
                engine::scale_config(&fleet.scale_config)
                    .map(|scale| format!("{} runner types", scale.types().len()))
            });
            if let Some(fleet) = fleet {
                check("scale configuration", fleet, "mend the file named above");
            }
            for (detail, fix) in amazon(config, &clock).await {
                check("ec2", detail, &fix);
            }
            match engine::client(config, &clock) {
                Ok(None) => check("github", Ok("no credentials: deliveries only".into()), ""),
                Err(error) => check("github", Err(error), "check `app` or `token` in `[github]`"),
                Ok(Some(client)) => {
                    for id in client.app_ids() {
                        let app = client.app(&id).await.map_err(anyhow::Error::from);
                        let detail = app.map(|app| format!("`{}` (App {id})", app.name));
                        check(
                            "github app",
                            detail,
                            "check that `id` and `private_key` belong together, and the machine's clock",
                        );
                    }
                    let limits = client.rate_limit(None).await;
                    let skew = limits.as_ref().ok().and_then(|limits| limits.server_time);
                    let detail = match limits {
                        Ok(limits) => Ok(match limits.buckets.get("core") {
                            Some(core) => format!("{} of {} requests left", core.remaining, core.limit),
                            None => "reached".into(),
                        }),
                        // GitHub Enterprise Server with its limits switched off.
                        Err(client::Error::NotFound { .. }) => Ok("reached; it has no limits".into()),
                        Err(error) => Err(anyhow::Error::from(error)),
                    };
                    check("github", detail, "check `api_url`, the credentials and their permissions");
                    if let Some(server) = skew {
                        let skew = SystemClock.now().duration_since(server).as_secs().abs();
                        let detail = format!("{skew} s apart from GitHub's clock");
                        let result = if skew <= 30 { Ok(detail) } else { Err(anyhow::anyhow!(detail)) };
                        check("clock", result, "synchronise the machine's clock: App tokens fail otherwise");
                    }
                }
            }
        });
    }
    if json {
        out::json(&checks)?;
    } else {
        for Check { name, ok, detail, fix } in &checks {
            out::line(&format!("{} {name}: {detail}", if *ok { "ok  " } else { "FAIL" }))?;
            if !fix.is_empty() {
                out::line(&format!("     {fix}"))?;
            }
        }
    }
    Ok(match (config.is_some(), checks.iter().all(|check| check.ok)) {
        (false, _) => Answer::Usage,
        (true, true) => Answer::Ok,
        (true, false) => Answer::No,
    })
}

/// What Amazon says of credentials, subnets, images and the start of every runner type; each with what to do.
async fn amazon(config: &config::Config, clock: &SharedClock) -> Vec<(Result<String>, String)> {
    let Some((fleet, ec2)) = config.fleet.as_ref().and_then(|fleet| Some((fleet, fleet.ec2.as_ref()?)))
    else {
        return vec![];
    };
    // A broken scale configuration is a check of its own.
    let scale = engine::scale_config(&fleet.scale_config).unwrap_or_default();
    let provider = match engine::ec2(ec2, &scale, clock) {
        Ok(provider) => provider,
        Err(error) => return vec![(Err(error), "check `[fleet.ec2]`".into())],
    };
    let found = provider.doctor().await;
    let told = found.into_iter().map(|finding| {
        let fix = format!(
            "check `[fleet.ec2]`, and the permissions for the {} that its documentation lists",
            finding.what
        );
        let detail = match finding.answer {
            Ok(answer) => Ok(format!("{}: {answer}", finding.what)),
            Err(error) => Err(anyhow::Error::from(error).context(finding.what)),
        };
        (detail, fix)
    });
    told.collect()
}

/// All secrets can be read, and their files are closed to others.
fn secrets(config: &config::Config) -> Result<String> {
    let all: Vec<&config::SecretRef> = config.github.secrets().collect();
    for secret in &all {
        secret.read()?;
        if let config::SecretRef::File(path) = secret {
            let mode = std::fs::metadata(path)?.permissions().mode();
            anyhow::ensure!(
                mode & 0o007 == 0,
                "`{}` can be read by everybody: `chmod 600` it",
                path.display()
            );
        }
    }
    Ok(format!("{} found", all.len()))
}
