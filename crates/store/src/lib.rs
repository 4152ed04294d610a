#![doc = include_str!("../README.md")]

mod codec;
mod error;
pub mod outbox;
mod postgres;
mod sqlite;
mod store;
pub mod testing;
mod types;

pub use error::Error;
pub use store::Store;
pub use types::{
    Appended, AuditEntry, Batch, Committed, CursorMove, Effect, EffectFilter, EffectInfo, EffectState, Event,
    EventStats, Expected, Lease, NewAudit, NewEffect, NewEvent, Outcome, Record, RecordWrite,
};
