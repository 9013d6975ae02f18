//! MFA devices and their codes.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

use super::keys::AccountId;
use super::text::{Misplaced, first_misplaced};

/// Shortest and longest serial (STS API reference, `GetSessionToken`, `SerialNumber`).
const SERIAL_LENGTH: std::ops::RangeInclusive<usize> = 9..=256;

/// Why a text is no serial of an MFA device that STS can use.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SerialError {
    /// Not 9 to 256 characters.
    #[error("the MFA serial has {0} characters, a serial has 9 to 256")]
    Length(usize),
    /// A character that no serial has.
    #[error("in the MFA serial {0}, which no serial contains")]
    Character(Misplaced),
    /// A FIDO key or passkey.
    #[error(
        "a FIDO device (u2f/…) cannot be used: STS takes no FIDO answer for GetSessionToken; register an authenticator app as well"
    )]
    Fido,
    /// The ARN of the user instead of the device.
    #[error("this is the ARN of the user; the device's has mfa/ in place of user/")]
    User,
    /// An ARN of something else.
    #[error("the ARN names no MFA device; a device's is arn:aws:iam::ACCOUNT:mfa/NAME")]
    OtherArn,
}

/// The serial of an MFA device: an ARN `arn:PARTITION:iam::ACCOUNT:mfa/NAME`, or a hardware token's `GAHT…`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MfaSerial(String);

impl MfaSerial {
    /// Parses a serial of 9..=256 of `[A-Za-z0-9_+=/:,.@-]` (STS API reference), of any partition.
    ///
    /// # Errors
    ///
    /// [`SerialError`]; a FIDO device's ARN is refused because STS cannot use it.
    pub fn parse(text: &str) -> Result<Self, SerialError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=/:,.@-".contains(c);
        if let Some(misplaced) = first_misplaced(text, allowed) {
            return Err(SerialError::Character(misplaced));
        }
        if !SERIAL_LENGTH.contains(&text.len()) {
            return Err(SerialError::Length(text.len()));
        }
        if let Some(arn) = text.strip_prefix("arn:") {
            check_arn(arn)?;
        }
        Ok(Self(text.to_owned()))
    }

    /// The serial as AWS knows it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The account in a virtual device's ARN; `None` for hardware.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        self.0.strip_prefix("arn:").and_then(|arn| AccountId::parse(arn.split(':').nth(3)?))
    }
}

impl fmt::Display for MfaSerial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks what follows `arn:`.
fn check_arn(arn: &str) -> Result<(), SerialError> {
    let mut parts = arn.splitn(5, ':');
    let mut next = || parts.next().unwrap_or_default();
    let (partition, service, region, account, resource) = (next(), next(), next(), next(), next());
    if resource.starts_with("u2f/") {
        return Err(SerialError::Fido);
    }
    if resource.starts_with("user/") {
        return Err(SerialError::User);
    }
    let named = resource.strip_prefix("mfa/").is_some_and(|name| !name.is_empty());
    let iam = !partition.is_empty() && service == "iam" && region.is_empty();
    if iam && named && AccountId::parse(account).is_some() { Ok(()) } else { Err(SerialError::OtherArn) }
}

/// The text is not six digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an MFA code is six digits")]
pub struct CodeError;

/// A one-time code: six digits, accepted once by AWS.
#[derive(Clone, Debug)]
pub struct MfaCode(SecretString);

impl MfaCode {
    /// Accepts exactly six ASCII digits.
    ///
    /// # Errors
    ///
    /// [`CodeError`], without the text.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        let six_digits = text.len() == 6 && text.bytes().all(|b| b.is_ascii_digit());
        if six_digits { Ok(Self(text.to_owned().into())) } else { Err(CodeError) }
    }

    /// The six digits, for the one call that spends them.
    #[must_use]
    pub fn digits(&self) -> &str {
        self.0.expose_secret()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serials_of_every_partition_and_of_hardware_are_accepted() {
        let check = |text: &str, account: Option<&str>| {
            let serial = MfaSerial::parse(text).unwrap();
            assert_eq!(serial.account().as_ref().map(AccountId::as_str), account, "{text}");
        };
        check("arn:aws:iam::123456789012:mfa/alice", Some("123456789012"));
        check("arn:aws-cn:iam::123456789012:mfa/path/alice", Some("123456789012"));
        check("arn:aws-us-gov:iam::123456789012:mfa/a@b.example", Some("123456789012"));
        check("arn:aws-eusc:iam::123456789012:mfa/a,b=c+d", Some("123456789012"));
        check("GAHT12345678", None);
    }

    #[test]
    fn other_serials_are_refused_with_the_reason() {
        let check = |text: &str, expected: &SerialError| {
            assert_eq!(MfaSerial::parse(text).as_ref(), Err(expected), "{text}");
        };
        check("arn:aws:iam::123456789012:u2f/user/alice/key-ABC", &SerialError::Fido);
        check("arn:aws:iam::123456789012:user/alice", &SerialError::User);
        check("arn:aws:iam::123456789012:role/alice", &SerialError::OtherArn);
        check("arn:aws:iam::12345:mfa/alice", &SerialError::OtherArn);
        check("arn:aws:iam::123456789012:mfa/", &SerialError::OtherArn);
        check("arn:aws:iam:eu-west-1:123456789012:mfa/alice", &SerialError::OtherArn);
        check("GAHT", &SerialError::Length(4));
        check("", &SerialError::Length(0));
        check("GAHT 12345678", &SerialError::Character(Misplaced { position: 5, code_point: 0x20 }));
    }

    #[test]
    fn a_code_is_six_ascii_digits() {
        assert_eq!(MfaCode::parse("012345").unwrap().digits(), "012345");
        for bad in ["", "12345", "1234567", "12345a", " 12345", "123 456", "١٢٣٤٥٦", "12345\n"] {
            assert!(MfaCode::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn debug_hides_the_code() {
        assert_eq!(format!("{:?}", MfaCode::parse("123456").unwrap()), "MfaCode(SecretBox<str>([REDACTED]))");
    }
}
