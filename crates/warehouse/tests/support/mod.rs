//! A ClickHouse for tests: a server of the caller's, or chDB behind a small HTTP adapter.

use std::{
    env,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};
use url::Url;

/// A running ClickHouse; it ends with this value.
pub(crate) struct Server {
    pub(crate) url: Url,
    child: Option<Child>,
}

impl Server {
    /// Starts one; nothing, with a message, when the tools for it are not here.
    pub(crate) fn start(database: &str) -> Option<Self> {
        if let Ok(url) = env::var("TRUNKLINE_TEST_CLICKHOUSE_URL") {
            let mut url: Url = url.parse().expect("TRUNKLINE_TEST_CLICKHOUSE_URL is an address");
            url.set_path(database);
            return Some(Self { url, child: None });
        }
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = env::var_os("TRUNKLINE_TEST_PYTHON")
            .map_or_else(|| manifest.join("../../.tools/python/bin/python"), PathBuf::from);
        if !python.exists() {
            assert!(env::var_os("TRUNKLINE_REQUIRE_TOOLS").is_none(), "{} is missing", python.display());
            eprintln!("skipped: no {} with chdb-core; run `cargo xtask setup`", python.display());
            return None;
        }
        let mut child = Command::new(python)
            .arg(manifest.join("tests/support/chdb_http.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port: u16 = line.trim().parse().expect("the adapter prints its port: is chdb-core installed?");
        let url = format!("http://127.0.0.1:{port}/{database}").parse().unwrap();
        Some(Self { url, child: Some(child) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}
