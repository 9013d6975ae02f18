//! The desktop's notifications.

use thiserror::Error;

use super::Answer;
use crate::domain::notice::{Notice, Offer};

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

/// A notice on the screen. A number means one bubble for as long as the notifier lives, whatever server shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bubble(pub u32);

/// What the desktop tells of a notice that it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// Its user took an offer. Some servers tell it after [`Happening::Closed`] of the same bubble.
    Clicked(Bubble, Offer),
    /// The bubble was dismissed, or has gone by itself; not told of one that was withdrawn.
    Closed(Bubble),
    /// What showed the bubbles has ended, and all of them with it.
    ServerGone,
}

/// The notification server. Calls end within a deadline of a few seconds, whatever it does.
pub trait Notifier: Send + Sync {
    /// Shows a notice, in the place of another if that is still there. One that was given up as unanswered and is
    /// shown later all the same is taken off again.
    fn show<'a>(
        &'a self,
        notice: &'a Notice,
        replaces: Option<Bubble>,
    ) -> Answer<'a, Result<Bubble, NotifierError>>;

    /// Takes a notice off the screen; one that is gone already is no error.
    fn withdraw(&self, bubble: Bubble) -> Answer<'_, Result<(), NotifierError>>;

    /// The next thing that happens to a notice, in the order in which they happened; waits for ever where nothing can.
    /// The answer can be dropped at any time: what was not given out is given out by the next call. One caller at a
    /// time.
    fn next(&self) -> Answer<'_, Happening>;
}
