//! What is wrong in a user's file, with the place, what was expected and the fix.

use serde::Serialize;
use std::fmt;

/// How bad a [`Problem`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth a look; the file still works as written.
    Warning,
    /// The file, or the part of it that is named, cannot be used.
    Error,
}

/// One finding in one place of a file. Checkers report all of them at once, in order of place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The file as the user named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// How bad it is.
    pub severity: Severity,
    /// Where in the document, such as `runner_types.linux.large.disk_size`; empty for the whole file.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What was expected there.
    pub expected: String,
    /// What to do about it; empty when `expected` says it all.
    pub fix: String,
    /// Name of the check that found it, such as `osdc.label.size`; empty for what the format itself asks for.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub rule: &'static str,
}

impl fmt::Display for Problem {
    /// `file:line:column: error: path: message; expected …; fix (rule)`, as editors and terminals link it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{}:{}:{}: {severity}: ", self.file, self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if !self.expected.is_empty() {
            write!(f, "; expected {}", self.expected)?;
        }
        if !self.fix.is_empty() {
            write!(f, "; {}", self.fix)?;
        }
        if !self.rule.is_empty() {
            write!(f, " ({})", self.rule)?;
        }
        Ok(())
    }
}
