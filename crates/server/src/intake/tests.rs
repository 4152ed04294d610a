//! Over real connections: every way a delivery can go wrong, and that good ones pass meanwhile.

use crate::testing::{SECRET, Server, answer, delivery, head, server, server_with};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use trunkline_github::webhook::signature::sign;

const ID: &str = "0b989ba4-242f-11e5-81e1-c7b6966d2516";

fn signed(body: &[u8]) -> String {
    sign(SECRET.as_bytes(), body)
}

async fn post(server: &Server, signature: &str, body: &[u8]) -> crate::testing::Answer {
    server.raw(&delivery("ping", ID, signature, body)).await
}

#[tokio::test]
async fn a_signed_delivery_is_stored_once_and_kept_raw() {
    let server = server().await;
    let body = b"{\"zen\": \"Keep  it\\u0020logically awesome.\"}";
    let first = server.deliver("some_new_event", ID, body).await;
    assert_eq!(
        (first.status, first.text()),
        (202, format!(r#"{{"delivery":"{ID}","seq":1,"duplicate":false}}"#).as_str())
    );
    let again = server.deliver("some_new_event", ID, body).await;
    assert_eq!(
        (again.status, again.text()),
        (202, format!(r#"{{"delivery":"{ID}","seq":1,"duplicate":true}}"#).as_str())
    );
    let events = server.store.events(0, 10).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].body, &body[..]);
    assert_eq!((events[0].source.as_str(), events[0].kind.as_str()), ("github", "some_new_event"));
}

#[tokio::test]
async fn any_configured_secret_verifies() {
    let server = server().await;
    let answer = post(&server, &sign(b"an older secret", b"{}"), b"{}").await;
    assert_eq!(answer.status, 202);
}

#[tokio::test]
async fn bad_signatures_are_unauthorized_and_nothing_is_stored() {
    let server = server().await;
    let body = b"{\"a\":1}";
    let good = signed(body);
    let last = if good.ends_with('0') { "1" } else { "0" };
    let wrong = format!("{}{last}", &good[..good.len() - 1]);
    for (signature, code) in [
        (wrong.as_str(), "signature_wrong"),
        (&good[..40], "signature_malformed"),
        ("sha256=", "signature_malformed"),
        ("", "signature_malformed"),
        (&good.replace("sha256", "sha1"), "signature_malformed"),
        (&sign(b"another secret", body), "signature_wrong"),
    ] {
        let answer = post(&server, signature, body).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, code), "{signature}");
        assert!(answer.json()["error"]["hint"].as_str().unwrap().contains("webhook_secrets"));
        assert_eq!(answer.json()["error"]["request_id"], answer.headers["x-request-id"]);
        assert!(!answer.text().contains(SECRET));
    }
    let unsigned = head("ping", ID, "", body.len()).replace("X-Hub-Signature-256: \r\n", "");
    let answer = server.raw(&[unsigned.as_bytes(), body].concat()).await;
    assert_eq!((answer.status, answer.code().as_str()), (401, "signature_missing"));
    assert_eq!(server.store.last_seq().await.unwrap(), 0);
}

#[tokio::test]
async fn wrong_envelopes_are_told_what_is_wrong() {
    let server = server().await;
    let body = b"{}";
    let good = head("ping", ID, &signed(body), body.len());
    for (from, to, status, code) in [
        ("X-GitHub-Event: ping\r\n", "", 400, "header_missing"),
        ("X-GitHub-Event: ping", "X-GitHub-Event: ../ping", 400, "header_invalid"),
        (&*format!("X-GitHub-Delivery: {ID}\r\n"), "", 400, "header_missing"),
        (ID, "no id", 400, "header_invalid"),
        ("application/json", "application/x-www-form-urlencoded", 415, "content_type"),
        ("Content-Type: application/json\r\n", "", 415, "content_type"),
    ] {
        let head = good.replace(from, to);
        assert_ne!(head, good);
        let answer = server.raw(&[head.as_bytes(), body].concat()).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{from}");
    }
    assert_eq!(server.store.last_seq().await.unwrap(), 0);
}

#[tokio::test]
async fn bodies_that_are_no_json_objects_are_refused_after_the_signature() {
    let server = server().await;
    let nested = format!("{{\"a\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    for (body, code) in [
        (&b"{\"action\": \"queued\", \"workfl"[..], "not_json"),
        (b"", "not_json"),
        (b"[]", "not_json"),
        (b"payload=%7B%7D", "not_json"),
        (b"{\"a\": \"\xff\xfe\"}", "not_json"),
        (b"\xef\xbb\xbf{}", "not_json"),
        (nested.as_bytes(), "too_deep"),
        ("{\"a\":".repeat(200_000).as_bytes(), "too_deep"),
    ] {
        let answer = post(&server, &signed(body), body).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{:?}", &body[..body.len().min(40)]);
        // Unsigned, the same bodies are never looked at.
        let answer = post(&server, &signed(b"else"), body).await;
        assert_eq!((answer.status, answer.code().as_str()), (401, "signature_wrong"));
    }
    assert_eq!(server.store.last_seq().await.unwrap(), 0);
    assert_eq!(server.deliver("ping", ID, b"{}").await.status, 202, "the service goes on");
}

#[tokio::test]
async fn a_body_of_25_mib_is_taken_and_one_of_26_is_not() {
    let server = server().await;
    let body = |mib: usize| format!("{{\"a\":\"{}\"}}", "x".repeat((mib << 20) - 8)).into_bytes();
    let answer = post(&server, &signed(&body(25)), &body(25)).await;
    assert_eq!(answer.status, 202);
    let large = body(26);
    let answer = post(&server, &signed(&large), &large).await;
    assert_eq!((answer.status, answer.code().as_str()), (413, "body_too_large"));
    // Without a declared length the limit holds while streaming.
    let head =
        head("ping", ID, &signed(&large), 0).replace("Content-Length: 0", "Transfer-Encoding: chunked");
    let mut stream = server.connect().await;
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = [format!("{:x}\r\n", 1 << 20).as_bytes(), &vec![b'x'; 1 << 20], b"\r\n"].concat();
    for _ in 0..26 {
        if stream.write_all(&chunk).await.is_err() {
            break;
        }
    }
    let mut bytes = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut bytes).await.ok();
    assert!(bytes.is_empty() || bytes.starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&bytes));
    assert_eq!(server.app.parts().intake.in_flight_bytes(), 0);
    assert_eq!(server.store.last_seq().await.unwrap(), 1);
}

#[tokio::test]
async fn who_sends_too_slowly_is_cut_off_and_others_are_not_held_up() {
    let server = server_with(|config| {
        config.intake.body_time = Duration::from_millis(300);
        config.intake.failure_burst = 1_000;
    })
    .await;
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut stream = server.connect().await;
        stream.write_all(head("ping", ID, &signed(b"x"), 1_000).as_bytes()).await.unwrap();
        stream.write_all(b"{").await.unwrap();
        slow.push(stream);
    }
    assert_eq!(server.deliver("ping", ID, b"{}").await.status, 202);
    for mut stream in slow {
        let answer = answer(&mut stream).await;
        assert_eq!((answer.status, answer.code().as_str()), (408, "body_too_slow"));
    }
    assert_eq!(server.app.parts().intake.in_flight_bytes(), 0);
}

#[tokio::test]
async fn memory_for_bodies_is_bounded() {
    let server = server_with(|config| config.intake.in_flight_bytes = 1 << 20).await;
    let large = format!("{{\"a\":\"{}\"}}", "x".repeat(700 << 10)).into_bytes();
    let request = delivery("ping", ID, &signed(&large), &large);
    let mut first = server.connect().await;
    first.write_all(&request[..request.len() - 1]).await.unwrap();
    while server.app.parts().intake.in_flight_bytes() < 700 << 10 {
        tokio::task::yield_now().await;
    }
    let refused = server.raw(&request).await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "busy"));
    assert!(refused.headers.contains_key("retry-after"));
    first.write_all(&request[request.len() - 1..]).await.unwrap();
    assert_eq!(answer(&mut first).await.status, 202);
    assert_eq!(server.app.parts().intake.in_flight_bytes(), 0);
}

#[tokio::test]
async fn a_flood_is_refused_and_valid_deliveries_pass_from_the_same_address() {
    let server = server_with(|config| {
        config.intake.failure_burst = 10;
        config.intake.failures_per_second = 0.001;
    })
    .await;
    let body = vec![b'x'; 1_000];
    let wrong = delivery("ping", ID, &signed(b"else"), &body);
    let unsigned = delivery("ping", ID, "", &body);
    let mut statuses = Vec::new();
    for number in 0..200 {
        let request = if number % 2 == 0 { &wrong } else { &unsigned };
        statuses.push(server.raw(request).await.status);
    }
    assert_eq!(&statuses[..10], &[401; 10]);
    assert_eq!(
        statuses[10..].iter().filter(|&&status| status == 429).count(),
        95,
        "unsigned ones are refused unread"
    );
    let refused = server.raw(head("ping", ID, "", 1 << 30).as_bytes()).await;
    assert_eq!((refused.status, refused.headers["retry-after"].as_str()), (429, "1000"));

    let flood = async {
        loop {
            let senders = (0..16).map(|_| server.raw(&wrong));
            futures::future::join_all(senders).await;
        }
    };
    let valid = async {
        for number in 0..100 {
            let answer = server.deliver("ping", &format!("valid-{number:08}"), b"{\"a\":1}").await;
            assert_eq!(answer.status, 202, "{}", answer.text());
        }
    };
    tokio::select! {
        () = flood => unreachable!("it goes on for ever"),
        () = valid => {}
    }
    assert_eq!(server.store.last_seq().await.unwrap(), 100);
}

#[tokio::test]
async fn when_the_log_cannot_be_written_the_sender_is_told_to_come_again() {
    let server = server_with(|config| config.intake.append_time = Duration::from_millis(300)).await;
    let other = rusqlite::Connection::open(server.folder.path().join("state.sqlite")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let refused = server.deliver("ping", ID, b"{}").await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "log_unavailable"));
    assert_eq!(refused.headers["retry-after"], "10");
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(server.deliver("ping", ID, b"{}").await.status, 202);
    assert_eq!(server.store.events(0, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_client_behind_a_trusted_proxy_stands_for_itself() {
    let server = server_with(|config| {
        config.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
        config.intake.failure_burst = 1;
        config.intake.failures_per_second = 0.001;
    })
    .await;
    let from = |address: &str| {
        let head =
            head("ping", ID, "", 0).replace("Host: t", &format!("Host: t\r\nX-Forwarded-For: {address}"));
        head.into_bytes()
    };
    assert_eq!(server.raw(&from("9.9.9.9")).await.status, 401);
    assert_eq!(server.raw(&from("9.9.9.9")).await.status, 429);
    assert_eq!(server.raw(&from("8.8.8.8, 9.9.9.8")).await.status, 401);
    assert_eq!(server.raw(&from("8.8.8.8, 9.9.9.9")).await.status, 429);
}

#[tokio::test]
async fn headers_that_never_end_are_cut_off() {
    let server = server().await;
    let mut stream = server.connect().await;
    let endless = format!("POST /webhooks/github HTTP/1.1\r\nHost: t\r\nX-Long: {}", "x".repeat(100 << 10));
    stream.write_all(endless.as_bytes()).await.ok();
    let mut bytes = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut bytes).await.ok();
    assert!(bytes.is_empty() || bytes.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&bytes));
    let other = server.raw(b"GET /webhooks/github HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n").await;
    assert_eq!((other.status, other.code().as_str()), (405, "method_not_allowed"));
}

#[tokio::test]
async fn outcomes_are_counted() {
    let server = server().await;
    server.deliver("ping", ID, b"{}").await;
    server.deliver("ping", ID, b"{}").await;
    post(&server, "sha256=1", b"{}").await;
    let metrics = server.get("/metrics").await;
    for outcome in ["stored", "duplicate", "signature_malformed"] {
        let line = format!("trunkline_intake_deliveries_total{{outcome=\"{outcome}\"}} 1");
        assert!(metrics.text().contains(&line), "{}", metrics.text());
    }
}

#[tokio::test]
async fn shutdown_lets_a_delivery_under_way_finish() {
    let server = server().await;
    let body = b"{\"a\":1}";
    let request = delivery("ping", ID, &signed(body), body);
    let mut stream = server.connect().await;
    stream.write_all(&request[..request.len() - 1]).await.unwrap();
    while server.app.parts().intake.in_flight_bytes() == 0 {
        tokio::task::yield_now().await;
    }
    server.stop.cancel();
    while tokio::net::TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    stream.write_all(&request[request.len() - 1..]).await.unwrap();
    assert_eq!(answer(&mut stream).await.status, 202);
    server.task.await.unwrap().unwrap();
}
