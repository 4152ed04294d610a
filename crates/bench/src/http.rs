//! One HTTP/1.1 connection. Requests are bytes, so that a test can send what no well-behaved client would.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// An answer takes no longer than this.
const PATIENCE: Duration = Duration::from_secs(60);
/// Nor is it larger.
const MAX_BYTES: usize = 64 << 20;

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers, as they came.
    pub head: String,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A kept-alive connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        Self::open_from(Ipv4Addr::LOCALHOST, address).await
    }

    /// Connects from an address of this machine, such as 127.0.0.2: to the server another source.
    ///
    /// # Errors
    /// When nobody listens or the address is not this machine's.
    pub async fn open_from(source: Ipv4Addr, address: SocketAddr) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((source, 0).into()).with_context(|| format!("use the address {source}"))?;
        let stream = socket.connect(address).await.with_context(|| format!("connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: Vec::new() })
    }

    /// Writes a request and reads its answer.
    ///
    /// # Errors
    /// When the connection ends before the answer did, or no answer comes.
    pub async fn ask(&mut self, request: &[u8]) -> Result<Answer> {
        self.write(request).await?;
        self.answer().await
    }

    /// `GET path`.
    ///
    /// # Errors
    /// As [`Connection::ask`].
    pub async fn get(&mut self, path: &str) -> Result<Answer> {
        self.ask(format!("GET {path} HTTP/1.1\r\nhost: trunkline\r\n\r\n").as_bytes()).await
    }

    /// Writes a part of a request.
    ///
    /// # Errors
    /// When the other side has closed.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes).await.context("send")
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// As [`Connection::ask`].
    pub async fn answer(&mut self) -> Result<Answer> {
        timeout(PATIENCE, self.read_answer()).await.context("no answer in time")?
    }

    async fn read_answer(&mut self) -> Result<Answer> {
        let head_end = loop {
            if let Some(at) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            self.more().await?;
        };
        let head = String::from_utf8_lossy(&self.read[..head_end]).into_owned();
        let status = head.get(9..12).and_then(|digits| digits.parse().ok()).context("a status line")?;
        let mut answer = Answer { status, head, body: Vec::new() };
        let length: usize = match answer.header("content-length") {
            Some(length) => length.parse().context("a content length")?,
            None if status == 304 => 0,
            None => bail!("an answer without a length is not read here: {}", answer.head),
        };
        let end = head_end + 4 + length;
        while self.read.len() < end {
            self.more().await?;
        }
        answer.body = self.read[head_end + 4..end].to_vec();
        self.read.drain(..end);
        Ok(answer)
    }

    async fn more(&mut self) -> Result<()> {
        if self.read.len() > MAX_BYTES {
            bail!("an answer of more than {MAX_BYTES} bytes");
        }
        if self.stream.read_buf(&mut self.read).await.context("receive")? == 0 {
            bail!("the connection was closed before an answer");
        }
        Ok(())
    }
}
