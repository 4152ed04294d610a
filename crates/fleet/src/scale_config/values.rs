//! Reading single values: each returns what it could use and reports what it could not.

use super::{Ami, AmiExperiment, Os};
use crate::{
    nearest::nearest,
    yaml::{Node, Place, Value},
};
use trunkline_model::{Label, Problem, Severity};

/// Collects problems of one file.
pub(crate) struct Report<'a> {
    pub(crate) file: &'a str,
    pub(crate) problems: Vec<Problem>,
}

/// A key's value and its path in the document.
pub(crate) struct Field<'n> {
    pub(crate) node: &'n Node,
    pub(crate) path: String,
}

impl Report<'_> {
    pub(crate) fn add(
        &mut self,
        severity: Severity,
        place: Place,
        path: &str,
        message: String,
        expected: &str,
        fix: &str,
    ) {
        self.problems.push(Problem {
            file: self.file.into(),
            line: place.line,
            column: place.column,
            severity,
            path: path.into(),
            message,
            expected: expected.into(),
            fix: fix.into(),
            rule: "",
        });
    }

    pub(crate) fn wrong(&mut self, field: &Field<'_>, expected: &str, fix: &str) {
        let message = format!("found {}", field.node.describe());
        self.add(Severity::Error, field.node.place, &field.path, message, expected, fix);
    }

    /// Reports a key that is not in the format.
    pub(crate) fn unknown_key(&mut self, key: &Node, path: &str, name: &str, known: &[&str]) {
        let shown: String = name.chars().take(60).flat_map(char::escape_debug).collect();
        let fix = nearest(name, known.iter().copied(), 1)
            .first()
            .map_or_else(|| "remove it".to_owned(), |meant| format!("did you mean `{meant}`?"));
        let expected = format!("one of {}", known.join(", "));
        self.add(Severity::Error, key.place, path, format!("unknown key `{shown}`"), &expected, &fix);
    }

    /// A text; numbers count as the text they were written as.
    pub(crate) fn text<'n>(&mut self, field: &Field<'n>, expected: &str) -> Option<&'n str> {
        match &field.node.value {
            Value::Scalar { text, .. } if !field.node.is_null() => Some(text),
            _ => {
                self.wrong(field, expected, "");
                None
            }
        }
    }

    pub(crate) fn instance_type(&mut self, field: &Field<'_>) -> Option<String> {
        let expected = "one machine type such as `c7i.2xlarge` (letters, digits, `.` and `-`)";
        let text = self.text(field, expected)?;
        if is_name(text) {
            return Some(text.into());
        }
        self.wrong(field, expected, "");
        None
    }

    pub(crate) fn os(&mut self, field: &Field<'_>) -> Option<Os> {
        match self.text(field, "`linux` or `windows`")? {
            "linux" => Some(Os::Linux),
            "windows" => Some(Os::Windows),
            other => {
                let lower = other.to_lowercase();
                let meant = nearest(&lower, ["linux", "windows"], 1);
                let fix = meant.first().map_or_else(String::new, |meant| format!("write `{meant}`"));
                self.wrong(field, "`linux` or `windows`", &fix);
                None
            }
        }
    }

    pub(crate) fn boolean(&mut self, field: &Field<'_>) -> Option<bool> {
        if let Value::Scalar { text, plain } = &field.node.value {
            match (text.as_str(), plain) {
                ("true" | "True" | "TRUE", true) => return Some(true),
                ("false" | "False" | "FALSE", true) => return Some(false),
                _ => {}
            }
            let fix = match text.to_lowercase().as_str() {
                "yes" | "on" | "true" | "1" => "write `true`",
                "no" | "off" | "false" | "0" => "write `false`",
                _ => "",
            };
            self.wrong(field, "`true` or `false`", fix);
        } else {
            self.wrong(field, "`true` or `false`", "");
        }
        None
    }

    /// A whole number written without quotes.
    pub(crate) fn whole(&mut self, field: &Field<'_>, range: (i64, i64), expected: &str) -> Option<i64> {
        if let Value::Scalar { text, plain } = &field.node.value {
            if let Ok(number) = text.parse::<i64>()
                && (range.0..=range.1).contains(&number)
            {
                if *plain {
                    return Some(number);
                }
                self.wrong(field, expected, "remove the quotes");
                return None;
            }
            let unit = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
            let fix = if unit != text && unit.parse::<i64>().is_ok() {
                format!("write `{unit}`")
            } else {
                String::new()
            };
            self.wrong(field, expected, &fix);
        } else {
            self.wrong(field, expected, "");
        }
        None
    }

    pub(crate) fn labels(&mut self, field: &Field<'_>) -> Option<Vec<Label>> {
        let Value::Sequence(items) = &field.node.value else {
            self.wrong(field, "a list of labels", "write `labels: [a, b]`");
            return None;
        };
        let mut labels = vec![];
        let mut good = true;
        for (i, node) in items.iter().enumerate() {
            let item = Field { node, path: format!("{}[{i}]", field.path) };
            let expected = "a label of letters, digits, `.` and `-`";
            match self.text(&item, expected) {
                Some(text) if is_name(text) => labels.extend(text.parse::<Label>().ok()),
                Some(_) => {
                    self.wrong(&item, expected, "");
                    good = false;
                }
                None => good = false,
            }
        }
        good.then_some(labels)
    }

    pub(crate) fn ami(&mut self, field: &Field<'_>) -> Option<Ami> {
        let expected = "an image name (letters, digits, spaces, `-_.` and the like), optionally `|` and an account number";
        let text = self.text(field, expected)?;
        let (name, owner) = text.split_once('|').map_or((text, None), |(name, owner)| (name, Some(owner)));
        // `[A-Za-z0-9 -_. ]` of the format: ` -_` is a range from space to underscore.
        let name_fits = !name.is_empty() && name.chars().all(|c| matches!(c, ' '..='_' | 'a'..='z'));
        let owner_fits = owner.is_none_or(|o| !o.is_empty() && o.bytes().all(|b| b.is_ascii_digit()));
        if name_fits && owner_fits {
            return Some(Ami { name: name.into(), owner: owner.map(String::from) });
        }
        let fix = if owner_fits { "" } else { "write the account as digits after the bar" };
        self.wrong(field, expected, fix);
        None
    }

    pub(crate) fn ami_experiment(&mut self, field: &Field<'_>) -> Option<AmiExperiment> {
        const KEYS: [&str; 2] = ["ami", "percentage"];
        let Value::Mapping(pairs) = &field.node.value else {
            self.wrong(field, "a mapping with `ami` and `percentage`", "");
            return None;
        };
        let (mut ami, mut fraction) = (None, None);
        let mut seen = [false; 2];
        for (key, node) in pairs {
            let Value::Scalar { text: name, .. } = &key.value else { continue };
            let inner = Field { node, path: format!("{}.{name}", field.path) };
            match name.as_str() {
                "ami" => {
                    seen[0] = true;
                    ami = self.ami(&inner);
                }
                "percentage" => {
                    seen[1] = true;
                    fraction = self.fraction(&inner);
                }
                _ => self.unknown_key(key, &inner.path, name, &KEYS),
            }
        }
        for (key, _) in KEYS.iter().zip(seen).filter(|(_, seen)| !seen) {
            let message = format!("`{key}` is missing");
            self.add(Severity::Error, field.node.place, &field.path, message, "`ami` and `percentage`", "");
        }
        Some(AmiExperiment { ami: ami?, fraction: fraction? })
    }

    pub(crate) fn fraction(&mut self, field: &Field<'_>) -> Option<f64> {
        let expected = "a number from 0 to 1 (1 is all launches)";
        if let Value::Scalar { text, plain } = &field.node.value {
            let number = text.parse::<f64>().ok().filter(|n| n.is_finite() && *plain);
            if let Some(number) = number {
                if (0.0..=1.0).contains(&number) {
                    return Some(number);
                }
                let fix = if number > 1.0 && number <= 100.0 {
                    format!("write `{}`", number / 100.0)
                } else {
                    String::new()
                };
                self.wrong(field, expected, &fix);
                return None;
            }
        }
        self.wrong(field, expected, "");
        None
    }
}

/// The format's grammar of names and labels: `^[a-zA-Z0-9.-]+$`, and short enough for GitHub.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=256).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
}
