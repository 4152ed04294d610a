//! The queries: one SQL text each, in `queries/`, with what it answers, its formula and parameters in its header.

pub mod branches;
pub mod commits;
pub mod counts;
pub mod grid;
pub mod jobs;
pub mod queue;

/// A named query.
#[derive(Debug, PartialEq, Eq)]
pub struct Query {
    /// Name: the file's.
    pub name: &'static str,
    /// SQL for both engines, with its header comment.
    pub text: &'static str,
}

impl Query {
    /// The header comment: what the query answers, for people.
    pub fn about(&self) -> String {
        let comment = self.text.lines().map_while(|line| line.strip_prefix("--"));
        comment.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
    }

    /// The SQL without comments.
    pub(crate) fn body(&self) -> String {
        let code = self.text.lines().filter(|line| !line.trim_start().starts_with("--"));
        code.fold(String::with_capacity(self.text.len()), |text, line| text + line + "\n")
    }
}

macro_rules! queries {
    ($($constant:ident = $name:literal,)*) => {
        $(
            #[doc = concat!("`queries/", $name, ".sql`")]
            pub static $constant: Query =
                Query { name: $name, text: include_str!(concat!("../queries/", $name, ".sql")) };
        )*
        /// Every query, by name.
        pub static ALL: &[&Query] = &[$(&$constant),*];
    };
}

queries! {
    BRANCHES = "branches",
    COMMIT = "commit",
    COMMIT_JOBS = "commit_jobs",
    COMMIT_POSITION = "commit_position",
    COMMITS = "commits",
    COUNTS = "counts",
    GRID_JOBS = "grid_jobs",
    GRID_SPAN = "grid_span",
    LABEL_QUEUE_STATS = "label_queue_stats",
    QUEUE_NOW = "queue_now",
    REPOS = "repos",
    STORAGE_SIZE = "storage_size",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_query_says_what_it_answers() {
        for query in ALL {
            let about = query.about();
            assert!(
                about.lines().next().is_some_and(|line| line.ends_with(['.', ':'])),
                "{}: {about}",
                query.name
            );
            let mut rest = query.body();
            while let Some(at) = rest.find('$') {
                rest.drain(..=at);
                let name = rest.split(|c: char| !c.is_ascii_lowercase() && c != '_').next().unwrap();
                assert!(about.contains(&format!("${name} ")), "{} does not explain ${name}", query.name);
            }
        }
    }
}
