//! The pages, built into the program. `cargo xtask web` makes them; without them a plain page says so.

use crate::{app::no_such_address, error::ApiError};
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Dist;

const INDEX: &str = "index.html";

/// Answers every address that is not the API's: a file of the build, or the application, which reads the address itself.
pub(crate) async fn page(method: Method, uri: Uri, headers: HeaderMap) -> Result<Response, ApiError> {
    let path = uri.path().trim_start_matches('/');
    if path.starts_with("api/") || path.starts_with("webhooks/") {
        return Err(no_such_address(uri.path()));
    }
    if method != Method::GET && method != Method::HEAD {
        return Err(crate::error::method_not_allowed(method, uri).await);
    }
    if let Some(file) = Dist::get(path) {
        return Ok(answer(path, &file, &headers));
    }
    // A missing script must not become a page: the browser would run it and fail in the dark.
    if path.starts_with("assets/") {
        return Err(no_such_address(uri.path()));
    }
    match Dist::get(INDEX) {
        Some(index) => Ok(answer(INDEX, &index, &headers)),
        None => Ok(unbuilt()),
    }
}

fn answer(path: &str, file: &EmbeddedFile, asked: &HeaderMap) -> Response {
    let etag = format!("W/\"{}\"", hex(&file.metadata.sha256_hash()[..12]));
    // Names under assets/ carry a hash of their content.
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = asked.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == etag.as_bytes());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let body = axum::body::Bytes::from(file.data.clone().into_owned());
        ([(header::CONTENT_TYPE, content_type(path))], body).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Ok(value) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, value);
    }
    response
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or("") {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" | "map" => "application/json",
        "woff2" => "font/woff2",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unbuilt() -> Response {
    const TEXT: &str = "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Trunkline</title>\n\
        <h1>Trunkline runs, without its pages</h1>\n\
        <p>This program was built before the pages were. Run <code>cargo xtask web</code>, then build it again.</p>\n\
        <p>The API works: <a href=\"/openapi.json\">openapi.json</a>, <a href=\"/api/v1/repos\">repositories</a>.</p>\n</html>\n";
    ([(header::CACHE_CONTROL, "no-cache")], Html(TEXT)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(path: &str) -> Result<Response, ApiError> {
        page(Method::GET, path.parse().unwrap(), HeaderMap::new()).await
    }

    #[tokio::test]
    async fn every_page_address_gets_the_application() {
        for path in ["/", "/pytorch/pytorch/main", "/fleet", "/../../etc/passwd"] {
            let response = get(path).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
            assert!(response.headers()[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/html"));
        }
    }

    #[tokio::test]
    async fn unknown_assets_and_api_addresses_are_errors() {
        for path in ["/assets/missing.js", "/api/v1/nothing", "/webhooks/other"] {
            assert_eq!(get(path).await.unwrap_err().status, StatusCode::NOT_FOUND, "{path}");
        }
        let posted = page(Method::POST, "/".parse().unwrap(), HeaderMap::new()).await;
        assert_eq!(posted.unwrap_err().status, StatusCode::METHOD_NOT_ALLOWED);
    }

    #[tokio::test]
    async fn built_assets_are_kept_by_browsers_for_ever() {
        let Some(asset) = Dist::iter().find(|path| path.starts_with("assets/")) else { return };
        let response = get(&format!("/{asset}")).await.unwrap();
        assert!(response.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        let mut asked = HeaderMap::new();
        asked.insert(header::IF_NONE_MATCH, response.headers()[header::ETAG].clone());
        let again = page(Method::GET, format!("/{asset}").parse().unwrap(), asked).await.unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    }
}
