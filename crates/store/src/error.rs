//! What can go wrong.

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A version, cursor or effect was not as expected; nothing was written. Read again and decide again.
    #[error("conflict: {what}")]
    Conflict {
        /// What was not as expected.
        what: String,
    },
    /// The batch was decided by the holder of a lease that is now somebody else's; nothing was written. Stop acting.
    #[error("lease `{name}` is no longer held by `{owner}`")]
    LeaseLost {
        /// The lease.
        name: String,
        /// Who held it.
        owner: String,
    },
    /// The store cannot be written or reached now: disk full, read-only, connection lost, stopped.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The data was written by a newer program.
    #[error("the store has schema {found}, this program knows {known}: use the newer program")]
    NewerSchema {
        /// Version found.
        found: i64,
        /// Newest version known here.
        known: i64,
    },
    /// SQLite refused.
    #[error("SQLite: {0}")]
    Sqlite(#[source] rusqlite::Error),
    /// PostgreSQL refused.
    #[error("PostgreSQL: {}", describe(.0))]
    Postgres(#[source] tokio_postgres::Error),
    /// A stored or given value does not fit its type.
    #[error("value: {0}")]
    Value(String),
}

/// The server's words, or what happened with its causes.
pub(crate) fn describe(e: &tokio_postgres::Error) -> String {
    if let Some(said) = e.as_db_error() {
        return said.to_string();
    }
    let mut text = e.to_string();
    let mut cause = std::error::Error::source(e);
    while let Some(next) = cause {
        let words = next.to_string();
        if !text.ends_with(&words) {
            text = format!("{text}: {words}");
        }
        cause = next.source();
    }
    text
}

impl Error {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
    pub(crate) fn lease_lost(lease: &crate::Lease) -> Self {
        Self::LeaseLost { name: lease.name.clone(), owner: lease.owner.clone() }
    }
    pub(crate) fn conflict(what: impl Into<String>) -> Self {
        Self::Conflict { what: what.into() }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(e: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as C;
        match e.sqlite_error_code() {
            Some(
                C::DiskFull
                | C::ReadOnly
                | C::SystemIoFailure
                | C::CannotOpen
                | C::DatabaseBusy
                | C::DatabaseLocked
                | C::PermissionDenied,
            ) => Self::Unavailable(e.to_string()),
            _ => Self::Sqlite(e),
        }
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(e: tokio_postgres::Error) -> Self {
        // Classes: 08 connection, 40 serialisation and deadlock, 53 resources, 57 operator, 58 system; 25006 read-only.
        let gone = e.code().map_or_else(
            || e.is_closed() || std::error::Error::source(&e).is_some_and(|s| s.is::<std::io::Error>()),
            |c| ["08", "40", "53", "57", "58", "25006"].iter().any(|p| c.code().starts_with(p)),
        );
        if gone { Self::Unavailable(describe(&e)) } else { Self::Postgres(e) }
    }
}

impl From<serde_json::Error> for Error {
    fn from(e: serde_json::Error) -> Self {
        Self::Value(e.to_string())
    }
}
