//! Parameters of queries. `$name` in the text is filled by type: numbers and times are written out, texts are bound.

use crate::{
    Error,
    encode::{EARLIEST_MICROS, LATEST_MICROS},
    queries::Query,
};
use jiff::{Timestamp, tz::TimeZone};

/// One value.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Text(String),
    Number(u64),
    Time(Timestamp),
    Texts(Vec<String>),
    Numbers(Vec<u64>),
}

/// The values of a query's parameters.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Params(Vec<(&'static str, Value)>);

/// How an engine writes things.
pub(crate) struct Dialect {
    /// Placeholder of the n-th bound text.
    pub(crate) placeholder: fn(usize) -> String,
    /// A point in time.
    pub(crate) time: fn(&str) -> String,
}

/// A text ready to run with the texts to bind.
#[derive(Debug, PartialEq)]
pub(crate) struct Rendered {
    pub(crate) sql: String,
    pub(crate) texts: Vec<String>,
}

impl Params {
    /// No parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text.
    #[must_use]
    pub fn text(self, name: &'static str, value: impl Into<String>) -> Self {
        self.with(name, Value::Text(value.into()))
    }

    /// Adds a number.
    #[must_use]
    pub fn number(self, name: &'static str, value: u64) -> Self {
        self.with(name, Value::Number(value))
    }

    /// Adds a time.
    #[must_use]
    pub fn time(self, name: &'static str, value: Timestamp) -> Self {
        self.with(name, Value::Time(value))
    }

    /// Adds a list of texts, for `IN ($name)`.
    #[must_use]
    pub fn texts(self, name: &'static str, values: &[String]) -> Self {
        self.with(name, Value::Texts(values.to_vec()))
    }

    /// Adds a list of numbers, for `IN ($name)`.
    #[must_use]
    pub fn numbers(self, name: &'static str, values: Vec<u64>) -> Self {
        self.with(name, Value::Numbers(values))
    }

    fn with(mut self, name: &'static str, value: Value) -> Self {
        self.0.push((name, value));
        self
    }

    /// Fills the text of a query. An empty list becomes a subquery without rows, so `NOT IN` keeps everything.
    pub(crate) fn render(&self, query: &Query, dialect: &Dialect) -> Result<Rendered, Error> {
        let body = query.body();
        let mut out = Rendered { sql: String::with_capacity(body.len() + 256), texts: Vec::new() };
        let mut rest = body.as_str();
        while let Some(at) = rest.find('$') {
            out.sql.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            let value = self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
            let missing = || Error::Parameter { query: query.name, parameter: name.to_owned() };
            self.write(value.ok_or_else(missing)?, dialect, &mut out);
            rest = after;
        }
        out.sql.push_str(rest);
        Ok(out)
    }

    fn write(&self, value: &Value, dialect: &Dialect, out: &mut Rendered) {
        let mut bind = |text: &String| {
            out.texts.push(text.clone());
            (dialect.placeholder)(out.texts.len())
        };
        let sql = match value {
            Value::Text(text) => bind(text),
            Value::Number(number) => number.to_string(),
            Value::Time(time) => (dialect.time)(&micros_text(*time)),
            Value::Texts(texts) if texts.is_empty() => "SELECT '' WHERE 1 = 0".into(),
            Value::Numbers(numbers) if numbers.is_empty() => "SELECT 0 WHERE 1 = 0".into(),
            Value::Texts(texts) => texts.iter().map(bind).collect::<Vec<_>>().join(", "),
            Value::Numbers(numbers) => numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
        };
        out.sql.push_str(&sql);
    }
}

/// `2026-11-24 10:00:00.000000`, UTC, as both engines read it; moved to the nearer end of what both hold.
pub(crate) fn micros_text(time: Timestamp) -> String {
    let micros = time.as_microsecond().clamp(EARLIEST_MICROS, LATEST_MICROS);
    let time = Timestamp::from_microsecond(micros).unwrap_or(time);
    let civil = TimeZone::UTC.to_datetime(time);
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:06}",
        civil.year(),
        civil.month(),
        civil.day(),
        civil.hour(),
        civil.minute(),
        civil.second(),
        civil.subsec_nanosecond() / 1000
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIALECT: Dialect = Dialect { placeholder: |n| format!("<{n}>"), time: |t| format!("T'{t}'") };

    #[test]
    fn texts_are_bound_and_numbers_written() {
        let query =
            Query { name: "q", text: "-- $a is explained\nSELECT $a, $bs WHERE x IN ($cs) AND t > $d OR $a" };
        let params = Params::new()
            .text("a", "it's")
            .numbers("bs", vec![1, 2])
            .texts("cs", &["x".into(), "y".into()])
            .time("d", Timestamp::from_microsecond(1_500_000).unwrap());
        let rendered = params.render(&query, &DIALECT).unwrap();
        assert_eq!(
            rendered.sql,
            "SELECT <1>, 1, 2 WHERE x IN (<2>, <3>) AND t > T'1970-01-01 00:00:01.500000' OR <4>\n"
        );
        assert_eq!(rendered.texts, ["it's", "x", "y", "it's"]);
    }

    #[test]
    fn an_empty_list_holds_nothing() {
        let query = Query { name: "q", text: "x NOT IN ($xs)" };
        let rendered = Params::new().texts("xs", &[]).render(&query, &DIALECT).unwrap();
        assert_eq!(rendered.sql, "x NOT IN (SELECT '' WHERE 1 = 0)\n");
    }

    #[test]
    fn a_missing_parameter_is_said() {
        let error = Params::new().render(&Query { name: "q", text: "$gone" }, &DIALECT).unwrap_err();
        assert_eq!(error.to_string(), "query `q` has no value for `$gone`");
    }
}
