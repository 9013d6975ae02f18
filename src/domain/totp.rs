//! Seeds of authenticator apps, and the codes that come of them (RFC 4226, RFC 6238).
//!
//! AWS's virtual devices are of one kind: SHA-1, six digits, a step of 30 seconds. Anything else is refused by name,
//! since its codes would be, too.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;
use totp_rs::{Algorithm, Builder, Secret};
use zeroize::Zeroizing;

use super::mfa::MfaCode;
use super::text::{Misplaced, first_misplaced};

/// How long a device shows a code, in seconds (RFC 6238, section 5.2: the default, which AWS's devices use).
const STEP: i64 = 30;

/// The shortest seed accepted, in base32 characters: 80 bits, which some issuers give. AWS's have 64 characters.
const SHORTEST: usize = 16;
/// The longest: 512 characters are far above any.
const LONGEST: usize = 512;

/// Why a text is no seed that makes codes for AWS. The text is never part of the message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SeedError {
    /// Nothing was given.
    #[error("the TOTP seed is empty")]
    Empty,
    /// Six digits.
    #[error(
        "this is a code; the seed is what the code is made from: AWS shows it once, as \"secret key\" or as a QR code"
    )]
    Code,
    /// A character that base32 does not have.
    #[error("in the TOTP seed {0}; base32 is made of A-Z and 2-7")]
    Character(Misplaced),
    /// A number of characters that no base32 text has, or too few to be safe.
    #[error("the TOTP seed has {0} base32 characters, AWS's have 64: a part of it is missing")]
    Short(usize),
    /// More than 512 characters.
    #[error("the TOTP seed has {0} characters, AWS's have 64")]
    Long(usize),
    /// An `otpauth://` URI without `secret=`, or with several.
    #[error("the otpauth URI has no single secret=")]
    NoSecret,
    /// `otpauth://hotp/…`.
    #[error("the otpauth URI is of a device that counts (hotp); AWS takes codes by time (totp)")]
    Counter,
    /// `otpauth-migration://…`.
    #[error("this is an app's export of several seeds; the seed of the one device is needed")]
    Migration,
    /// Another URI.
    #[error("the URI is not an otpauth://totp/… one")]
    OtherUri,
    /// `digits=`, `period=` or `algorithm=` of another kind of device.
    #[error("the otpauth URI says another {key} than {expected}, which is the only one that AWS takes")]
    Kind {
        /// The parameter.
        key: &'static str,
        /// What AWS takes.
        expected: &'static str,
    },
}

/// The seed of a virtual MFA device: whoever has it makes the device's codes.
#[derive(Clone, Debug)]
pub struct TotpSeed(SecretString);

impl TotpSeed {
    /// Reads base32 (case, blanks, dashes and padding do not matter) or an `otpauth://totp/…` URI.
    ///
    /// # Errors
    ///
    /// [`SeedError`], without the text: 16..=512 base32 characters are needed, and of a URI's `digits`, `period` and
    /// `algorithm` only 6, 30 and SHA1 are taken.
    pub fn parse(text: &SecretString) -> Result<Self, SeedError> {
        let text = text.expose_secret().trim();
        match text.split_once("://") {
            None => base32(text),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("otpauth") => base32(&of_uri(rest)?),
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("otpauth-migration") => {
                Err(SeedError::Migration)
            }
            Some(_) => Err(SeedError::OtherUri),
        }
    }

    /// The seed in base32, upper case, without padding: for the keychain.
    #[must_use]
    pub fn base32(&self) -> &SecretString {
        &self.0
    }

    /// The code of the step that `at` lies in; `None` before 1970.
    #[must_use]
    pub fn code_at(&self, at: DateTime<Utc>) -> Option<MfaCode> {
        let seconds = u64::try_from(at.timestamp()).ok()?;
        let secret = Secret::try_from_base32(self.0.expose_secret()).ok()?;
        let totp = Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_step_duration(STEP.unsigned_abs())
            .with_secret(secret)
            .build_noncompliant();
        MfaCode::parse(&Zeroizing::new(totp.generate(seconds).to_string())).ok()
    }

    /// True if the device shows this code at `at`, or did one step before, or will one step later.
    #[must_use]
    pub fn makes(&self, code: &MfaCode, at: DateTime<Utc>) -> bool {
        let steps = [-STEP, 0, STEP].into_iter();
        let near = steps.filter_map(|offset| at.checked_add_signed(chrono::TimeDelta::seconds(offset)));
        near.filter_map(|at| self.code_at(at)).any(|made| made.digits() == code.digits())
    }
}

/// The step that a moment lies in, counted from 1970.
#[must_use]
pub fn step(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(STEP)
}

/// When a step begins.
#[must_use]
pub fn begin(step: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(step.saturating_mul(STEP), 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Whole seconds, 1..=30, until a device shows its next code.
#[must_use]
pub fn next_code_in(now: DateTime<Utc>) -> i64 {
    STEP - now.timestamp().rem_euclid(STEP)
}

/// Normalises base32.
fn base32(text: &str) -> Result<TotpSeed, SeedError> {
    let joint = |c: char| c == ' ' || c == '-';
    if text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(SeedError::Code);
    }
    // Padding stands at the end only: elsewhere two seeds were glued together.
    let unpadded = text.trim_end_matches(|c| c == '=' || joint(c));
    let allowed = |c: char| c.is_ascii_alphabetic() || ('2'..='7').contains(&c) || joint(c);
    if let Some(misplaced) = first_misplaced(unpadded, allowed) {
        return Err(SeedError::Character(misplaced));
    }
    let length = unpadded.chars().filter(|c| !joint(*c)).count();
    if length == 0 {
        return Err(SeedError::Empty);
    }
    if length > LONGEST {
        return Err(SeedError::Long(length));
    }
    // No whole number of bytes has 1, 3 or 6 characters in its last group (RFC 4648, section 6).
    if length < SHORTEST || matches!(length % 8, 1 | 3 | 6) {
        return Err(SeedError::Short(length));
    }
    let mut seed = String::with_capacity(length);
    seed.extend(unpadded.chars().filter(|c| !joint(*c)).map(|c| c.to_ascii_uppercase()));
    Ok(TotpSeed(seed.into()))
}

/// The secret of what follows `otpauth://`, if the rest is AWS's kind.
fn of_uri(rest: &str) -> Result<Zeroizing<String>, SeedError> {
    let rest = rest.split('#').next().unwrap_or_default();
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let kind = path.split('/').next().unwrap_or_default();
    if kind.eq_ignore_ascii_case("hotp") {
        return Err(SeedError::Counter);
    }
    if !kind.eq_ignore_ascii_case("totp") {
        return Err(SeedError::OtherUri);
    }
    let mut secret = None;
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let only = |key, expected, right: bool| {
            if right { Ok(()) } else { Err(SeedError::Kind { key, expected }) }
        };
        match key.to_ascii_lowercase().as_str() {
            "secret" if secret.is_some() => return Err(SeedError::NoSecret),
            "secret" => secret = Some(decoded(value)),
            "digits" => only("digits", "6", value == "6")?,
            "period" => only("period", "30", value == "30")?,
            "algorithm" => {
                let sha1 = ["SHA1", "SHA-1", "HMACSHA1"].iter().any(|name| value.eq_ignore_ascii_case(name));
                only("algorithm", "SHA1", sha1)?;
            }
            _ => {}
        }
    }
    secret.filter(|secret| !secret.is_empty()).ok_or(SeedError::NoSecret)
}

/// Decodes what some writers of URIs encode around base32: padding and blanks. Any other `%` is found as misplaced.
fn decoded(value: &str) -> Zeroizing<String> {
    let value = Zeroizing::new(value.replace("%3D", "=").replace("%3d", "="));
    Zeroizing::new(value.replace("%20", " ").replace('+', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "12345678901234567890", the seed of RFC 6238, appendix B, for SHA-1.
    const RFC: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

    fn parse(text: &str) -> Result<TotpSeed, SeedError> {
        TotpSeed::parse(&text.to_owned().into())
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        let seed = parse(RFC).unwrap();
        // The RFC's have eight digits, of which the last six are ours.
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(seed.code_at(at(time)).unwrap().digits(), code, "at {time}");
        }
        assert!(seed.code_at(at(-1)).is_none());
    }

    /// RFC 4226, appendix D: the counters 0 to 9.
    #[test]
    fn the_codes_are_those_of_rfc_4226() {
        let seed = parse(RFC).unwrap();
        let codes = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871",
            "520489",
        ];
        for (counter, code) in (0..).zip(codes) {
            assert_eq!(seed.code_at(begin(counter)).unwrap().digits(), code, "counter {counter}");
            assert_eq!(
                seed.code_at(begin(counter + 1) - chrono::TimeDelta::seconds(1)).unwrap().digits(),
                code
            );
        }
    }

    #[test]
    fn a_code_counts_one_step_before_and_after() {
        let seed = parse(RFC).unwrap();
        let code = MfaCode::parse("081804").unwrap();
        let time = 1_111_111_109;
        for (offset, expected) in [(-60, false), (-30, true), (0, true), (30, true), (61, false)] {
            assert_eq!(seed.makes(&code, at(time + offset)), expected, "{offset}");
        }
        assert!(!seed.makes(&MfaCode::parse("081805").unwrap(), at(time)));
    }

    #[test]
    fn a_step_begins_every_30_seconds() {
        assert_eq!((step(at(0)), step(at(29)), step(at(30)), step(at(-1))), (0, 0, 1, -1));
        assert_eq!(begin(step(at(59))), at(30));
        assert_eq!(begin(i64::MAX), DateTime::<Utc>::MAX_UTC);
    }

    #[test]
    fn a_seed_is_read_however_it_was_written_down() {
        let check = |text: &str| {
            assert_eq!(parse(text).unwrap().base32().expose_secret(), RFC, "{text}");
        };
        check(RFC);
        check("gezdgnbvgy3tqojqgezdgnbvgy3tqojq");
        check("GEZD GNBV GY3T QOJQ  GEZD GNBV GY3T QOJQ\r\n");
        check("gezd-gnbv-gy3t-qojq-gezd-gnbv-gy3t-qojq");
        check(&format!("  {RFC}=== ="));
        check(&format!("otpauth://totp/Amazon%20Web%20Services:alice@123456789012?secret={RFC}"));
        check(&format!("otpauth://totp/a?issuer=AWS&secret={RFC}&digits=6&period=30&algorithm=SHA1"));
        check(&format!("OTPAUTH://TOTP/a?Secret={}&algorithm=sha1#x", RFC.to_lowercase()));
        check(&format!("otpauth://totp/?secret={RFC}%3D%3D&image=https%3A%2F%2Fx"));
        check(&format!("otpauth://totp?secret={}", "gezd+gnbv%20gy3tqojqgezdgnbvgy3tqojq"));
    }

    #[test]
    fn what_makes_no_codes_for_aws_is_refused_with_the_reason_and_not_shown() {
        let check = |text: &str, part: &str| {
            let error = parse(text).unwrap_err();
            assert!(error.to_string().contains(part), "{text}: {error}");
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("GEZD") && !shown.contains("hush"), "{shown}");
        };
        check("", "empty");
        check(" - = ", "empty");
        check("123456", "this is a code");
        check("GEZDGNBVGY3TQOJ0", "character 16 is U+0030");
        check("GEZDGNBVGY3TQOJQ\u{200B}", "U+200B");
        check("GEZDGNBVGY=GEZDGNBVGY3TQOJQ", "character 11 is U+003D");
        check("GEZDGNBVGY3TQOJ", "15 base32 characters");
        check("GEZDGNBVGY3TQOJQG", "a part of it is missing");
        check("GEZDGNBVGY3TQOJQGEZ", "a part of it is missing");
        check("GEZDGNBVGY3TQOJQGEZDGN", "a part of it is missing");
        check(&"A".repeat(520), "520 characters");
        check(&"A".repeat(1 << 16), "65536 characters");
        check(&format!("otpauth://totp/a?secret={RFC}&digits=8"), "digits than 6");
        check(&format!("otpauth://totp/a?secret={RFC}&digits=hush"), "digits than 6");
        check(&format!("otpauth://totp/a?secret={RFC}&period=60"), "period than 30");
        check(&format!("otpauth://totp/a?algorithm=SHA256&secret={RFC}"), "algorithm than SHA1");
        check(&format!("otpauth://hotp/a?secret={RFC}&counter=1"), "(hotp)");
        check("otpauth://totp/a", "no single secret=");
        check("otpauth://totp/a?secret=", "no single secret=");
        check(&format!("otpauth://totp/a?secret={RFC}&secret={RFC}"), "no single secret=");
        check("otpauth://totp/a?secret=%47EZDGNBVGY3TQOJQ", "U+0025");
        check(&format!("otpauth://yaotp/a?secret={RFC}"), "not an otpauth://totp");
        check("otpauth-migration://offline?data=hush", "export of several seeds");
        check("https://example.com/?secret=hush", "not an otpauth://totp");
    }

    #[test]
    fn debug_hides_the_seed() {
        let seed = parse(RFC).unwrap();
        assert_eq!(format!("{seed:?}"), "TotpSeed(SecretBox<str>([REDACTED]))");
    }

    #[test]
    fn the_next_code_comes_within_half_a_minute() {
        let check = |second: i64, expected: i64| {
            assert_eq!(next_code_in(DateTime::from_timestamp(second, 999_000_000).unwrap()), expected);
        };
        check(1_800_000_000, 30);
        check(1_800_000_013, 17);
        check(1_800_000_029, 1);
        check(1_800_000_030, 30);
    }
}
