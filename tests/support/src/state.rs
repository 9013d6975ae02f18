//! What the server knows and is told, behind one lock.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::fault::Rule;
use crate::log::Request;
use crate::world::World;

/// All that a request can see or change.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) world: World,
    pub(crate) faults: Vec<Rule>,
    pub(crate) log: Vec<Request>,
    /// How many requests were logged in all.
    pub(crate) counted: u64,
    pub(crate) knobs: Knobs,
}

/// How the server differs from AWS until told otherwise.
#[derive(Debug)]
pub(crate) struct Knobs {
    /// How far the server's clock is ahead, in seconds.
    pub(crate) clock_skew: i64,
    /// The life of everything issued, in seconds, whatever was asked for.
    pub(crate) session_seconds: Option<i64>,
    /// The size of session tokens, in characters.
    pub(crate) token_size: usize,
    /// Whether what is issued has expired already.
    pub(crate) expired_answers: bool,
}

impl Default for Knobs {
    fn default() -> Self {
        Self { clock_skew: 0, session_seconds: None, token_size: 400, expired_answers: false }
    }
}

/// The state as the server's thread and its owner share it.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    logged: Condvar,
}

impl Shared {
    pub(crate) fn new(world: World) -> Self {
        Self { state: Mutex::new(State { world, ..State::default() }), logged: Condvar::new() }
    }

    /// Locks the state. A test that panicked with the lock held does not take the others down with it.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tell_logged(&self) {
        self.logged.notify_all();
    }

    /// Waits until the log fulfils `enough`, for `timeout` at most.
    pub(crate) fn wait(&self, timeout: Duration, enough: impl Fn(&[Request]) -> bool) -> bool {
        let waited = self.logged.wait_timeout_while(self.lock(), timeout, |state| !enough(&state.log));
        let (state, _timed_out) = waited.unwrap_or_else(PoisonError::into_inner);
        enough(&state.log)
    }
}
