//! Several runs of one cell become one, whatever order they are known in and whoever started them.
//!
//! 1. A single run shows itself.
//! 2. If any run is not cancelled, cancelled ones do not count.
//! 3. The run of the best class stands for the cell; of equals the one with the highest job id.
//! 4. A success beside a real failure is *flaky*: computed here, never inherited.

use super::Letter;
use std::cmp::Reverse;
use trunkline_model::{Conclusion, JobStatus};

/// What merging looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Job id.
    pub job: u64,
    /// Run id.
    pub run: u64,
    /// Attempt of the run.
    pub attempt: u32,
    /// Where it stands.
    pub status: JobStatus,
    /// How it ended.
    pub conclusion: Option<Conclusion>,
}

impl Seen {
    /// What it is shown as by itself.
    pub fn letter(&self) -> Letter {
        Letter::of(self.status, self.conclusion)
    }

    /// Newest first; ids are unique, the rest keeps the order total for odd data.
    fn newest_first(&self) -> impl Ord + use<> {
        let word = self.conclusion.map(Conclusion::as_str);
        Reverse((self.job, self.run, self.attempt, self.status.rank(), self.status.as_str(), word))
    }
}

/// One cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merged {
    /// What it shows.
    pub letter: Letter,
    /// The job that stands for it.
    pub job: u64,
    /// How many runs count.
    pub runs: usize,
}

/// Merges runs and leaves those that count, the one that stands for the cell first, then failures, then the rest, newest first.
pub fn merge(runs: &mut Vec<Seen>) -> Option<Merged> {
    let letters = || runs.iter().map(Seen::letter);
    if letters().any(|letter| letter != Letter::Cancelled) {
        runs.retain(|run| run.letter() != Letter::Cancelled);
    }
    let first = *runs.iter().min_by_key(|run| (run.letter().class(), run.newest_first()))?;
    let failed = runs.iter().any(|run| run.letter().is_failure());
    let letter = if first.letter() == Letter::Success && failed { Letter::Flaky } else { first.letter() };
    if runs.len() > 1 {
        runs.sort_by_key(|run| (*run != first, !run.letter().is_failure(), run.newest_first()));
    }
    Some(Merged { letter, job: first.job, runs: runs.len() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seen(job: u64, letter: char) -> Seen {
        use Conclusion as C;
        let (status, conclusion) = match letter {
            'Q' => (JobStatus::Queued, None),
            '?' => (JobStatus::InProgress, None),
            'O' => (JobStatus::Completed, Some(C::Success)),
            'X' => (JobStatus::Completed, Some(C::Failure)),
            'T' => (JobStatus::Completed, Some(C::TimedOut)),
            'C' => (JobStatus::Completed, Some(C::Cancelled)),
            'S' => (JobStatus::Completed, Some(C::Skipped)),
            'N' => (JobStatus::Completed, Some(C::Neutral)),
            _ => (JobStatus::Completed, Some(C::Stale)),
        };
        Seen { job, run: job / 10, attempt: 1, status, conclusion }
    }

    fn merged(letters: &str) -> String {
        let mut runs: Vec<Seen> = (1..).zip(letters.chars()).map(|(job, letter)| seen(job, letter)).collect();
        let Some(cell) = merge(&mut runs) else { return "nothing".into() };
        let order: Vec<String> = runs.iter().map(|run| run.job.to_string()).collect();
        assert_eq!(runs[0].job, cell.job);
        format!("{} job {} of {} [{}]", cell.letter.as_char(), cell.job, cell.runs, order.join(" "))
    }

    #[test]
    fn merges_as_specified() {
        for (runs, expected) in [
            ("", "nothing"),
            ("X", "X job 1 of 1 [1]"),
            ("C", "C job 1 of 1 [1]"),
            ("CC", "C job 2 of 2 [2 1]"),
            ("CX", "X job 2 of 1 [2]"),
            ("OC", "O job 1 of 1 [1]"),
            ("XO", "F job 2 of 2 [2 1]"),
            ("OX", "F job 1 of 2 [1 2]"),
            ("OT", "F job 1 of 2 [1 2]"),
            ("XQ", "X job 1 of 2 [1 2]"),
            ("X?", "X job 1 of 2 [1 2]"),
            ("OQ", "O job 1 of 2 [1 2]"),
            ("SN", "N job 2 of 2 [2 1]"),
            ("SU", "S job 1 of 2 [1 2]"),
            ("OXOXQ", "F job 3 of 5 [3 4 2 5 1]"),
        ] {
            assert_eq!(merged(runs), expected, "{runs}");
        }
    }

    #[test]
    fn ids_are_compared_as_numbers() {
        let mut runs = vec![seen(99, 'X'), seen(100, 'X')];
        assert_eq!(merge(&mut runs).unwrap().job, 100);
    }

    proptest! {
        #[test]
        fn the_order_of_runs_does_not_matter(
            runs in proptest::collection::vec((0_u64..6, proptest::sample::select("QXOTCSNU?".chars().collect::<Vec<_>>())), 1..8),
            shuffle in proptest::collection::vec(any::<u32>(), 8),
        ) {
            let mut one: Vec<Seen> = runs.iter().map(|&(job, letter)| seen(job, letter)).collect();
            let mut other: Vec<(u32, Seen)> = shuffle.iter().copied().zip(one.iter().copied()).collect();
            other.sort_by_key(|(key, _)| *key);
            let mut other: Vec<Seen> = other.into_iter().map(|(_, run)| run).collect();
            prop_assert_eq!(merge(&mut one), merge(&mut other));
            prop_assert_eq!(one, other);
        }

        #[test]
        fn cancelled_runs_are_no_evidence(letters in "[QXOTSNU?]{1,5}", cancelled in 0_usize..4) {
            let mut with: Vec<Seen> = (1..).zip(letters.chars()).map(|(job, letter)| seen(job, letter)).collect();
            let mut without = with.clone();
            with.extend((0..cancelled).map(|more| seen(100 + more as u64, 'C')));
            prop_assert_eq!(merge(&mut with), merge(&mut without));
        }
    }
}
