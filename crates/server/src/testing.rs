//! A whole server for tests: real SQLite store, DuckDB in memory, a clock that stands still.

use crate::{App, AppState, ServerConfig};
use bytes::Bytes;
use jiff::Timestamp;
use std::{collections::BTreeMap, sync::Arc};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use trunkline_github::webhook::signature::{Secrets, sign};
use trunkline_model::{ManualClock, SharedClock};
use trunkline_store::Store;
use trunkline_warehouse::{Warehouse, WarehouseConfig};

pub(crate) const SECRET: &str = "it's a secret";

pub(crate) struct Server {
    pub(crate) app: App,
    pub(crate) store: Store,
    pub(crate) warehouse: Warehouse,
    pub(crate) clock: ManualClock,
    pub(crate) address: std::net::SocketAddr,
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<std::io::Result<()>>,
    pub(crate) folder: TempDir,
}

pub(crate) async fn server() -> Server {
    server_with(|_| {}).await
}

pub(crate) async fn server_with(change: impl FnOnce(&mut ServerConfig)) -> Server {
    let warehouse = Warehouse::open_memory(WarehouseConfig::default()).await.unwrap();
    server_on(warehouse, change).await
}

pub(crate) async fn server_on(warehouse: Warehouse, change: impl FnOnce(&mut ServerConfig)) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::new("2026-03-04T05:06:07Z".parse::<Timestamp>().unwrap());
    let shared: SharedClock = Arc::new(clock.clone());
    let store = Store::open_sqlite(folder.path().join("state.sqlite"), &shared).await.unwrap();
    let mut config = ServerConfig::new(Secrets::new(["an older secret".into(), SECRET.into()]));
    config.version = "1.2.3".into();
    change(&mut config);
    let app = App::new(AppState {
        store: store.clone(),
        warehouse: warehouse.clone(),
        fleet: None,
        clock: shared,
        config,
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let task = tokio::spawn(crate::serve(listener, app.router(), stop.clone()));
    Server { app, store, warehouse, clock, address, stop, task, folder }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl Server {
    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends raw bytes and reads the answer to the end of the connection.
    pub(crate) async fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        // The server may answer and close before everything is sent.
        stream.write_all(request).await.ok();
        answer(&mut stream).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, "").await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &str) -> Answer {
        self.raw(format!("GET {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n{headers}\r\n").as_bytes())
            .await
    }

    pub(crate) async fn deliver(&self, event: &str, id: &str, body: &[u8]) -> Answer {
        self.raw(&delivery(event, id, &sign(SECRET.as_bytes(), body), body)).await
    }
}

pub(crate) async fn answer(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.ok();
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or_else(|| {
        panic!("no answer but {:?}", String::from_utf8_lossy(bytes));
    });
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut body = bytes[end + 4..].to_vec();
    if headers.get("transfer-encoding").is_some_and(|value| value == "chunked") {
        body = unchunked(&body);
    }
    Answer { status, headers, body }
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if size == 0 || rest.len() < end + 2 + size {
            break;
        }
        out.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 4 + size..];
    }
    out
}

pub(crate) fn head(event: &str, id: &str, signature: &str, length: usize) -> String {
    format!(
        "POST /webhooks/github HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Type: application/json\r\n\
         X-GitHub-Event: {event}\r\nX-GitHub-Delivery: {id}\r\nX-Hub-Signature-256: {signature}\r\nContent-Length: {length}\r\n\r\n"
    )
}

pub(crate) fn delivery(event: &str, id: &str, signature: &str, body: &[u8]) -> Vec<u8> {
    [head(event, id, signature, body.len()).as_bytes(), body].concat()
}

pub(crate) fn event(
    source: &str,
    kind: &str,
    key: &str,
    body: impl Into<Bytes>,
) -> trunkline_store::NewEvent {
    trunkline_store::NewEvent {
        source: source.into(),
        kind: kind.into(),
        dedupe_key: Some(key.into()),
        received_at: "2026-03-04T05:06:00Z".parse().unwrap(),
        headers: BTreeMap::new(),
        body: body.into(),
    }
}
