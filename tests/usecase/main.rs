//! The use cases against the strict STS and a real file; only the keychain is in memory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may panic"
)]

#[path = "../world/mod.rs"]
mod world;

mod adding;
mod code_is_precious;
mod file;
mod forgetting;
mod importing;
mod mortal;
mod refreshing;
mod refusals;
mod service;
mod sources;
