//! Codes that were used: AWS takes each once, and says of a second use only that the code is wrong.
//!
//! It is codes that are compared, not the clock: a typed code may be the one of the step before.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::fingerprint::{Digest, SALT_BYTES};
use super::mfa::{MfaCode, MfaSerial};

/// How long a code is remembered: longer than AWS takes it (its own step and one on each side).
const MEMORY: TimeDelta = TimeDelta::minutes(3);

/// A code that went out to AWS. What is kept is a salted digest; whoever can read it can try a million codes, of which
/// this one is worth nothing any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpentCode {
    digest: Digest,
    at: DateTime<Utc>,
}

impl SpentCode {
    /// Remembers a code that was sent at `at`.
    #[must_use]
    pub fn new(serial: &MfaSerial, code: &MfaCode, at: DateTime<Utc>, salt: [u8; SALT_BYTES]) -> Self {
        Self { digest: Digest::of(salt, &[serial.as_str(), code.digits()]), at }
    }

    /// True if this is the code, and AWS might still know it.
    #[must_use]
    pub fn is(&self, serial: &MfaSerial, code: &MfaCode, now: DateTime<Utc>) -> bool {
        self.counts(now) && self.digest.is_of(&[serial.as_str(), code.digits()])
    }

    /// True as long as it is worth remembering. A moment of the future is one of a clock that was ahead.
    #[must_use]
    pub fn counts(&self, now: DateTime<Utc>) -> bool {
        self.at <= now && now - self.at < MEMORY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_known_for_three_minutes_for_its_own_device_only() {
        let serial = |name: &str| MfaSerial::parse(&format!("arn:aws:iam::123456789012:mfa/{name}")).unwrap();
        let code = |digits: &str| MfaCode::parse(digits).unwrap();
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let spent = SpentCode::new(&serial("alice"), &code("123456"), at, [7; SALT_BYTES]);
        let json = serde_json::to_string(&spent).unwrap();
        assert!(!json.contains("123456") && !json.contains("alice"), "{json}");
        let spent: SpentCode = serde_json::from_str(&json).unwrap();
        let check = |name: &str, digits: &str, after: i64, expected: bool| {
            let now = at + TimeDelta::seconds(after);
            assert_eq!(spent.is(&serial(name), &code(digits), now), expected, "{name} {digits} {after}");
        };
        check("alice", "123456", 0, true);
        check("alice", "123456", 179, true);
        check("alice", "123456", 180, false);
        check("alice", "123456", -1, false);
        check("alice", "123457", 0, false);
        check("bob", "123456", 0, false);
    }
}
