//! Reading TOML with places: every wrong key or value becomes a [`Problem`], none stops the reading.

use super::SecretRef;
use std::{cell::RefCell, ops::RangeInclusive, str::FromStr};
use toml_edit::{Item, TableLike, Value};
use trunkline_model::{Problem, Severity};

/// A parsed file that collects problems.
pub(super) struct Document {
    file: String,
    text: String,
    parsed: toml_edit::Document<String>,
    problems: RefCell<Vec<Problem>>,
}

/// One table of the file. Reading marks keys as known; [`Section::finish`] reports the others.
pub(super) struct Section<'a> {
    document: &'a Document,
    path: String,
    table: Option<&'a dyn TableLike>,
    /// Where the table begins, for what is missing in it.
    start: usize,
    known: Vec<String>,
}

impl Document {
    /// Parses, or says where the syntax breaks.
    pub(super) fn parse(file: &str, text: &str) -> Result<Self, Box<Problem>> {
        let parsed = toml_edit::Document::parse(text.to_owned()).map_err(|error| {
            let (line, column) = place(text, error.span().map_or(0, |span| span.start));
            Box::new(Problem {
                file: file.into(),
                line,
                column,
                severity: Severity::Error,
                path: String::new(),
                message: error.message().trim().replace('\n', "; "),
                expected: "TOML".into(),
                fix: String::new(),
                rule: "",
            })
        })?;
        let problems = RefCell::default();
        Ok(Self { file: file.into(), text: text.into(), parsed, problems })
    }

    pub(super) fn root(&self) -> Section<'_> {
        let table: &dyn TableLike = self.parsed.as_table();
        Section { document: self, path: String::new(), table: Some(table), start: 0, known: vec![] }
    }

    /// All problems, in order of place.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| (problem.line, problem.column));
        problems
    }

    fn report(&self, at: usize, path: String, message: String, expected: &str, fix: &str) {
        let (line, column) = place(&self.text, at);
        self.problems.borrow_mut().push(Problem {
            file: self.file.clone(),
            line,
            column,
            severity: Severity::Error,
            path,
            message,
            expected: expected.into(),
            fix: fix.into(),
            rule: "",
        });
    }
}

impl<'a> Section<'a> {
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// A table inside; an empty one when it is absent.
    pub(super) fn section(&mut self, key: &str) -> Section<'a> {
        let item = self.item(key);
        let table = item.and_then(Item::as_table_like);
        if let (Some(item), None) = (item, table) {
            self.wrong(key, item, "a table");
        }
        let start = item.and_then(Item::span).map_or(self.start, |span| span.start);
        Section { document: self.document, path: self.path_of(key), table, start, known: vec![] }
    }

    /// A list of tables.
    pub(super) fn sections(&mut self, key: &str) -> Vec<Section<'a>> {
        let Some(item) = self.item(key) else { return vec![] };
        let (document, path) = (self.document, self.path_of(key));
        let section = |(index, table): (usize, &'a dyn TableLike), start: usize| Section {
            document,
            path: format!("{path}[{index}]"),
            table: Some(table),
            start,
            known: vec![],
        };
        if let Some(tables) = item.as_array_of_tables() {
            let span = |table: &toml_edit::Table| table.span().map_or(0, |span| span.start);
            return tables
                .iter()
                .enumerate()
                .map(|(i, t)| section((i, t as &dyn TableLike), span(t)))
                .collect();
        }
        let Some(array) = item.as_array() else {
            self.wrong(key, item, "a list of tables");
            return vec![];
        };
        let mut sections = vec![];
        for (index, value) in array.iter().enumerate() {
            let start = value.span().map_or(self.start, |span| span.start);
            match value.as_inline_table() {
                Some(table) => sections.push(section((index, table as &dyn TableLike), start)),
                None => document.report(start, format!("{path}[{index}]"), kind(value), "a table", ""),
            }
        }
        sections
    }

    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        let item = self.item(key)?;
        let text = item.as_str();
        if text.is_none() {
            self.wrong(key, item, "a text in quotes");
        }
        text.map(String::from)
    }

    pub(super) fn texts(&mut self, key: &str) -> Vec<String> {
        self.parsed_list(key, "a list of texts")
    }

    pub(super) fn parsed<T: FromStr>(&mut self, key: &str, expected: &str) -> Option<T> {
        let text = self.text(key)?;
        let parsed = text.parse().ok();
        if parsed.is_none()
            && let Some(item) = self.item(key)
        {
            let at = item.span().map_or(self.start, |span| span.start);
            self.document.report(at, self.path_of(key), format!("`{text}` does not fit"), expected, "");
        }
        parsed
    }

    pub(super) fn parsed_list<T: FromStr>(&mut self, key: &str, expected: &str) -> Vec<T> {
        let Some(item) = self.item(key) else { return vec![] };
        let Some(array) = item.as_array() else {
            self.wrong(key, item, expected);
            return vec![];
        };
        let mut list = vec![];
        for (index, value) in array.iter().enumerate() {
            match value.as_str().map(str::parse) {
                Some(Ok(parsed)) => list.push(parsed),
                _ => {
                    let at = value.span().map_or(self.start, |span| span.start);
                    self.document.report(
                        at,
                        format!("{}[{index}]", self.path_of(key)),
                        kind(value),
                        expected,
                        "",
                    );
                }
            }
        }
        list
    }

    pub(super) fn number(&mut self, key: &str, range: RangeInclusive<u32>) -> Option<u32> {
        let item = self.item(key)?;
        let number = item.as_integer().and_then(|n| u32::try_from(n).ok()).filter(|n| range.contains(n));
        if number.is_none() {
            let expected = format!("a whole number from {} to {}", range.start(), range.end());
            match item.as_integer() {
                Some(outside) => self.refuse(key, format!("{outside} does not fit"), &expected, ""),
                None => self.wrong(key, item, &expected),
            }
        }
        number
    }

    pub(super) fn flag(&mut self, key: &str) -> Option<bool> {
        let item = self.item(key)?;
        let flag = item.as_bool();
        if flag.is_none() {
            self.wrong(key, item, "`true` or `false`");
        }
        flag
    }

    /// A table whose keys are the user's own.
    pub(super) fn all_texts(&mut self) -> std::collections::BTreeMap<String, String> {
        let keys: Vec<String> =
            self.table.into_iter().flat_map(TableLike::iter).map(|(key, _)| key.to_owned()).collect();
        keys.into_iter().filter_map(|key| self.text(&key).map(|text| (key, text))).collect()
    }

    /// `{ file = … }`, `{ env = … }` or `{ command = [..] }`: never the secret itself.
    pub(super) fn secret(&mut self, key: &str) -> Option<SecretRef> {
        let item = self.item(key)?;
        let at = item.span().map_or(self.start, |span| span.start);
        self.read_secret(item.as_table_like(), at, &self.path_of(key))
    }

    pub(super) fn secrets(&mut self, key: &str) -> Vec<SecretRef> {
        let Some(item) = self.item(key) else { return vec![] };
        let Some(array) = item.as_array() else {
            self.wrong(key, item, "a list such as `[{ file = \"webhook-secret\" }]`");
            return vec![];
        };
        let mut secrets = vec![];
        for (index, value) in array.iter().enumerate() {
            let at = value.span().map_or(self.start, |span| span.start);
            let table = value.as_inline_table().map(|table| table as &dyn TableLike);
            secrets.extend(self.read_secret(table, at, &format!("{}[{index}]", self.path_of(key))));
        }
        secrets
    }

    fn read_secret(&self, table: Option<&'a dyn TableLike>, at: usize, path: &str) -> Option<SecretRef> {
        let expected = "one of `{ file = \"…\" }`, `{ env = \"…\" }`, `{ command = [\"…\"] }`";
        let fix = "put the secret in a file only you can read and name the file";
        let Some(table) = table else {
            self.document.report(
                at,
                path.into(),
                "a secret does not belong into the configuration".into(),
                expected,
                fix,
            );
            return None;
        };
        let mut inner = Section {
            document: self.document,
            path: path.into(),
            table: Some(table),
            start: at,
            known: vec![],
        };
        let file = inner.text("file").map(|file| SecretRef::File(file.into()));
        let env = inner.text("env").map(SecretRef::Env);
        let command = Some(inner.texts("command")).filter(|c| !c.is_empty()).map(SecretRef::Command);
        inner.finish();
        let mut given: Vec<SecretRef> = [file, env, command].into_iter().flatten().collect();
        if given.len() != 1 {
            self.document.report(
                at,
                path.into(),
                format!("{} sources of one secret", given.len()),
                expected,
                "",
            );
            return None;
        }
        given.pop()
    }

    /// Reports a value that can be read but not be used.
    pub(super) fn refuse(&self, key: &str, message: String, expected: &str, fix: &str) {
        let item = self.table.and_then(|table| table.get(key));
        let at = item.and_then(Item::span).map_or(self.start, |span| span.start);
        self.document.report(at, self.path_of(key), message, expected, fix);
    }

    /// Reports that a needed key is absent.
    pub(super) fn missing(&mut self, key: &str, expected: &str, fix: &str) {
        self.document.report(self.start, self.path_of(key), "missing".into(), expected, fix);
    }

    /// Reports the keys that nothing asked for.
    pub(super) fn finish(&mut self) {
        let Some(table) = self.table else { return };
        for (key, item) in table.iter() {
            if self.known.iter().any(|known| known == key) {
                continue;
            }
            let at = table.key(key).and_then(toml_edit::Key::span).or_else(|| item.span());
            let at = at.map_or(self.start, |span| span.start);
            let near = self.known.iter().min_by_key(|known| distance(known, key));
            let fix =
                near.filter(|near| distance(near, key) <= 3).map(|near| format!("did you mean `{near}`?"));
            let expected = format!("one of {}", self.known.join(", "));
            let path = self.path_of(key);
            self.document.report(at, path, "unknown key".into(), &expected, &fix.unwrap_or_default());
        }
    }

    fn item(&mut self, key: &str) -> Option<&'a Item> {
        if !self.known.iter().any(|known| known == key) {
            self.known.push(key.into());
        }
        self.table?.get(key)
    }

    fn wrong(&self, key: &str, item: &Item, expected: &str) {
        let at = item.span().map_or(self.start, |span| span.start);
        self.document.report(
            at,
            self.path_of(key),
            format!("this is {}", with_article(item.type_name())),
            expected,
            "",
        );
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.into() } else { format!("{}.{key}", self.path) }
    }
}

fn with_article(word: &str) -> String {
    let article = if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {word}")
}

fn kind(value: &Value) -> String {
    value.as_str().map_or_else(
        || format!("this is {}", with_article(value.type_name())),
        |text| format!("`{text}` does not fit"),
    )
}

/// Line and column (in characters), from 1, of a byte offset.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let mut line = &before[line_start..];
    if text[before.len()..].starts_with('\n') {
        // Both characters of a line break are at the end of the line.
        line = line.strip_suffix('\r').unwrap_or(line);
    }
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// Edit distance, for "did you mean".
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}
