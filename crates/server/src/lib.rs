#![doc = include_str!("../README.md")]

mod api;
mod app;
pub mod config;
mod error;
pub mod grid;
mod health;
pub mod intake;
pub mod live;
pub mod loops;
mod metrics;
mod progress;
pub mod projector;
mod request;
pub mod serve;
#[cfg(test)]
mod testing;
mod web;

pub use api::openapi_json;
pub use app::{App, AppState};
pub use config::{GridConfig, IntakeLimits, ServerConfig};
pub use live::Live;
pub use loops::{LoopRun, LoopStatus, Loops};
pub use projector::Projector;
pub use serve::{ServeOptions, serve, serve_with};
