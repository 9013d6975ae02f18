//! stsd as a service: the real program and the units of this project under a real `systemd --user`, of users of their
//! own who log in and out.
//!
//! Since that takes root and name spaces, these tests run only under `with-machine`, as `tests/run` starts them.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod crashes;
mod helpers;
mod install;
mod life;
#[path = "../cli/looks.rs"]
mod looks;
mod neighbours;
#[path = "../cli/ran.rs"]
#[expect(dead_code, reason = "other tests look at more of a command")]
mod ran;
mod roles;
mod sandbox;
mod secrets;
mod service;
mod user;

use std::sync::Once;

/// False, and said so, where no manager can run.
fn has_machine() -> bool {
    static SAID: Once = Once::new();
    let there = std::env::var_os("STSD_TEST_MACHINE").is_some_and(|value| value == "1");
    if !there {
        SAID.call_once(|| {
            stsd_test_support::not_run("a real systemd --user: needs root and name spaces, and tests/run");
        });
    }
    there
}
