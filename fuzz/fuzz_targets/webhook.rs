//! Signature header and payload of every event kind. Input: a letter for the event, a header up to the first line break, a body.
#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use trunkline_github::webhook::{
    parse,
    signature::{Secrets, sign, verify},
};

const EVENTS: [&str; 9] = [
    "workflow_job",
    "workflow_run",
    "push",
    "pull_request",
    "check_run",
    "issue_comment",
    "pull_request_review",
    "ping",
    "repository_dispatch",
];

fuzz_target!(|data: &[u8]| {
    let Some((&letter, rest)) = data.split_first() else { return };
    let at = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
    let (header, body) = (&rest[..at], rest.get(at + 1..).unwrap_or(b""));

    let secrets = Secrets::new(["one".into(), "two".into()]);
    let header = String::from_utf8_lossy(header);
    let right = [&b"one"[..], b"two"].map(|secret| sign(secret, body));
    let verified = verify(&secrets, Some(&header), body).is_ok();
    assert_eq!(
        verified,
        right.iter().any(|right| header.starts_with("sha256=") && right.eq_ignore_ascii_case(&header))
    );
    assert!(right.iter().all(|right| verify(&secrets, Some(right), body).is_ok()));

    let event = EVENTS[usize::from(letter.wrapping_sub(b'a')) % EVENTS.len()];
    let now = Timestamp::UNIX_EPOCH;
    match parse(event, body, now) {
        Ok(delivery) => assert_eq!(parse(event, body, now).ok(), Some(delivery)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
