//! The world as traits: what the use cases and the daemon ask for, and the adapters provide.
//!
//! Each trait is object-safe and its answers are boxed futures, so that a daemon can hold one set for life and a
//! test can put another in its place. No trait shows a type of an operating system's or AWS's crate.

use std::pin::Pin;

pub mod aws_settings;
pub mod code_command;
pub mod config_store;
pub mod file_watch;
pub mod keychain;
pub mod later;
pub mod notifier;
pub mod prompter;
pub mod service_manager;
pub mod session_store;
pub mod state;
pub mod sts;
pub mod supervisor;
pub mod time;

/// What an asynchronous port answers with.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Randomness of the operating system.
pub trait Entropy: Send + Sync {
    /// Fills `bytes` with random bytes.
    ///
    /// # Errors
    ///
    /// [`EntropyError`] where the system has none to give.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError>;
}

/// The operating system gave no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct EntropyError;
