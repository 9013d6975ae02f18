//! What outlives a run: `state.json`, which holds no secrets.

use thiserror::Error;

use super::Answer;
use crate::domain::record::State;

/// Why the state was not read or written.
#[derive(Debug, Error)]
#[error("the state file {path}: {reason}")]
pub struct StateError {
    /// The file.
    pub path: String,
    /// What went wrong, in the operating system's words.
    pub reason: String,
}

/// A change of the state, applied to what the file holds at that moment.
pub type StateChange = Box<dyn FnOnce(&mut State) + Send>;

/// The state file.
pub trait StateStore: Send + Sync {
    /// Reads the state; an absent file is an empty state, an unreadable one is reported and counts as empty.
    fn load(&self) -> Answer<'_, State>;

    /// Reads, changes and replaces the file, alone among all processes of the user.
    fn update(&self, change: StateChange) -> Answer<'_, Result<(), StateError>>;
}
