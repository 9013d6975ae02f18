//! The desktop's notifications.

use thiserror::Error;

use super::Answer;
use crate::domain::notice::Notice;

/// Why a notice was not shown or withdrawn.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotifierError {
    /// No session bus, or nothing on it shows notifications.
    #[error("nothing shows notifications on this desktop: {0}")]
    NoServer(String),
    /// The server did not answer within the deadline.
    #[error("the notification server did not answer within {0} s")]
    NoAnswer(u64),
    /// The server refused.
    #[error("the notification server failed: {0}")]
    Failed(String),
}

/// A notice on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bubble(pub u32);

/// The notification server. Calls end within a deadline of a few seconds, whatever it does.
pub trait Notifier: Send + Sync {
    /// Shows a notice, in the place of another if that is still there.
    fn show<'a>(
        &'a self,
        notice: &'a Notice,
        replaces: Option<Bubble>,
    ) -> Answer<'a, Result<Bubble, NotifierError>>;

    /// Takes a notice off the screen; one that is gone already is no error.
    fn withdraw(&self, bubble: Bubble) -> Answer<'_, Result<(), NotifierError>>;
}
