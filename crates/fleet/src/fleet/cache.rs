//! The ledger in memory, so that a planning step need not read every entry. The records are the truth: what is written is
//! read again, every commit names the version it decided on, and every reconcile step reads everything.

use super::{Error, Fleet, records::Versioned};
use crate::ledger::Entry;
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// Entries as last read.
#[derive(Debug, Default)]
pub(super) struct LedgerCache {
    entries: Option<BTreeMap<String, Arc<Versioned<Entry>>>>,
    /// Entries to be read again, with the number of the touch: one that comes during the reading is kept.
    touched: HashMap<String, u64>,
    touches: u64,
}

impl LedgerCache {
    /// These entries may have changed.
    pub(super) fn touch(&mut self, names: Vec<String>) {
        self.touches += 1;
        let number = self.touches;
        self.touched.extend(names.into_iter().map(|name| (name, number)));
    }

    /// Any entry may have changed.
    pub(super) fn forget(&mut self) {
        self.entries = None;
        self.touched.clear();
    }

    /// Notes that an entry was seen unchanged. Only here: to write that down would write the whole ledger every minute.
    pub(super) fn see(&mut self, name: &str, version: i64, at: Timestamp) {
        let entry = self.entries.as_mut().and_then(|entries| entries.get_mut(name));
        if let Some(entry) = entry.filter(|entry| entry.version == version) {
            Arc::make_mut(entry).value.seen_at = Some(at);
        }
    }

    fn fill(&mut self, touched_before: &HashMap<String, u64>, all: Vec<Versioned<Entry>>) {
        self.entries = Some(all.into_iter().map(keyed).collect());
        self.settle(touched_before);
    }

    fn settle(&mut self, asked: &HashMap<String, u64>) {
        self.touched.retain(|name, number| asked.get(name) != Some(number));
    }

    fn refresh(&mut self, asked: &HashMap<String, u64>, found: Vec<Versioned<Entry>>) {
        let Some(entries) = &mut self.entries else { return };
        for name in asked.keys() {
            entries.remove(name);
        }
        entries.extend(found.into_iter().map(keyed));
        self.settle(asked);
    }

    fn all(&self) -> Option<Vec<Arc<Versioned<Entry>>>> {
        Some(self.entries.as_ref()?.values().cloned().collect())
    }
}

fn keyed(entry: Versioned<Entry>) -> (String, Arc<Versioned<Entry>>) {
    (entry.value.runner.name.to_string(), Arc::new(entry))
}

impl Fleet {
    /// The whole ledger of live runners, by name. One that stands by knows nothing of changes and reads all.
    pub(super) async fn ledger(&self) -> Result<Vec<Arc<Versioned<Entry>>>, Error> {
        if !self.is_holder() {
            return Ok(self.read_ledger().await?.into_iter().map(Arc::new).collect());
        }
        let asked = {
            let state = self.state();
            state.ledger.entries.is_some().then(|| state.ledger.touched.clone())
        };
        if let Some(asked) = asked {
            let names: Vec<String> = asked.keys().cloned().collect();
            let found = self.entries(&names).await?;
            let mut state = self.state();
            state.ledger.refresh(&asked, found);
            if let Some(all) = state.ledger.all() {
                return Ok(all);
            }
        }
        self.reread_ledger().await
    }

    /// Reads every entry anew.
    pub(super) async fn reread_ledger(&self) -> Result<Vec<Arc<Versioned<Entry>>>, Error> {
        let touched = self.state().ledger.touched.clone();
        let all = self.read_ledger().await?;
        let mut state = self.state();
        state.ledger.fill(&touched, all);
        Ok(state.ledger.all().unwrap_or_default())
    }
}
