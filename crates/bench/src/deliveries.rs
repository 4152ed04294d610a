//! GitHub's own webhook examples (npm `@octokit/webhooks-examples`) as signed deliveries.

use crate::program::SECRET;
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};
use trunkline_github::webhook::signature::sign;

/// GitHub's versions, a folder each; the first has github.com's.
pub const VERSIONS: [&str; 6] = ["api.github.com", "ghes-31", "ghes-32", "ghes-33", "ghes-34", "ghes-35"];

/// One example.
#[derive(Debug, Clone)]
pub struct Example {
    /// `X-GitHub-Event`.
    pub event: String,
    /// Where it is from: folder, event and number.
    pub from: String,
    /// Its payload, as GitHub sends it: compact.
    pub body: Vec<u8>,
}

/// The folder that has the examples, when `cargo xtask setup` has fetched them.
pub fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../.tools/node_modules/@octokit/webhooks-examples")
        .canonicalize()
        .ok()?;
    folder.join(VERSIONS[0]).is_dir().then_some(folder)
}

/// All examples of all GitHub versions, or only github.com's.
///
/// # Errors
/// When a file of the package is not what it should be.
pub fn examples(folder: &Path, all_versions: bool) -> Result<Vec<Example>> {
    let mut out = Vec::new();
    for version in VERSIONS.iter().take(if all_versions { VERSIONS.len() } else { 1 }) {
        let path = folder.join(version).join("index.json");
        let text = std::fs::read(&path).with_context(|| format!("read `{}`", path.display()))?;
        let events: Vec<Value> = serde_json::from_slice(&text).context("the list of examples")?;
        for event in &events {
            let name = event["name"].as_str().context("an event's name")?;
            for (number, example) in event["examples"].as_array().into_iter().flatten().enumerate() {
                out.push(Example {
                    event: name.into(),
                    from: format!("{version}: {name}[{number}]"),
                    body: serde_json::to_vec(example)?,
                });
            }
        }
    }
    Ok(out)
}

/// The request that delivers a body, signed as GitHub signs.
pub fn request(event: &str, delivery: &str, body: &[u8]) -> Vec<u8> {
    request_with(
        event,
        delivery,
        &format!("x-hub-signature-256: {}\r\n", sign(SECRET.as_bytes(), body)),
        body,
    )
}

/// The same with the signature header, or any other, as given: whole lines.
pub fn request_with(event: &str, delivery: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut request = head(event, delivery, headers, body.len()).into_bytes();
    request.extend_from_slice(body);
    request
}

/// The head of such a request for a body of some length.
pub fn head(event: &str, delivery: &str, headers: &str, length: usize) -> String {
    format!(
        "POST /webhooks/github HTTP/1.1\r\nhost: trunkline\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nx-github-event: {event}\r\nx-github-delivery: {delivery}\r\n{headers}\r\n"
    )
}

/// A delivery id with the form of GitHub's, made from two numbers.
pub fn delivery_id(series: u64, number: u64) -> String {
    let (a, b) = (series >> 32, series & 0xffff_ffff);
    format!("{a:08x}-{:04x}-{:04x}-8000-{number:012x}", b >> 16, b & 0xffff)
}
