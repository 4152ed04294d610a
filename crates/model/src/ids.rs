//! Names and numbers with a grammar. `FromStr` validates, `Display` prints the canonical form, `Debug` shows the kind.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};

/// A text that does not fit the grammar of an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{value}` is not a {kind}: expected {expected}")]
pub struct InvalidId {
    /// What was to be read, in words.
    pub kind: &'static str,
    /// The offending text, cut to 80 characters.
    pub value: String,
    /// The grammar, in words.
    pub expected: &'static str,
}

impl InvalidId {
    fn new(kind: &'static str, value: &str, expected: &'static str) -> Self {
        let value = value.chars().take(80).flat_map(char::escape_debug).collect();
        Self { kind, value, expected }
    }
}

/// Implements a text id: validation on the way in (`FromStr`, serde), plain text on the way out.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $expected:literal, $canonical:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl $name {
            /// The canonical text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let canonical: fn(&str) -> Option<Box<str>> = $canonical;
                canonical(text).map(Self).ok_or_else(|| InvalidId::new($kind, text, $expected))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($kind, ":{}"), self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// Implements a numeric id as GitHub gives them: a positive 64-bit integer.
macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.parse().map(Self).map_err(|_| InvalidId::new($kind, text, "a whole number"))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($kind, ":{}"), self.0)
            }
        }
    };
}

text_id!(
    /// `owner/name` of a repository, as given. GitHub compares names without regard to case: see [`RepoName::same`].
    RepoName, "repository", "`owner/name` of letters, digits, `-`, `_` and `.`",
    |text| {
        let (owner, name) = text.split_once('/')?;
        let part = |p: &str| {
            !p.is_empty() && p.len() <= 100 && p != "." && p != ".."
                && p.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
        };
        (part(owner) && part(name)).then(|| text.into())
    }
);

impl RepoName {
    /// The part before the slash.
    pub fn owner(&self) -> &str {
        self.0.split_once('/').map_or("", |(owner, _)| owner)
    }

    /// The part after the slash.
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, name)| name)
    }

    /// Whether both name the same repository: case does not matter to GitHub.
    pub fn same(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

text_id!(
    /// A full commit hash: 40 hexadecimal digits (64 for SHA-256 repositories), kept in lower case.
    Sha, "commit hash", "40 hexadecimal digits",
    |text| (matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit()))
        .then(|| text.to_ascii_lowercase().into())
);

impl Sha {
    /// The first seven digits, as people write it.
    pub fn short(&self) -> &str {
        &self.0[..7]
    }
}

text_id!(
    /// A branch or tag name without `refs/heads/`.
    BranchName, "branch", "1 to 255 bytes without spaces, control characters, `..`, `~^:?*[\\` or a leading `-`",
    |text| {
        let fits = !text.is_empty() && text.len() <= 255 && !text.starts_with('-') && !text.contains("..");
        let clean = !text.chars().any(|c| c.is_control() || " ~^:?*[\\".contains(c));
        (fits && clean).then(|| text.into())
    }
);

text_id!(
    /// A runner label as written in `runs-on`. GitHub compares labels without regard to case: compare [`Label::key`]s.
    Label, "label", "1 to 256 characters without control characters or commas",
    |text| {
        let fits = !text.is_empty() && text.chars().count() <= 256 && text.trim() == text;
        (fits && !text.chars().any(|c| c.is_control() || c == ',')).then(|| text.into())
    }
);

impl Label {
    /// The form to compare and to index by: lower case.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }

    /// Whether both are the same label to GitHub.
    pub fn same(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

text_id!(
    /// The name a runner registers with: at most 64 characters (GitHub's limit).
    RunnerName, "runner name", "1 to 64 letters, digits, `-`, `_` or `.`",
    |text| {
        let fits = (1..=64).contains(&text.len());
        (fits && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')))
            .then(|| text.into())
    }
);

text_id!(
    /// GitHub's id of one webhook delivery (`X-GitHub-Delivery`); a redelivery keeps it.
    DeliveryId, "delivery id", "8 to 64 letters, digits or `-`, such as a GUID",
    |text| {
        let fits = (8..=64).contains(&text.len());
        (fits && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
            .then(|| text.to_ascii_lowercase().into())
    }
);

number_id!(
    /// A workflow run.
    RunId, "run"
);
number_id!(
    /// One job of one attempt of a run; a re-run makes new jobs.
    JobId, "job"
);
number_id!(
    /// A pull request or issue number within its repository.
    PrNumber, "pull request"
);
number_id!(
    /// GitHub's id of a runner registration.
    RunnerId, "runner"
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn grammar_is_checked_and_said() {
        let error = "no-slash".parse::<RepoName>().unwrap_err().to_string();
        assert_eq!(
            error,
            "`no-slash` is not a repository: expected `owner/name` of letters, digits, `-`, `_` and `.`"
        );
        for bad in ["", "/", "a/", "/b", "a/b/c", "a/..", "a b/c", "ä/b"] {
            assert!(bad.parse::<RepoName>().is_err(), "{bad}");
        }
        assert_eq!("pytorch/pytorch".parse::<RepoName>().unwrap().owner(), "pytorch");
    }

    #[test]
    fn a_hash_is_kept_in_lower_case() {
        let sha: Sha = "ABCDEF0123456789abcdef0123456789abcdef01".parse().unwrap();
        assert_eq!(sha.as_str(), "abcdef0123456789abcdef0123456789abcdef01");
        assert_eq!(sha.short(), "abcdef0");
        assert!("abc".parse::<Sha>().is_err());
    }

    #[test]
    fn labels_compare_without_case() {
        let (a, b): (Label, Label) = ("Linux.2XLarge".parse().unwrap(), "linux.2xlarge".parse().unwrap());
        assert!(a.same(&b));
        assert_eq!(a.to_string(), "Linux.2XLarge");
        assert!("two, labels".parse::<Label>().is_err());
    }

    #[test]
    fn debug_shows_the_kind() {
        assert_eq!(format!("{:?}", JobId(7)), "job:7");
        assert_eq!(format!("{:?}", "a/b".parse::<RepoName>().unwrap()), "repository:a/b");
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_round_trips(text in "\\PC{0,80}") {
            if let Ok(label) = text.parse::<Label>() {
                prop_assert_eq!(label.to_string().parse::<Label>().unwrap(), label);
            }
            if let Ok(repo) = text.parse::<RepoName>() {
                prop_assert_eq!(format!("{}/{}", repo.owner(), repo.name()), text.clone());
            }
            let _ = (text.parse::<Sha>(), text.parse::<BranchName>(), text.parse::<DeliveryId>());
        }
    }
}
