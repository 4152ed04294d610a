//! The nearest known words to a misspelt one.

/// Up to `limit` of the candidates that are close to `word`, nearest first; none when nothing is close.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    limit: usize,
) -> Vec<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().take(MAX_CHARS).collect();
    let bound = (word.len() / 3).max(2);
    let mut close: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter_map(|candidate| {
            let chars: Vec<char> = candidate.to_lowercase().chars().take(MAX_CHARS).collect();
            let far = chars.len().abs_diff(word.len()) > bound;
            let distance = if far { usize::MAX } else { distance(&word, &chars) };
            (distance <= bound).then_some((distance, candidate))
        })
        .collect();
    close.sort_unstable();
    close.dedup();
    close.into_iter().take(limit).map(|(_, candidate)| candidate).collect()
}

/// Longer words are cut: the comparison is quadratic.
const MAX_CHARS: usize = 128;

/// Edits (insert, delete, replace, swap neighbours) between two words.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replace = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replace.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let keys = ["instance_type", "os", "disk_size", "is_ephemeral"];
        assert_eq!(nearest("instance_tpye", keys, 3), ["instance_type"]);
        assert_eq!(nearest("disksize", keys, 3), ["disk_size"]);
        assert!(nearest("completely_else", keys, 3).is_empty());
        assert_eq!(nearest("linux.2xlrage", ["linux.2xlarge", "linux.4xlarge"], 1), ["linux.2xlarge"]);
    }
}
