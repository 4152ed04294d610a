//! Schema versions, forward only. A version once released never changes; a new one is added at the end.

use crate::{Engine, Error, params::Params, queries::Query, read::Answer};

/// One step of the schema, written for both engines.
struct Migration {
    duckdb: &'static str,
    clickhouse: &'static str,
}

const MIGRATIONS: &[Migration] = &[Migration {
    duckdb: include_str!("../migrations/duckdb/0001_core.sql"),
    clickhouse: include_str!("../migrations/clickhouse/0001_core.sql"),
}];

static VERSION: Query =
    Query { name: "schema_version", text: "SELECT coalesce(max(version), 0) AS version FROM schema_version" };

/// Newest schema version this program knows.
pub const LATEST: u64 = MIGRATIONS.len() as u64;

/// Brings the schema up to date and (re)defines the shared names.
pub(crate) async fn migrate(engine: &dyn Engine) -> Result<(), Error> {
    let duckdb = engine.name() == "duckdb";
    engine
        .execute(if duckdb {
            "CREATE TABLE IF NOT EXISTS schema_version (version UBIGINT NOT NULL)"
        } else {
            "CREATE TABLE IF NOT EXISTS schema_version (version UInt64) ENGINE = MergeTree ORDER BY version"
        })
        .await?;
    let found = version(engine).await?;
    if found > LATEST {
        return Err(Error::NewerSchema { found, known: LATEST });
    }
    for (migration, number) in MIGRATIONS.iter().zip(1_u64..).filter(|&(_, number)| number > found) {
        let stamp = format!("INSERT INTO schema_version VALUES ({number})");
        if duckdb {
            // All or nothing; ClickHouse has no such transactions, so its steps can be repeated.
            engine.execute(&format!("BEGIN;\n{};\n{stamp};\nCOMMIT", migration.duckdb)).await?;
        } else {
            engine.execute(migration.clickhouse).await?;
            engine.execute(&stamp).await?;
        }
        tracing::info!(engine = engine.name(), version = number, "migrated the warehouse");
    }
    engine
        .execute(if duckdb {
            include_str!("../prelude/duckdb.sql")
        } else {
            include_str!("../prelude/clickhouse.sql")
        })
        .await
}

/// Schema version of the data.
pub(crate) async fn version(engine: &dyn Engine) -> Result<u64, Error> {
    let batches = engine.query(&VERSION, Params::new()).await?;
    let mut found = 0;
    for batch in &batches {
        let numbers = Answer { query: VERSION.name, batch }.numbers("version")?;
        found = (0..batch.num_rows()).map(|row| numbers.get(row)).max().unwrap_or(found);
    }
    Ok(found)
}

/// Statements of a file, one by one, without comments. Our files have no `;` inside texts.
pub(crate) fn statements(sql: &str) -> Vec<String> {
    let code: String = sql
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .fold(String::with_capacity(sql.len()), |text, line| text + line + "\n");
    code.split(';').map(str::trim).filter(|statement| !statement.is_empty()).map(str::to_owned).collect()
}
