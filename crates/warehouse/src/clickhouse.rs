//! ClickHouse over HTTP: rows go as JSON lines, answers come as Arrow.

mod json;

use crate::{
    Engine, Error,
    migrations::statements,
    params::{Dialect, Params, micros_text},
    queries::Query,
    schema::Table,
};
use arrow::{ipc::reader::StreamReader, record_batch::RecordBatch};
use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::{Client, Response};
use std::{fmt, io::Cursor};
use url::Url;

const DIALECT: Dialect = Dialect {
    placeholder: |n| format!("{{t{n}:String}}"),
    time: |time| format!("toDateTime64('{time}', 6, 'UTC')"),
};

/// Settings under which both engines mean the same by one text.
const SETTINGS: [(&str, &str); 7] = [
    ("join_use_nulls", "1"),
    ("aggregate_functions_null_for_empty", "1"),
    ("prefer_column_name_to_alias", "1"),
    ("output_format_arrow_string_as_string", "1"),
    ("output_format_arrow_low_cardinality_as_dictionary", "0"),
    ("output_format_arrow_compression_method", "none"),
    ("session_timezone", "UTC"),
];

/// A ClickHouse server.
#[derive(Clone)]
pub struct ClickHouse {
    client: Client,
    url: Url,
    user: String,
    password: Option<String>,
}

impl fmt::Debug for ClickHouse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClickHouse")
            .field("url", &self.url.as_str())
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl ClickHouse {
    /// Connects to `http://user:password@host:8123/database`; makes the database when it is not there.
    pub async fn connect(client: Client, url: &Url) -> Result<Self, Error> {
        let user = url.username().to_owned();
        let password = url.password().map(str::to_owned);
        let database = url.path().trim_matches('/').to_owned();
        let mut url = url.clone();
        // Both fail only for addresses without a host; the first request then says so.
        let _ = (url.set_username(""), url.set_password(None));
        url.set_path("/");
        let mut server = Self { client, url, user, password };
        if !database.is_empty() && database != "default" {
            let name = database.replace('\\', "\\\\").replace('`', "\\`");
            server
                .post(
                    "make the database",
                    &format!("CREATE DATABASE IF NOT EXISTS `{name}`"),
                    &[],
                    String::new(),
                )
                .await?;
            server.url.query_pairs_mut().append_pair("database", &database);
        }
        Ok(server)
    }

    async fn post(
        &self,
        doing: &'static str,
        sql: &str,
        params: &[(String, String)],
        body: String,
    ) -> Result<Response, Error> {
        let mut url = self.url.clone();
        let body = {
            let mut pairs = url.query_pairs_mut();
            pairs.extend_pairs(SETTINGS).extend_pairs(params);
            // A statement with data stands in the address, the data in the body.
            if body.is_empty() {
                sql.to_owned()
            } else {
                pairs.append_pair("query", sql);
                body
            }
        };
        let mut request = self.client.post(url).body(body);
        if !self.user.is_empty() {
            request = request.basic_auth(&self.user, self.password.as_deref());
        }
        let response = request.send().await.map_err(|error| Error::Unreachable(error.without_url()))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let text = response.text().await.unwrap_or_default();
        Err(Error::ClickHouse { doing, status, message: text.trim().chars().take(2_000).collect() })
    }
}

/// The server reads parameters in its escaped text form.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\0' => out.push_str("\\0"),
            _ => out.push(c),
        }
    }
    out
}

#[async_trait]
impl Engine for ClickHouse {
    fn name(&self) -> &'static str {
        "clickhouse"
    }

    async fn version(&self) -> Result<String, Error> {
        let response =
            self.post("ask for the version", "SELECT version() FORMAT TSV", &[], String::new()).await?;
        Ok(response.text().await.map_err(Error::Unreachable)?.trim().to_owned())
    }

    async fn execute(&self, sql: &str) -> Result<(), Error> {
        for statement in statements(sql) {
            self.post("run a statement", &statement, &[], String::new()).await?;
        }
        Ok(())
    }

    async fn query(&self, query: &'static Query, params: Params) -> Result<Vec<RecordBatch>, Error> {
        let rendered = params.render(query, &DIALECT)?;
        let texts = rendered.texts.iter().enumerate();
        let params: Vec<_> = texts.map(|(n, text)| (format!("param_t{}", n + 1), escape(text))).collect();
        let sql = format!("{}FORMAT ArrowStream", rendered.sql);
        let response = self.post("run a query", &sql, &params, String::new()).await?;
        let bytes = response.bytes().await.map_err(Error::Unreachable)?;
        if bytes.is_empty() {
            return Ok(Vec::new());
        }
        Ok(StreamReader::try_new(Cursor::new(bytes), None)?.collect::<Result<_, _>>()?)
    }

    async fn insert(&self, table: &'static Table, rows: RecordBatch) -> Result<u64, Error> {
        let written = rows.num_rows() as u64;
        let body = json::lines(&rows);
        let sql = format!("INSERT INTO {}_versions FORMAT JSONEachRow", table.name);
        self.post("load rows", &sql, &[], body).await?;
        Ok(written)
    }

    async fn prune(&self, table: &'static Table, before: Timestamp) -> Result<(), Error> {
        let time = (DIALECT.time)(&micros_text(before));
        let sql = format!(
            "ALTER TABLE {}_versions DELETE WHERE {} < {time} SETTINGS mutations_sync = 1",
            table.name, table.time
        );
        self.post("remove old rows", &sql, &[], String::new()).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_escaped_as_the_server_reads_them() {
        assert_eq!(escape("it's \\ a\ttab\nand 日本"), "it's \\\\ a\\ttab\\nand 日本");
    }

    #[test]
    fn debug_shows_no_password() {
        let server = ClickHouse {
            client: Client::default(),
            url: "http://host:8123/".parse().unwrap(),
            user: "reader".into(),
            password: Some("secret".into()),
        };
        assert!(!format!("{server:?}").contains("secret"));
    }
}
