//! A flag that is raised by one and awaited by another.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// Changes that come within this of the first are one: an editor renames, writes and sets times in one go.
const BURST: Duration = Duration::from_millis(50);

/// Whether something happened since it was last asked.
#[derive(Debug, Default)]
pub(super) struct Signal {
    raised: AtomicBool,
    wake: Notify,
}

impl Signal {
    pub(super) fn raise(&self) {
        if !self.raised.swap(true, Ordering::SeqCst) {
            self.wake.notify_one();
        }
    }

    /// Returns soon after the signal was raised, and lowers it. A wait that is dropped leaves it as it was.
    pub(super) async fn wait(&self) {
        while !self.raised.load(Ordering::SeqCst) {
            self.wake.notified().await;
        }
        tokio::time::sleep(BURST).await;
        self.raised.store(false, Ordering::SeqCst);
    }
}
