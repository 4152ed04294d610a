//! The endpoint that ECS tasks and EKS pods are given.

use super::{Credentials, Document, Environment, read};
use crate::error::Error;
use std::{net::IpAddr, time::Duration};
use url::{Host, Url};

const TIMEOUT: Duration = Duration::from_secs(5);
const SOURCE: &str = "the container credentials endpoint";

pub(super) async fn fetch(
    environment: &Environment,
    http: &reqwest::Client,
) -> Result<Option<Credentials>, Error> {
    let address = match (
        environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
        environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    ) {
        (Some(path), _) => format!("http://169.254.170.2{path}"),
        (None, Some(full)) => full.to_owned(),
        (None, None) => return Ok(None),
    };
    let url = Url::parse(&address).ok().filter(trusted).ok_or_else(|| {
        Error::Credentials(format!("{SOURCE} must be https, loopback or Amazon's link-local address"))
    })?;
    let mut request = http.get(url).timeout(TIMEOUT);
    let token = match environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        Some(path) => Some(tokio::fs::read_to_string(path).await.map_err(|error| {
            Error::Credentials(format!("read AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE `{path}`: {error}"))
        })?),
        None => environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(str::to_owned),
    };
    if let Some(token) = token {
        request = request.header("Authorization", token.trim());
    }
    Document::read(SOURCE, &read(SOURCE, request).await?).map(Some)
}

/// Where a token may be sent to: nowhere in clear over a network.
fn trusted(url: &Url) -> bool {
    if url.scheme() == "https" {
        return true;
    }
    let address: Option<IpAddr> = match url.host() {
        Some(Host::Ipv4(address)) => Some(address.into()),
        Some(Host::Ipv6(address)) => Some(address.into()),
        Some(Host::Domain("localhost")) => return url.scheme() == "http",
        _ => None,
    };
    let known = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];
    url.scheme() == "http"
        && address.is_some_and(|address| {
            address.is_loopback() || known.iter().any(|known| known.parse().ok() == Some(address))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_sent_over_a_network_in_clear() {
        for (url, expected) in [
            ("https://credentials.example/x", true),
            ("http://127.0.0.1:9000/x", true),
            ("http://[::1]/x", true),
            ("http://localhost/x", true),
            ("http://169.254.170.23/v1/credentials", true),
            ("http://[fd00:ec2::23]/v1/credentials", true),
            ("http://10.0.0.1/x", false),
            ("http://example.com/x", false),
            ("file:///etc/passwd", false),
        ] {
            assert_eq!(trusted(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
