//! A simulated world: a fake GitHub over HTTP and the workload that keeps it busy.
//!
//! | look for | in |
//! |---|---|
//! | the fake GitHub's state: runs, jobs, runners, what follows from what | [`fake`] |
//! | its HTTP face, its webhooks, its runner program | [`fake::http`], [`fake::drive`], [`fake::runner`] |
//! | commits, pull requests, jobs, failures, logs | [`workload`] |
//! | the format of scenario files and their checks | [`scenario`] |

pub mod fake;
pub mod scenario;
pub mod workload;
