//! The kernel's timer on the realtime clock (`timerfd_create(2)`).

use std::io;
use std::os::fd::OwnedFd;

use chrono::{DateTime, Utc};
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Returns when the system's clock has reached `deadline`, also right after a suspend, or when it was set.
///
/// The timer lives as long as the wait: a wait that is dropped leaves no descriptor.
///
/// # Errors
///
/// What the kernel refuses: no descriptor to be had, or a sandbox that forbids the calls.
///
/// # Panics
///
/// In a runtime whose I/O is off.
pub(super) async fn wait_until(deadline: DateTime<Utc>) -> io::Result<()> {
    let timer = registered(armed(deadline)?)?;
    loop {
        let mut ready = timer.readable().await?;
        match rustix::io::read(&timer, &mut [0_u8; 8]) {
            // The kernel cancels the timer when the clock is set.
            Ok(_) | Err(Errno::CANCELED) => return Ok(()),
            Err(Errno::AGAIN) => ready.clear_ready(),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The timer, known to the runtime.
#[expect(
    deprecated,
    reason = "unsound for types that may close or change their descriptor, which an OwnedFd cannot; the way that \
              replaces it is unsafe for all"
)]
fn registered(timer: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(timer, Interest::READABLE)
}

/// A timer that fires at `deadline`, and is cancelled when the clock is set.
fn armed(deadline: DateTime<Utc>) -> rustix::io::Result<OwnedFd> {
    let timer = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
    let never = Timespec { tv_sec: 0, tv_nsec: 0 };
    let at = Itimerspec { it_interval: never, it_value: timespec(deadline) };
    timerfd_settime(&timer, TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET, &at)?;
    Ok(timer)
}

/// The moment as the kernel takes it: not negative, not the zero that would disarm the timer, and without the leap
/// second in which chrono counts on beyond a second's nanoseconds. Beyond its own range, of 292 years, the kernel
/// counts to the end of that.
fn timespec(at: DateTime<Utc>) -> Timespec {
    Timespec {
        tv_sec: at.timestamp().max(0),
        tv_nsec: i64::from(at.timestamp_subsec_nanos()).clamp(1, 999_999_999),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_moment_is_one_that_the_kernel_refuses_or_takes_for_never() {
        let check = |at: DateTime<Utc>, seconds, nanos| {
            let spec = timespec(at);
            assert_eq!((spec.tv_sec, spec.tv_nsec), (seconds, nanos), "{at}");
            armed(at).unwrap();
        };
        check(DateTime::UNIX_EPOCH, 0, 1);
        check("1950-01-01T00:00:00Z".parse().unwrap(), 0, 1);
        check("2026-11-21T12:00:00.25Z".parse().unwrap(), 1_795_262_400, 250_000_000);
        check("2016-12-31T23:59:60.5Z".parse().unwrap(), 1_483_228_799, 999_999_999);
        check(DateTime::<Utc>::MAX_UTC, 8_210_266_876_799, 999_999_999);
    }
}
