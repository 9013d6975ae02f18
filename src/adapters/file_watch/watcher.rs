//! The kernel's watches, and the thread that keeps them where the files are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::plan::Plan;
use super::signal::Signal;

/// A file system that changes faster than it can be watched is left as it was seen last; the next event goes on.
const MAX_ROUNDS: usize = 16;

/// What the thread is told.
pub(super) enum Message {
    Event(notify::Result<Event>),
    Stop,
}

/// The watches of one set of files.
pub(super) struct Watches {
    files: Vec<PathBuf>,
    kernel: RecommendedWatcher,
    /// The directories that are watched.
    armed: BTreeSet<PathBuf>,
    plan: Plan,
    warned: bool,
}

impl Watches {
    /// Watches `files`; what happens to them is sent to `events`.
    ///
    /// # Errors
    ///
    /// The kernel has no more watchers to give.
    pub(super) fn start(files: Vec<PathBuf>, events: Sender<Message>) -> notify::Result<Self> {
        // Every reader of a file makes events too: they end here and wake nobody else. At the end of the thread nobody
        // listens any more.
        let send = move |event: notify::Result<Event>| {
            if event.as_ref().map_or(true, |event| event.need_rescan() || is_change(event.kind)) {
                drop(events.send(Message::Event(event)));
            }
        };
        let kernel = notify::recommended_watcher(send)?;
        let mut watches =
            Self { files, kernel, armed: BTreeSet::new(), plan: Plan::default(), warned: false };
        watches.arm();
        Ok(watches)
    }

    /// True if any change can be heard of.
    pub(super) fn any(&self) -> bool {
        !self.armed.is_empty()
    }

    /// Raises `signal` at every change of the files, until it is told to stop.
    pub(super) fn run(mut self, messages: &Receiver<Message>, signal: &Arc<Signal>) {
        while let Ok(Message::Event(event)) = messages.recv() {
            match event {
                Ok(event) if self.concerns(&event) => {
                    self.arm();
                    signal.raise();
                }
                Ok(_other) => {}
                Err(error) => tracing::debug!(%error, "the watch of files reported an error"),
            }
        }
    }

    /// Whether an event may be a change of a file, or of the way to it. A directory that is no longer what is watched
    /// under its name is forgotten, so that it will be watched anew.
    pub(super) fn concerns(&mut self, event: &Event) -> bool {
        if event.need_rescan() {
            self.forget_all();
            return true;
        }
        let moved = matches!(
            event.kind,
            EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_))
        );
        let mut concerns = false;
        for path in &event.paths {
            if moved && self.armed.remove(path) {
                self.unwatch(path);
                concerns = true;
            }
            concerns |= self.plan.entries.contains(path);
        }
        concerns
    }

    /// Makes the plan and watches what is in it, until the plan holds: a directory may appear between the look at it
    /// and the watch above it.
    pub(super) fn arm(&mut self) {
        for _ in 0..MAX_ROUNDS {
            let plan = Plan::of(&self.files);
            let settled = plan == self.plan && plan.directories.is_subset(&self.armed);
            self.plan = plan;
            if settled || !self.watch_plan() {
                break;
            }
        }
        let planned = &self.plan.directories;
        let unused: Vec<_> = self.armed.extract_if(.., |directory| !planned.contains(directory)).collect();
        for directory in unused {
            self.unwatch(&directory);
        }
    }

    /// Watches the directories of the plan that are not watched yet; false if one cannot be.
    fn watch_plan(&mut self) -> bool {
        let mut all = true;
        let missing: Vec<_> = self.plan.directories.difference(&self.armed).cloned().collect();
        for directory in missing {
            match self.kernel.watch(&directory, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.armed.insert(directory);
                }
                // Gone since the plan was made: the next plan knows.
                Err(_gone) if !directory.is_dir() => {}
                Err(error) => {
                    all = false;
                    if !self.warned {
                        self.warned = true;
                        let path = directory.display();
                        tracing::warn!(%path, %error, "changes of files here will not be noticed");
                    }
                }
            }
        }
        all
    }

    fn forget_all(&mut self) {
        for directory in std::mem::take(&mut self.armed) {
            self.unwatch(&directory);
        }
    }

    fn unwatch(&mut self, directory: &Path) {
        if let Err(error) = self.kernel.unwatch(directory) {
            // The kernel drops the watch of a directory that is deleted by itself.
            tracing::debug!(%error, "a watch was gone already");
        }
    }
}

/// False for events of those who only read: the daemon itself is one of them.
fn is_change(kind: EventKind) -> bool {
    !matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}
