//! What happened on the desktop and was not yet asked for.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::ports::notifier::{Bubble, Happening};

/// So many may wait before one that says the same as another is left out.
const ROOMY: usize = 64;

/// A queue whose writers never wait.
///
/// It never drops a thing of its own kind: how many there are is bounded by the bubbles of this process and what can
/// be done to one, since from [`ROOMY`] on nothing is queued twice.
#[derive(Debug, Default)]
pub(super) struct Happenings {
    queue: Mutex<VecDeque<Happening>>,
    more: Notify,
    bubbles: AtomicU32,
}

impl Happenings {
    pub(super) fn push(&self, happening: Happening) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.len() >= ROOMY && queue.contains(&happening) {
            return;
        }
        queue.push_back(happening);
        drop(queue);
        self.more.notify_one();
    }

    /// A number that no bubble of these happenings had before.
    pub(super) fn fresh_bubble(&self) -> Bubble {
        Bubble(self.bubbles.fetch_add(1, Ordering::Relaxed).wrapping_add(1))
    }

    /// The oldest. It leaves the queue in the moment in which it is given out, so a call that is dropped loses nothing.
    pub(super) async fn next(&self) -> Happening {
        loop {
            // A push between the look and the wait leaves its permit here.
            let more = self.more.notified();
            if let Some(happening) = self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front() {
                return happening;
            }
            more.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::notice::Offer;

    fn now(future: impl Future<Output = Happening>) -> Option<Happening> {
        let mut future = std::pin::pin!(future);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(happening) => Some(happening),
            std::task::Poll::Pending => None,
        }
    }

    #[test]
    fn what_happens_between_two_calls_or_in_one_that_is_dropped_comes_with_the_next() {
        let happenings = Happenings::default();
        let click = |n| Happening::Clicked(Bubble(n), Offer::EnterCode);
        assert_eq!(now(happenings.next()), None);
        happenings.push(click(1));
        happenings.push(click(2));
        drop(happenings.next());
        assert_eq!(now(happenings.next()), Some(click(1)));
        assert_eq!(now(happenings.next()), Some(click(2)));
        assert_eq!(now(happenings.next()), None);
    }

    #[test]
    fn a_server_gone_mad_fills_no_memory_and_no_click_is_dropped() {
        let happenings = Happenings::default();
        let click = |n| Happening::Clicked(Bubble(n), Offer::EnterCode);
        for _ in 0..10_000 {
            happenings.push(click(1));
        }
        happenings.push(click(2));
        happenings.push(Happening::Closed(Bubble(2)));
        for _ in 0..ROOMY {
            assert_eq!(now(happenings.next()), Some(click(1)));
        }
        assert_eq!(now(happenings.next()), Some(click(2)));
        assert_eq!(now(happenings.next()), Some(Happening::Closed(Bubble(2))));
        assert_eq!(now(happenings.next()), None);
    }
}
