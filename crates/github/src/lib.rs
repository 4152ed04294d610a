#![doc = include_str!("../README.md")]

pub mod client;
pub mod deliveries;
pub mod http;
pub mod webhook;

pub use client::{Client, ClientConfig, Credentials, Error, Scope};
