//! Signature version 4, by Amazon's own library.

use crate::{credentials::Credentials, error::Error};
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use std::time::{Duration, SystemTime};
use url::Url;

/// What a signature is good for.
pub(super) struct Scope<'a> {
    pub(super) region: &'a str,
    pub(super) service: &'static str,
    pub(super) at: Timestamp,
}

/// The headers that sign a POST with the given other headers.
pub(super) fn headers(
    credentials: &Credentials,
    scope: &Scope<'_>,
    url: &Url,
    others: &[(&'static str, String)],
    body: &[u8],
) -> Result<Vec<(&'static str, String)>, Error> {
    let failed = |error: &dyn std::error::Error| Error::Config(format!("sign a request: {error}"));
    let token = credentials.session_token.as_ref().map(|token| token.expose_secret().to_owned());
    let identity = aws_credential_types::Credentials::new(
        &credentials.access_key_id,
        credentials.secret_access_key.expose_secret(),
        token,
        None,
        "trunkline",
    )
    .into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(scope.region)
        .name(scope.service)
        .time(SystemTime::UNIX_EPOCH + Duration::from_secs(scope.at.as_second().unsigned_abs()))
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| failed(&error))?
        .into();
    let host = match (url.host_str().unwrap_or_default(), url.port()) {
        (host, Some(port)) => format!("{host}:{port}"),
        (host, None) => host.to_owned(),
    };
    let signed = others.iter().map(|(name, value)| (*name, value.as_str())).chain([("host", host.as_str())]);
    let request = SignableRequest::new("POST", url.as_str(), signed, SignableBody::Bytes(body))
        .map_err(|error| failed(&error))?;
    let (instructions, _) = sign(request, &params).map_err(|error| failed(&error))?.into_parts();
    let (headers, _) = instructions.into_parts();
    Ok(headers.into_iter().map(|header| (header.name(), header.value().to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(token: Option<&str>) -> Vec<(&'static str, String)> {
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE".into(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned().into(),
            session_token: token.map(|token| token.to_owned().into()),
            expires: None,
        };
        let at = "2015-08-30T12:36:00Z".parse().unwrap();
        let scope = Scope { region: "us-east-1", service: "service", at };
        let url = "https://example.amazonaws.com/".parse().unwrap();
        let form = ("content-type", "application/x-www-form-urlencoded".to_owned());
        headers(&credentials, &scope, &url, &[form], b"Param1=value1").unwrap()
    }

    /// The case `post-x-www-form-urlencoded` of Amazon's published signature test suite.
    #[test]
    fn the_known_request_has_the_known_signature() {
        let headers = signed(None);
        let value =
            |name: &str| headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str());
        assert_eq!(value("x-amz-date"), Some("20150830T123600Z"));
        assert_eq!(
            value("authorization"),
            Some(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date, \
                 Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
            )
        );
    }

    #[test]
    fn a_session_token_is_sent_and_signed() {
        let headers = signed(Some("TOKEN"));
        assert!(headers.iter().any(|(name, value)| *name == "x-amz-security-token" && value == "TOKEN"));
        let (_, authorization) = headers.iter().find(|(name, _)| *name == "authorization").unwrap();
        assert!(authorization.contains("x-amz-security-token"), "{authorization}");
    }
}
