//! The wall clock of the operating system.

use chrono::{DateTime, FixedOffset, Local, Utc};

use crate::ports::time::Clock;

/// The system's clock: the only place that asks it for the time of day.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn local(&self, at: DateTime<Utc>) -> DateTime<FixedOffset> {
        at.with_timezone(&Local).fixed_offset()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_goes_and_stands_after_the_date_of_this_code() {
        let built = DateTime::parse_from_rfc3339("2026-01-01T00:00:00Z").unwrap();
        assert!(SystemClock.now() > built);
    }
}
