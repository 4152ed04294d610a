//! Addresses of the services.

use super::{Options, Service};
use crate::error::Error;
use url::{Host, Url};

/// Refuses what would send signed requests in clear over a network, or a region that is no part of a host name.
pub(super) fn check(options: &Options) -> Result<(), Error> {
    let region = &options.region;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if region.is_empty() || region.len() > 32 || !region.chars().all(plain) {
        return Err(Error::Config(format!("`{region}` is no region: expected a name such as `us-east-1`")));
    }
    let Some(endpoint) = &options.endpoint else { return Ok(()) };
    let loopback = match endpoint.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match endpoint.scheme() {
        "https" => Ok(()),
        "http" if loopback => Ok(()),
        _ => Err(Error::Config(format!("endpoint `{endpoint}` must be https, or http on loopback"))),
    }
}

pub(super) fn of(options: &Options, service: Service) -> Result<Url, Error> {
    if let Some(endpoint) = &options.endpoint {
        return Ok(endpoint.clone());
    }
    let (region, service) = (&options.region, service.name());
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    Url::parse(&format!("https://{service}.{region}.{domain}/"))
        .map_err(|error| Error::Config(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_or_loopback() {
        for (endpoint, fits) in [
            ("https://vpce-1.ec2.us-east-1.vpce.amazonaws.com/", true),
            ("http://127.0.0.1:5000/", true),
            ("http://localhost:5000/", true),
            ("http://[::1]:5000/", true),
            ("http://ec2.us-east-1.amazonaws.com/", false),
            ("ftp://127.0.0.1/", false),
        ] {
            let options = Options { endpoint: Some(endpoint.parse().unwrap()), ..Options::new("us-east-1") };
            assert_eq!(check(&options).is_ok(), fits, "{endpoint}");
        }
        for region in ["", "us-east-1.evil.example/", "US-EAST-1"] {
            assert!(check(&Options::new(region)).is_err(), "{region}");
        }
    }

    #[test]
    fn partitions_have_their_domain() {
        let of = |region: &str, service| of(&Options::new(region), service).unwrap().to_string();
        assert_eq!(of("us-east-1", Service::Ec2), "https://ec2.us-east-1.amazonaws.com/");
        assert_eq!(of("cn-north-1", Service::Ssm), "https://ssm.cn-north-1.amazonaws.com.cn/");
    }
}
