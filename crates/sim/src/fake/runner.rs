//! The runner program: takes a JIT configuration, waits for one job, works it off, exits.
//!
//! Light, because the demo starts several a second: one thread, plain HTTP to the fake GitHub on this machine.

use anyhow::{Context, Result, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http_body_util::{BodyExt, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde::{Deserialize, de::DeserializeOwned};
use std::{collections::HashMap, time::Duration};

/// Asks without an answer before the runner gives up: its GitHub is gone.
const GIVE_UP: u32 = 40;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    server_url: String,
}

#[derive(Deserialize)]
struct Credentials {
    secret: String,
}

#[derive(Deserialize)]
struct Work {
    seconds_left: f64,
}

/// Runs one job.
///
/// # Errors
/// When the configuration cannot be read, or the fake GitHub stays away.
pub async fn run(jit_config: &str) -> Result<()> {
    let files: HashMap<String, String> = decode(jit_config).context("the JIT configuration")?;
    let part = |name: &str| files.get(name).with_context(|| format!("`{name}` in the JIT configuration"));
    let settings: Settings = decode(part(".runner")?)?;
    let credentials: Credentials = decode(part(".credentials")?)?;
    let uri: hyper::Uri =
        format!("{}/_sim/runner", settings.server_url).parse().context("the server's address")?;
    let client: Client<_, Empty<bytes::Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let mut unanswered = 0;
    loop {
        let request = hyper::Request::get(uri.clone())
            .header("authorization", format!("Bearer {}", credentials.secret))
            .body(Empty::new())?;
        let wait = match client.request(request).await {
            Ok(answer) => {
                unanswered = 0;
                match answer.status().as_u16() {
                    200 => {
                        let body = answer.into_body().collect().await?.to_bytes();
                        let work: Work = serde_json::from_slice(&body).context("the job")?;
                        work.seconds_left.clamp(0.1, 60.0)
                    }
                    204 => 0.25,
                    410 => return Ok(()),
                    status => bail!("the server answered {status}"),
                }
            }
            Err(error) => {
                unanswered += 1;
                if unanswered > GIVE_UP {
                    return Err(error).context("the server does not answer");
                }
                0.5
            }
        };
        tokio::time::sleep(Duration::from_secs_f64(wait)).await;
    }
}

fn decode<T: DeserializeOwned>(text: &str) -> Result<T> {
    let bytes = STANDARD.decode(text.trim()).context("not base64")?;
    serde_json::from_slice(&bytes).context("not the JSON that was expected")
}
