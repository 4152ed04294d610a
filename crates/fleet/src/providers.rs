//! The providers we have.

pub mod process;
