//! A store to try, on a clock that stands still.

use bytes::Bytes;
use jiff::Timestamp;
use std::sync::Arc;
use trunkline_model::{Evidence, ManualClock, SharedClock};
use trunkline_store::{Batch, Expected, NewEffect, NewEvent, RecordWrite, Store, testing};

pub(crate) struct Bed {
    pub(crate) store: Store,
    pub(crate) clock: ManualClock,
    pub(crate) place: Place,
}

pub(crate) enum Place {
    File(tempfile::TempDir),
    Server(testing::Database),
}

impl Bed {
    pub(crate) async fn sqlite() -> Self {
        Self::on(Place::File(tempfile::tempdir().unwrap())).await
    }

    pub(crate) async fn postgres() -> Option<Self> {
        Some(Self::on(Place::Server(testing::database().await?)).await)
    }

    async fn on(place: Place) -> Self {
        let clock = ManualClock::new(at(1_000));
        let store = open(&place, &clock).await;
        Self { store, clock, place }
    }

    /// One more handle on the same data, like another replica or the next start.
    pub(crate) async fn open(&self) -> Store {
        open(&self.place, &self.clock).await
    }
}

pub(crate) async fn open(place: &Place, clock: &ManualClock) -> Store {
    let clock: SharedClock = Arc::new(clock.clone());
    match place {
        Place::File(dir) => Store::open_sqlite(dir.path().join("state.db"), &clock).await.unwrap(),
        Place::Server(database) => Store::open_postgres(&database.url, &clock).await.unwrap(),
    }
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(crate) fn event(key: Option<&str>, body: &str) -> NewEvent {
    NewEvent {
        source: "github".into(),
        kind: "push".into(),
        dedupe_key: key.map(Into::into),
        received_at: at(1_000),
        headers: [("action".to_owned(), "it's \"odd\" \u{0} 日本語".to_owned())].into(),
        body: Bytes::from(body.to_owned()),
    }
}

pub(crate) fn record(id: &str, expected: Expected, value: Option<i64>) -> Batch {
    let write = RecordWrite { kind: "job".into(), id: id.into(), expected, value: value.map(Into::into) };
    Batch { records: vec![write], ..Batch::default() }
}

pub(crate) fn effect(kind: &str, key: &str) -> NewEffect {
    NewEffect {
        kind: kind.into(),
        key: key.into(),
        payload: serde_json::json!({ "key": key }),
        why: Evidence::new("test.rule", "because"),
        not_before: None,
    }
}

pub(crate) fn outbox(effects: Vec<NewEffect>) -> Batch {
    Batch { outbox: effects, ..Batch::default() }
}
