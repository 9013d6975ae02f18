//! The strict STS against a client that signs with the SDK's own signer.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics is a test that fails"
)]

mod auth;
mod client;
mod control;
mod faults;
mod mfa;
mod roles;
mod sessions;
