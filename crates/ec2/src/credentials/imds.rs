//! The instance profile of this machine, through version 2 of the metadata service.

use super::{Credentials, Document, Environment, read};
use crate::error::Error;
use std::time::Duration;
use url::Url;

/// On EC2 it answers in milliseconds; elsewhere nobody does.
const TIMEOUT: Duration = Duration::from_secs(2);
const SOURCE: &str = "the instance metadata service";

pub(super) async fn fetch(
    environment: &Environment,
    http: &reqwest::Client,
    base: &Url,
) -> Result<Option<Credentials>, Error> {
    if environment.get("AWS_EC2_METADATA_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(None);
    }
    let url = |path: &str| base.join(path).map_err(|error| Error::Config(error.to_string()));
    let token = http
        .put(url("latest/api/token")?)
        .header("X-aws-ec2-metadata-token-ttl-seconds", "300")
        .timeout(TIMEOUT);
    // No token: this is no EC2 machine, or its metadata service is switched off.
    let Ok(token) = read(SOURCE, token).await else { return Ok(None) };
    let token = String::from_utf8_lossy(&token).into_owned();
    let get = |path: Url| http.get(path).header("X-aws-ec2-metadata-token", &token).timeout(TIMEOUT);
    let folder = url("latest/meta-data/iam/security-credentials/")?;
    let Ok(role) = read(SOURCE, get(folder.clone())).await else { return Ok(None) };
    let role = String::from_utf8_lossy(&role);
    let Some(role) = role.lines().next().map(str::trim).filter(|role| !role.is_empty()) else {
        return Ok(None);
    };
    let path = folder.join(role).map_err(|error| Error::Config(error.to_string()))?;
    Document::read(SOURCE, &read(SOURCE, get(path)).await?).map(Some)
}
