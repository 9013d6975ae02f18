//! Durations as people write them: `90s`, `15m`, `12h`, `1h30m`, `90d`.

use std::{fmt, str::FromStr, time::Duration};

use thiserror::Error;

/// The units, longest first, with their length in seconds.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// The shortest session, in seconds (STS API reference, `GetSessionToken`, `DurationSeconds`).
const SHORTEST_SESSION: u64 = 900;
/// The longest session, in seconds (STS API reference, `GetSessionToken`, `DurationSeconds`).
const LONGEST_SESSION: u64 = 129_600;

/// Why a text is no duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DurationError {
    /// Not a row of numbers with units, longest unit first.
    #[error("not a duration such as 90s, 15m, 12h or 1h30m")]
    Shape,
    /// More seconds than fit into 64 bits.
    #[error("the duration is too long to count")]
    TooLong,
    /// A session of this length cannot be had.
    #[error("a session lasts 15m to 36h, not {}", Human(Duration::from_secs(*.0)))]
    NoSession(u64),
}

/// A duration in the notation of the command line, the configuration and every output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Human(pub Duration);

impl FromStr for Human {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let mut units = UNITS.iter();
        let mut seconds: u64 = 0;
        let mut rest = text;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, tail) = rest.split_at_checked(digits).ok_or(DurationError::Shape)?;
            let mut tail = tail.chars();
            let unit = tail.next().ok_or(DurationError::Shape)?;
            // The iterator only moves forward: each unit at most once, the longest first.
            let (_, factor) = units.find(|(name, _)| *name == unit).ok_or(DurationError::Shape)?;
            if number.is_empty() {
                return Err(DurationError::Shape);
            }
            let part = number.parse::<u64>().ok().and_then(|n| n.checked_mul(*factor));
            seconds = part.and_then(|p| seconds.checked_add(p)).ok_or(DurationError::TooLong)?;
            rest = tail.as_str();
        }
        if text.is_empty() { Err(DurationError::Shape) } else { Ok(Self(Duration::from_secs(seconds))) }
    }
}

impl fmt::Display for Human {
    /// Prints whole seconds, as `1h30m`; parts of a second are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.0.as_secs();
        if left == 0 {
            return f.write_str("0s");
        }
        // Days are understood but not printed: sessions are counted in hours.
        for (unit, length) in UNITS.into_iter().skip(1) {
            if left >= length {
                write!(f, "{}{unit}", left / length)?;
                left %= length;
            }
        }
        Ok(())
    }
}

/// How long a session is asked for: whole seconds, 900..=129600 (STS API reference, `GetSessionToken`).
///
/// What STS grants counts, not this: see [`SessionCredentials`](super::keys::SessionCredentials).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionDuration(u64);

impl SessionDuration {
    /// Twelve hours, which is STS's own default.
    pub const DEFAULT: Self = Self(43_200);

    /// Accepts 900..=129600 s; parts of a second are cut off.
    ///
    /// # Errors
    ///
    /// [`DurationError::NoSession`] outside that range.
    pub fn new(duration: Duration) -> Result<Self, DurationError> {
        let seconds = duration.as_secs();
        if (SHORTEST_SESSION..=LONGEST_SESSION).contains(&seconds) {
            Ok(Self(seconds))
        } else {
            Err(DurationError::NoSession(seconds))
        }
    }

    /// Seconds, 900..=129600.
    #[must_use]
    pub fn as_secs(self) -> u64 {
        self.0
    }
}

impl FromStr for SessionDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        text.parse::<Human>().and_then(|human| Self::new(human.0))
    }
}

impl fmt::Display for SessionDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Human(Duration::from_secs(self.0)).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_printed() {
        let check = |text: &str, seconds: u64, printed: &str| {
            let human: Human = text.parse().unwrap();
            assert_eq!(human.0.as_secs(), seconds, "{text}");
            assert_eq!(human.to_string(), printed, "{text}");
        };
        check("90s", 90, "1m30s");
        check("15m", 900, "15m");
        check("12h", 43_200, "12h");
        check("1h30m", 5_400, "1h30m");
        check("90d", 7_776_000, "2160h");
        check("0s", 0, "0s");
    }

    #[test]
    fn other_shapes_are_refused() {
        for text in ["", "12", "h", "1h1h", "30m1h", "1.5h", "-1h", " 1h", "1h ", "1H", "1 h", "1w", "٣h"] {
            assert_eq!(text.parse::<Human>(), Err(DurationError::Shape), "{text:?}");
        }
        assert_eq!("99999999999999999999h".parse::<Human>(), Err(DurationError::TooLong));
        assert_eq!("18446744073709551615m".parse::<Human>(), Err(DurationError::TooLong));
    }

    #[test]
    fn a_session_lasts_between_15_minutes_and_36_hours() {
        for good in ["15m", "900s", "36h", "12h"] {
            assert!(good.parse::<SessionDuration>().is_ok(), "{good}");
        }
        let message = |text: &str| text.parse::<SessionDuration>().map_err(|e| e.to_string());
        assert_eq!(message("899s"), Err("a session lasts 15m to 36h, not 14m59s".to_owned()));
        assert_eq!(message("129601s"), Err("a session lasts 15m to 36h, not 36h1s".to_owned()));
    }
}
