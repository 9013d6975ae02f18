//! A notice in the Notification Center of macOS.
//!
//! Fire and forget: what the crate offers for taking a notice back or hearing of a click needs the main thread's run
//! loop, which a daemon does not have. So bubbles have no numbers, and a notice stays until its user dismisses it.

use std::fmt;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};

use notify_rust::Notification;

use super::{APP_NAME, DEADLINE};
use crate::domain::notice::Notice;
use crate::ports::Answer;
use crate::ports::notifier::{Bubble, Happening, Notifier, NotifierError};

/// So many notices may wait for the thread; behind more than that it hangs.
const WAITING: usize = 8;

/// The Notification Center, behind one detached thread.
#[derive(Default)]
pub struct DesktopNotifier {
    thread: Mutex<Option<SyncSender<Notification>>>,
}

impl DesktopNotifier {
    /// A notifier; its thread starts with the first notice.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn send(&self, notification: Notification) -> Result<Bubble, NotifierError> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = match thread.take() {
            Some(sender) => sender,
            None => start()?,
        };
        match sender.try_send(notification) {
            Ok(()) => {
                *thread = Some(sender);
                Ok(Bubble(0))
            }
            Err(TrySendError::Full(_notification)) => {
                *thread = Some(sender);
                Err(NotifierError::NoAnswer(DEADLINE.as_secs()))
            }
            Err(TrySendError::Disconnected(_notification)) => {
                Err(NotifierError::Failed("its thread ended unexpectedly".to_owned()))
            }
        }
    }
}

impl Notifier for DesktopNotifier {
    fn show<'a>(
        &'a self,
        notice: &'a Notice,
        _replaces: Option<Bubble>,
    ) -> Answer<'a, Result<Bubble, NotifierError>> {
        let mut notification = Notification::new();
        notification.appname(APP_NAME).summary(&notice.summary).body(&notice.unclickable_body);
        let sent = self.send(notification);
        Box::pin(std::future::ready(sent))
    }

    fn withdraw(&self, _bubble: Bubble) -> Answer<'_, Result<(), NotifierError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn next(&self) -> Answer<'_, Happening> {
        Box::pin(std::future::pending())
    }
}

impl fmt::Debug for DesktopNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DesktopNotifier").finish_non_exhaustive()
    }
}

fn start() -> Result<SyncSender<Notification>, NotifierError> {
    let (sender, notices) = sync_channel::<Notification>(WAITING);
    let run = move || {
        for notice in notices {
            // The handle sends the notice when it is dropped.
            match notice.show() {
                Ok(handle) => drop(handle),
                Err(error) => tracing::warn!(%error, "a notice was not shown"),
            }
        }
    };
    std::thread::Builder::new()
        .name("notifier".to_owned())
        .spawn(run)
        .map_err(|error| NotifierError::Failed(format!("no thread for it: {error}")))?;
    Ok(sender)
}
