//! From the configuration to a client of GitHub, and to the secrets that verify what GitHub sends.

use crate::config::{Config, GitHub};
use anyhow::{Context, Result};
use std::sync::Arc;
use trunkline_github::{
    Client,
    client::{AppCredentials, ClientConfig, Credentials, Hook, Scope},
    webhook::signature::Secrets,
};
use trunkline_model::{Rng, SharedClock};

/// The webhook secrets, read.
pub(crate) fn secrets(github: &GitHub) -> Result<Secrets> {
    let read: Result<Vec<_>, _> = github.webhook_secrets.iter().map(crate::config::SecretRef::read).collect();
    Ok(Secrets::new(read?))
}

/// A client for GitHub when the configuration has credentials.
pub(crate) fn client(config: &Config, clock: &SharedClock) -> Result<Option<Client>> {
    let github = &config.github;
    let credentials = match &github.token {
        _ if !github.apps.is_empty() => {
            let home = home(config);
            let apps = github.apps.iter().map(|app| {
                Ok(AppCredentials {
                    id: app.id.to_string(),
                    private_key: app.private_key.read()?,
                    installation_id: app.installation_id,
                    home: app.home.clone().or_else(|| home.clone()),
                })
            });
            Credentials::Apps(apps.collect::<Result<_>>()?)
        }
        Some(token) => Credentials::Token(token.read()?),
        None => return Ok(None),
    };
    let settings = ClientConfig::new(github.api_url.clone(), credentials);
    let client = Client::new(settings, Arc::clone(clock), Rng::from_os()).context("make a GitHub client")?;
    Ok(Some(client))
}

/// Where Apps are taken to be installed when they do not say: where runners register, or at the first webhook's owner.
fn home(config: &Config) -> Option<Scope> {
    let of_fleet = config.fleet.as_ref().and_then(|fleet| {
        let repo = fleet.repository.clone().map(Scope::Repo);
        repo.or_else(|| fleet.organization.clone().map(Scope::Org))
    });
    let of_hook = |hook: &Hook| match hook {
        Hook::Repo(repo, _) => Some(Scope::Repo(repo.clone())),
        Hook::Org(org, _) => Some(Scope::Org(org.clone())),
        Hook::App(_) => None,
    };
    of_fleet.or_else(|| config.github.hooks.iter().find_map(of_hook))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::script::{Fake, answer};
    use serde_json::json;
    use trunkline_model::SystemClock;

    const KEY: &str = include_str!("../../../github/tests/data/test-app-key.pem");

    /// A client by a configuration whose `[github]` ends with these lines.
    fn client_by(fake: &Fake, lines: &str) -> Result<Option<Client>> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("app.pem"), KEY)?;
        let key = format!("{{ file = {:?} }}", folder.path().join("app.pem"));
        let text = format!(
            "[github]\napi_url = \"{}\"\nwebhook_secrets = [{{ env = \"X\" }}]\n{}",
            fake.base,
            lines.replace("KEY", &key)
        );
        let (config, problems) = crate::config::parse("trunkline.toml", &text);
        assert_eq!(problems, []);
        client(&config.context("no configuration")?, &(Arc::new(SystemClock) as SharedClock))
    }

    #[tokio::test]
    async fn an_app_is_asked_from_where_it_is_installed() {
        let hook = "hooks = [{ organization = \"acme\", hook = 7 }]";
        let cases = [
            ("app = { id = 1, private_key = KEY }".to_string(), "GET /app/installations"),
            ("app = { id = 1, private_key = KEY, organization = \"o\" }".into(), "GET /orgs/o/installation"),
            (
                "apps = [{ id = 1, private_key = KEY, repository = \"o/r\" }]".into(),
                "GET /repos/o/r/installation",
            ),
            (format!("app = {{ id = 1, private_key = KEY }}\n{hook}"), "GET /orgs/acme/installation"),
            ("app = { id = 1, private_key = KEY, installation_id = 5 }".into(), ""),
        ];
        for (lines, lookup) in cases {
            let fake = Fake::start().await;
            let one = json!({"id": 5, "account": {"login": "acme"}});
            let found = if lookup == "GET /app/installations" { json!([one]) } else { one };
            fake.on(lookup, [answer(200, &found)]);
            let token = json!({"token": "t", "expires_at": "2100-01-01T00:00:00Z"});
            fake.on("POST /app/installations/5/access_tokens", [answer(201, &token)]);
            let limits = json!({"resources": {"core": {"limit": 9, "remaining": 8, "reset": 1}}});
            fake.on("GET /rate_limit", [answer(200, &limits)]);
            let client = client_by(&fake, &lines).unwrap().unwrap();
            let limits = client.rate_limit(None).await.unwrap_or_else(|error| panic!("{lines}: {error}"));
            assert_eq!(limits.buckets["core"].remaining, 8);
            let asked: Vec<String> = fake.asked().into_iter().map(|asked| asked.line).collect();
            let lookups = usize::from(!lookup.is_empty());
            assert_eq!((asked.len(), fake.count(lookup).min(1)), (2 + lookups, 1), "{lines}: {asked:?}");
        }
    }

    #[tokio::test]
    async fn without_credentials_there_is_no_client_and_a_wrong_key_is_said() {
        let fake = Fake::start().await;
        assert!(client_by(&fake, "").unwrap().is_none());
        let token = client_by(&fake, "token = { env = \"PATH\" }").unwrap().unwrap();
        assert_eq!(token.app_ids(), Vec::<String>::new());
        let wrong = "app = { id = 9, private_key = { env = \"PATH\" } }";
        let said = format!("{:#}", client_by(&fake, wrong).unwrap_err());
        assert!(said.contains("App `9`"), "{said}");
    }
}
