//! `[github]`: where it is, who asks, and whose deliveries are looked through.

use super::{SecretRef, reader::Section};
use trunkline_github::client::{Hook, Scope, check_base};
use url::Url;

/// `[github]`
#[derive(Debug, Clone)]
pub(crate) struct GitHub {
    /// Base of the REST API; default `https://api.github.com`. Plain HTTP only to this machine.
    pub(crate) api_url: Url,
    /// Webhook secrets; any of them verifies, so they can be rotated.
    pub(crate) webhook_secrets: Vec<SecretRef>,
    /// The Apps: `app = { … }` for one, `[[github.apps]]` for several.
    pub(crate) apps: Vec<App>,
    /// A token instead of an App.
    pub(crate) token: Option<SecretRef>,
    /// Minutes between looks for missed deliveries; 0 switches it off; default 10.
    pub(crate) redeliver_minutes: u32,
    /// Webhooks to look through; by default those of the Apps themselves.
    pub(crate) hooks: Vec<Hook>,
}

/// `[[github.apps]]`
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) id: u64,
    pub(crate) private_key: SecretRef,
    /// The installation; by default looked up for each owner.
    pub(crate) installation_id: Option<u64>,
    /// `organization` or `repository`: where it is installed, for questions that are about no owner.
    pub(crate) home: Option<Scope>,
}

const APP: &str = "write `{ id = 123, private_key = { file = \"app.pem\" } }`";
const HOOK: &str = "write `{ repository = \"owner/name\", hook = 123 }`, `{ organization = \"name\", hook = 123 }` \
                    or `{ app = 123 }`";

impl GitHub {
    /// Every secret of the section.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &SecretRef> {
        let keys = self.apps.iter().map(|app| &app.private_key);
        self.webhook_secrets.iter().chain(&self.token).chain(keys)
    }

    pub(super) fn secrets_mut(&mut self) -> Vec<&mut SecretRef> {
        let keys = self.apps.iter_mut().map(|app| &mut app.private_key);
        self.webhook_secrets.iter_mut().chain(&mut self.token).chain(keys).collect()
    }
}

pub(super) fn read(section: &mut Section<'_>, present: bool) -> GitHub {
    let api_url = api_url(section);
    let webhook_secrets = section.secrets("webhook_secrets");
    if !present || webhook_secrets.is_empty() {
        section.missing(
            "webhook_secrets",
            "at least one secret: without it no webhook can be verified",
            "add `webhook_secrets = [{ file = \"webhook-secret\" }]` to `[github]`",
        );
    }
    let apps = apps(section);
    let token = section.secret("token");
    if token.is_some() && (section.has("app") || section.has("apps")) {
        section.refuse(
            "token",
            "a token beside an App is never used".into(),
            "an App or a token",
            "remove one of them",
        );
    }
    let redeliver_minutes = section.number("redeliver_minutes", 0..=1440).unwrap_or(10);
    let hooks = hooks(section, &apps);
    section.finish();
    GitHub { api_url, webhook_secrets, apps, token, redeliver_minutes, hooks }
}

fn api_url(section: &mut Section<'_>) -> Url {
    #[expect(clippy::expect_used, reason = "a constant URL parses")]
    let default = Url::parse("https://api.github.com").expect("a constant URL parses");
    let given: Option<Url> = section.parsed("api_url", "a URL, such as `https://api.github.com`");
    if let Some(Err(_)) = given.as_ref().map(check_base) {
        section.refuse(
            "api_url",
            "credentials are not sent to such an address".into(),
            "`https://…`, or `http://…` to `localhost`, `127.0.0.1` or `[::1]`; no user, no password, no query",
            "use `https`; put TLS in front of a server that has none",
        );
    }
    given.unwrap_or(default)
}

fn apps(section: &mut Section<'_>) -> Vec<App> {
    let mut tables = section.sections("apps");
    if section.has("app") {
        if section.has("apps") {
            section.refuse(
                "app",
                "`app` and `apps` together".into(),
                "`app` for one App or `apps` for several",
                "move it into `apps`",
            );
        }
        tables.insert(0, section.section("app"));
    }
    let mut apps: Vec<App> = vec![];
    for mut table in tables {
        let app = app(&mut table);
        match app {
            Some(app) if apps.iter().any(|known| known.id == app.id) => table.refuse(
                "id",
                format!("App {} is there already", app.id),
                "each App once",
                "remove one of them",
            ),
            Some(app) => apps.push(app),
            // What is there but wrong has been reported.
            None if table.has("id") && table.has("private_key") => {}
            None => table.missing("id", "`id` and `private_key`", APP),
        }
        table.finish();
    }
    apps
}

fn app(table: &mut Section<'_>) -> Option<App> {
    let id = table.number("id", 1..=u32::MAX).map(u64::from);
    let private_key = table.secret("private_key");
    let installation_id = table.number("installation_id", 1..=u32::MAX).map(u64::from);
    let organization = table.text("organization").map(Scope::Org);
    let repository = table.parsed("repository", "`owner/name`").map(Scope::Repo);
    let given = [installation_id.is_some(), organization.is_some(), repository.is_some()];
    if given.into_iter().filter(|given| *given).count() > 1 {
        let last = if repository.is_some() { "repository" } else { "organization" };
        table.refuse(
            last,
            "the installation is named more than once".into(),
            "at most one of `installation_id`, `organization` and `repository`",
            "keep one of them",
        );
    }
    Some(App { id: id?, private_key: private_key?, installation_id, home: repository.or(organization) })
}

fn hooks(section: &mut Section<'_>, apps: &[App]) -> Vec<Hook> {
    let mut hooks = vec![];
    for mut table in section.sections("hooks") {
        let repository = table.parsed("repository", "`owner/name`");
        let organization = table.text("organization");
        let app = table.number("app", 1..=u32::MAX).map(u64::from);
        let id = table.number("hook", 1..=u32::MAX).map(u64::from);
        match (repository, organization, app, id) {
            (Some(repo), None, None, Some(id)) => hooks.push(Hook::Repo(repo, id)),
            (None, Some(organization), None, Some(id)) => hooks.push(Hook::Org(organization, id)),
            (None, None, Some(app), None) if apps.iter().any(|known| known.id == app) => {
                hooks.push(Hook::App(app.to_string()));
            }
            (None, None, Some(app), None) => table.refuse(
                "app",
                format!("no App {app} is configured"),
                "the `id` of an App in `app` or `apps`",
                "add the App",
            ),
            _ => table.missing("hook", "a webhook of a repository, an organisation or an App", HOOK),
        }
        table.finish();
    }
    hooks
}
