//! Answers kept for conditional requests: a 304 costs no budget. Bounded by bytes; the longest unused goes first.

use super::{auth::Identity, lock};
use bytes::Bytes;
use std::{collections::HashMap, sync::Mutex};

/// Which answer: URL and media type. An installation's answers are its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) who: Identity,
    pub(super) url: String,
    pub(super) accept: &'static str,
}

#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) etag: String,
    pub(super) body: Bytes,
    pub(super) link: Option<String>,
}

impl Kept {
    fn size(&self, key: &Key) -> usize {
        // 200: what the maps themselves take per entry, roughly.
        key.url.len() + self.etag.len() + self.body.len() + self.link.as_ref().map_or(0, String::len) + 200
    }
}

#[derive(Debug, Default)]
struct State {
    kept: HashMap<Key, (u64, Kept)>,
    bytes: usize,
    tick: u64,
}

#[derive(Debug)]
pub(super) struct Cache {
    limit: usize,
    state: Mutex<State>,
}

impl Cache {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, state: Mutex::default() }
    }

    pub(super) fn get(&self, key: &Key) -> Option<Kept> {
        let mut state = lock(&self.state);
        state.tick += 1;
        let tick = state.tick;
        let (used, kept) = state.kept.get_mut(key)?;
        *used = tick;
        Some(kept.clone())
    }

    pub(super) fn put(&self, key: Key, kept: Kept) {
        let size = kept.size(&key);
        // One huge answer must not push out everything else.
        if size > self.limit / 4 {
            return;
        }
        let mut state = lock(&self.state);
        state.tick += 1;
        let tick = state.tick;
        if let Some((_, old)) = state.kept.remove(&key) {
            state.bytes -= old.size(&key);
        }
        state.bytes += size;
        state.kept.insert(key, (tick, kept));
        while state.bytes > self.limit {
            let oldest = state.kept.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| key.clone());
            let Some(key) = oldest else { break };
            if let Some((_, old)) = state.kept.remove(&key) {
                state.bytes -= old.size(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unused_answer_goes_and_memory_is_bounded() {
        let cache = Cache::new(2000);
        let key = |n: u32| Key { who: Identity::Token, url: format!("u{n}"), accept: "json" };
        let kept = |len: usize| Kept { etag: "e".into(), body: Bytes::from(vec![0; len]), link: None };
        for n in 0..4 {
            cache.put(key(n), kept(200));
        }
        assert!(cache.get(&key(0)).is_some());
        cache.put(key(4), kept(200));
        assert!(cache.get(&key(0)).is_some() && cache.get(&key(1)).is_none());
        cache.put(key(9), kept(1000));
        assert!(cache.get(&key(9)).is_none());
        assert!(lock(&cache.state).bytes <= 2000);
    }
}
