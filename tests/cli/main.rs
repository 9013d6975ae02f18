//! The binary as its user types it, in a home that is thrown away: no desktop, no keychain, no network but a loopback
//! STS that is never to be called here. What needs a keychain is in `tests/desktop`.
//!
//! Only where a keychain is found through the environment: elsewhere it would be that of the person at this machine.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod configuration;
mod help;
mod home;
mod import;
mod keychain;
mod output;
mod ran;
mod secret;
mod service;
mod status;
mod usage;
mod version;
