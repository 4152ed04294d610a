//! Which job names share a column.
//!
//! A job may run on runners of another fleet, with the same label behind `lf.` or `ephemeral.`. That is where it ran, not what
//! it is, so the grid drops such prefixes of a runner label that follows a comma, for `linux…` and `windows…`.

use std::borrow::Cow;

const PREFIXES: [&str; 2] = ["lf.", "ephemeral."];
const PLATFORMS: [&str; 2] = ["linux", "windows"];

/// The column's name.
pub fn column(full_name: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut copied = 0;
    for (at, _) in full_name.match_indices(", ") {
        let start = at + 2;
        let rest = strip(&full_name[start..]);
        let dropped = full_name.len() - start - rest.len();
        if dropped > 0 && PLATFORMS.iter().any(|platform| rest.starts_with(platform)) {
            out.push_str(&full_name[copied..start]);
            copied = start + dropped;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(full_name);
    }
    out.push_str(&full_name[copied..]);
    Cow::Owned(out)
}

/// Without prefixes, each at most once.
fn strip(label: &str) -> &str {
    let mut rest = label;
    for _ in PREFIXES {
        for prefix in PREFIXES {
            rest = rest.strip_prefix(prefix).unwrap_or(rest);
        }
    }
    rest
}

/// The names of jobs that a column may stand for, itself first.
pub fn members(column: &str) -> Vec<String> {
    let place = column.match_indices(", ").map(|(at, _)| at + 2);
    let labels =
        place.filter(|&start| PLATFORMS.iter().any(|platform| column[start..].starts_with(platform)));
    let mut out = vec![column.to_owned()];
    for start in labels {
        let (before, label) = column.split_at(start);
        out.extend(["lf.", "ephemeral.", "lf.ephemeral."].map(|prefix| format!("{before}{prefix}{label}")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn drops_prefixes_of_runner_labels_only() {
        for (name, expected) in [
            ("pull / test (default, 1, 5, lf.linux.4xlarge)", "pull / test (default, 1, 5, linux.4xlarge)"),
            (
                "pull / test (default, 1, 5, ephemeral.linux.4xlarge)",
                "pull / test (default, 1, 5, linux.4xlarge)",
            ),
            (
                "pull / test (default, 1, 5, lf.ephemeral.windows.4xlarge, unstable)",
                "pull / test (default, 1, 5, windows.4xlarge, unstable)",
            ),
            ("pull / test (default, 1, 5, lf.macos-m1)", "pull / test (default, 1, 5, lf.macos-m1)"),
            ("pull / lf.linux", "pull / lf.linux"),
            ("a", "a"),
        ] {
            assert_eq!(column(name), expected);
        }
    }

    proptest! {
        #[test]
        fn a_column_is_its_own_column_and_its_members_lead_to_it(name in "[a-z/ ]{0,8}(\\(|, )(default|lf\\.|ephemeral\\.|linux|windows|, |\\.4xl|\\)){0,6}") {
            let once = column(&name).into_owned();
            prop_assert_eq!(column(&once), once.as_str());
            for member in members(&once) {
                prop_assert_eq!(column(&member), once.as_str());
            }
        }
    }
}
