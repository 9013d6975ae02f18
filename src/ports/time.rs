//! The clock and the timer.

use chrono::{DateTime, FixedOffset, Utc};

use super::Answer;

/// The wall clock: the only source of "now".
pub trait Clock: Send + Sync {
    /// The time of day, UTC.
    fn now(&self) -> DateTime<Utc>;

    /// The same moment as this user's clock on the wall shows it.
    fn local(&self, at: DateTime<Utc>) -> DateTime<FixedOffset>;
}

/// Waits by the wall clock, through suspend and clock changes.
pub trait Timer: Send + Sync {
    /// Returns when the wall clock has reached `deadline`, or earlier when the clock was set: the caller looks at
    /// the clock again either way.
    fn wait_until(&self, deadline: DateTime<Utc>) -> Answer<'_, ()>;
}
