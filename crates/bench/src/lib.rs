#![doc = include_str!("../README.md")]

pub mod deliveries;
pub mod http;
pub mod program;
