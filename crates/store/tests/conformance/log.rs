//! The event log.

use crate::bed::{Bed, Place, at, event};
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};
use trunkline_store::{Appended, Batch, Error, NewEvent};

pub(crate) async fn an_event_comes_back_as_it_went_in(bed: Bed) {
    let s = bed.store;
    let large = "a body that is large and dull; ".repeat(40_000);
    let sent = [event(Some("k1"), "{\"a\":1}"), event(None, ""), event(Some("k2"), &large)];
    let appended = s.append(sent.to_vec()).await.unwrap();
    assert!(appended.is_sorted_by(|a, b| a.seq < b.seq));
    let read = s.events(0, 10).await.unwrap();
    assert_eq!(
        read.iter().map(|e| e.seq).collect::<Vec<_>>(),
        appended.iter().map(|a| a.seq).collect::<Vec<_>>()
    );
    for (got, want) in read.iter().zip(&sent) {
        let got = got.clone();
        let back = NewEvent {
            source: got.source,
            kind: got.kind,
            dedupe_key: got.dedupe_key,
            received_at: got.received_at,
            headers: got.headers,
            body: got.body,
        };
        assert_eq!(&back, want);
    }
    assert_eq!(s.event(read[1].seq).await.unwrap().as_ref(), Some(&read[1]));
    assert_eq!(s.event_by_key("github", "k2").await.unwrap().as_ref(), Some(&read[2]));
    assert_eq!(s.event_by_key("poll", "k2").await.unwrap(), None);
    assert_eq!(s.events(read[0].seq, 1).await.unwrap(), read[1..2]);
    let stats = s.event_stats().await.unwrap();
    assert_eq!((stats.count, stats.first_seq, stats.last_seq), (3, read[0].seq, read[2].seq));
    assert_eq!(stats.last_received_at, Some(at(1_000)));
    assert!(stats.stored_bytes > 0 && stats.stored_bytes < 10_000, "{stats:?}");
    assert_eq!(s.last_seq().await.unwrap(), read[2].seq);
    s.health().await.unwrap();
}

pub(crate) async fn a_known_key_is_a_duplicate(bed: Bed) {
    let s = bed.store;
    assert_eq!(s.last_seq().await.unwrap(), 0);
    assert_eq!(s.append(vec![]).await.unwrap(), []);
    let first = s.append(vec![event(Some("a"), "first"), event(Some("a"), "twin")]).await.unwrap();
    let (a, twin) = (first[0].seq, first[1]);
    assert_eq!(twin, Appended { seq: a, duplicate: true });
    let poll = NewEvent { source: "poll".into(), ..event(Some("a"), "other source") };
    let again =
        vec![event(Some("b"), "new"), event(Some("a"), "again"), event(None, "x"), event(None, "x"), poll];
    let second = s.append(again).await.unwrap();
    assert_eq!(second[1], Appended { seq: a, duplicate: true });
    assert_eq!(second.iter().map(|x| x.duplicate).collect::<Vec<_>>(), [false, true, false, false, false]);
    assert_eq!(s.events(0, 100).await.unwrap().len(), 5);
    assert_eq!(s.event(a).await.unwrap().unwrap().body, "first");
    let keys = ["a", "b", "c"].map(str::to_owned);
    assert_eq!(s.seen_keys("github", &keys).await.unwrap(), HashSet::from(["a", "b"].map(str::to_owned)));
    let batch = Batch { events: vec![event(Some("b"), ""), event(Some("c"), "")], ..Batch::default() };
    let committed = s.commit(batch).await.unwrap();
    assert_eq!(committed.appended[0], Appended { seq: second[0].seq, duplicate: true });
    assert!(!committed.appended[1].duplicate);
}

pub(crate) async fn concurrent_appends_lose_and_skip_nothing(bed: Bed) {
    const WRITERS: usize = 8;
    const EACH: usize = 40;
    // Two handles, like two replicas; half of the events through batches; every key is sent by two writers.
    let stores = [bed.store.clone(), bed.open().await];
    let reader = tokio::spawn({
        let s = bed.store.clone();
        async move {
            let (mut after, mut keys) = (0, Vec::new());
            while keys.len() < WRITERS * EACH / 2 {
                for e in s.events(after, 7).await.unwrap() {
                    assert!(e.seq > after);
                    after = e.seq;
                    keys.push(e.dedupe_key.unwrap());
                }
            }
            (after, keys)
        }
    });
    let writers = (0..WRITERS).map(|w| {
        let s = stores[w % 2].clone();
        tokio::spawn(async move {
            let mut out = Vec::new();
            for i in 0..EACH {
                let key = format!("{}-{i}", w / 2);
                let events = vec![event(Some(&key), "{}")];
                let appended = if i % 2 == 0 {
                    s.append(events).await.unwrap()
                } else {
                    s.commit(Batch { events, ..Batch::default() }).await.unwrap().appended
                };
                // Durable and visible once answered.
                assert_eq!(
                    s.event(appended[0].seq).await.unwrap().unwrap().dedupe_key.as_deref(),
                    Some(&*key)
                );
                out.push((key, appended[0]));
            }
            out
        })
    });
    let mut by_key: HashMap<String, Vec<Appended>> = HashMap::new();
    for writer in writers.collect::<Vec<_>>() {
        for (key, appended) in writer.await.unwrap() {
            by_key.entry(key).or_default().push(appended);
        }
    }
    assert_eq!(by_key.values().map(|a| a[0].seq).collect::<HashSet<_>>().len(), WRITERS * EACH / 2);
    for (key, twice) in &by_key {
        assert_eq!(twice[0].seq, twice[1].seq, "{key}");
        assert_eq!(twice.iter().filter(|a| a.duplicate).count(), 1, "{key}");
    }
    // A reader that follows the log saw each event, so none became visible behind it.
    let (last, seen) =
        tokio::time::timeout(Duration::from_secs(20), reader).await.expect("an event skipped").unwrap();
    assert_eq!(seen.len(), WRITERS * EACH / 2);
    assert_eq!(seen.into_iter().collect::<HashSet<_>>(), by_key.into_keys().collect());
    assert_eq!(bed.store.last_seq().await.unwrap(), last);
}

pub(crate) async fn a_bad_event_does_not_fail_its_neighbours(bed: Bed) {
    let s = bed.store;
    let calls = (0..40).map(|i| {
        let s = s.clone();
        let key = if i == 20 { "\u{0}".to_owned() } else { i.to_string() };
        tokio::spawn(async move { s.append(vec![event(Some(&key), "")]).await })
    });
    for (i, call) in calls.collect::<Vec<_>>().into_iter().enumerate() {
        let answer = call.await.unwrap();
        assert_eq!(answer.is_err(), i == 20, "{i}: {answer:?}");
        if let Err(e) = answer {
            assert!(matches!(&e, Error::Value(_)) && !e.is_transient(), "{e:?}");
        }
    }
    assert_eq!(s.event_stats().await.unwrap().count, 39);
}

pub(crate) async fn the_log_is_pruned_but_for_its_newest(bed: Bed) {
    let s = bed.store;
    assert_eq!(s.prune_events(at(9_000)).await.unwrap(), 0);
    for second in [10, 20, 30, 40] {
        let e = NewEvent { received_at: at(second), ..event(Some(&second.to_string()), "") };
        s.append(vec![e]).await.unwrap();
    }
    let last = s.last_seq().await.unwrap();
    assert_eq!(s.prune_events(at(30)).await.unwrap(), 2);
    assert_eq!(
        s.events(0, 9).await.unwrap().iter().map(|e| e.received_at).collect::<Vec<_>>(),
        [at(30), at(40)]
    );
    assert_eq!(s.prune_events(at(9_000)).await.unwrap(), 1);
    assert_eq!(s.last_seq().await.unwrap(), last);
    // The pruned key is forgotten, its number is not given again.
    let again = s.append(vec![event(Some("10"), "")]).await.unwrap()[0];
    assert!(!again.duplicate && again.seq > last);
}

pub(crate) async fn news_wakes_subscribers(bed: Bed) {
    let other = bed.open().await;
    let mut here = bed.store.subscribe();
    let mut there = other.subscribe();
    let seq = bed.store.append(vec![event(None, "")]).await.unwrap()[0].seq;
    let wait = Duration::from_secs(5);
    tokio::time::timeout(wait, here.wait_for(|s| *s == seq)).await.unwrap().unwrap();
    // Another replica sees it too; SQLite has none.
    if matches!(bed.place, Place::Server(_)) {
        tokio::time::timeout(wait, there.wait_for(|s| *s == seq)).await.unwrap().unwrap();
    }
    let batch = Batch { events: vec![event(None, "")], ..Batch::default() };
    let seq = bed.store.commit(batch).await.unwrap().appended[0].seq;
    tokio::time::timeout(wait, here.wait_for(|s| *s == seq)).await.unwrap().unwrap();
    assert_eq!(*bed.open().await.subscribe().borrow(), seq);
}
