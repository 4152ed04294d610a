#![doc = include_str!("../README.md")]

pub mod fleet;
pub mod forge;
pub mod jobs;
pub mod labels;
pub mod ledger;
mod nearest;
pub mod observe;
pub mod osdc;
pub mod planner;
pub mod provider;
pub mod providers;
pub mod scale_config;
mod yaml;

pub use fleet::{Fleet, FleetConfig, FleetStatus, Parts, Scope};
