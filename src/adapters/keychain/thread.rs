//! One thread on which blocking calls are made, and which can be left behind when one of them hangs.
//!
//! The thread is a detached one of std's: a runtime waits for its own blocking threads when it is dropped, and a
//! process whose keychain hangs could never exit. At most two threads exist: the current one, and one that was
//! abandoned because a call on it had not come back by its deadline.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::ports::keychain::KeychainError;

/// Tells work on the thread whether its caller still waits. Work asks before it changes anything: a change made after
/// the caller was told that it failed would be one that nobody knows of.
pub(super) type Wanted<'a> = &'a dyn Fn() -> bool;

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

/// A thread that owns an `S`, made there by its first job.
pub(super) struct KeychainThread<S> {
    deadline: Duration,
    open: fn(Duration) -> S,
    threads: Mutex<Threads<S>>,
}

struct Threads<S> {
    current: Option<Worker<S>>,
    /// A thread that is to end as soon as the call that hangs on it returns.
    abandoned: Option<JoinHandle<()>>,
    /// The number of the latest job, from 1.
    latest: u64,
    /// The number of the latest job whose caller waited in vain.
    given_up: u64,
}

struct Worker<S> {
    jobs: mpsc::Sender<(u64, Job<S>)>,
    /// The number of the job that is being done, 0 while there is none.
    in_hand: Arc<AtomicU64>,
    handle: JoinHandle<()>,
}

impl<S: 'static> KeychainThread<S> {
    /// Prepares a thread; it starts with the first call. `open` makes its state and is given the deadline.
    pub(super) fn new(deadline: Duration, open: fn(Duration) -> S) -> Self {
        let threads = Threads { current: None, abandoned: None, latest: 0, given_up: 0 };
        Self { deadline, open, threads: Mutex::new(threads) }
    }

    /// Does `work` on the thread and waits for it until the deadline.
    ///
    /// Work that has not begun by then is not begun.
    ///
    /// # Errors
    ///
    /// What `work` answers; [`KeychainError::NoAnswer`] at the deadline, or at once when the thread and the one
    /// before it both hang; [`KeychainError::Platform`] when there is no thread to be had.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut S, Wanted<'_>) -> Result<T, KeychainError> + Send + 'static,
    ) -> Result<T, KeychainError> {
        let (reply, answer) = oneshot::channel();
        let number = self.submit(Box::new(move |state| {
            if reply.is_closed() {
                return;
            }
            let result = work(state, &|| !reply.is_closed());
            // A caller that has gone needs no answer; secrets in it are zeroized by the drop.
            drop(reply.send(result));
        }))?;
        match timeout(self.deadline, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_ended)) => Err(KeychainError::Platform("its thread ended unexpectedly".to_owned())),
            Err(_elapsed) => {
                let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
                threads.given_up = threads.given_up.max(number);
                Err(no_answer(self.deadline))
            }
        }
    }

    /// Hands a job to a thread that is not known to hang.
    fn submit(&self, job: Job<S>) -> Result<u64, KeychainError> {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let threads = &mut *threads;
        if threads.abandoned.as_ref().is_some_and(JoinHandle::is_finished) {
            threads.abandoned = None;
        }
        let given_up = threads.given_up;
        if threads.current.as_ref().is_some_and(|worker| worker.is_overdue(given_up)) {
            if threads.abandoned.is_some() {
                return Err(no_answer(self.deadline));
            }
            // With its sender the worker loses its further jobs: it ends when it comes back.
            threads.abandoned = threads.current.take().map(|worker| worker.handle);
        }
        let worker = match threads.current.take().filter(|worker| !worker.handle.is_finished()) {
            Some(worker) => worker,
            None => Worker::start(self.deadline, self.open)?,
        };
        threads.latest += 1;
        let sent = worker.jobs.send((threads.latest, job));
        threads.current = Some(worker);
        match sent {
            Ok(()) => Ok(threads.latest),
            Err(_ended) => Err(KeychainError::Platform("its thread ended unexpectedly".to_owned())),
        }
    }
}

impl<S: 'static> Worker<S> {
    fn start(deadline: Duration, open: fn(Duration) -> S) -> Result<Self, KeychainError> {
        let (jobs, queue) = mpsc::channel::<(u64, Job<S>)>();
        let in_hand = Arc::new(AtomicU64::new(0));
        let shown = Arc::clone(&in_hand);
        let run = move || {
            let mut state = open(deadline);
            for (number, job) in queue {
                shown.store(number, Ordering::SeqCst);
                job(&mut state);
                shown.store(0, Ordering::SeqCst);
            }
        };
        let handle = std::thread::Builder::new()
            .name("keychain".to_owned())
            .spawn(run)
            .map_err(|error| KeychainError::Platform(format!("no thread for it: {error}")))?;
        Ok(Self { jobs, in_hand, handle })
    }

    /// True while the job in hand is one that was given up, or stands before one that was.
    fn is_overdue(&self, given_up: u64) -> bool {
        let in_hand = self.in_hand.load(Ordering::SeqCst);
        in_hand != 0 && in_hand <= given_up && !self.handle.is_finished()
    }
}

impl<S> fmt::Debug for KeychainThread<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeychainThread").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// The error for a wait of `waited`, in whole seconds, at least 1.
pub(super) fn no_answer(waited: Duration) -> KeychainError {
    KeychainError::NoAnswer(waited.as_millis().div_ceil(1000).max(1).try_into().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// Long enough for a busy machine to start a thread, short enough to be waited for.
    const DEADLINE: Duration = Duration::from_millis(500);
    const NO_ANSWER: KeychainError = KeychainError::NoAnswer(1);

    type Count = KeychainThread<u32>;

    fn count() -> Count {
        KeychainThread::new(DEADLINE, |_deadline| 0)
    }

    fn run<T>(test: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(test)
    }

    async fn next(thread: &Count) -> Result<u32, KeychainError> {
        let work = |state: &mut u32, _wanted: Wanted<'_>| {
            *state += 1;
            Ok(*state)
        };
        thread.call(work).await
    }

    /// Hangs until the sender that it returns is dropped.
    async fn hang(thread: &Count) -> (mpsc::Sender<()>, Result<u32, KeychainError>) {
        let (release, released) = mpsc::channel::<()>();
        let work = move |state: &mut u32, _wanted: Wanted<'_>| {
            released.recv().unwrap_err();
            Ok(*state)
        };
        let answer = thread.call(work).await;
        (release, answer)
    }

    /// Waits until no call is in hand on the current thread and no thread is abandoned.
    fn wait_until_idle(thread: &Count) {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            {
                let threads = thread.threads.lock().unwrap();
                let busy = threads.current.as_ref().is_some_and(|w| w.in_hand.load(Ordering::SeqCst) != 0);
                if !busy && threads.abandoned.as_ref().is_none_or(JoinHandle::is_finished) {
                    return;
                }
            }
            assert!(Instant::now() < end, "a thread hangs");
            std::thread::yield_now();
        }
    }

    #[test]
    fn calls_share_one_thread_and_its_state() {
        run(async {
            let thread = count();
            assert_eq!(next(&thread).await, Ok(1));
            assert_eq!(next(&thread).await, Ok(2));
        });
    }

    #[test]
    fn a_call_after_a_hanging_one_gets_a_new_thread() {
        run(async {
            let thread = count();
            assert_eq!(next(&thread).await, Ok(1));
            let (_release, answer) = hang(&thread).await;
            assert_eq!(answer, Err(NO_ANSWER));
            assert_eq!(next(&thread).await, Ok(1), "the new thread has a state of its own");
            assert_eq!(next(&thread).await, Ok(2));
        });
    }

    #[test]
    fn a_thread_that_came_back_is_used_again() {
        run(async {
            let thread = count();
            assert_eq!(next(&thread).await, Ok(1));
            let (release, answer) = hang(&thread).await;
            assert_eq!(answer, Err(NO_ANSWER));
            drop(release);
            wait_until_idle(&thread);
            assert_eq!(next(&thread).await, Ok(2));
        });
    }

    #[test]
    fn two_hanging_threads_are_never_three() {
        run(async {
            let thread = count();
            let (first, _) = hang(&thread).await;
            let (second, _) = hang(&thread).await;
            let asked = Instant::now();
            assert_eq!(next(&thread).await, Err(NO_ANSWER));
            assert!(asked.elapsed() < DEADLINE, "the answer was waited for");
            drop(first);
            let end = Instant::now() + Duration::from_secs(10);
            while next(&thread).await != Ok(1) {
                assert!(Instant::now() < end, "the thread that came back made no room");
            }
            drop(second);
            wait_until_idle(&thread);
        });
    }

    #[test]
    fn work_given_up_before_its_turn_is_not_begun() {
        let thread = count();
        let (release, released) = mpsc::channel::<()>();
        let (tell, begun) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let work = move |state: &mut u32, _wanted: Wanted<'_>| {
                    tell.send(()).unwrap();
                    released.recv().unwrap_err();
                    Ok(*state)
                };
                assert_eq!(run(thread.call(work)), Err(NO_ANSWER));
            });
            begun.recv_timeout(Duration::from_secs(10)).unwrap();
            assert_eq!(run(next(&thread)), Err(NO_ANSWER));
        });
        drop(release);
        wait_until_idle(&thread);
        assert_eq!(run(next(&thread)), Ok(1), "the call that was given up has counted");
    }

    #[test]
    fn work_can_tell_that_nobody_waits_for_it_any_more() {
        run(async {
            let thread = count();
            let (release, released) = mpsc::channel::<()>();
            let (tell, told) = mpsc::channel();
            let work = move |_state: &mut u32, wanted: Wanted<'_>| {
                let before = wanted();
                released.recv().unwrap_err();
                tell.send((before, wanted())).unwrap();
                Ok(0)
            };
            assert_eq!(thread.call(work).await, Err(NO_ANSWER));
            drop(release);
            assert_eq!(told.recv_timeout(Duration::from_secs(10)), Ok((true, false)));
        });
    }

    #[test]
    fn a_thread_that_panicked_is_replaced() {
        run(async {
            let thread = count();
            let dead =
                thread.call(|_: &mut u32, _: Wanted<'_>| -> Result<u32, _> { panic!("on purpose") }).await;
            assert_eq!(dead, Err(KeychainError::Platform("its thread ended unexpectedly".to_owned())));
            let end = Instant::now() + Duration::from_secs(10);
            while next(&thread).await != Ok(1) {
                assert!(Instant::now() < end, "the thread was not replaced");
            }
        });
    }

    #[test]
    fn a_wait_is_told_in_whole_seconds() {
        let check = |millis, seconds| {
            assert_eq!(no_answer(Duration::from_millis(millis)), KeychainError::NoAnswer(seconds));
        };
        check(0, 1);
        check(1000, 1);
        check(1001, 2);
        check(10_000, 10);
    }
}
