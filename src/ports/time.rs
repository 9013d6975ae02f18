//! The clock and the timer.

use chrono::{DateTime, Utc};

use super::Answer;

/// The wall clock: the only source of "now".
pub trait Clock: Send + Sync {
    /// The time of day, UTC.
    fn now(&self) -> DateTime<Utc>;
}

/// Waits by the wall clock, through suspend and clock changes.
pub trait Timer: Send + Sync {
    /// Returns when the wall clock has reached `deadline`, or earlier when the clock was set: the caller looks at
    /// the clock again either way.
    fn wait_until(&self, deadline: DateTime<Utc>) -> Answer<'_, ()>;
}
