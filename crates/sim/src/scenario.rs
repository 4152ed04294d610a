//! Scenarios: one YAML file that says how a world is, what happens in it and what must hold at the end.
//!
//! [`mod@file`] is the format, [`run`] plays it. The world (fake GitHub, jobs, clouds) is ours; the product under
//! test is whatever implements [`System`]. Between two moments of virtual time everything settles, so a scenario
//! gives the same report each time. User documentation: `docs/src/scenarios.md`.
//!
//! | look for | in |
//! |---|---|
//! | keys of the file | [`mod@file`], [`step`], [`expect`] |
//! | `90s`, `5m`, `>= 3` | [`values`] |
//! | reading it, with line and column | [`mod@parse`] |
//! | what the product must offer | [`system`] |
//! | what always must hold | [`invariants`] |
//! | the result | [`report`] |

mod checks;
#[cfg(test)]
mod documented;
pub mod expect;
mod facts;
pub mod file;
pub mod invariants;
pub mod parse;
mod play;
pub mod report;
pub mod step;
pub mod system;
pub mod values;

pub use expect::Expect;
pub use file::Scenario;
pub use invariants::Invariant;
pub use parse::parse;
pub use play::run;
pub use report::{Check, Report};
pub use step::Step;
pub use system::{System, SystemFacts};
