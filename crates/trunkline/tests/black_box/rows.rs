//! What is in the files of a stopped program.

use std::{collections::BTreeMap, path::Path};

/// Every row of every analytics table as text, in order, but for what depends on the time of receipt.
pub(crate) fn dump(data: &Path) -> BTreeMap<String, Vec<String>> {
    let connection = open(data);
    tables(&connection)
        .into_iter()
        .map(|table| {
            let columns = texts(
                &connection,
                &format!(
                    "SELECT column_name FROM duckdb_columns() WHERE table_name = '{table}'
                     AND column_name NOT IN ('seen_at', 'version', 'digest') ORDER BY column_index"
                ),
            )
            .join(", ");
            let rows =
                texts(&connection, &format!("SELECT ROW({columns})::VARCHAR AS r FROM {table} ORDER BY r"));
            (table, rows)
        })
        .collect()
}

/// Rows per table.
pub(crate) fn counts(data: &Path) -> BTreeMap<String, usize> {
    dump(data).into_iter().map(|(table, rows)| (table, rows.len())).collect()
}

/// Keys that have more than one row: `table: key`.
pub(crate) fn doubled(data: &Path) -> Vec<String> {
    let connection = open(data);
    let keys = [
        ("pushes", "repo, git_ref, before, after"),
        ("push_commits", "repo, git_ref, sha"),
        ("pull_requests", "repo, number"),
        ("runs", "repo, id"),
        ("jobs", "repo, id"),
        ("reviews", "repo, id"),
        ("issue_comments", "repo, id"),
        ("check_runs", "repo, id"),
    ];
    keys.iter()
        .flat_map(|(table, key)| {
            let sql = format!(
                "SELECT ROW('{table}', {key})::VARCHAR FROM {table} GROUP BY {key} HAVING count(*) > 1"
            );
            texts(&connection, &sql)
        })
        .collect()
}

fn open(data: &Path) -> duckdb::Connection {
    duckdb::Connection::open(data.join("analytics.duckdb")).unwrap()
}

fn tables(connection: &duckdb::Connection) -> Vec<String> {
    let sql = "SELECT DISTINCT table_name FROM duckdb_columns() WHERE schema_name = 'main' AND column_name = 'digest'";
    texts(connection, sql)
}

fn texts(connection: &duckdb::Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}
