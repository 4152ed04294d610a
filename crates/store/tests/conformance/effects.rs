//! The outbox and leases.

use crate::bed::{Bed, at, effect, event, outbox, record};
use async_trait::async_trait;
use jiff::SignedDuration;
use serde_json::json;
use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use trunkline_model::SharedClock;
use trunkline_store::{
    Batch, Effect, EffectFilter, EffectState, Error, Expected, Lease, NewEffect, Outcome,
    outbox::{Executor, Stats, run_due},
};

const MINUTE: Duration = Duration::from_secs(60);

fn keys(effects: &[Effect]) -> Vec<&str> {
    effects.iter().map(|e| e.key.as_str()).collect()
}

pub(crate) async fn an_effect_is_claimed_and_comes_again(bed: Bed) {
    let s = &bed.store;
    let later = NewEffect { not_before: Some(at(1_030)), ..effect("fleet.stop", "later") };
    let batch = outbox(vec![
        effect("fleet.launch", "a"),
        effect("merge.push", "b"),
        effect("fleet.launch", "c"),
        later,
    ]);
    s.commit(batch).await.unwrap();
    let first = s.due_effects("fleet.", 1, MINUTE).await.unwrap();
    assert_eq!(keys(&first), ["a"]);
    assert_eq!((first[0].attempts, &first[0].payload), (1, &json!({ "key": "a" })));
    assert_eq!((first[0].why.rule.as_str(), first[0].kind.as_str()), ("test.rule", "fleet.launch"));
    assert_eq!(keys(&s.due_effects("fleet.", 9, MINUTE).await.unwrap()), ["c"]);
    assert_eq!(s.due_effects("fleet.", 9, MINUTE).await.unwrap(), []);
    assert_eq!(s.due_effects("%", 9, MINUTE).await.unwrap(), []);
    bed.clock.advance(SignedDuration::from_secs(30));
    assert_eq!(keys(&s.due_effects("fleet.", 9, MINUTE).await.unwrap()), ["later"]);
    // The claims of the first two run out.
    bed.clock.advance(SignedDuration::from_secs(30));
    let again = s.due_effects("fleet.", 9, MINUTE).await.unwrap();
    assert_eq!((keys(&again), again[0].attempts), (vec!["a", "c"], 2));
    assert_eq!(keys(&s.due_effects("", 9, MINUTE).await.unwrap()), ["b"]);
}

pub(crate) async fn an_outcome_is_written_with_its_batch(bed: Bed) {
    let s = &bed.store;
    s.commit(outbox(["a", "b", "c", "d"].map(|k| effect("x", k)).into())).await.unwrap();
    let listed = s.effects(&EffectFilter::default()).await.unwrap();
    assert_eq!(listed.iter().map(|e| e.effect.key.as_str()).collect::<Vec<_>>(), ["d", "c", "b", "a"]);
    let unclaimed = s.finish_effect(&listed[0].effect, Outcome::Done(json!(1)), Batch::default()).await;
    assert!(matches!(unclaimed, Err(Error::Conflict { .. })), "{unclaimed:?}");
    let claimed = s.due_effects("", 9, MINUTE).await.unwrap();
    // The batch conflicts, so the effect is not done.
    let conflict =
        s.finish_effect(&claimed[0], Outcome::Done(json!(1)), record("1", Expected::Version(1), None)).await;
    assert!(matches!(conflict, Err(Error::Conflict { .. })), "{conflict:?}");
    let batch = Batch { events: vec![event(None, "")], ..record("1", Expected::Absent, Some(1)) };
    let done = s.finish_effect(&claimed[0], Outcome::Done(json!({ "id": 7 })), batch).await.unwrap();
    assert_eq!(done.appended.len(), 1);
    assert!(s.record("job", "1").await.unwrap().is_some());
    // Once done, not again, and nothing of the batch.
    let again =
        s.finish_effect(&claimed[0], Outcome::Done(json!(1)), record("2", Expected::Any, Some(1))).await;
    assert!(matches!(again, Err(Error::Conflict { .. })), "{again:?}");
    assert_eq!(s.count_records("job").await.unwrap(), 1);
    let retry = Outcome::Retry { at: at(1_005), error: "busy".into() };
    s.finish_effect(&claimed[1], retry, Batch::default()).await.unwrap();
    s.finish_effect(&claimed[2], Outcome::Failed { error: "no".into() }, Batch::default()).await.unwrap();
    assert_eq!(s.due_effects("", 9, MINUTE).await.unwrap(), []);
    bed.clock.advance(SignedDuration::from_secs(5));
    let retried = s.due_effects("", 9, MINUTE).await.unwrap();
    assert_eq!((keys(&retried), retried[0].attempts), (vec!["b"], 2));
    let of =
        async |state| s.effects(&EffectFilter { state, kind_prefix: "x".into(), limit: 0 }).await.unwrap();
    let done = of(Some(EffectState::Done)).await;
    assert_eq!((done.len(), &done[0].result, done[0].created_at), (1, &Some(json!({ "id": 7 })), at(1_000)));
    let failed = of(Some(EffectState::Failed)).await;
    assert_eq!((failed.len(), failed[0].error.as_deref()), (1, Some("no")));
    let pending = of(Some(EffectState::Pending)).await;
    assert_eq!((pending.len(), pending[1].error.as_deref(), pending[1].due_at), (2, Some("busy"), at(1_065)));
    let one = EffectFilter { limit: 1, ..EffectFilter::default() };
    assert_eq!(s.effects(&one).await.unwrap().len(), 1);
    // A key is unique for ever.
    assert_eq!(s.commit(outbox(vec![effect("x", "a")])).await.unwrap().effects_added, 0);
}

pub(crate) async fn a_late_finisher_is_refused(bed: Bed) {
    let (s, other) = (&bed.store, bed.open().await);
    s.commit(outbox(vec![effect("x", "a")])).await.unwrap();
    let late = s.due_effects("", 1, MINUTE).await.unwrap().pop().unwrap();
    // Run out and nobody else came: its work counts. Here somebody else comes.
    bed.clock.advance(SignedDuration::from_secs(61));
    let current = other.due_effects("", 1, MINUTE).await.unwrap().pop().unwrap();
    assert_eq!((current.id, current.attempts), (late.id, 2));
    let note = |value| Batch {
        events: vec![event(None, "")],
        outbox: vec![effect("x", "follow-up")],
        ..record("note", Expected::Any, Some(value))
    };
    for outcome in [
        Outcome::Done(json!("late")),
        Outcome::Retry { at: at(0), error: "late".into() },
        Outcome::Failed { error: "late".into() },
    ] {
        let refused = s.finish_effect(&late, outcome, note(1)).await;
        assert!(matches!(refused, Err(Error::Conflict { .. })), "{refused:?}");
    }
    assert_eq!(s.record("job", "note").await.unwrap(), None, "nothing of its batch");
    assert_eq!(s.event_stats().await.unwrap().count, 0);
    other.finish_effect(&current, Outcome::Done(json!("current")), note(2)).await.unwrap();
    // Nor can it overwrite what the other one wrote.
    assert!(s.finish_effect(&late, Outcome::Done(json!("late")), note(3)).await.is_err());
    assert_eq!(s.record("job", "note").await.unwrap().unwrap().value, json!(2));
    let listed = s.effects(&EffectFilter::default()).await.unwrap();
    let results: Vec<_> = listed.iter().map(|e| (e.effect.key.as_str(), e.result.clone())).collect();
    assert_eq!(results, [("follow-up", None), ("a", Some(json!("current")))]);
    // A claim that ran out and that nobody else has still counts.
    let slow = s.due_effects("", 1, MINUTE).await.unwrap().pop().unwrap();
    bed.clock.advance(SignedDuration::from_secs(61));
    s.finish_effect(&slow, Outcome::Done(json!("slow")), Batch::default()).await.unwrap();
}

pub(crate) async fn no_effect_is_claimed_twice_at_once(bed: Bed) {
    let stores = [bed.store.clone(), bed.open().await];
    bed.store.commit(outbox((0..60).map(|i| effect("x", &i.to_string())).collect())).await.unwrap();
    let workers = (0..6).map(|w| {
        let s = stores[w % 2].clone();
        tokio::spawn(async move {
            let mut mine = Vec::new();
            loop {
                let some = s.due_effects("x", 3, MINUTE).await.unwrap();
                if some.is_empty() {
                    return mine;
                }
                for e in some {
                    s.finish_effect(&e, Outcome::Done(json!(null)), Batch::default()).await.unwrap();
                    mine.push(e.id);
                }
            }
        })
    });
    let mut all = Vec::new();
    for worker in workers.collect::<Vec<_>>() {
        all.extend(worker.await.unwrap());
    }
    assert_eq!((all.len(), all.into_iter().collect::<HashSet<_>>().len()), (60, 60));
}

/// Does as the payload's key says.
#[derive(Default)]
struct Script(Mutex<Vec<String>>);

#[async_trait]
impl Executor for Script {
    fn kind_prefix(&self) -> &str {
        "x."
    }
    async fn execute(&self, e: &Effect) -> Result<(Outcome, Batch), Error> {
        self.0.lock().unwrap().push(format!("{} {}", e.key, e.attempts));
        Ok(match e.key.as_str() {
            "retry" => (Outcome::Retry { at: at(1_010), error: "later".into() }, Batch::default()),
            "fail" => (Outcome::Failed { error: "never".into() }, Batch::default()),
            "conflict" => (Outcome::Done(json!(0)), record("none", Expected::Version(9), None)),
            _ => (Outcome::Done(json!(0)), record("done", Expected::Any, Some(1))),
        })
    }
}

pub(crate) async fn the_runner_does_what_is_due(bed: Bed) {
    let (s, clock): (_, SharedClock) = (&bed.store, Arc::new(bed.clock.clone()));
    let batch = ["ok", "retry", "fail", "conflict"].map(|k| effect("x.do", k));
    s.commit(outbox(batch.into())).await.unwrap();
    s.commit(outbox(vec![effect("y.do", "not ours")])).await.unwrap();
    let script = Script::default();
    let stats = run_due(s, &script, &clock).await.unwrap();
    assert_eq!(stats, Stats { done: 1, retried: 1, failed: 1, conflicts: 1, more: false });
    assert!(s.record("job", "done").await.unwrap().is_some());
    assert_eq!(run_due(s, &script, &clock).await.unwrap(), Stats::default());
    bed.clock.advance(SignedDuration::from_secs(10));
    assert_eq!(run_due(s, &script, &clock).await.unwrap(), Stats { retried: 1, ..Stats::default() });
    let done = script.0.lock().unwrap();
    assert_eq!(*done, ["ok 1", "retry 1", "fail 1", "conflict 1", "retry 2"]);
}

/// Answers when as many are under way as it was told to expect.
struct Together {
    barrier: tokio::sync::Barrier,
    left: AtomicUsize,
}

#[async_trait]
impl Executor for Together {
    fn kind_prefix(&self) -> &str {
        ""
    }
    fn per_round(&self) -> usize {
        7
    }
    fn at_once(&self) -> usize {
        3
    }
    async fn may_act(&self) -> Result<bool, Error> {
        Ok(self.left.load(Ordering::Relaxed) > 0)
    }
    async fn execute(&self, _: &Effect) -> Result<(Outcome, Batch), Error> {
        self.barrier.wait().await;
        self.left.fetch_sub(1, Ordering::Relaxed);
        Ok((Outcome::Done(json!(0)), Batch::default()))
    }
}

pub(crate) async fn the_runner_does_several_at_once_and_stops_when_told(bed: Bed) {
    let (s, clock): (_, SharedClock) = (&bed.store, Arc::new(bed.clock.clone()));
    s.commit(outbox((0..12).map(|i| effect("x", &i.to_string())).collect())).await.unwrap();
    // Three must be under way together or none ends; the first claim is of three, later ones of what is free.
    let run = async |width, left| {
        let together = Together { barrier: tokio::sync::Barrier::new(width), left: AtomicUsize::new(left) };
        tokio::time::timeout(MINUTE, run_due(s, &together, &clock)).await.expect("not at once").unwrap()
    };
    assert_eq!(run(3, 3).await, Stats { done: 3, ..Stats::default() });
    assert_eq!(run(1, 99).await, Stats { done: 7, more: true, ..Stats::default() });
    assert_eq!(run(1, 99).await, Stats { done: 2, ..Stats::default() });
}

pub(crate) async fn a_lease_fences_batches(bed: Bed) {
    let (s, other) = (&bed.store, bed.open().await);
    assert_eq!(s.lease("planner").await.unwrap(), None);
    let a = s.take_lease("planner", "a", MINUTE).await.unwrap().unwrap();
    assert_eq!(s.lease("planner").await.unwrap().as_ref(), Some(&a));
    let by = |lease: &Lease, id: &str| Batch {
        lease: Some(lease.clone()),
        outbox: vec![effect("x", id)],
        ..record(id, Expected::Absent, Some(1))
    };
    s.commit(by(&a, "1")).await.unwrap();
    // Run out, but nobody else took it: no harm.
    bed.clock.advance(SignedDuration::from_secs(61));
    s.commit(by(&a, "2")).await.unwrap();
    let b = other.take_lease("planner", "b", MINUTE).await.unwrap().unwrap();
    let lost = s.commit(by(&a, "3")).await;
    assert!(matches!(&lost, Err(e @ Error::LeaseLost { .. }) if !e.is_transient()), "{lost:?}");
    // The end of an effect is fenced too, and the effect stays to be done.
    let claimed = s.due_effects("x", 1, MINUTE).await.unwrap().pop().unwrap();
    let lost = s.finish_effect(&claimed, Outcome::Done(json!(0)), by(&a, "3")).await;
    assert!(matches!(lost, Err(Error::LeaseLost { .. })), "{lost:?}");
    assert_eq!(s.record("job", "3").await.unwrap(), None);
    other.finish_effect(&claimed, Outcome::Done(json!(0)), by(&b, "3")).await.unwrap();
    // Given back is lost as well, even when the same owner takes it again.
    other.release_lease(&b).await.unwrap();
    assert!(matches!(other.commit(by(&b, "4")).await, Err(Error::LeaseLost { .. })));
    let again = other.take_lease("planner", "b", MINUTE).await.unwrap().unwrap();
    assert!(matches!(other.commit(by(&b, "4")).await, Err(Error::LeaseLost { .. })));
    other.commit(by(&again, "4")).await.unwrap();
}

pub(crate) async fn a_lease_has_one_holder_at_a_time(bed: Bed) {
    let (s, other) = (&bed.store, bed.open().await);
    let a = s.take_lease("planner", "a", MINUTE).await.unwrap().unwrap();
    assert_eq!((a.fencing, a.expires_at, a.owner.as_str()), (1, at(1_060), "a"));
    assert_eq!(other.take_lease("planner", "b", MINUTE).await.unwrap(), None);
    assert_eq!(other.take_lease("merger", "b", MINUTE).await.unwrap().unwrap().fencing, 1);
    // Prolonged under the same number.
    bed.clock.advance(SignedDuration::from_secs(59));
    let a = s.take_lease("planner", "a", MINUTE).await.unwrap().unwrap();
    assert_eq!((a.fencing, a.expires_at), (1, at(1_119)));
    // Run out: somebody else takes it, and the late holder can neither take nor release it.
    bed.clock.advance(SignedDuration::from_secs(60));
    let b = other.take_lease("planner", "b", MINUTE).await.unwrap().unwrap();
    assert_eq!(b.fencing, 2);
    s.release_lease(&a).await.unwrap();
    assert_eq!(s.take_lease("planner", "a", MINUTE).await.unwrap(), None);
    // Given back: free at once, with a new number even for the same owner.
    other.release_lease(&b).await.unwrap();
    assert_eq!(other.take_lease("planner", "b", MINUTE).await.unwrap().unwrap().fencing, 3);
    bed.clock.advance(SignedDuration::from_secs(61));
    assert_eq!(other.take_lease("planner", "b", MINUTE).await.unwrap().unwrap().fencing, 4);
    // Of many at once one gets it.
    let calls = (0..8).map(|i| {
        let s = if i % 2 == 0 { s.clone() } else { other.clone() };
        tokio::spawn(async move { s.take_lease("race", &i.to_string(), MINUTE).await.unwrap() })
    });
    let mut held = 0;
    for call in calls.collect::<Vec<_>>() {
        held += usize::from(call.await.unwrap().is_some());
    }
    assert_eq!(held, 1);
}
