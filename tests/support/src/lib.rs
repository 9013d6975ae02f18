//! What the tests share: a strict simulated STS.
//!
//! [`StrictSts`] is an HTTP server on loopback that refuses what AWS refuses, with AWS's codes and texts: it verifies
//! Signature Version 4, the one-time code and its reuse, the owner of the MFA device, durations, and where a session may
//! be used. On demand it throttles, drops, hangs, garbles and skews its clock. It is not a fake that agrees with its
//! caller: nothing is accepted because a test finds that convenient, except through a knob that says so.
//!
//! One request: `connection` (bytes, faults of the wire) -> `service` (the action, its log entry, faults of the answer)
//! -> `auth` (key, token, clock, signature) -> `shapes` (parameters) -> `mfa` (the code, last) -> `actions` -> `answer`.
//!
//! The signature is checked before the code is looked at, so a request that fails there leaves the code usable.
//!
//! # Example
//! ```
//! use stsd_test_support::{Fault, StrictSts};
//!
//! let sts = StrictSts::with_alice();
//! let alice = sts.alice();
//! let code = sts.fresh_code(&alice.serial);
//! assert_eq!(code.len(), 6);
//! sts.fail_next(1, Fault::Throttle);
//! // ... run the program under test against sts.url() ...
//! assert_eq!(sts.codes_sent(), 0);
//! ```
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "test support may panic: the test that uses it then fails, which is its purpose"
)]

mod actions;
mod answer;
mod auth;
mod clock;
mod codes;
mod connection;
mod control;
mod error;
mod fault;
mod http;
mod identity;
mod ids;
mod log;
mod mfa;
mod not_run;
mod server;
mod service;
mod shapes;
mod sigv4;
mod state;
pub mod totp;
mod world;

pub use error::StsError;
pub use fault::Fault;
pub use identity::Identity;
pub use ids::account_of_key;
pub use log::Request;
pub use not_run::not_run;
pub use server::StrictSts;
pub use world::{Key, KeyState, MfaDevice, Role, RoleMut, User, UserMut, World};
