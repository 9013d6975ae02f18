//! What a client and the daemon say to each other.
//!
//! A connection is one dialogue: both sides say [`Hello`](message::Hello), the client makes one request, the daemon
//! answers with `Progress` and `CodeWanted` as often as need be, and with `Done` or `Failed` once. Each message is one
//! JSON object on one line ([`frame`]).
//!
//! No message holds a secret key or a session token; a one-time code crosses in one redacted field.

pub mod frame;
pub mod message;

/// The version of the dialogue. It changes when an old peer could misunderstand a new one; a new key of a message that
/// may be left out is no reason.
pub const VERSION: u32 = 1;
