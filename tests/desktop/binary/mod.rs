//! The binary with all its real parts: a keyring, a terminal, the tools that read what it writes, and an STS.

mod consumers;
mod ensure;
mod foreign;
mod hidden;
mod import;
mod keyring;
pub(crate) mod machine;
mod refusals;
mod seed;
mod sharing;
mod story;
mod terminal;
pub(crate) mod typing;
