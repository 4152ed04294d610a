//! Columns, each known once, with what is computed once per name: its group and its place.

use super::{Groups, names};
use std::{collections::HashMap, sync::Arc};

/// Job names known at most; then all are forgotten and learnt anew.
const MAX_NAMES: usize = 200_000;

/// Columns by the names of jobs, several of which may share one.
#[derive(Debug, Default)]
pub(super) struct Columns {
    by_job: HashMap<Arc<str>, Arc<Column>>,
    by_name: HashMap<Arc<str>, Arc<Column>>,
}

/// One column.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: Arc<str>,
    pub(super) group: u16,
    /// Sorts as people count: `test (2, 10)` before `test (10, 10)`.
    order: String,
}

impl Column {
    /// Where it stands on a page.
    pub(super) fn place(&self) -> (u16, &str, &str) {
        (self.group, &self.order, &self.name)
    }
}

impl Columns {
    /// The column that a job belongs to.
    pub(super) fn of(&mut self, job: &Arc<str>, groups: &Groups, fold: bool) -> Arc<Column> {
        if let Some(column) = self.by_job.get(job) {
            return Arc::clone(column);
        }
        if self.by_job.len() >= MAX_NAMES {
            self.by_job.clear();
            self.by_name.clear();
        }
        let name: Arc<str> = if fold { names::column(job).into() } else { Arc::clone(job) };
        let column = self.by_name.entry(name).or_insert_with_key(|name| {
            Arc::new(Column { name: Arc::clone(name), group: groups.of(name), order: counted(name) })
        });
        let column = Arc::clone(column);
        self.by_job.insert(Arc::clone(job), Arc::clone(&column));
        column
    }
}

/// Numbers padded, so that texts compare as people count.
fn counted(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 16);
    let mut rest = name;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, tail) = rest.split_at(start);
        let end = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
        let (digits, after) = tail.split_at(end);
        out.push_str(before);
        out.extend(std::iter::repeat_n('0', 6_usize.saturating_sub(digits.len())));
        out.push_str(digits);
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_people_count() {
        let mut names = ["test (10, 10)", "test (2, 10)", "test (1, 10)", "build"];
        names.sort_by_key(|name| counted(name));
        assert_eq!(names, ["build", "test (1, 10)", "test (2, 10)", "test (10, 10)"]);
    }

    #[test]
    fn runner_fleets_share_a_column() {
        let (mut columns, groups) = (Columns::default(), Groups::default());
        let one = columns.of(&"a / b (c, lf.linux.4xlarge)".into(), &groups, true);
        assert!(Arc::ptr_eq(&columns.of(&"a / b (c, linux.4xlarge)".into(), &groups, true), &one));
        assert_eq!(&*one.name, "a / b (c, linux.4xlarge)");
        assert_ne!(columns.of(&"a / b (c, lf.linux.2xlarge)".into(), &groups, true), one);
    }
}
