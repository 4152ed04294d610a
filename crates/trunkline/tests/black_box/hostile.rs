//! Senders who are broken, slow, many or evil: a clear answer, bounded memory, and service goes on.

use crate::{
    installation,
    send::{get, metric},
};
use serde_json::Value;
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};
use tokio::task::JoinSet;
use trunkline_bench::{
    deliveries::{delivery_id, head, request, request_with},
    http::{Answer, Connection},
    program::{Program, SECRET},
};
use trunkline_github::webhook::signature::sign;

const MIB: usize = 1 << 20;
/// What the program may take at most under attack: it holds at most 64 MiB of bodies at a time.
const MEMORY_MIB: f64 = 250.0;

/// Another source for each case, so that none runs out of its budget.
async fn from(last: u8, address: SocketAddr) -> Connection {
    Connection::open_from(Ipv4Addr::new(127, 0, 1, last), address).await.unwrap()
}

/// Status, code and hint say what is wrong; nothing of the request comes back.
#[track_caller]
fn assert_refused(name: &str, answer: &Answer, status: u16, code: &str) {
    let said = answer.json();
    assert_eq!((answer.status, &said["error"]["code"]), (status, &Value::from(code)), "{name}: {said}");
    for part in ["message", "hint"] {
        let text = said["error"][part].as_str().unwrap_or("");
        assert!(text.len() > 10, "{name}: the {part} is `{text}`");
        assert!(!text.contains(SECRET), "{name}: {text}");
    }
}

/// A good sender is served.
async fn assert_serves(program: &Program, number: u64) {
    let mut good = Connection::open(program.address()).await.unwrap();
    let answer =
        good.ask(&request("ping", &delivery_id(9, number), b"{\"zen\":\"Keep it.\"}")).await.unwrap();
    assert_eq!(answer.status, 202, "{}", answer.json());
    get(program.address(), "/healthz").await;
    get(program.address(), "/readyz").await;
}

fn assert_memory_bounded(program: &Program) {
    let (_, peak) = program.memory_mib().unwrap();
    println!("at most {peak:.0} MiB of memory");
    assert!(peak < MEMORY_MIB, "{peak} MiB");
}

fn assert_no_errors(program: Program) {
    let errors: Vec<_> =
        program.stop().unwrap().into_iter().filter(|line| line.contains(" ERROR ")).collect();
    assert_eq!(errors, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_signatures_are_refused_and_say_why() {
    let place = installation("");
    let program = place.start().unwrap();
    let body = b"{\"zen\":\"Design for failure.\"}";
    let right = sign(SECRET.as_bytes(), body);
    let header = |value: &str| format!("x-hub-signature-256: {value}\r\n");
    let cases = [
        ("missing", String::new(), "signature_missing"),
        (
            "only SHA-1",
            "x-hub-signature: sha1=0123456789012345678901234567890123456789\r\n".into(),
            "signature_missing",
        ),
        ("empty", header(""), "signature_malformed"),
        ("no digits", header("sha256="), "signature_malformed"),
        ("short", header(&right[..right.len() - 1]), "signature_malformed"),
        ("long", header(&format!("{right}0")), "signature_malformed"),
        ("no hexadecimal", header(&format!("sha256={}", "x".repeat(64))), "signature_malformed"),
        ("no prefix", header(&right["sha256=".len()..]), "signature_malformed"),
        ("not text", "x-hub-signature-256: sha256=\u{e9}\r\n".into(), "signature_malformed"),
        ("of another secret", header(&sign(b"guess", body)), "signature_wrong"),
        ("of another body", header(&sign(SECRET.as_bytes(), b"{}")), "signature_wrong"),
        ("of no secret", header(&sign(b"", body)), "signature_wrong"),
        ("all zeros", header(&format!("sha256={}", "0".repeat(64))), "signature_wrong"),
    ];
    for (name, headers, code) in &cases {
        let mut sender = Connection::open(program.address()).await.unwrap();
        let answer = sender.ask(&request_with("ping", &delivery_id(1, 1), headers, body)).await.unwrap();
        assert_refused(name, &answer, 401, code);
    }
    assert_serves(&program, 1).await;
    assert_eq!(metric(program.address(), "trunkline_event_log_last_seq_events").await, 1.0);
    assert_no_errors(program);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_reader_could_read_is_refused() {
    let place = installation("");
    let program = place.start().unwrap();
    let nested =
        |open: &str, close: &str| format!("{{\"a\":{}{}}}", open.repeat(100_000), close.repeat(100_000));
    let bodies: [(&str, Vec<u8>, &str); 9] = [
        ("empty", b"".to_vec(), "not_json"),
        ("truncated", b"{\"action\":\"queued\",\"workflow_job\":{\"id\":1".to_vec(), "not_json"),
        ("a list", b"[]".to_vec(), "not_json"),
        ("a form", b"payload=%7B%7D".to_vec(), "not_json"),
        ("not UTF-8", b"{\"a\":\"\xff\xfe\"}".to_vec(), "not_json"),
        ("UTF-16", "{\"a\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect(), "not_json"),
        ("deep lists", nested("[", "]").into_bytes(), "too_deep"),
        ("deep objects", nested("{\"a\":", "}").into_bytes(), "too_deep"),
        ("deep and open", format!("{{\"a\":{}", "[".repeat(100_000)).into_bytes(), "too_deep"),
    ];
    for (name, body, code) in &bodies {
        let mut sender = Connection::open(program.address()).await.unwrap();
        let answer = sender.ask(&request("workflow_job", &delivery_id(2, 1), body)).await.unwrap();
        assert_refused(name, &answer, 400, code);
    }
    let signed = format!("x-hub-signature-256: {}\r\n", sign(SECRET.as_bytes(), b"{}"));
    let typed = |event: &str, id: &str, more: &str| {
        let mut text = head(event, id, &format!("{signed}{more}"), 2);
        text.push_str("{}");
        text
    };
    let good = delivery_id(2, 2);
    let heads = [
        ("no event", typed("ping", &good, "").replace("x-github-event: ping\r\n", ""), 400, "header_missing"),
        ("an event of odd letters", typed("../push", &good, ""), 400, "header_invalid"),
        ("an endless event", typed(&"a".repeat(65), &good, ""), 400, "header_invalid"),
        ("no id", typed("ping", &good, "").replace("x-github-delivery", "x-other"), 400, "header_missing"),
        ("a short id", typed("ping", "1", ""), 400, "header_invalid"),
        ("an id with quotes", typed("ping", "'; DROP TABLE events; --", ""), 400, "header_invalid"),
        (
            "a form",
            typed("ping", &good, "").replace("application/json", "application/x-www-form-urlencoded"),
            415,
            "content_type",
        ),
    ];
    for (name, text, status, code) in &heads {
        let mut sender = Connection::open(program.address()).await.unwrap();
        let answer = sender.ask(text.as_bytes()).await.unwrap();
        assert_refused(name, &answer, *status, code);
    }
    for (name, bytes) in [
        ("not HTTP", &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n"[..]),
        (
            "two lengths",
            b"POST /webhooks/github HTTP/1.1\r\nhost: t\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}",
        ),
    ] {
        let mut sender = Connection::open(program.address()).await.unwrap();
        let answer = sender.ask(bytes).await.unwrap();
        assert_eq!(answer.status, 400, "{name}: {}", answer.head);
    }
    assert_serves(&program, 2).await;
    assert_eq!(metric(program.address(), "trunkline_event_log_last_seq_events").await, 1.0);
    assert_memory_bounded(&program);
    assert_no_errors(program);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_large_bodies_take_no_room() {
    let place = installation("");
    let program = place.start().unwrap();
    let address = program.address();
    // The largest one that GitHub sends is taken.
    let largest = format!("{{\"a\":\"{}\"}}", "a".repeat(25 * MIB - 8));
    assert_eq!(largest.len(), 25 * MIB);
    let answer =
        from(1, address).await.ask(&request("push", &delivery_id(3, 1), largest.as_bytes())).await.unwrap();
    assert_eq!(answer.status, 202, "{}", answer.json());

    let mut senders = JoinSet::new();
    for number in 0..16_u8 {
        senders.spawn(async move {
            let mut sender = from(10 + number, address).await;
            let body = vec![b' '; 26 * MIB];
            let signed = format!("x-hub-signature-256: {}\r\n", sign(SECRET.as_bytes(), b"{}"));
            if number.is_multiple_of(2) {
                return sender.ask(&request_with("push", &delivery_id(3, 9), &signed, &body)).await.unwrap();
            }
            // Without saying how much comes. The server may close before it has read everything.
            let text = head("push", &delivery_id(3, 9), &signed, 0);
            let text = text.replace("content-length: 0", "transfer-encoding: chunked");
            sender.write(text.as_bytes()).await.unwrap();
            for chunk in body.chunks(MIB) {
                let mut bytes = format!("{:x}\r\n", chunk.len()).into_bytes();
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
                if sender.write(&bytes).await.is_err() {
                    break;
                }
            }
            sender.answer().await.unwrap()
        });
    }
    let answers = senders.join_all().await;
    let mut large = 0;
    for answer in &answers {
        // Undeclared ones may find the memory for bodies used up.
        if answer.status == 503 {
            assert_refused("large", answer, 503, "busy");
        } else {
            assert_refused("large", answer, 413, "body_too_large");
            large += 1;
        }
    }
    assert!(large >= 8, "{large}");
    assert_serves(&program, 3).await;
    assert_eq!(metric(address, "trunkline_intake_in_flight_bytes").await, 0.0);
    assert_memory_bounded(&program);
    assert_no_errors(program);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_senders_are_cut_off_while_others_are_served() {
    let place = installation("");
    let program = place.start().unwrap();
    let address = program.address();
    let mut slow = JoinSet::new();
    for number in 0..150_u8 {
        slow.spawn(async move {
            let mut sender = from(number, address).await;
            let text = request(
                "ping",
                &delivery_id(4, u64::from(number)),
                b"{\"zen\":\"Half measures are as bad as nothing at all.\"}",
            );
            // Some send even the headers slowly, most the body.
            let at_once = if number.is_multiple_of(3) { 20 } else { text.len() - 40 };
            sender.write(&text[..at_once]).await.unwrap();
            for byte in text[at_once..].chunks(1) {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if sender.write(byte).await.is_err() {
                    break;
                }
            }
            (number, sender.answer().await)
        });
    }
    let start = Instant::now();
    let mut served = 0;
    while start.elapsed() < Duration::from_secs(8) {
        let before = Instant::now();
        assert_serves(&program, 100 + served).await;
        assert!(before.elapsed() < Duration::from_secs(2), "{:?}", before.elapsed());
        served += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    while let Some(done) = slow.join_next().await {
        let (number, answer) = done.unwrap();
        match answer {
            Ok(answer) => assert_refused("slow", &answer, 408, "body_too_slow"),
            // Who does not even get to the end of the headers gets no answer.
            Err(_) => assert!(number.is_multiple_of(3), "sender {number} got no answer"),
        }
    }
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    println!("{served} good deliveries meanwhile");
    assert_serves(&program, 4).await;
    assert_memory_bounded(&program);
    assert_no_errors(program);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_bad_senders_does_not_starve_a_good_one() {
    let place = installation("");
    let program = place.start().unwrap();
    let address = program.address();
    let until = Instant::now() + Duration::from_secs(5);
    let mut flood = JoinSet::new();
    for number in 0..24_u8 {
        flood.spawn(async move {
            let body = vec![b'{'; MIB];
            let forged = format!("x-hub-signature-256: sha256={}\r\n", "ab".repeat(32));
            let mut sent = 0_u64;
            while Instant::now() < until {
                // A third comes from the good sender's own address, as behind a proxy. Answers are not waited for.
                let source = if number.is_multiple_of(3) {
                    Ipv4Addr::LOCALHOST
                } else {
                    Ipv4Addr::new(127, 0, 1, number)
                };
                let Ok(mut sender) = Connection::open_from(source, address).await else { continue };
                let headers = if number.is_multiple_of(2) { forged.as_str() } else { "" };
                drop(sender.ask(&request_with("push", &delivery_id(5, sent), headers, &body)).await);
                sent += 1;
            }
            sent
        });
    }
    let (mut served, mut slowest) = (0, Duration::ZERO);
    let mut good = Connection::open(address).await.unwrap();
    while Instant::now() < until {
        let before = Instant::now();
        let text = request(
            "ping",
            &delivery_id(6, served),
            b"{\"zen\":\"It's not fully shipped until it's fast.\"}",
        );
        let answer = good.ask(&text).await.unwrap();
        assert_eq!(answer.status, 202, "{}", answer.json());
        slowest = slowest.max(before.elapsed());
        served += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let sent: u64 = flood.join_all().await.iter().sum();
    println!("{served} good deliveries among {sent} bad ones, the slowest took {slowest:.0?}");
    assert!(sent > 100, "only {sent} bad ones");
    // GitHub waits ten seconds for an answer.
    assert!(
        served > 10 && slowest < Duration::from_secs(5),
        "{served} in time, the slowest took {slowest:?}"
    );
    assert_eq!(metric(address, "trunkline_event_log_last_seq_events").await, served as f64);
    assert_serves(&program, 5).await;
    assert_memory_bounded(&program);
    assert_no_errors(program);
}
