//! The shared files `~/.aws/credentials` and `~/.aws/config`.
//!
//! Keys and `credential_process` are understood; the process is also the way to everything else these files can say
//! (`aws configure export-credentials --format process` for single sign-on and chained roles).

use super::{Credentials, Document, Environment, MAX_ANSWER};
use crate::error::Error;
use std::{collections::HashMap, path::Path, process::Stdio, time::Duration};

/// Time for a `credential_process`.
const PROCESS_TIMEOUT: Duration = Duration::from_secs(60);

pub(super) async fn load(environment: &Environment) -> Result<Option<Credentials>, Error> {
    let named = environment.get("AWS_PROFILE");
    let profile = named.unwrap_or("default");
    let mut keys = HashMap::new();
    // The credentials file wins over the configuration file.
    for (variable, file, prefix) in
        [("AWS_CONFIG_FILE", "config", "profile "), ("AWS_SHARED_CREDENTIALS_FILE", "credentials", "")]
    {
        let path = match (environment.get(variable), &environment.home) {
            (Some(path), _) => path.into(),
            (None, Some(home)) => home.join(".aws").join(file),
            (None, None) => continue,
        };
        if let Some(text) = text_of(&path).await? {
            keys.extend(section(&text, profile, prefix));
        }
    }
    if let (Some(id), Some(secret)) = (keys.get("aws_access_key_id"), keys.get("aws_secret_access_key")) {
        return Ok(Some(Credentials {
            access_key_id: id.clone(),
            secret_access_key: secret.clone().into(),
            session_token: keys.get("aws_session_token").cloned().map(Into::into),
            expires: None,
        }));
    }
    if let Some(command) = keys.get("credential_process") {
        return run(command).await.map(Some);
    }
    let unread = ["role_arn", "sso_session", "sso_start_url", "web_identity_token_file", "credential_source"];
    match unread.iter().find(|key| keys.contains_key(**key)) {
        Some(key) => Err(Error::Credentials(format!(
            "profile `{profile}` uses `{key}`, which is not read here; use keys, or \
             `credential_process = aws configure export-credentials --profile {profile} --format process`"
        ))),
        None if named.is_some() => {
            Err(Error::Credentials(format!("AWS_PROFILE names `{profile}`, which has no keys")))
        }
        None => Ok(None),
    }
}

async fn text_of(path: &Path) -> Result<Option<String>, Error> {
    match tokio::fs::read_to_string(path).await {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::Credentials(format!("read `{}`: {error}", path.display()))),
    }
}

/// The keys of one profile. In the configuration file its title starts with `profile `, but for `default`.
fn section(text: &str, profile: &str, prefix: &str) -> HashMap<String, String> {
    let mut inside = false;
    let mut keys = HashMap::new();
    for line in text.lines() {
        let code = line.trim();
        if let Some(title) = code.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            let title = title.trim();
            inside = title == profile && (prefix.is_empty() || profile == "default")
                || title
                    .strip_prefix(prefix)
                    .is_some_and(|name| !prefix.is_empty() && name.trim() == profile);
        } else if inside && !line.starts_with([' ', '\t', '#', ';']) {
            // Indented lines belong to nested settings such as `s3 =`.
            if let Some((key, value)) = code.split_once('=') {
                keys.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
            }
        }
    }
    keys
}

async fn run(command: &str) -> Result<Credentials, Error> {
    const SOURCE: &str = "credential_process";
    let failed = |why: String| Error::Credentials(format!("{SOURCE}: {why}"));
    let child = tokio::process::Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PROCESS_TIMEOUT, child)
        .await
        .map_err(|_| failed("no answer within 60 s".into()))?
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(format!("it ended with {}", output.status)));
    }
    if output.stdout.len() > MAX_ANSWER {
        return Err(failed("the answer is too large".into()));
    }
    Document::read(SOURCE, &output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_found_by_the_rules_of_each_file() {
        let config = "[default]\nregion=x\n[profile ci]\ncredential_process = make keys\ns3 =\n  a = b\n[ci]\nregion=y\n";
        let ci = section(config, "ci", "profile ");
        assert_eq!(ci.get("credential_process").map(String::as_str), Some("make keys"));
        assert!(!ci.contains_key("region") && !ci.contains_key("a"));
        assert_eq!(section(config, "default", "profile ").get("region").map(String::as_str), Some("x"));
        assert_eq!(section(config, "ci", "").get("region").map(String::as_str), Some("y"));
        assert!(section(config, "none", "profile ").is_empty());
    }
}
