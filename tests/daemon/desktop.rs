//! A desktop that remembers what it was shown.

use std::sync::Mutex;

use stsd::domain::notice::Notice;
use stsd::ports::Answer;
use stsd::ports::notifier::{Bubble, Happening, Notifier, NotifierError};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::harness::until;

/// What happened on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// A notice in a bubble, in place of another or not.
    Shown { bubble: u32, replaces: Option<u32>, summary: String },
    /// A bubble was taken off.
    Withdrawn(u32),
    /// A notice came and could not be shown.
    Failed,
}

/// The desktop; it can be told to fail, and to be slow.
pub(crate) struct Desktop {
    seen: Mutex<Vec<Seen>>,
    notices: Mutex<Vec<Notice>>,
    broken: Mutex<bool>,
    /// Closed while nothing is drawn.
    draws: Semaphore,
    slow: Mutex<bool>,
    happen: UnboundedSender<Happening>,
    happened: tokio::sync::Mutex<UnboundedReceiver<Happening>>,
}

impl Default for Desktop {
    fn default() -> Self {
        let (happen, happened) = unbounded_channel();
        Self {
            seen: Mutex::default(),
            notices: Mutex::default(),
            broken: Mutex::default(),
            draws: Semaphore::new(0),
            slow: Mutex::default(),
            happen,
            happened: tokio::sync::Mutex::new(happened),
        }
    }
}

impl Desktop {
    /// Fails every notice from now on, or none.
    pub(crate) fn fail(&self, broken: bool) {
        *self.broken.lock().unwrap() = broken;
    }

    /// Draws nothing from now on until [`Self::draw`].
    pub(crate) fn stall(&self) {
        *self.slow.lock().unwrap() = true;
    }

    /// Draws what was held back.
    pub(crate) fn draw(&self) {
        *self.slow.lock().unwrap() = false;
        self.draws.add_permits(1000);
    }

    /// Something happens to a bubble.
    pub(crate) fn happen(&self, happening: Happening) {
        self.happen.send(happening).unwrap();
    }

    /// All that happened.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The notices that were asked for, shown or not.
    pub(crate) fn notices(&self) -> Vec<Notice> {
        self.notices.lock().unwrap().clone()
    }

    /// The summaries of the notices that were asked for.
    pub(crate) fn summaries(&self) -> Vec<String> {
        self.notices().into_iter().map(|notice| notice.summary).collect()
    }

    /// Waits until that many things have happened.
    pub(crate) fn wait_seen(&self, count: usize) -> Vec<Seen> {
        until(&format!("{count} things on the desktop"), || self.seen.lock().unwrap().len() >= count);
        self.seen()
    }
}

impl Notifier for Desktop {
    fn show<'a>(
        &'a self,
        notice: &'a Notice,
        replaces: Option<Bubble>,
    ) -> Answer<'a, Result<Bubble, NotifierError>> {
        Box::pin(async move {
            self.notices.lock().unwrap().push(notice.clone());
            if *self.slow.lock().unwrap() {
                self.draws.acquire().await.unwrap().forget();
            }
            let mut seen = self.seen.lock().unwrap();
            if *self.broken.lock().unwrap() {
                seen.push(Seen::Failed);
                return Err(NotifierError::NoServer("told to fail".to_owned()));
            }
            let shown = seen.iter().filter(|one| matches!(one, Seen::Shown { .. })).count();
            let bubble = replaces.map_or_else(|| u32::try_from(shown).unwrap() + 1, |bubble| bubble.0);
            let replaces = replaces.map(|bubble| bubble.0);
            seen.push(Seen::Shown { bubble, replaces, summary: notice.summary.clone() });
            Ok(Bubble(bubble))
        })
    }

    fn withdraw(&self, bubble: Bubble) -> Answer<'_, Result<(), NotifierError>> {
        Box::pin(async move {
            self.seen.lock().unwrap().push(Seen::Withdrawn(bubble.0));
            Ok(())
        })
    }

    fn next(&self) -> Answer<'_, Happening> {
        Box::pin(async move { self.happened.lock().await.recv().await.unwrap() })
    }
}
