//! Encoded pages, kept until something of their repository changes. Who asks for the same page at the same time waits for one.

use super::{Encoded, PageQuery};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use trunkline_model::RepoName;

/// A page and the version of its repository before it was read.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) version: u64,
    pub(super) page: Arc<Encoded>,
}

pub(super) type PageSlot = Arc<tokio::sync::Mutex<Option<Kept>>>;

/// The pages in memory.
#[derive(Debug)]
pub(crate) struct Pages {
    capacity: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    versions: HashMap<RepoName, u64>,
    slots: HashMap<PageQuery, (u64, PageSlot)>,
    tick: u64,
}

impl Pages {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), state: Mutex::default() }
    }

    /// Something of this repository changed.
    pub(crate) fn outdate(&self, repo: &RepoName) {
        *self.state().versions.entry(repo.clone()).or_default() += 1;
    }

    pub(super) fn version(&self, repo: &RepoName) -> u64 {
        self.state().versions.get(repo).copied().unwrap_or(0)
    }

    /// The place of a page; the least recently used page makes room.
    pub(super) fn slot(&self, query: &PageQuery) -> PageSlot {
        let mut state = self.state();
        state.tick += 1;
        let tick = state.tick;
        if let Some((used, slot)) = state.slots.get_mut(query) {
            *used = tick;
            return Arc::clone(slot);
        }
        if state.slots.len() >= self.capacity {
            let oldest =
                state.slots.iter().min_by_key(|(_, (used, _))| *used).map(|(query, _)| query.clone());
            oldest.map(|oldest| state.slots.remove(&oldest));
        }
        let slot = PageSlot::default();
        state.slots.insert(query.clone(), (tick, Arc::clone(&slot)));
        slot
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
