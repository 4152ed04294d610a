//! What is kept over a restart.

use crate::bed::{Bed, Place, effect, event, open, record};
use std::time::Duration;
use trunkline_store::{Batch, CursorMove, EffectFilter, Error, Expected, NewAudit, Store};

pub(crate) async fn reopening_keeps_everything(bed: Bed) {
    let batch = Batch {
        events: vec![event(Some("a"), "{}")],
        cursor: Some(CursorMove { name: "fleet".into(), from: 0, to: 5 }),
        outbox: vec![effect("x", "a")],
        audit: vec![NewAudit {
            actor: "ada".into(),
            action: "b".into(),
            subject: "c".into(),
            detail: serde_json::Value::Null,
        }],
        ..record("1", Expected::Absent, Some(1))
    };
    bed.store.commit(batch).await.unwrap();
    bed.store.append(vec![event(Some("b"), "{}")]).await.unwrap();
    bed.store.take_lease("planner", "a", Duration::from_secs(60)).await.unwrap().unwrap();
    bed.store.due_effects("", 1, Duration::from_secs(60)).await.unwrap();
    let before = everything(&bed.store).await;
    let Bed { store, clock, place } = bed;
    drop(store);
    let bed = Bed { store: open(&place, &clock).await, clock, place };
    assert_eq!(everything(&bed.store).await, before);
    assert_eq!(bed.store.take_lease("planner", "b", Duration::from_secs(60)).await.unwrap(), None);
    assert!(bed.store.append(vec![event(Some("b"), "{}")]).await.unwrap()[0].duplicate);
    a_newer_schema_is_refused(&bed).await;
}

async fn everything(s: &Store) -> String {
    format!(
        "{:?} {:?} {:?} {:?} {:?} {}",
        s.events(0, 9).await.unwrap(),
        s.list_records("job", None, 9).await.unwrap(),
        s.effects(&EffectFilter::default()).await.unwrap(),
        s.audit_log(9).await.unwrap(),
        s.cursor("fleet").await.unwrap(),
        s.last_seq().await.unwrap()
    )
}

async fn a_newer_schema_is_refused(bed: &Bed) {
    let clock: trunkline_model::SharedClock = std::sync::Arc::new(bed.clock.clone());
    let refused = match &bed.place {
        Place::File(dir) => {
            let path = dir.path().join("state.db");
            rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
            Store::open_sqlite(&path, &clock).await
        }
        Place::Server(database) => {
            let (client, connection) =
                tokio_postgres::connect(&database.url, tokio_postgres::NoTls).await.unwrap();
            tokio::spawn(connection);
            client.batch_execute("INSERT INTO trunkline_schema VALUES (99)").await.unwrap();
            Store::open_postgres(&database.url, &clock).await
        }
    };
    assert!(matches!(refused, Err(Error::NewerSchema { found: 99, .. })), "{refused:?}");
}

pub(crate) async fn lost_connections_come_back(bed: Bed) {
    let Place::Server(database) = &bed.place else { return };
    let s = &bed.store;
    let (client, connection) = tokio_postgres::connect(&database.url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for round in 0..5 {
        client.batch_execute(cut).await.unwrap();
        // The sender tries again with the same key, as after any answer it did not get.
        for attempt in 0.. {
            match s.append(vec![event(Some(&round.to_string()), "{}")]).await {
                Ok(_) => break,
                Err(e) => assert!(e.is_transient() && attempt < 20, "{e:?}"),
            }
        }
        s.health().await.unwrap();
    }
    assert_eq!(s.event_stats().await.unwrap().count, 5);
}
