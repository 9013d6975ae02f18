//! stsd
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic"))]
pub mod adapters;
pub mod cli;
pub mod config;
pub mod domain;
pub mod logging;
pub mod paths;
pub mod ports;
pub mod usecase;
