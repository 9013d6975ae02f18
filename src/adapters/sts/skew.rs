//! The clock that requests are dated by, and the proof that ours is wrong.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use aws_smithy_async::time::TimeSource;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use crate::ports::time::Clock;

/// From this difference on the clocks are apart; STS itself allows 15 minutes, other services 5.
const PROOF: TimeDelta = TimeDelta::minutes(4);

/// Our clock, plus what one call has learnt about it.
///
/// It stands in for the SDK's own correction, which learns from the `Date` header alone.
#[derive(Clone)]
pub(super) struct SigningClock {
    clock: Arc<dyn Clock>,
    /// What AWS's clock is ahead of ours, in milliseconds.
    ahead: Arc<AtomicI64>,
}

impl SigningClock {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, ahead: Arc::default() }
    }

    /// Takes over the first of the server's times that proves our clock wrong; false if none does.
    #[must_use]
    pub(super) fn learn(&self, server_times: [Option<DateTime<Utc>>; 2]) -> bool {
        let ours = self.clock.now();
        let mut differences = server_times.into_iter().flatten().map(|theirs| theirs - ours);
        let Some(ahead) = differences.find(|ahead| ahead.abs() > PROOF) else {
            return false;
        };
        self.ahead.store(ahead.num_milliseconds(), Ordering::Relaxed);
        true
    }
}

impl fmt::Debug for SigningClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningClock").field("ahead", &self.ahead).finish_non_exhaustive()
    }
}

impl TimeSource for SigningClock {
    fn now(&self) -> SystemTime {
        let ours = self.clock.now();
        let ahead = TimeDelta::milliseconds(self.ahead.load(Ordering::Relaxed));
        ours.checked_add_signed(ahead).unwrap_or(ours).into()
    }
}

/// The server's own time in "Signature expired: A is now earlier than B (C - 15 min.)" and in "Signature not yet
/// current: A is still later than B (C + 15 min.)": C.
pub(super) fn told_time(message: &str) -> Option<DateTime<Utc>> {
    let (_, after) = message.split_once('(')?;
    let (time, _) = after.split_once(' ')?;
    Some(NaiveDateTime::parse_from_str(time, "%Y%m%dT%H%M%SZ").ok()?.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_time_is_found_in_both_messages() {
        let check = |message: &str, expected: Option<&str>| {
            assert_eq!(told_time(message).map(|time| time.to_rfc3339()).as_deref(), expected, "{message}");
        };
        check(
            "Signature expired: 20160609T184512Z is now earlier than 20160610T013008Z (20160610T014508Z - 15 min.)",
            Some("2016-06-10T01:45:08+00:00"),
        );
        check(
            "Signature not yet current: 20190305T002809Z is still later than 20190304T214315Z (20190304T212815Z + 15 min.)",
            Some("2019-03-04T21:28:15+00:00"),
        );
        check("Signature expired", None);
        check("Signature expired: (20161399T999999Z - 15 min.)", None);
        check("(", None);
    }
}
