//! Time and file changes by hand.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use stsd::ports::Answer;
use stsd::ports::file_watch::FileWatch;
use stsd::ports::time::{Clock, Timer};
use tokio::sync::{Notify, watch};

use crate::harness::until;

/// A clock that stands still until the test moves it, and the timer that goes by it.
pub(crate) struct Hand {
    /// The time, and how often it was set rather than passed.
    time: watch::Sender<(DateTime<Utc>, u64)>,
    armed: Mutex<Option<DateTime<Utc>>>,
    waits: AtomicUsize,
    live: AtomicUsize,
    most_live: AtomicUsize,
}

impl Hand {
    /// A clock that shows `now`.
    pub(crate) fn at(now: DateTime<Utc>) -> Self {
        Self {
            time: watch::Sender::new((now, 0)),
            armed: Mutex::new(None),
            waits: AtomicUsize::new(0),
            live: AtomicUsize::new(0),
            most_live: AtomicUsize::new(0),
        }
    }

    /// Time passes: the timer fires if its deadline has come.
    pub(crate) fn pass_to(&self, at: DateTime<Utc>) {
        self.time.send_modify(|(now, _)| *now = at);
    }

    /// Time passes and the timer is late: it fires only when it is asked anew.
    pub(crate) fn slip_to(&self, at: DateTime<Utc>) {
        self.time.send_if_modified(|(now, _)| {
            *now = at;
            false
        });
    }

    /// Somebody sets the clock: the timer fires whatever its deadline is.
    pub(crate) fn set(&self, at: DateTime<Utc>) {
        self.time.send_modify(|(now, times)| (*now, *times) = (at, *times + 1));
    }

    /// Somebody sets the clock forward, or back.
    pub(crate) fn shift(&self, by: TimeDelta) {
        self.set(self.now() + by);
    }

    /// Waits until the daemon waits for `deadline`.
    pub(crate) fn wait_armed(&self, deadline: DateTime<Utc>) {
        until(&format!("the timer waits for {deadline}"), || {
            self.live.load(Ordering::SeqCst) == 1 && *self.armed.lock().unwrap() == Some(deadline)
        });
    }

    /// How often the timer was asked to wait.
    pub(crate) fn waits(&self) -> usize {
        self.waits.load(Ordering::SeqCst)
    }

    /// The most waits that were there at once.
    pub(crate) fn most_at_once(&self) -> usize {
        self.most_live.load(Ordering::SeqCst)
    }
}

impl Clock for Hand {
    fn now(&self) -> DateTime<Utc> {
        self.time.borrow().0
    }

    fn local(&self, at: DateTime<Utc>) -> DateTime<FixedOffset> {
        at.with_timezone(&FixedOffset::east_opt(3600).unwrap())
    }
}

/// A wait, as long as it lasts.
struct Live<'a>(&'a Hand);

impl Drop for Live<'_> {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Timer for Hand {
    fn wait_until(&self, deadline: DateTime<Utc>) -> Answer<'_, ()> {
        Box::pin(async move {
            let mut time = self.time.subscribe();
            let times = time.borrow().1;
            *self.armed.lock().unwrap() = Some(deadline);
            self.waits.fetch_add(1, Ordering::SeqCst);
            let live = self.live.fetch_add(1, Ordering::SeqCst) + 1;
            self.most_live.fetch_max(live, Ordering::SeqCst);
            let _live = Live(self);
            drop(time.wait_for(|(now, set)| *now >= deadline || *set != times).await.unwrap());
        })
    }
}

/// Changes of files that the test announces.
#[derive(Default)]
pub(crate) struct Files(Notify);

impl Files {
    /// Says that a file has changed.
    pub(crate) fn have_changed(&self) {
        self.0.notify_one();
    }
}

impl FileWatch for Files {
    fn changed(&self) -> Answer<'_, ()> {
        Box::pin(self.0.notified())
    }
}
