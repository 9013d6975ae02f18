//! The server's clock: the system's, moved by a knob.

use chrono::{DateTime, TimeDelta, Utc};

/// The time at a server whose clock is `skew` seconds ahead.
pub(crate) fn now(skew: i64) -> DateTime<Utc> {
    Utc::now() + TimeDelta::seconds(skew)
}

/// `20150830T123600Z`, as in X-Amz-Date and in AWS's messages about clocks.
pub(crate) fn basic(at: DateTime<Utc>) -> String {
    at.format("%Y%m%dT%H%M%SZ").to_string()
}

/// `2015-08-30T12:36:00Z`, as in Expiration.
pub(crate) fn iso(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `Sun, 30 Aug 2015 12:36:00 GMT`, as in Date.
pub(crate) fn http(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The Unix time of `at`; a clock before 1970 is taken for 1970.
pub(crate) fn unix(at: DateTime<Utc>) -> u64 {
    u64::try_from(at.timestamp()).unwrap_or_default()
}
