//! Deliveries out, answers in.

use serde_json::Value;
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use trunkline_bench::http::{Answer, Connection};

/// Sends requests over some connections at a time; answers in order.
pub(crate) async fn all(address: SocketAddr, requests: Vec<Vec<u8>>, connections: usize) -> Vec<Answer> {
    let count = requests.len();
    let mut shares: Vec<Vec<(usize, Vec<u8>)>> = vec![Vec::new(); connections];
    for (number, request) in requests.into_iter().enumerate() {
        shares[number % connections].push((number, request));
    }
    let sending = shares.into_iter().map(|share| async move {
        let mut connection = Connection::open(address).await.unwrap();
        let mut answers = Vec::new();
        for (number, request) in share {
            answers.push((number, connection.ask(&request).await.unwrap()));
        }
        answers
    });
    let mut answers: Vec<_> = futures::future::join_all(sending).await.into_iter().flatten().collect();
    answers.sort_by_key(|(number, _)| *number);
    assert_eq!(answers.len(), count);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// `GET` of something that must be there.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Answer {
    let answer = Connection::open(address).await.unwrap().get(path).await.unwrap();
    assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
    answer
}

/// A metric's value; 0 while it has none.
pub(crate) async fn metric(address: SocketAddr, name: &str) -> f64 {
    let text = String::from_utf8(get(address, "/metrics").await.body).unwrap();
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok()).unwrap_or(0.0)
}

/// Waits until pages show everything that is in the log; answers the log's last number.
pub(crate) async fn settled(address: SocketAddr) -> i64 {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let status: Value = get(address, "/api/v1/status").await.json();
        if status["intake"]["lag_seconds"] == 0.0 {
            return status["intake"]["last_seq"].as_i64().unwrap();
        }
        assert!(Instant::now() < until, "the projector does not catch up: {status}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
