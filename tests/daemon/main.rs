//! `daemon::run` in process: a real socket, the strict STS, a real file; keychain, desktop, clock and timer are the
//! test's own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test may panic"
)]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test names the answer that it expects")]

#[path = "../world/mod.rs"]
mod world;

mod desktop;
mod dialogs;
mod hand;
mod harness;
mod store;
mod supervised;

mod answers;
mod clicks;
mod crowd;
mod dialogue;
mod ending;
mod flights;
mod frames;
mod neighbours;
mod notices;
mod orders_of_time;
mod renewal;
mod together;
mod wire;
