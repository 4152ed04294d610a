//! Reading and writing the fleet's records.

use super::{Error, Fleet};
use crate::{
    jobs::{ACTIVE_JOB_RECORD, ActiveJobs, JOB_RECORD},
    ledger::{Entry, PAST_RUNNER_RECORD, RUNNER_RECORD},
};
use std::collections::HashMap;
use trunkline_model::{Job, RunnerState};
use trunkline_store::{Batch, Expected, Record, RecordWrite};

/// A document with the version it was read at.
#[derive(Debug, Clone)]
pub(super) struct Versioned<T> {
    pub(super) value: T,
    pub(super) version: i64,
}

/// Records read per call.
const PAGE: usize = 500;

fn read<T: serde::de::DeserializeOwned>(kind: &'static str, record: Record) -> Result<Versioned<T>, Error> {
    let Record { id, version, value, .. } = record;
    let value = serde_json::from_value(value).map_err(|source| Error::Record { kind, id, source })?;
    Ok(Versioned { value, version })
}

impl Fleet {
    /// Builds the table of active jobs from the records.
    pub(super) async fn reload_jobs(&self) -> Result<(), Error> {
        let mut jobs = ActiveJobs::default();
        let mut after: Option<String> = None;
        loop {
            let page = self.0.store.list_records(ACTIVE_JOB_RECORD, after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            let ids: Vec<String> = page.into_iter().map(|record| record.id).collect();
            for record in self.0.store.records(JOB_RECORD, &ids).await? {
                let updated_at = record.updated_at;
                let job: Versioned<Job> = read(JOB_RECORD, record)?;
                jobs.put(&job.value, updated_at);
            }
        }
        let now = self.now();
        let mut state = self.state();
        state.jobs = jobs;
        state.jobs_read_at = Some(now);
        Ok(())
    }

    /// Documents of the named jobs, as far as there are any.
    pub(super) async fn jobs(&self, ids: &[String]) -> Result<HashMap<String, Versioned<Job>>, Error> {
        let mut jobs = HashMap::new();
        for ids in ids.chunks(PAGE) {
            for record in self.0.store.records(JOB_RECORD, ids).await? {
                jobs.insert(record.id.clone(), read(JOB_RECORD, record)?);
            }
        }
        Ok(jobs)
    }

    /// Reads the whole ledger of live runners.
    pub(super) async fn read_ledger(&self) -> Result<Vec<Versioned<Entry>>, Error> {
        let mut entries = vec![];
        let mut after: Option<String> = None;
        loop {
            let page = self.0.store.list_records(RUNNER_RECORD, after.as_deref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(entries) };
            after = Some(last.id.clone());
            for record in page {
                entries.push(read(RUNNER_RECORD, record)?);
            }
        }
    }

    /// Ledger entries of the named runners.
    pub(super) async fn entries(&self, names: &[String]) -> Result<Vec<Versioned<Entry>>, Error> {
        let mut entries = vec![];
        for names in names.chunks(PAGE) {
            for record in self.0.store.records(RUNNER_RECORD, names).await? {
                entries.push(read(RUNNER_RECORD, record)?);
            }
        }
        Ok(entries)
    }

    /// One ledger entry.
    pub(super) async fn entry(&self, name: &str) -> Result<Option<Versioned<Entry>>, Error> {
        self.0.store.record(RUNNER_RECORD, name).await?.map(|record| read(RUNNER_RECORD, record)).transpose()
    }
}

/// Adds writes of a job document: the record and its place among the active ones.
pub(super) fn write_job(batch: &mut Batch, key: &str, job: &Job, version: Option<i64>) {
    batch.records.push(RecordWrite {
        kind: JOB_RECORD.into(),
        id: key.into(),
        expected: version.map_or(Expected::Absent, Expected::Version),
        value: serde_json::to_value(job).ok(),
    });
    let active = job.status != trunkline_model::JobStatus::Completed;
    batch.records.push(RecordWrite {
        kind: ACTIVE_JOB_RECORD.into(),
        id: key.into(),
        expected: Expected::Any,
        value: active.then(|| serde_json::json!({})),
    });
}

/// Adds the write of a ledger entry; one that is gone moves to the past.
pub(super) fn write_entry(batch: &mut Batch, entry: &Entry, version: Option<i64>) {
    let gone = entry.runner.state == RunnerState::Gone;
    let value = serde_json::to_value(entry).ok();
    let write = |kind: &str, expected, value| RecordWrite {
        kind: kind.into(),
        id: entry.runner.name.to_string(),
        expected,
        value,
    };
    let expected = version.map_or(Expected::Absent, Expected::Version);
    if gone {
        batch.records.push(write(PAST_RUNNER_RECORD, Expected::Any, value));
        batch.records.push(write(RUNNER_RECORD, expected, None));
    } else {
        batch.records.push(write(RUNNER_RECORD, expected, value));
    }
}
