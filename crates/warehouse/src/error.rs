//! What can go wrong.

/// A failure of the warehouse.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The embedded engine refused.
    #[error("{doing} in DuckDB")]
    DuckDb {
        /// What was being done.
        doing: &'static str,
        /// Its answer.
        #[source]
        source: duckdb::Error,
    },
    /// The server could not be reached or broke off.
    #[error("reach ClickHouse")]
    Unreachable(#[source] reqwest::Error),
    /// The server refused.
    #[error("{doing} in ClickHouse: {status}: {message}")]
    ClickHouse {
        /// What was being done.
        doing: &'static str,
        /// HTTP status.
        status: u16,
        /// Its answer, cut to 2,000 characters.
        message: String,
    },
    /// Rows could not be put into or taken out of columns.
    #[error("convert columns")]
    Columns(#[from] arrow::error::ArrowError),
    /// A query's answer lacks a column or has it in another type.
    #[error("query `{query}` gives no {expected} column `{column}`")]
    Answer {
        /// Name of the query.
        query: &'static str,
        /// Column.
        column: &'static str,
        /// Type expected.
        expected: &'static str,
    },
    /// A stored value does not fit its type.
    #[error("stored value `{0}` does not fit its type")]
    Value(String),
    /// A query names a parameter that was not given.
    #[error("query `{query}` has no value for `${parameter}`")]
    Parameter {
        /// Name of the query.
        query: &'static str,
        /// Parameter.
        parameter: String,
    },
    /// The data was written by a newer program.
    #[error("the warehouse has schema {found}, this program knows {known}: use the newer program")]
    NewerSchema {
        /// Version found.
        found: u64,
        /// Newest version known here.
        known: u64,
    },
    /// A thread of the warehouse has ended, because of shutdown or a panic.
    #[error("the warehouse has stopped")]
    Stopped,
    /// A file or folder could not be made.
    #[error("prepare `{path}`")]
    Folder {
        /// Which.
        path: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::ClickHouse { status, .. } => {
                matches!(status, 408 | 429 | 500..=599) && !self.is_about_sql()
            }
            _ => false,
        }
    }

    /// ClickHouse answers 500 to a wrong statement too; its codes of syntax, type and name errors are below 100.
    fn is_about_sql(&self) -> bool {
        let Self::ClickHouse { message, .. } = self else { return false };
        let code =
            message.split_once("Code: ").and_then(|(_, rest)| rest.split('.').next()?.parse::<u32>().ok());
        code.is_some_and(|code| code < 100 || code == 457)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_statement_is_not_transient_but_a_busy_server_is() {
        let answer = |status, message: &str| Error::ClickHouse {
            doing: "run a query",
            status,
            message: message.into(),
        };
        assert!(!answer(500, "Code: 62. DB::Exception: Syntax error").is_transient());
        assert!(!answer(404, "Code: 60. DB::Exception: Unknown table").is_transient());
        assert!(answer(500, "Code: 241. DB::Exception: Memory limit exceeded").is_transient());
        assert!(answer(503, "").is_transient());
    }
}
