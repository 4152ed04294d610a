//! Merged cells of recent commits, in memory: bounded, the least recently used go first.
//!
//! The projector [forgets](Cells::forget) a commit after it has loaded new rows of it. What was being read from the warehouse
//! at that moment may be old already: a commit is only kept if it was not forgotten while it was read.

use super::{
    Groups, Letter,
    columns::{Column, Columns},
    merge::{Seen, merge},
};
use crate::config::GridConfig;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use trunkline_model::{RepoName, Sha};
use trunkline_warehouse::GridJob;

/// One cell of one commit.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub(super) column: Arc<Column>,
    pub(super) letter: Letter,
    pub(super) job: u64,
    pub(super) runs: u32,
}

/// The cells of one commit, in no order.
pub(super) type Row = Arc<[Cell]>;

/// The cells in memory.
#[derive(Debug)]
pub(crate) struct Cells {
    groups: Groups,
    fold: bool,
    capacity: usize,
    columns: Mutex<Columns>,
    rows: Mutex<Rows>,
}

#[derive(Debug, Default)]
struct Rows {
    slots: HashMap<(RepoName, Sha), Slot>,
    /// Grows with every use and every reading.
    tick: u64,
}

#[derive(Debug)]
struct Slot {
    used: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Being read, by whoever has this ticket.
    Reading(u64),
    Ready(Row),
}

/// What is known, and what has to be read.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) rows: HashMap<Sha, Row>,
    pub(super) missing: Vec<Sha>,
    ticket: u64,
}

impl Cells {
    pub(crate) fn new(config: &GridConfig) -> Self {
        Self {
            groups: config.groups.clone(),
            fold: config.fold_runner_prefixes,
            capacity: config.cached_commits.max(1),
            columns: Mutex::default(),
            rows: Mutex::default(),
        }
    }

    /// Forgets a commit whose rows changed.
    pub(crate) fn forget(&self, repo: &RepoName, sha: &Sha) {
        self.rows().slots.remove(&(repo.clone(), sha.clone()));
    }

    /// What is known of these commits. The others must be read from the warehouse after this call.
    pub(super) fn known(&self, repo: &RepoName, shas: &[Sha]) -> Known {
        let mut rows = self.rows();
        rows.tick += 1;
        let ticket = rows.tick;
        let mut known = Known { rows: HashMap::new(), missing: Vec::new(), ticket };
        for sha in shas {
            let slot = rows
                .slots
                .entry((repo.clone(), sha.clone()))
                .or_insert(Slot { used: ticket, state: State::Reading(ticket) });
            slot.used = ticket;
            match &slot.state {
                State::Ready(row) => {
                    known.rows.insert(sha.clone(), Arc::clone(row));
                }
                State::Reading(_) => {
                    slot.state = State::Reading(ticket);
                    known.missing.push(sha.clone());
                }
            }
        }
        known
    }

    /// Merges what was read and keeps it, unless it was forgotten meanwhile.
    pub(super) fn learn(&self, repo: &RepoName, known: Known, jobs: &[GridJob]) -> HashMap<Sha, Row> {
        let Known { mut rows, missing, ticket } = known;
        let read = self.merged(missing.len(), jobs);
        let mut kept = self.rows();
        for (sha, row) in missing.into_iter().zip(read) {
            if let Some(slot) = kept.slots.get_mut(&(repo.clone(), sha.clone()))
                && matches!(slot.state, State::Reading(reader) if reader == ticket)
            {
                slot.state = State::Ready(Arc::clone(&row));
            }
            rows.insert(sha, row);
        }
        kept.shrink_to(self.capacity);
        rows
    }

    /// The cells of so many commits.
    fn merged(&self, commits: usize, jobs: &[GridJob]) -> Vec<Row> {
        // Names are shared between jobs: most columns are found by the name's address, without reading the name.
        let mut by_address: HashMap<*const u8, Arc<Column>> = HashMap::new();
        let mut runs: Vec<(usize, Arc<Column>, Seen)> = Vec::with_capacity(jobs.len());
        let mut columns = self.columns.lock().unwrap_or_else(PoisonError::into_inner);
        for job in jobs {
            let seen = Seen {
                job: job.id.0,
                run: job.run_id.0,
                attempt: job.attempt,
                status: job.status,
                conclusion: job.conclusion,
            };
            let column = by_address
                .entry(job.full_name.as_ptr())
                .or_insert_with(|| columns.of(&job.full_name, &self.groups, self.fold));
            runs.push((job.commit, Arc::clone(column), seen));
        }
        drop(columns);
        let cell_of = |run: &(usize, Arc<Column>, Seen)| (run.0, Arc::as_ptr(&run.1));
        runs.sort_unstable_by_key(cell_of);
        let mut rows: Vec<Vec<Cell>> = vec![Vec::new(); commits];
        let mut cell_runs = Vec::new();
        for same in runs.chunk_by(|one, other| cell_of(one) == cell_of(other)) {
            cell_runs.clear();
            cell_runs.extend(same.iter().map(|run| run.2));
            if let (Some((index, column, _)), Some(merged)) = (same.first(), merge(&mut cell_runs)) {
                let runs = u32::try_from(merged.runs).unwrap_or(u32::MAX);
                let column = Arc::clone(column);
                if let Some(row) = rows.get_mut(*index) {
                    row.push(Cell { column, letter: merged.letter, job: merged.job, runs });
                }
            }
        }
        rows.into_iter().map(Into::into).collect()
    }

    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn shrink_to(&mut self, capacity: usize) {
        if self.slots.len() <= capacity {
            return;
        }
        let mut ages: Vec<u64> = self.slots.values().map(|slot| slot.used).collect();
        let surplus = ages.len() - capacity;
        let (_, &mut youngest_to_go, _) = ages.select_nth_unstable(surplus - 1);
        self.slots.retain(|_, slot| slot.used > youngest_to_go);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_model::{Conclusion, JobId, JobStatus, RunId};

    fn sha(number: usize) -> Sha {
        format!("{number:040x}").parse().unwrap()
    }

    fn job(commit: usize, id: u64, name: &str, conclusion: Conclusion) -> GridJob {
        GridJob {
            commit,
            full_name: name.into(),
            id: JobId(id),
            run_id: RunId(1),
            attempt: 1,
            status: JobStatus::Completed,
            conclusion: Some(conclusion),
        }
    }

    fn letters(row: &Row) -> Vec<(String, char, u64, u32)> {
        let mut cells: Vec<_> = row
            .iter()
            .map(|cell| (cell.column.name.to_string(), cell.letter.as_char(), cell.job, cell.runs))
            .collect();
        cells.sort();
        cells
    }

    #[test]
    fn cells_are_read_once_and_again_when_forgotten() {
        let (cells, repo) = (Cells::new(&GridConfig::default()), "a/b".parse().unwrap());
        let shas = [sha(1), sha(2)];
        let known = cells.known(&repo, &shas);
        assert_eq!(known.missing, shas);
        let jobs = [
            job(0, 1, "pull / x", Conclusion::Failure),
            job(0, 2, "pull / x", Conclusion::Success),
            job(1, 3, "pull / x", Conclusion::Skipped),
        ];
        let rows = cells.learn(&repo, known, &jobs);
        assert_eq!(letters(&rows[&shas[0]]), [("pull / x".into(), 'F', 2, 2)]);
        assert_eq!(letters(&rows[&shas[1]]), [("pull / x".into(), 'S', 3, 1)]);
        assert!(cells.known(&repo, &shas).missing.is_empty());
        cells.forget(&repo, &shas[1]);
        assert_eq!(cells.known(&repo, &shas).missing, [shas[1].clone()]);
    }

    #[test]
    fn what_changed_while_it_was_read_is_not_kept() {
        let (cells, repo) = (Cells::new(&GridConfig::default()), "a/b".parse().unwrap());
        let known = cells.known(&repo, &[sha(1)]);
        cells.forget(&repo, &sha(1));
        cells.learn(&repo, known, &[job(0, 1, "old", Conclusion::Failure)]);
        assert_eq!(cells.known(&repo, &[sha(1)]).missing.len(), 1);
    }

    #[test]
    fn the_least_recently_used_go_first() {
        let config = GridConfig { cached_commits: 10, ..GridConfig::default() };
        let (cells, repo) = (Cells::new(&config), "a/b".parse().unwrap());
        for number in 0..30 {
            let known = cells.known(&repo, &[sha(0), sha(number)]);
            cells.learn(&repo, known, &[]);
        }
        assert!(cells.rows().slots.len() <= 10);
        assert!(cells.known(&repo, &[sha(0), sha(29)]).missing.is_empty());
    }
}
