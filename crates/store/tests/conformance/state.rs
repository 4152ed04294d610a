//! Batches, records, cursors, the audit log.

use crate::bed::{Bed, at, effect, event, record};
use jiff::SignedDuration;
use serde_json::json;
use trunkline_store::{Batch, CursorMove, EffectFilter, Error, Expected, NewAudit, Outcome, RecordWrite};

fn is_conflict<T: std::fmt::Debug>(answer: &Result<T, Error>) -> bool {
    matches!(answer, Err(e @ Error::Conflict { .. }) if !e.is_transient())
}

fn cursor(from: i64, to: i64) -> Option<CursorMove> {
    Some(CursorMove { name: "fleet".into(), from, to })
}

fn full(expected: Expected, from: i64, key: &str) -> Batch {
    Batch {
        events: vec![event(Some(key), "{}")],
        cursor: cursor(from, from + 5),
        outbox: vec![effect("fleet.launch", key), effect("fleet.launch", "once")],
        audit: vec![NewAudit {
            actor: "ada".into(),
            action: "test".into(),
            subject: key.into(),
            detail: json!({ "n": from }),
        }],
        ..record("1", expected, Some(from))
    }
}

pub(crate) async fn a_batch_is_whole_or_nothing(bed: Bed) {
    let s = &bed.store;
    let done = s.commit(full(Expected::Absent, 0, "a")).await.unwrap();
    assert_eq!((done.appended.len(), done.effects_added), (1, 2));
    // The last record is wrong; the cursor is wrong.
    let mut wrong = full(Expected::Any, 5, "b");
    wrong.records.extend(record("2", Expected::Version(1), Some(0)).records);
    assert!(is_conflict(&s.commit(wrong).await));
    assert!(is_conflict(&s.commit(full(Expected::Any, 4, "b")).await));
    assert_eq!(s.event_stats().await.unwrap().count, 1);
    assert_eq!(s.cursor("fleet").await.unwrap(), 5);
    assert_eq!(s.record("job", "1").await.unwrap().unwrap().value, json!(0));
    assert_eq!(s.effects(&EffectFilter::default()).await.unwrap().len(), 2);
    assert_eq!(s.audit_log(10).await.unwrap().len(), 1);
    // And right: the known effect key is ignored.
    bed.clock.advance(SignedDuration::from_secs(7));
    let done = s.commit(full(Expected::Version(1), 5, "b")).await.unwrap();
    assert_eq!((done.appended[0].duplicate, done.effects_added), (false, 1));
    assert_eq!(s.cursor("fleet").await.unwrap(), 10);
    let audit = s.audit_log(1).await.unwrap();
    assert_eq!(
        (audit[0].subject.as_str(), audit[0].at, &audit[0].detail),
        ("b", at(1_007), &json!({ "n": 5 }))
    );
    assert_eq!(s.commit(Batch::default()).await.unwrap(), Default::default());
}

pub(crate) async fn a_record_is_written_only_as_expected(bed: Bed) {
    let s = &bed.store;
    let put = async |expected, value| s.commit(record("1", expected, value)).await;
    assert!(is_conflict(&put(Expected::Version(1), Some(0)).await));
    assert!(is_conflict(&put(Expected::Version(1), None).await));
    put(Expected::Absent, None).await.unwrap();
    put(Expected::Any, None).await.unwrap();
    put(Expected::Absent, Some(1)).await.unwrap();
    assert!(is_conflict(&put(Expected::Absent, Some(2)).await));
    assert!(is_conflict(&put(Expected::Absent, None).await));
    bed.clock.advance(SignedDuration::from_secs(3));
    put(Expected::Any, Some(3)).await.unwrap();
    let r = s.record("job", "1").await.unwrap().unwrap();
    assert_eq!((r.id.as_str(), r.version, r.value, r.updated_at), ("1", 2, json!(3), at(1_003)));
    put(Expected::Version(2), Some(4)).await.unwrap();
    assert!(is_conflict(&put(Expected::Version(2), Some(5)).await));
    assert!(is_conflict(&put(Expected::Version(2), None).await));
    assert_eq!(s.record("job", "1").await.unwrap().unwrap().version, 3);
    assert_eq!(s.record("runner", "1").await.unwrap(), None);
    put(Expected::Version(3), None).await.unwrap();
    assert_eq!(s.record("job", "1").await.unwrap(), None);
    put(Expected::Absent, Some(6)).await.unwrap();
    assert_eq!(s.record("job", "1").await.unwrap().unwrap().version, 1);
    // Within one batch the later write sees the earlier one.
    let twice = [record("2", Expected::Absent, Some(1)), record("2", Expected::Version(1), Some(2))];
    let records = twice.into_iter().flat_map(|b| b.records).collect();
    s.commit(Batch { records, ..Batch::default() }).await.unwrap();
    assert_eq!(s.record("job", "2").await.unwrap().unwrap().version, 2);
}

pub(crate) async fn records_are_listed_in_pages(bed: Bed) {
    let s = &bed.store;
    let odd = json!({ "text": "\u{0}'\"\\ 日本語", "list": [1, 2.5, null, true], "big": u64::MAX });
    // In the order of bytes on every backend.
    let ids = ["10", "9", "A", "a", "a/b", "b", "É"];
    let write = |kind: &str, id: &str| RecordWrite {
        kind: kind.into(),
        id: id.into(),
        expected: Expected::Any,
        value: Some(odd.clone()),
    };
    let mut records: Vec<_> = ids.iter().rev().map(|id| write("job", id)).collect();
    records.push(write("runner", "z"));
    s.commit(Batch { records, ..Batch::default() }).await.unwrap();
    let mut seen: Vec<String> = Vec::new();
    loop {
        let page = s.list_records("job", seen.last().map(String::as_str), 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.iter().all(|r| r.value == odd && r.version == 1));
        seen.extend(page.into_iter().map(|r| r.id));
    }
    assert_eq!(seen, ids);
    assert_eq!(s.count_records("job").await.unwrap(), 7);
    assert_eq!(s.count_records("none").await.unwrap(), 0);
    let some = ["b", "missing", "10", "z", "it's"].map(str::to_owned);
    let found = s.records("job", &some).await.unwrap();
    assert_eq!(found.iter().map(|r| r.id.as_str()).collect::<Vec<_>>(), ["10", "b"]);
    assert_eq!(s.records("job", &[]).await.unwrap(), []);
}

pub(crate) async fn old_records_are_pruned_unless_in_use(bed: Bed) {
    let s = &bed.store;
    let put = async |kind: &str, id: &str| {
        let write =
            RecordWrite { kind: kind.into(), id: id.into(), expected: Expected::Any, value: Some(json!({})) };
        s.commit(Batch { records: vec![write], ..Batch::default() }).await.unwrap();
    };
    for id in ["1", "2", "3", "4"] {
        put("job", id).await;
        bed.clock.advance(SignedDuration::from_secs(10));
    }
    put("job.active", "2").await;
    put("runner", "1").await;
    // Written again: young.
    put("job", "1").await;
    let ids =
        async || s.list_records("job", None, 9).await.unwrap().into_iter().map(|r| r.id).collect::<Vec<_>>();
    assert_eq!(s.prune_records("job", Some("job.active"), at(1_000), 9).await.unwrap(), 0);
    // The oldest first, and not more than asked for.
    assert_eq!(s.prune_records("job", Some("job.active"), at(1_040), 1).await.unwrap(), 1);
    assert_eq!(ids().await, ["1", "2", "4"]);
    assert_eq!(s.prune_records("job", Some("job.active"), at(1_040), 9).await.unwrap(), 1);
    assert_eq!(ids().await, ["1", "2"]);
    assert_eq!(s.prune_records("job", None, at(9_000), 9).await.unwrap(), 2);
    assert_eq!(s.count_records("job.active").await.unwrap(), 1);
    assert_eq!(s.count_records("runner").await.unwrap(), 1);
}

pub(crate) async fn a_nul_in_a_key_is_refused(bed: Bed) {
    let s = &bed.store;
    let nul = "a\u{0}b";
    let refused = async |batch: Batch| s.commit(batch).await.unwrap_err().to_string();
    let text = |what: &str| {
        format!("value: {what} \"a\\0b\" contains a NUL character, which is not allowed in names and keys")
    };
    assert_eq!(refused(record(nul, Expected::Any, Some(1))).await, text("record id"));
    let cursor = CursorMove { name: nul.into(), from: 0, to: 1 };
    assert_eq!(refused(Batch { cursor: Some(cursor), ..Batch::default() }).await, text("cursor name"));
    let outbox = vec![effect("x", nul)];
    assert_eq!(refused(Batch { outbox, ..Batch::default() }).await, text("effect key"));
    let events = vec![event(Some("fine"), ""), event(Some(nul), "")];
    assert_eq!(refused(Batch { events, ..Batch::default() }).await, text("event dedupe key"));
    let audit = vec![NewAudit {
        actor: nul.into(),
        action: "b".into(),
        subject: "c".into(),
        detail: json!("\u{0} is fine in a document"),
    }];
    assert_eq!(refused(Batch { audit, ..Batch::default() }).await, text("audit actor"));
    // Nothing was written, and questions get the same answer.
    assert_eq!((s.event_stats().await.unwrap().count, s.count_records("job").await.unwrap()), (0, 0));
    assert_eq!(s.record("job", nul).await.unwrap_err().to_string(), text("key"));
    assert_eq!(s.cursor(nul).await.unwrap_err().to_string(), text("key"));
    assert_eq!(s.event_by_key("github", nul).await.unwrap_err().to_string(), text("key"));
    let minute = std::time::Duration::from_secs(60);
    assert_eq!(s.take_lease(nul, "a", minute).await.unwrap_err().to_string(), text("lease name"));
    assert_eq!(s.take_lease("a", nul, minute).await.unwrap_err().to_string(), text("lease owner"));
    // The words of an error are kept, or the effect could never end.
    s.commit(Batch { outbox: vec![effect("x", "fine")], ..Batch::default() }).await.unwrap();
    let claimed = s.due_effects("x", 1, minute).await.unwrap().pop().unwrap();
    s.finish_effect(&claimed, Outcome::Failed { error: nul.into() }, Batch::default()).await.unwrap();
    let listed = s.effects(&EffectFilter::default()).await.unwrap();
    assert_eq!(listed[0].error.as_deref(), Some("a\u{fffd}b"));
}

pub(crate) async fn a_cursor_moves_only_from_where_it_stands(bed: Bed) {
    let s = &bed.store;
    let go = async |from, to| s.commit(Batch { cursor: cursor(from, to), ..Batch::default() }).await;
    assert_eq!(s.cursor("fleet").await.unwrap(), 0);
    assert!(is_conflict(&go(3, 4).await));
    go(0, 7).await.unwrap();
    assert!(is_conflict(&go(0, 9).await));
    go(7, 7).await.unwrap();
    go(7, 2).await.unwrap();
    // A rewind to the start and on.
    go(2, 0).await.unwrap();
    go(0, 11).await.unwrap();
    assert_eq!(s.cursor("fleet").await.unwrap(), 11);
    assert_eq!(s.cursor("warehouse").await.unwrap(), 0);
}

pub(crate) async fn of_concurrent_writers_one_wins(bed: Bed) {
    let stores = [bed.store.clone(), bed.open().await];
    for round in 0..5_i64 {
        let expected = if round == 0 { Expected::Absent } else { Expected::Version(round) };
        let calls = (0..6).map(|i| {
            let s = stores[i % 2].clone();
            let move_cursor = i < 3;
            tokio::spawn(async move {
                if move_cursor {
                    s.commit(Batch { cursor: cursor(round, round + 1), ..Batch::default() }).await
                } else {
                    s.commit(record("1", expected, Some(round))).await
                }
            })
        });
        let mut won = 0;
        for call in calls.collect::<Vec<_>>() {
            let answer = call.await.unwrap();
            assert!(answer.is_ok() || is_conflict(&answer), "{answer:?}");
            won += usize::from(answer.is_ok());
        }
        assert_eq!(won, 2, "round {round}");
    }
}

pub(crate) async fn batches_that_cross_do_not_wait_for_ever(bed: Bed) {
    let s = &bed.store;
    let calls = (0..40).map(|i| {
        let s = s.clone();
        let mut records: Vec<_> =
            (0..10).flat_map(|id| record(&id.to_string(), Expected::Any, Some(i)).records).collect();
        if i % 2 == 0 {
            records.reverse();
        }
        tokio::spawn(async move { s.commit(Batch { records, ..Batch::default() }).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    let all = s.list_records("job", None, 99).await.unwrap();
    assert_eq!(all.iter().map(|r| r.version).collect::<Vec<_>>(), [40; 10]);
    // Each batch is whole: the last one wrote all ten.
    assert!(all.iter().all(|r| r.value == all[0].value));
}
