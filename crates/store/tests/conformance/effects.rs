//! The outbox and leases.

use crate::bed::{Bed, at, effect, event, outbox, record};
use async_trait::async_trait;
use jiff::SignedDuration;
use serde_json::json;
use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};
use trunkline_model::SharedClock;
use trunkline_store::{
    Batch, Effect, EffectFilter, EffectState, Error, Expected, NewEffect, Outcome,
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
    let unclaimed = s.finish_effect(listed[0].effect.id, Outcome::Done(json!(1)), Batch::default()).await;
    assert!(matches!(unclaimed, Err(Error::Conflict { .. })), "{unclaimed:?}");
    let ids: Vec<_> = s.due_effects("", 9, MINUTE).await.unwrap().iter().map(|e| e.id).collect();
    // The batch conflicts, so the effect is not done.
    let conflict =
        s.finish_effect(ids[0], Outcome::Done(json!(1)), record("1", Expected::Version(1), None)).await;
    assert!(matches!(conflict, Err(Error::Conflict { .. })), "{conflict:?}");
    let batch = Batch { events: vec![event(None, "")], ..record("1", Expected::Absent, Some(1)) };
    let done = s.finish_effect(ids[0], Outcome::Done(json!({ "id": 7 })), batch).await.unwrap();
    assert_eq!(done.appended.len(), 1);
    assert!(s.record("job", "1").await.unwrap().is_some());
    // Once done, not again, and nothing of the batch.
    let again = s.finish_effect(ids[0], Outcome::Done(json!(1)), record("2", Expected::Any, Some(1))).await;
    assert!(matches!(again, Err(Error::Conflict { .. })), "{again:?}");
    assert_eq!(s.count_records("job").await.unwrap(), 1);
    let retry = Outcome::Retry { at: at(1_005), error: "busy".into() };
    s.finish_effect(ids[1], retry, Batch::default()).await.unwrap();
    s.finish_effect(ids[2], Outcome::Failed { error: "no".into() }, Batch::default()).await.unwrap();
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
                    s.finish_effect(e.id, Outcome::Done(json!(null)), Batch::default()).await.unwrap();
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
    async fn execute(&self, e: &Effect) -> (Outcome, Batch) {
        self.0.lock().unwrap().push(format!("{} {}", e.key, e.attempts));
        match e.key.as_str() {
            "retry" => (Outcome::Retry { at: at(1_010), error: "later".into() }, Batch::default()),
            "fail" => (Outcome::Failed { error: "never".into() }, Batch::default()),
            "conflict" => (Outcome::Done(json!(0)), record("none", Expected::Version(9), None)),
            _ => (Outcome::Done(json!(0)), record("done", Expected::Any, Some(1))),
        }
    }
}

pub(crate) async fn the_runner_does_what_is_due(bed: Bed) {
    let (s, clock): (_, SharedClock) = (&bed.store, Arc::new(bed.clock.clone()));
    let batch = ["ok", "retry", "fail", "conflict"].map(|k| effect("x.do", k));
    s.commit(outbox(batch.into())).await.unwrap();
    s.commit(outbox(vec![effect("y.do", "not ours")])).await.unwrap();
    let script = Script::default();
    let stats = run_due(s, &script, &clock).await.unwrap();
    assert_eq!(stats, Stats { done: 1, retried: 1, failed: 1, conflicts: 1 });
    assert!(s.record("job", "done").await.unwrap().is_some());
    assert_eq!(run_due(s, &script, &clock).await.unwrap(), Stats::default());
    bed.clock.advance(SignedDuration::from_secs(10));
    assert_eq!(run_due(s, &script, &clock).await.unwrap(), Stats { retried: 1, ..Stats::default() });
    let done = script.0.lock().unwrap();
    assert_eq!(*done, ["ok 1", "retry 1", "fail 1", "conflict 1", "retry 2"]);
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
