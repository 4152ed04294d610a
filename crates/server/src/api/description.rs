//! `/openapi.json`: the description, also checked in as `crates/server/openapi.json`.

use crate::{error, intake, live};
use axum::response::{IntoResponse, Response};
use http::header;
use std::sync::OnceLock;
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Trunkline",
        description = "Commits and their CI jobs, the fleet that runs them, and what Trunkline itself is doing. \
                       Errors are `{\"error\": {\"code\", \"message\", \"hint\", \"request_id\"}}`.",
        license(name = "Apache-2.0 OR MIT"),
    ),
    paths(intake::receive),
    components(schemas(error::Error, live::CommitsChanged)),
    tags(
        (name = "hud", description = "Commits and jobs"),
        (name = "fleet", description = "Runners"),
        (name = "status", description = "Trunkline itself"),
        (name = "intake", description = "Webhooks"),
    )
)]
pub(super) struct Description;

/// The OpenAPI description of this version, as pretty JSON.
pub fn openapi_json() -> String {
    let (_, description) = super::routes().split_for_parts();
    let mut text = description.to_pretty_json().expect("the description is plain JSON");
    text.push('\n');
    text
}

pub(super) async fn serve() -> Response {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(openapi_json);
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], text.as_str())
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{env, fs, path::Path};

    #[test]
    fn checked_in_openapi_is_current() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
        let current = openapi_json();
        if env::var_os("UPDATE_OPENAPI").is_some() {
            fs::write(&path, &current).unwrap();
        }
        let checked_in = fs::read_to_string(&path).unwrap_or_default();
        assert!(checked_in == current, "{} is old: run `cargo xtask openapi`", path.display());
    }

    #[test]
    fn openapi_describes_every_operation_and_its_errors() {
        let description: serde_json::Value = serde_json::from_str(&openapi_json()).unwrap();
        let paths = description["paths"].as_object().unwrap();
        assert!(paths.len() >= 11, "{:?}", paths.keys());
        for (path, item) in paths {
            for operation in item.as_object().unwrap().values() {
                assert!(
                    operation["responses"].as_object().is_some_and(|responses| !responses.is_empty()),
                    "{path}"
                );
                assert!(operation["summary"].is_string() || operation["description"].is_string(), "{path}");
            }
        }
    }
}
