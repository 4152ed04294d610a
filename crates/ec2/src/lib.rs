#![doc = include_str!("../README.md")]

pub mod api;
pub mod client;
pub mod credentials;
pub mod error;
pub mod provider;
mod query;
pub mod xml;

pub use client::{Client, Options};
pub use credentials::{Credentials, Sources};
pub use error::Error;
pub use provider::{Ec2Config, Ec2Provider};
