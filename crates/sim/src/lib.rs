#![doc = include_str!("../README.md")]

pub mod cloud;
pub mod deliver;
pub mod drive;
pub mod faults;
pub mod http;
pub mod jit;
mod pace;
pub mod runner;
pub mod scenario;
mod shared;
mod stage;
mod wire;
pub mod workload;
pub mod world;

/// Routes of a receiver in the process.
pub use axum::Router;
pub use cloud::{CloudConfig, SimCloud};
pub use deliver::{Deliverer, Mailbox, Target};
pub use faults::Faults;
pub use http::{Api, FakeGitHub, HttpConfig};
pub use pace::Pace;
pub use shared::SharedWorld;
pub use stage::SharedStage;
pub use world::{World, WorldConfig};
