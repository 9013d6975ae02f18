//! The timer by the system's own clock.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};

use super::WallTimer;
use crate::adapters::clock::SystemClock;
use crate::ports::time::{Clock, Timer as _};

/// What a busy machine may add.
const SOON: Duration = Duration::from_secs(1);
/// Tells a process of this binary that it is the one whose descriptors are all in use.
const CHILD: &str = "STSD_TEST_TIMER_WITHOUT_DESCRIPTORS";

fn timer() -> WallTimer {
    WallTimer::new(Arc::new(SystemClock))
}

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

fn in_millis(millis: i64) -> DateTime<Utc> {
    SystemClock.now() + TimeDelta::milliseconds(millis)
}

#[test]
fn a_deadline_fires_when_it_is_reached_and_within_a_second() {
    run(async {
        let timer = timer();
        for millis in [1, 40, 700] {
            let deadline = in_millis(millis);
            tokio::time::timeout(Duration::from_secs(10), timer.wait_until(deadline)).await.unwrap();
            let late = SystemClock.now() - deadline;
            assert!(late >= TimeDelta::zero(), "{millis} ms: early by {}", -late);
            assert!(late.to_std().unwrap() < SOON, "{millis} ms: late by {late}");
        }
    });
}

#[test]
fn deadlines_fire_independently_of_each_other() {
    run(async {
        let timer = timer();
        let mut far = timer.wait_until(in_millis(3_600_000));
        assert!(tokio::time::timeout(Duration::from_millis(5), &mut far).await.is_err());
        timer.wait_until(in_millis(100)).await;
        assert!(tokio::time::timeout(Duration::from_millis(5), &mut far).await.is_err(), "the far one fired");
    });
}

#[test]
fn a_past_deadline_fires_at_once() {
    run(async {
        let asked = Instant::now();
        for deadline in [in_millis(0), in_millis(-3_600_000), DateTime::UNIX_EPOCH, DateTime::<Utc>::MIN_UTC]
        {
            timer().wait_until(deadline).await;
        }
        assert!(asked.elapsed() < SOON);
    });
}

/// An hour ahead of the system's clock.
struct Ahead;

impl Clock for Ahead {
    fn now(&self) -> DateTime<Utc> {
        in_millis(3_600_000)
    }

    fn local(&self, at: DateTime<Utc>) -> DateTime<FixedOffset> {
        at.fixed_offset()
    }
}

#[test]
fn a_deadline_that_is_past_for_the_given_clock_fires_at_once() {
    let timer = WallTimer::new(Arc::new(Ahead));
    let wait = async { tokio::time::timeout(SOON, timer.wait_until(in_millis(1_800_000))).await };
    run(wait).expect("the given clock was not asked");
}

#[test]
fn a_deadline_at_the_end_of_the_calendar_is_waited_for() {
    run(async {
        for deadline in [DateTime::<Utc>::MAX_UTC, "2400-01-01T00:00:00Z".parse().unwrap()] {
            let timer = timer();
            let wait = tokio::time::timeout(Duration::from_millis(100), timer.wait_until(deadline));
            assert!(wait.await.is_err(), "{deadline} fired");
        }
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_wait_has_a_timer_of_the_kernel_and_a_dropped_one_leaves_none() {
    // Other tests of this process open descriptors too, so only timers are counted, and of those only ours: the tests
    // run on threads of one process, but in no other test does a timer live for a known time.
    let timers = |deadline: DateTime<Utc>| {
        let at = deadline.timestamp();
        std::fs::read_dir("/proc/self/fdinfo")
            .unwrap()
            .filter_map(|entry| std::fs::read_to_string(entry.unwrap().path()).ok())
            .filter(|info| info.lines().any(|line| is_left(line, at)))
            .count()
    };
    run(async {
        let timer = timer();
        let deadline: DateTime<Utc> = "2100-02-03T04:05:06Z".parse().unwrap();
        assert_eq!(timers(deadline), 0);
        for _ in 0..3 {
            let mut wait = timer.wait_until(deadline);
            let moment = Duration::from_millis(5);
            assert!(tokio::time::timeout(moment, &mut wait).await.is_err());
            assert_eq!(timers(deadline), 1);
            drop(wait);
            assert_eq!(timers(deadline), 0, "the dropped wait left its timer");
        }
    });
}

/// True for the line of a timer's `fdinfo` that says how long it still runs, if that is until `at`.
#[cfg(target_os = "linux")]
fn is_left(line: &str, at: i64) -> bool {
    let Some(value) = line.strip_prefix("it_value: (") else { return false };
    let seconds: i64 = value.split(',').next().unwrap().parse().unwrap();
    (SystemClock.now().timestamp() + seconds - at).abs() <= 2
}

#[test]
#[cfg(target_os = "linux")]
fn without_a_timer_of_the_kernel_the_deadline_fires_all_the_same_and_one_warning_is_logged() {
    let output = Command::new("sh")
        .args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "adapters::timer::tests::out_of_descriptors", "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert_eq!(text.matches("the kernel gave no timer").count(), 1, "{text}");
    assert!(text.contains("waited twice"), "{text}");
}

/// The other side: no test of its own.
#[test]
#[cfg(target_os = "linux")]
fn out_of_descriptors() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    run(async {
        let timer = timer();
        let mut all = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            all.push(file);
        }
        for _ in 0..2 {
            let deadline = in_millis(200);
            timer.wait_until(deadline).await;
            assert!(deadline <= SystemClock.now(), "too early");
        }
    });
    std::io::stderr().write_all(b"waited twice\n").unwrap();
}
