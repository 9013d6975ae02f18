//! The port's implementation.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use super::signal::Signal;
use super::watcher::{Message, Watches};
use crate::ports::Answer;
use crate::ports::file_watch::FileWatch;

/// A watch over a few files, on a detached thread.
///
/// From the moment it is made no change is missed. It does not notice that a directory above the file's own is renamed,
/// or that a link to one of these leads elsewhere. One task at a time may wait for it, in a runtime whose timers are on.
pub struct PathWatch {
    signal: Arc<Signal>,
    /// None if nothing can be watched.
    thread: Option<Sender<Message>>,
}

impl PathWatch {
    /// Watches `paths`, which need not be there yet. Where that cannot be done, one warning is logged.
    #[must_use]
    pub fn new(paths: Vec<PathBuf>) -> Self {
        let signal = Arc::new(Signal::default());
        let thread = start(paths, Arc::clone(&signal));
        Self { signal, thread }
    }
}

impl FileWatch for PathWatch {
    fn changed(&self) -> Answer<'_, ()> {
        if self.thread.is_none() {
            return Box::pin(std::future::pending());
        }
        Box::pin(self.signal.wait())
    }
}

impl Drop for PathWatch {
    fn drop(&mut self) {
        if let Some(thread) = &self.thread {
            // If it has ended by itself there is nobody to be told.
            drop(thread.send(Message::Stop));
        }
    }
}

impl fmt::Debug for PathWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PathWatch").finish_non_exhaustive()
    }
}

fn start(paths: Vec<PathBuf>, signal: Arc<Signal>) -> Option<Sender<Message>> {
    let (sender, messages) = channel();
    let watches = match Watches::start(paths, sender.clone()) {
        Ok(watches) => watches,
        Err(error) => {
            tracing::warn!(%error, "changes of files will not be noticed");
            return None;
        }
    };
    if !watches.any() {
        return None;
    }
    let run = move || watches.run(&messages, &signal);
    match std::thread::Builder::new().name("file-watch".to_owned()).spawn(run) {
        Ok(_detached) => Some(sender),
        Err(error) => {
            tracing::warn!(%error, "changes of files will not be noticed");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_dropped_watch_ends_its_thread() {
        let root = tempfile::TempDir::new().unwrap();
        let watch = PathWatch::new(vec![root.path().join("file")]);
        assert!(watch.thread.is_some());
        let signal = Arc::downgrade(&watch.signal);
        drop(watch);
        let end = Instant::now() + Duration::from_secs(10);
        while signal.strong_count() > 0 {
            assert!(Instant::now() < end, "the thread still holds the signal");
            std::thread::yield_now();
        }
    }
}
