//! The invented project that keeps the fake GitHub busy: commits, pull requests, jobs, failures, logs.
//!
//! The shape is that of a large machine-learning library (about 300 jobs per trunk commit, builds that feed
//! sharded tests), the names are ours. Equal seeds give equal histories. The [`Generator`] decides *what*
//! happens and when; a [`Stage`] (the simulated world) decides what follows: runners, webhooks, times.
//!
//! | look for | in |
//! |---|---|
//! | how much, how long, how bad | [`config`] |
//! | which jobs a commit gets | [`catalogue`] |
//! | authors, titles, reverts | [`people`] |
//! | why a job fails | [`outcome`] |
//! | what its log says | [`logs`] |
//! | arrivals, dependencies, re-runs | [`generator`] |
//! | thirty commits of past, at once | [`history`], [`payloads`] |

pub mod catalogue;
pub mod config;
mod failing;
pub mod generator;
pub mod history;
pub mod logs;
mod matrices;
pub mod outcome;
pub mod payloads;
pub mod people;
mod rollout;
pub mod stage;
pub mod steps;

pub use catalogue::{Catalogue, JobTemplate, Kind, Trigger};
pub use config::{FailureRates, Preset, WorkloadConfig};
pub use generator::{Generator, Stats};
pub use logs::log_for;
pub use outcome::{Cause, Outcome, Work};
pub use stage::{NewJob, NewPull, NewPush, NewRun, Stage};
