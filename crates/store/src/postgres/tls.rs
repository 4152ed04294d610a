//! Whether the connection to PostgreSQL is encrypted, and whom it trusts: `sslmode` and `sslrootcert` as in libpq.

use crate::{Error, codec::blocking};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use std::{path::PathBuf, sync::Arc};
use tokio_postgres::config::{Host, SslMode};

/// How an address wants its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(super) enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyFull,
}

/// An address taken apart.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) config: tokio_postgres::Config,
    pub(super) mode: Mode,
    root: Option<PathBuf>,
}

impl Address {
    /// Reads `postgres://…?sslmode=…&sslrootcert=…` or `host=… sslmode=…`.
    pub(super) fn parse(text: &str) -> Result<Self, Error> {
        let (rest, options) = take_options(text);
        let mut config: tokio_postgres::Config = rest.parse()?;
        let (mut mode, mut root) = (Mode::Prefer, None);
        for (name, value) in options {
            match (name, value.as_str()) {
                ("sslmode", "disable") => mode = Mode::Disable,
                ("sslmode", "prefer") => mode = Mode::Prefer,
                ("sslmode", "require") => mode = Mode::Require,
                ("sslmode", "verify-full") => mode = Mode::VerifyFull,
                ("sslmode", other) => {
                    return Err(Error::Value(format!(
                        "sslmode `{other}` in the PostgreSQL address: expected `disable`, `prefer`, `require` or \
                         `verify-full`"
                    )));
                }
                _ => root = Some(PathBuf::from(value)),
            }
        }
        config.ssl_mode(match mode {
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyFull => SslMode::Require,
        });
        Ok(Self { config, mode, root })
    }

    /// Hosts that are not this machine: what goes there in plain text can be read on the way.
    pub(super) fn remote_hosts(&self) -> Vec<String> {
        let hosts = self.config.get_hosts().iter().filter_map(|host| match host {
            Host::Tcp(name) => Some(name),
            #[cfg(unix)]
            Host::Unix(_) => None,
        });
        let here = |name: &str| {
            name.eq_ignore_ascii_case("localhost")
                || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
        };
        hosts.filter(|name| !here(name)).cloned().collect()
    }

    /// What to shake hands with; nothing when the address wants plain text.
    pub(super) async fn client(&self) -> Result<Option<ClientConfig>, Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::Value(format!("set up TLS: {e}")))?;
        Ok(match self.mode {
            Mode::Disable => None,
            Mode::Prefer | Mode::Require => {
                let verifier = Arc::new(AnyCertificate(provider));
                Some(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
            }
            Mode::VerifyFull => {
                let root = self.root.clone();
                let roots = blocking(move || roots(root)).await?;
                Some(builder.with_root_certificates(roots).with_no_client_auth())
            }
        })
    }
}

/// Certificates to trust: those of the file, or the system's.
fn roots(file: Option<PathBuf>) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = file.filter(|file| file.as_os_str() != "system") {
        let at = |e: &dyn std::fmt::Display| Error::Value(format!("sslrootcert `{}`: {e}", file.display()));
        for certificate in CertificateDer::pem_file_iter(&file).map_err(|e| at(&e))? {
            roots.add(certificate.map_err(|e| at(&e))?).map_err(|e| at(&e))?;
        }
        if roots.is_empty() {
            return Err(at(&"it has no certificate; a PEM file with `BEGIN CERTIFICATE` was expected"));
        }
        return Ok(roots);
    }
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err(Error::Value(
            "sslmode `verify-full` found no certificates on this system: name a file with `sslrootcert`"
                .into(),
        ));
    }
    Ok(roots)
}

/// Takes `sslmode` and `sslrootcert` out of an address: the client library knows less of them than libpq.
fn take_options(text: &str) -> (String, Vec<(&'static str, String)>) {
    let ours = |part: &str| {
        let (name, value) = part.split_once('=')?;
        let name = ["sslmode", "sslrootcert"].into_iter().find(|known| *known == name)?;
        Some((name, value.to_owned()))
    };
    let mut options = Vec::new();
    let mut keep = |part: &&str| match ours(part) {
        Some(option) => {
            options.push(option);
            false
        }
        None => true,
    };
    let rest = if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let rest: Vec<_> = query.split('&').filter(|part| !part.is_empty()).filter(&mut keep).collect();
        if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) }
    } else {
        // Spaces within quotes are no borders; ours are never quoted.
        let mut quoted = false;
        let parts = text.split(|c: char| {
            quoted ^= c == '\'';
            c.is_whitespace() && !quoted
        });
        parts.collect::<Vec<_>>().into_iter().filter(&mut keep).collect::<Vec<_>>().join(" ")
    };
    for (_, value) in &mut options {
        *value = percent_decoded(value);
    }
    (rest, options)
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `prefer` and `require` promise encryption, not whom they speak to; the handshake is still checked to be the
/// certificate's owner's.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Mode, Option<PathBuf>, Vec<String>) {
        let address = Address::parse(text).unwrap();
        let remote = address.remote_hosts();
        (address.mode, address.root, remote)
    }

    #[test]
    fn an_address_says_how_to_connect() {
        let remote = |host: &str| vec![host.to_owned()];
        assert_eq!(read("postgres://u:p@db.example/x"), (Mode::Prefer, None, remote("db.example")));
        assert_eq!(read("postgres://u@127.0.0.1/x?sslmode=disable"), (Mode::Disable, None, vec![]));
        assert_eq!(read("host=/run/postgresql user=u sslmode=require"), (Mode::Require, None, vec![]));
        assert_eq!(read("host=::1 user=u"), (Mode::Prefer, None, vec![]));
        let all =
            "postgresql://u@10.0.0.7/x?connect_timeout=5&sslmode=verify-full&sslrootcert=%2Fetc%2Fa b.pem";
        assert_eq!(read(all), (Mode::VerifyFull, Some("/etc/a b.pem".into()), remote("10.0.0.7")));
        let address = Address::parse(all).unwrap();
        assert_eq!(address.config.get_connect_timeout().map(std::time::Duration::as_secs), Some(5));
        let quoted = "host=db password='a sslmode=disable b' sslmode=verify-full";
        assert_eq!(read(quoted), (Mode::VerifyFull, None, remote("db")));
        let address = Address::parse(quoted).unwrap();
        assert_eq!(address.config.get_password(), Some(b"a sslmode=disable b".as_slice()));
        let refused = Address::parse("postgres://u:secret@db/x?sslmode=verify-ca").unwrap_err().to_string();
        assert!(refused.contains("`verify-full`") && !refused.contains("secret"), "{refused}");
    }

    #[test]
    fn roots_are_named_or_refused_with_their_place() {
        let refused = roots(Some("/nowhere/ca.pem".into())).unwrap_err().to_string();
        assert!(refused.contains("sslrootcert `/nowhere/ca.pem`"), "{refused}");
        let file = tempfile::NamedTempFile::new().unwrap();
        let refused = roots(Some(file.path().to_owned())).unwrap_err().to_string();
        assert!(refused.contains("no certificate"), "{refused}");
    }
}
