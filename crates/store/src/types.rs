//! What goes in and comes out.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use trunkline_model::Evidence;

macro_rules! data {
    ($($(#[$m:meta])* $name:ident { $($(#[$f:meta])* $field:ident: $t:ty),* $(,)? })*) => { $(
        $(#[$m])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name { $($(#[$f])* pub $field: $t),* }
    )* };
}

data! {
    /// An event to append.
    NewEvent {
        /// Where it came from: `github`, `poll`, `operator`.
        source: String,
        /// What it is: for GitHub `X-GitHub-Event`.
        kind: String,
        /// Unique within the source; for GitHub the delivery id.
        dedupe_key: Option<String>,
        /// When it was received.
        received_at: Timestamp,
        /// A few small headers.
        headers: BTreeMap<String, String>,
        /// Raw body.
        body: Bytes,
    }
    /// An event of the log.
    Event {
        /// Its place in the log.
        seq: i64,
        /// Where it came from.
        source: String,
        /// What it is.
        kind: String,
        /// Unique within the source.
        dedupe_key: Option<String>,
        /// When it was received.
        received_at: Timestamp,
        /// A few small headers.
        headers: BTreeMap<String, String>,
        /// Raw body.
        body: Bytes,
    }
    /// A cursor to move; refused unless it stands at `from` (0 when never moved).
    CursorMove {
        /// Its name.
        name: String,
        /// Where it must stand.
        from: i64,
        /// Where it goes.
        to: i64,
    }
    /// A record to write or delete.
    RecordWrite {
        /// Kind.
        kind: String,
        /// Id within the kind.
        id: String,
        /// What must be there.
        expected: Expected,
        /// The new value; `None` deletes.
        value: Option<Value>,
    }
    /// An effect to do once.
    NewEffect {
        /// Kind, such as `fleet.launch`.
        kind: String,
        /// Idempotency key, unique for ever; an effect with a known key is ignored.
        key: String,
        /// What to do.
        payload: Value,
        /// Why.
        why: Evidence,
        /// Not before this time.
        not_before: Option<Timestamp>,
    }
    /// A line for the audit log.
    NewAudit {
        /// Who.
        actor: String,
        /// Did what.
        action: String,
        /// To what.
        subject: String,
        /// Details.
        detail: Value,
    }
    /// A line of the audit log.
    AuditEntry {
        /// Number.
        id: i64,
        /// When.
        at: Timestamp,
        /// Who.
        actor: String,
        /// Did what.
        action: String,
        /// To what.
        subject: String,
        /// Details.
        detail: Value,
    }
    /// A stored record.
    Record {
        /// Id within its kind.
        id: String,
        /// 1 when created, one more with every write.
        version: i64,
        /// The document.
        value: Value,
        /// Last write.
        updated_at: Timestamp,
    }
    /// A claimed effect.
    Effect {
        /// Number.
        id: i64,
        /// Kind.
        kind: String,
        /// Idempotency key.
        key: String,
        /// What to do.
        payload: Value,
        /// Why.
        why: Evidence,
        /// Attempts including this one.
        attempts: i64,
    }
    /// An effect as listed.
    EffectInfo {
        /// The effect; `attempts` so far.
        effect: Effect,
        /// Where it stands.
        state: EffectState,
        /// When it is next due (the end of the claim while claimed).
        due_at: Timestamp,
        /// Last error.
        error: Option<String>,
        /// What came out.
        result: Option<Value>,
        /// When it was decided.
        created_at: Timestamp,
    }
    /// A lease held.
    Lease {
        /// Its name.
        name: String,
        /// Who holds it.
        owner: String,
        /// Grows with every change of owner; outside systems can refuse lower ones.
        fencing: i64,
        /// When it runs out.
        expires_at: Timestamp,
    }
}

/// What must be there before a record is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Anything or nothing.
    Any,
    /// Nothing.
    Absent,
    /// This version.
    Version(i64),
}

/// Where an effect stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectState {
    /// To be done, or being done.
    Pending,
    /// Done.
    Done,
    /// Given up; stays visible.
    Failed,
}

impl EffectState {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
    pub(crate) fn read(text: &str) -> Result<Self, crate::Error> {
        match text {
            "pending" => Ok(Self::Pending),
            "done" => Ok(Self::Done),
            "failed" => Ok(Self::Failed),
            other => Err(crate::Error::Value(format!("effect state `{other}`"))),
        }
    }
}

/// Which effects to list, newest first.
#[derive(Debug, Clone, Default)]
pub struct EffectFilter {
    /// Only kinds that start so.
    pub kind_prefix: String,
    /// Only this state.
    pub state: Option<EffectState>,
    /// At most so many; 0 means 100.
    pub limit: usize,
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Done, with what came out.
    Done(Value),
    /// Try again.
    Retry {
        /// Not before.
        at: Timestamp,
        /// What went wrong.
        error: String,
    },
    /// Never again.
    Failed {
        /// What went wrong.
        error: String,
    },
}

/// What became of an appended event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Its place in the log (of the first one, for a duplicate).
    pub seq: i64,
    /// Whether it was there already.
    pub duplicate: bool,
}

/// Changes that happen together or not at all.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// A lease whose holder decided this: nothing is written once somebody else took it, or it was given back.
    pub lease: Option<Lease>,
    /// Events to append.
    pub events: Vec<NewEvent>,
    /// Cursor to move.
    pub cursor: Option<CursorMove>,
    /// Records to write.
    pub records: Vec<RecordWrite>,
    /// Effects to do.
    pub outbox: Vec<NewEffect>,
    /// Lines for the audit log.
    pub audit: Vec<NewAudit>,
}

/// What a batch did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Committed {
    /// For each event.
    pub appended: Vec<Appended>,
    /// New effects; those with a known key do not count.
    pub effects_added: usize,
}

/// Size of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventStats {
    /// Events kept.
    pub count: i64,
    /// First kept, 0 when empty.
    pub first_seq: i64,
    /// Last kept, 0 when empty.
    pub last_seq: i64,
    /// When the last one kept was received.
    pub last_received_at: Option<Timestamp>,
    /// Bytes of the bodies as stored.
    pub stored_bytes: i64,
}
