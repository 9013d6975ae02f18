//! Short sleeps, and a look at the wall clock after each.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::ports::time::Clock;

/// The longest sleep: how late a deadline may be noticed after a suspend or a clock change.
pub(super) const NAP: Duration = Duration::from_secs(30);

/// Returns when `clock` has reached `deadline`; between two looks at it, it waits for `sleep`.
pub(super) async fn wait_until<S: Future<Output = ()>>(
    clock: &dyn Clock,
    deadline: DateTime<Utc>,
    sleep: impl Fn(Duration) -> S,
) {
    // What is left is negative, and no `Duration`, once the deadline is past.
    while let Ok(left) = (deadline - clock.now()).to_std()
        && !left.is_zero()
    {
        sleep(left.min(NAP)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use chrono::{FixedOffset, TimeDelta};

    use super::*;

    /// A clock that only goes while somebody sleeps, by what the next entry says.
    struct HandDriven {
        now: Mutex<DateTime<Utc>>,
        slept: Mutex<Vec<u64>>,
    }

    impl Clock for HandDriven {
        fn now(&self) -> DateTime<Utc> {
            *self.now.lock().unwrap_or_else(PoisonError::into_inner)
        }

        fn local(&self, at: DateTime<Utc>) -> DateTime<FixedOffset> {
            at.fixed_offset()
        }
    }

    fn start() -> DateTime<Utc> {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    /// Waits for a deadline `seconds` away. During its nth sleep the clock is moved on by the nth of `moves`, in
    /// seconds, and after those by the length of the sleep. Returns the sleeps asked for, in seconds.
    fn sleeps(seconds: i64, moves: &[i64]) -> Vec<u64> {
        let clock = HandDriven { now: Mutex::new(start()), slept: Mutex::new(Vec::new()) };
        let sleep = |length: Duration| {
            let mut slept = clock.slept.lock().unwrap();
            let by = moves.get(slept.len()).copied();
            let by = by.map_or_else(|| TimeDelta::from_std(length).unwrap(), TimeDelta::seconds);
            slept.push(length.as_secs());
            *clock.now.lock().unwrap() += by;
            std::future::ready(())
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(wait_until(&clock, start() + TimeDelta::seconds(seconds), sleep));
        clock.slept.into_inner().unwrap()
    }

    #[test]
    fn no_nap_is_longer_than_thirty_seconds_and_the_last_ends_at_the_deadline() {
        assert_eq!(sleeps(70, &[]), [30, 30, 10]);
        assert_eq!(sleeps(30, &[]), [30]);
        assert_eq!(sleeps(1, &[]), [1]);
    }

    #[test]
    fn a_deadline_that_is_reached_needs_no_nap() {
        assert_eq!(sleeps(0, &[]), [0_u64; 0]);
        assert_eq!(sleeps(-3600, &[]), [0_u64; 0]);
    }

    #[test]
    fn a_resume_past_the_deadline_is_noticed_after_the_nap() {
        assert_eq!(sleeps(3600, &[30, 7200]), [30, 30]);
    }

    #[test]
    fn a_clock_set_back_makes_the_wait_longer() {
        assert_eq!(sleeps(60, &[30, -30]), [30, 30, 30, 30]);
    }

    #[test]
    fn the_last_day_of_the_calendar_is_waited_for() {
        let clock = HandDriven { now: Mutex::new(start()), slept: Mutex::new(Vec::new()) };
        let sleep = |_length: Duration| {
            *clock.now.lock().unwrap() = DateTime::<Utc>::MAX_UTC;
            std::future::ready(())
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(wait_until(&clock, DateTime::<Utc>::MAX_UTC, sleep));
    }
}
