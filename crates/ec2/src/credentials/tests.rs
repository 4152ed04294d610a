use super::*;
use secrecy::ExposeSecret;
use std::sync::atomic::{AtomicUsize, Ordering};
use trunkline_github::http::{HttpOptions, client};
use trunkline_model::ManualClock;

fn sources(variables: &[(&str, &str)], home: Option<&std::path::Path>, sts: &str) -> (Sources, ManualClock) {
    let clock = ManualClock::new("2026-01-01T00:00:00Z".parse().unwrap());
    let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let environment = Environment { variables, home: home.map(Into::into) };
    let http = client(&HttpOptions::default()).unwrap();
    (Sources::new(environment, http, Arc::new(clock.clone()), sts.parse().unwrap()), clock)
}

const NOWHERE: &str = "http://127.0.0.1:1/";

/// Serves a router on a free port until the test ends.
async fn serve(router: axum::Router) -> Url {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

#[tokio::test]
async fn variables_come_before_files_and_are_used_whole_or_not_at_all() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    std::fs::write(
        home.path().join(".aws/credentials"),
        "[default]\naws_access_key_id = FILE\naws_secret_access_key = hidden-in-file\n",
    )
    .unwrap();
    let both = [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "hidden")];
    let found = sources(&both, Some(home.path()), NOWHERE).0.current().await.unwrap();
    assert_eq!(found.access_key_id, "AKID");
    assert!(!format!("{found:?}").contains("hidden"));
    let found = sources(&[], Some(home.path()), NOWHERE).0.current().await.unwrap();
    assert_eq!(
        (found.access_key_id.as_str(), found.secret_access_key.expose_secret()),
        ("FILE", "hidden-in-file")
    );
    let error = sources(&both[..1], Some(home.path()), NOWHERE).0.current().await.unwrap_err();
    assert!(error.to_string().contains("set both or none"), "{error}");
}

#[tokio::test]
async fn a_profile_that_is_named_but_not_understood_is_an_error_with_the_way_out() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    let file = home.path().join(".aws/config");
    std::fs::write(&file, "[profile sso]\nsso_session = corp\n[profile cmd]\ncredential_process = printf '%s' \
        '{\"Version\":1,\"AccessKeyId\":\"P\",\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\",\"Expiration\":\"2026-01-01T01:00:00Z\"}'\n\
        [profile bad]\ncredential_process = echo '{\"AccessKeyId\": \"P\", \"SecretAccessKey\": 5}'\n").unwrap();
    let error = sources(&[("AWS_PROFILE", "sso")], Some(home.path()), NOWHERE).0.current().await.unwrap_err();
    assert!(error.to_string().contains("`sso_session`, which is not read here"), "{error}");
    let error =
        sources(&[("AWS_PROFILE", "nobody")], Some(home.path()), NOWHERE).0.current().await.unwrap_err();
    assert!(error.to_string().contains("names `nobody`"), "{error}");
    let found = sources(&[("AWS_PROFILE", "cmd")], Some(home.path()), NOWHERE).0.current().await.unwrap();
    assert_eq!(found.access_key_id, "P");
    assert!(found.session_token.is_some() && found.expires.is_some());
    let error = sources(&[("AWS_PROFILE", "bad")], Some(home.path()), NOWHERE).0.current().await.unwrap_err();
    assert!(error.to_string().contains("no usable credentials document (line 1"), "{error}");
}

#[tokio::test]
async fn a_web_identity_is_exchanged_and_a_refusal_names_its_cause() {
    use axum::{http::StatusCode, routing::post};
    let sts = serve(axum::Router::new().route(
        "/",
        post(|body: String| async move {
            if body.contains("WebIdentityToken=good") {
                (StatusCode::OK, "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>\
                    <AccessKeyId>WEB</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
                    <Expiration>2026-01-01T01:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>\
                    </AssumeRoleWithWebIdentityResponse>")
            } else {
                (StatusCode::BAD_REQUEST, "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidIdentityToken</Code>\
                    <Message>No OpenIDConnect provider found</Message></Error></ErrorResponse>")
            }
        }),
    ))
    .await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let variables = [("AWS_WEB_IDENTITY_TOKEN_FILE", path), ("AWS_ROLE_ARN", "arn:aws:iam::1:role/ci")];
    std::fs::write(path, "good\n").unwrap();
    assert_eq!(sources(&variables, None, sts.as_str()).0.current().await.unwrap().access_key_id, "WEB");
    std::fs::write(path, "bad").unwrap();
    let error = sources(&variables, None, sts.as_str()).0.current().await.unwrap_err();
    assert_eq!(error.class(), trunkline_fleet::provider::ErrorClass::Auth);
    assert!(error.to_string().contains("No OpenIDConnect provider found"), "{error}");
}

#[tokio::test]
async fn an_instance_profile_is_read_with_a_token_and_renewed_before_it_ends() {
    use axum::{
        http::{HeaderMap, StatusCode},
        routing::{get, put},
    };
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let authorised = |headers: &HeaderMap| headers.get("x-aws-ec2-metadata-token").is_some_and(|t| t == "T");
    let router = axum::Router::new()
        .route("/latest/api/token", put(|| async { "T" }))
        .route(
            "/latest/meta-data/iam/security-credentials/",
            get(move |headers: HeaderMap| async move {
                if authorised(&headers) { Ok("ci-role") } else { Err(StatusCode::UNAUTHORIZED) }
            }),
        )
        .route(
            "/latest/meta-data/iam/security-credentials/ci-role",
            get(move || async move {
                match counted.fetch_add(1, Ordering::SeqCst) {
                    0 => (StatusCode::OK, r#"{"Code":"Success","AccessKeyId":"ONE","SecretAccessKey":"s","Token":"t","Expiration":"2026-01-01T01:00:00Z"}"#),
                    1 => (StatusCode::INTERNAL_SERVER_ERROR, ""),
                    _ => (StatusCode::OK, r#"{"Code":"Success","AccessKeyId":"TWO","SecretAccessKey":"s","Token":"t","Expiration":"2026-01-01T07:00:00Z"}"#),
                }
            }),
        );
    let imds = serve(router).await;
    let (sources, clock) = sources(&[], None, NOWHERE);
    let sources = sources.with_imds(imds);
    for _ in 0..2 {
        assert_eq!(sources.current().await.unwrap().access_key_id, "ONE");
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    clock.advance(SignedDuration::from_mins(56));
    assert_eq!(
        sources.current().await.unwrap().access_key_id,
        "ONE",
        "the old ones are good while the source is away"
    );
    assert_eq!(sources.current().await.unwrap().access_key_id, "TWO");
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn without_any_source_it_says_what_to_set() {
    let (sources, _) = sources(&[("AWS_EC2_METADATA_DISABLED", "true")], None, NOWHERE);
    let error = sources.current().await.unwrap_err();
    assert!(error.to_string().contains("AWS_ACCESS_KEY_ID"), "{error}");
}
