//! What the headers say: the signature before the body is read, the rest after it was verified.

use super::Rejection;
use http::{HeaderMap, header};
use std::collections::BTreeMap;
use trunkline_model::DeliveryId;

const SIGNATURE: &str = "x-hub-signature-256";
const EVENT: &str = "x-github-event";
const DELIVERY: &str = "x-github-delivery";

/// Headers that are kept with the event.
const KEPT: [&str; 4] = [
    "x-github-hook-id",
    "x-github-hook-installation-target-id",
    "x-github-hook-installation-target-type",
    "x-github-enterprise-host",
];

/// What a delivery is, without its body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Envelope {
    pub(super) event: String,
    pub(super) delivery: String,
    pub(super) others: BTreeMap<String, String>,
}

/// The signature header, if it has the form of one: `sha256=` and 64 hexadecimal digits.
pub(super) fn signature(headers: &HeaderMap) -> Result<String, Rejection> {
    let value = headers.get(SIGNATURE).ok_or(Rejection::SignatureMissing)?;
    let text = value.to_str().map_err(|_| Rejection::SignatureMalformed)?;
    let digits = text.strip_prefix("sha256=").ok_or(Rejection::SignatureMalformed)?;
    let well_formed = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if well_formed { Ok(text.to_owned()) } else { Err(Rejection::SignatureMalformed) }
}

/// The other headers, checked.
pub(super) fn envelope(headers: &HeaderMap) -> Result<Envelope, Rejection> {
    let event = text(headers, "X-GitHub-Event", EVENT)?;
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if event.is_empty() || event.len() > 64 || !event.bytes().all(is_name) {
        return Err(Rejection::HeaderInvalid {
            name: "X-GitHub-Event",
            expected: "lower-case letters, digits and `_`",
        });
    }
    let delivery: DeliveryId =
        text(headers, "X-GitHub-Delivery", DELIVERY)?.parse().map_err(|_| Rejection::HeaderInvalid {
            name: "X-GitHub-Delivery",
            expected: "8 to 64 letters, digits or `-`, such as a GUID",
        })?;
    content_type(headers)?;
    let others = KEPT.iter().filter_map(|&name| {
        let value = headers.get(name)?.to_str().ok()?;
        (value.len() <= 256).then(|| (name.to_owned(), value.to_owned()))
    });
    Ok(Envelope { event: event.to_owned(), delivery: delivery.to_string(), others: others.collect() })
}

fn text<'a>(headers: &'a HeaderMap, name: &'static str, key: &str) -> Result<&'a str, Rejection> {
    let value = headers.get(key).ok_or(Rejection::HeaderMissing { name })?;
    value.to_str().map_err(|_| Rejection::HeaderInvalid { name, expected: "plain text" })
}

fn content_type(headers: &HeaderMap) -> Result<(), Rejection> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = value.split(';').next().unwrap_or("").trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let form = essence.eq_ignore_ascii_case("application/x-www-form-urlencoded");
    Err(Rejection::ContentType { form })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_signature_has_its_form() {
        let long = format!("sha256={}", "aB".repeat(32));
        assert_eq!(signature(&headers(&[(SIGNATURE, &long)])), Ok(long));
        assert_eq!(signature(&headers(&[])), Err(Rejection::SignatureMissing));
        for bad in [
            "",
            "sha256=",
            "sha256=abcd",
            &format!("sha1={}", "ab".repeat(32)),
            &format!("sha256={}", "xy".repeat(32)),
        ] {
            assert_eq!(signature(&headers(&[(SIGNATURE, bad)])), Err(Rejection::SignatureMalformed), "{bad}");
        }
    }

    #[test]
    fn an_envelope_needs_event_delivery_and_json() {
        let good = [
            (EVENT, "push"),
            (DELIVERY, "0B989BA4-242F-11E5-81E1-C7B6966D2516"),
            ("content-type", "application/json; charset=utf-8"),
            ("x-github-hook-id", "7"),
        ];
        let read = envelope(&headers(&good)).unwrap();
        assert_eq!(
            (read.event.as_str(), read.delivery.as_str()),
            ("push", "0b989ba4-242f-11e5-81e1-c7b6966d2516")
        );
        assert_eq!(read.others["x-github-hook-id"], "7");
        for missing in 0..2 {
            let some: Vec<_> = good
                .iter()
                .copied()
                .enumerate()
                .filter(|(at, _)| *at != missing)
                .map(|(_, pair)| pair)
                .collect();
            assert!(matches!(envelope(&headers(&some)), Err(Rejection::HeaderMissing { .. })));
        }
        for (at, bad) in [(0, "Push!"), (0, ""), (1, "short"), (1, "has space in it")] {
            let mut pairs = good;
            pairs[at].1 = bad;
            assert!(matches!(envelope(&headers(&pairs)), Err(Rejection::HeaderInvalid { .. })), "{bad}");
        }
        for (bad, form) in [("text/plain", false), ("application/x-www-form-urlencoded", true)] {
            let mut pairs = good;
            pairs[2].1 = bad;
            assert_eq!(envelope(&headers(&pairs)), Err(Rejection::ContentType { form }));
        }
    }
}
