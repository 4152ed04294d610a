//! What the fuzz targets share.

use trunkline_model::Problem;

/// Every problem is in a place of the text (or just behind a line or the text) and says something.
pub fn assert_places(text: &str, problems: &[Problem]) {
    let lines: Vec<&str> = text.split('\n').collect();
    for problem in problems {
        assert!(!problem.message.is_empty(), "{problem:?}");
        let line = problem.line.checked_sub(1).and_then(|at| lines.get(at));
        let line = line.unwrap_or_else(|| panic!("{problem} is not among {} lines", lines.len()));
        let width = line.chars().count() + 1;
        assert!((1..=width).contains(&problem.column), "{problem} is not among {width} columns");
    }
}
