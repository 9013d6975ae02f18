//! What stsd knows, without a clock, a file, a socket, a log, tokio or AWS's SDK.
//!
//! Time comes in as an argument; what is decided goes out as a value that the shell performs.

pub mod aws_file;
pub mod delivery;
pub mod duration;
pub mod endpoint;
pub mod failure;
pub mod fingerprint;
pub mod flights;
pub mod key_item;
pub mod keys;
pub mod mfa;
pub mod notice;
pub mod profile;
pub mod prompt;
pub mod record;
pub mod service;
pub mod session;
pub mod spent;
pub mod text;
pub mod totp;
