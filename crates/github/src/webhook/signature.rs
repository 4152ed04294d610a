//! `X-Hub-Signature-256`: HMAC SHA-256 over the raw bytes, compared in constant time, before anything is parsed.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use std::fmt;

/// The secrets that may have signed a delivery; several at once, so they can be rotated.
#[derive(Clone, Default)]
pub struct Secrets(Vec<SecretString>);

impl Secrets {
    /// Secrets in any order. An empty secret is dropped: it would verify what anybody can sign.
    pub fn new(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        Self(secrets.into_iter().filter(|secret| !secret.expose_secret().is_empty()).collect())
    }

    /// Whether nothing can be verified.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

/// Why a delivery is not GitHub's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No signature header.
    #[error("the signature header is missing")]
    Missing,
    /// Not `sha256=` and 64 hexadecimal digits.
    #[error("the signature is not `sha256=` followed by 64 hexadecimal digits")]
    Malformed,
    /// Signed with another secret, or changed on the way.
    #[error("the signature does not match the body")]
    Mismatch,
}

/// Whether one of the secrets signed exactly these bytes. Every secret is tried, so the time tells nothing.
///
/// # Errors
/// Says which of the three ways it is wrong.
pub fn verify(secrets: &Secrets, header: Option<&str>, body: &[u8]) -> Result<(), SignatureError> {
    let digits =
        header.ok_or(SignatureError::Missing)?.strip_prefix("sha256=").ok_or(SignatureError::Malformed)?;
    if digits.len() != 64 {
        return Err(SignatureError::Malformed);
    }
    let claimed = hex::decode(digits).map_err(|_| SignatureError::Malformed)?;
    let mut matched = false;
    for secret in &secrets.0 {
        matched |= mac(secret.expose_secret().as_bytes(), body).verify_slice(&claimed).is_ok();
    }
    if matched { Ok(()) } else { Err(SignatureError::Mismatch) }
}

/// The header value GitHub would send.
pub fn sign(secret: &[u8], body: &[u8]) -> String {
    format!("sha256={}", hex::encode(mac(secret, body).finalize().into_bytes()))
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
fn mac(secret: &[u8], body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(body);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_example_verifies() {
        // The example in GitHub's documentation of webhook validation.
        let header = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let secrets = Secrets::new(["old".into(), "It's a Secret to Everybody".into()]);
        assert_eq!(verify(&secrets, Some(header), b"Hello, World!"), Ok(()));
        assert_eq!(sign(b"It's a Secret to Everybody", b"Hello, World!"), header);
        assert_eq!(verify(&secrets, Some(header), b"Hello, World"), Err(SignatureError::Mismatch));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let secrets = Secrets::new(["s".into()]);
        assert_eq!(verify(&secrets, None, b""), Err(SignatureError::Missing));
        let short = format!("sha256={}", "a".repeat(63));
        let odd = format!("sha256={}", "g".repeat(64));
        for bad in ["", "sha1=aa", "sha256=", &short, &odd] {
            assert_eq!(verify(&secrets, Some(bad), b""), Err(SignatureError::Malformed), "{bad}");
        }
        let empty = Secrets::new(["".into()]);
        assert_eq!(verify(&empty, Some(&sign(b"", b"x")), b"x"), Err(SignatureError::Mismatch));
        assert_eq!(format!("{secrets:?}"), "1 secrets");
    }
}
