//! `trunkline replay DIR|FILE`: recorded deliveries into the event log.
//!
//! Reads `*.json` files: one payload each (the event's name is the folder's or the file's name up to the first dot),
//! or a list of `{name, examples: [...]}`, or `{event, delivery, payload}`. Deliveries go over HTTP, signed, to a
//! running `serve`; the delivery id is made from the content, so a second replay stores nothing twice.

use super::{Answer, load, out, runtime};
use anyhow::{Context, Result, bail};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::Value;
use std::path::{Path, PathBuf};
use trunkline_github::{
    http::{self, HttpOptions},
    webhook::signature,
};

#[derive(clap::Args)]
pub(super) struct Args {
    /// File, or folder that is read with all its folders.
    path: PathBuf,
    /// Configuration file: address and secret of the running Trunkline.
    #[arg(short, long, default_value = "trunkline.toml")]
    config: PathBuf,
    /// Where to send to, when not the configured address.
    #[arg(long)]
    url: Option<String>,
}

#[derive(Debug, Default, Serialize)]
struct Replayed {
    files: usize,
    sent: usize,
    accepted: usize,
    duplicates: usize,
    refused: Vec<String>,
}

struct Delivery {
    from: String,
    event: String,
    id: Option<String>,
    body: Vec<u8>,
}

pub(super) fn run(args: &Args, json: bool) -> Result<Answer> {
    let Some(config) = load(&args.config)? else { return Ok(Answer::Usage) };
    let secret = config.github.webhook_secrets.first().context("no webhook secret")?.read()?;
    let url = args.url.clone().unwrap_or_else(|| format!("http://{}/webhooks/github", config.server.listen));
    let mut files = vec![];
    collect(&args.path, &mut files)?;
    let mut total = Replayed { files: files.len(), ..Replayed::default() };
    let client = http::client(&HttpOptions::default())?;
    runtime()?.block_on(async {
        let bar = indicatif::ProgressBar::new(files.len() as u64);
        for file in &files {
            for delivery in read(file)? {
                total.sent += 1;
                let id = delivery.id.clone().unwrap_or_else(|| made_id(&delivery));
                let answer = client
                    .post(&url)
                    .header("content-type", "application/json")
                    .header("x-github-event", &delivery.event)
                    .header("x-github-delivery", id)
                    .header(
                        "x-hub-signature-256",
                        signature::sign(secret.expose_secret().as_bytes(), &delivery.body),
                    )
                    .body(delivery.body)
                    .send()
                    .await
                    .with_context(|| format!("send to {url}: is `trunkline serve` running?"))?;
                let status = answer.status();
                let text = answer.text().await.unwrap_or_default();
                if status.is_success() {
                    total.accepted += 1;
                    let said: Value = serde_json::from_str(&text).unwrap_or_default();
                    total.duplicates += usize::from(said["duplicate"] == true);
                } else {
                    total.refused.push(format!("{}: {status}: {text}", delivery.from));
                }
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        anyhow::Ok(())
    })?;
    if json {
        out::json(&total)?;
    } else {
        for refused in &total.refused {
            out::talk(refused);
        }
        let Replayed { files, sent, accepted, duplicates, refused } = &total;
        out::line(&format!(
            "{files} files, {sent} deliveries: {accepted} accepted ({duplicates} were there already), {} refused",
            refused.len()
        ))?;
    }
    Ok(if total.refused.is_empty() { Answer::Ok } else { Answer::No })
}

/// An id that depends on the content and its place in the file, so that equal examples are deliveries of their own.
fn made_id(delivery: &Delivery) -> String {
    let place = delivery.from.rsplit(['/', '\\']).next().unwrap_or_default();
    let digest = signature::sign(format!("{place}\n{}", delivery.event).as_bytes(), &delivery.body);
    let hex = digest.trim_start_matches("sha256=");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32])
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if path.is_dir() {
        let mut entries: Vec<PathBuf> = std::fs::read_dir(path)
            .with_context(|| format!("read the folder `{}`", path.display()))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        entries.sort();
        for entry in entries {
            if entry.is_dir() || entry.extension().is_some_and(|extension| extension == "json") {
                collect(&entry, files)?;
            }
        }
        return Ok(());
    }
    if !path.exists() {
        bail!("`{}` does not exist", path.display());
    }
    files.push(path.to_owned());
    Ok(())
}

fn read(file: &Path) -> Result<Vec<Delivery>> {
    let shown = file.display().to_string();
    let text = std::fs::read(file).with_context(|| format!("read `{shown}`"))?;
    let value: Value = serde_json::from_slice(&text).with_context(|| format!("`{shown}` is not JSON"))?;
    let body = |value: &Value| serde_json::to_vec(value).unwrap_or_default();
    let mut found = vec![];
    let listed = value.as_array().filter(|list| list.iter().all(|item| item["examples"].is_array()));
    if let Some(list) = listed {
        for item in list {
            let event = item["name"].as_str().unwrap_or_default().to_string();
            for (index, example) in item["examples"].as_array().into_iter().flatten().enumerate() {
                let from = format!("{shown}: {event}[{index}]");
                found.push(Delivery { from, event: event.clone(), id: None, body: body(example) });
            }
        }
        return Ok(found);
    }
    if let (Some(event), Value::Object(_)) = (value["event"].as_str(), &value["payload"]) {
        let id = value["delivery"].as_str().map(String::from);
        return Ok(vec![Delivery { from: shown, event: event.into(), id, body: body(&value["payload"]) }]);
    }
    let stem = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let stem = stem.split('.').next().unwrap_or_default();
    let folder = file.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default();
    let names =
        ["workflow_job", "workflow_run", "push", "pull_request", "check_run", "issue_comment", "issues"];
    let event = if !names.contains(&stem) && (names.contains(&folder) || folder.contains('_')) {
        folder
    } else {
        stem
    };
    Ok(vec![Delivery { from: shown, event: event.into(), id: None, body: text }])
}
