//! What the fuzz targets share.

use trunkline_model::Problem;

/// What ends a line of TOML.
pub const TOML_BREAKS: &[char] = &['\n'];
/// What ends a line of YAML: a lone carriage return too.
pub const YAML_BREAKS: &[char] = &['\n', '\r'];

/// Every problem is in a place of the text (or just behind a line or the text) and says something.
pub fn assert_places(text: &str, breaks: &[char], problems: &[Problem]) {
    let text = text.replace("\r\n", "\n");
    let lines: Vec<&str> = text.split(breaks).collect();
    // What is missing at the end of a text without a final line break is missing on the line after it.
    let lines = lines.into_iter().chain([""]).collect::<Vec<_>>();
    for problem in problems {
        assert!(!problem.message.is_empty(), "{problem:?}");
        let line = problem.line.checked_sub(1).and_then(|at| lines.get(at));
        let line = line.unwrap_or_else(|| panic!("{problem} is not among {} lines", lines.len()));
        let width = line.chars().count() + 1;
        assert!((1..=width).contains(&problem.column), "{problem} is not among {width} columns");
    }
}
