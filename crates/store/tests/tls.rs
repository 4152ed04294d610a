//! Encrypted connections to PostgreSQL, on a server of this test's own that first has no TLS and then a certificate it
//! signed itself.

#![expect(clippy::unwrap_used, reason = "a test fails by panic")]

use base64::Engine as _;
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};
use tokio_postgres::NoTls;
use trunkline_model::{ManualClock, SharedClock};
use trunkline_store::{Store, testing};

async fn open(url: &str, options: &str) -> Result<Store, String> {
    let clock: SharedClock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
    match Store::open_postgres(&format!("{url}?{options}"), &clock).await {
        Ok(store) => store.health().await.map(|()| store).map_err(|e| e.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// Gives the server a key and a certificate.
async fn turn_on(url: &str, key: &str, certificate: &str) {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    for (file, pem) in [("server.key", key), ("server.crt", certificate)] {
        let text = base64::engine::general_purpose::STANDARD.encode(pem);
        let put = format!(
            "COPY (SELECT '{text}') TO PROGRAM 'umask 077 && base64 -d > {file}.new && mv {file}.new {file}'"
        );
        client.batch_execute(&put).await.unwrap();
    }
    client.batch_execute("ALTER SYSTEM SET ssl = on").await.unwrap();
    client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
    for _ in 0..100 {
        if client.query_one("SHOW ssl", &[]).await.unwrap().get::<_, String>(0) == "on" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the server does not turn TLS on");
}

#[tokio::test]
async fn connections_are_encrypted_and_checked_as_asked() {
    if std::env::var_os("TRUNKLINE_TEST_POSTGRES_URL").is_some() {
        println!("skipped: somebody else's server is not given a certificate");
        return;
    }
    let Some(database) = testing::database().await else { return };
    let url = &database.url;
    // No TLS at the server.
    open(url, "sslmode=disable").await.unwrap();
    open(url, "sslmode=prefer").await.unwrap();
    for mode in ["require", "verify-full"] {
        let refused = open(url, &format!("sslmode={mode}")).await.unwrap_err();
        assert!(refused.contains("does not support TLS"), "{refused}");
    }
    // A certificate for the address, signed by itself.
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    turn_on(url, &made.signing_key.serialize_pem(), &made.cert.pem()).await;
    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join("trusted.pem");
    std::fs::write(&trusted, made.cert.pem()).unwrap();
    let other = folder.path().join("other.pem");
    let stranger = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(&other, stranger.cert.pem()).unwrap();
    open(url, "sslmode=require").await.unwrap();
    let open_ones = encrypted(url).await;
    open(url, "sslmode=prefer").await.unwrap();
    open(url, "sslmode=disable").await.unwrap();
    assert!(open_ones > 0, "the connection is encrypted");
    let full = |root: &std::path::Path| format!("sslmode=verify-full&sslrootcert={}", root.display());
    open(url, &full(&trusted)).await.unwrap();
    let refused = open(url, &full(&other)).await.unwrap_err();
    assert!(refused.contains("invalid peer certificate"), "{refused}");
    let refused = open(url, "sslmode=verify-full").await.unwrap_err();
    assert!(refused.contains("certificate"), "{refused}");
    // The right certificate, another name.
    let by_name = url.replace("127.0.0.1", "localhost");
    open(&by_name, "sslmode=require").await.unwrap();
    let refused = open(&by_name, &full(&trusted)).await.unwrap_err();
    assert!(refused.contains("not valid for name"), "{refused}");
}

/// How many connections of this database are encrypted.
async fn encrypted(url: &str) -> i64 {
    let held = open(url, "sslmode=require").await.unwrap();
    let (client, connection) =
        tokio_postgres::connect(&format!("{url}?sslmode=disable"), NoTls).await.unwrap();
    tokio::spawn(connection);
    let sql = "SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)
        WHERE s.ssl AND a.datname = current_database()";
    let count = client.query_one(sql, &[]).await.unwrap().get(0);
    drop(held);
    count
}
