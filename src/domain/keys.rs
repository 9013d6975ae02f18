//! Access keys: ids, long-term keys, session credentials.

use std::fmt;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

use super::text::{Misplaced, first_misplaced};

/// Shortest and longest access key id (STS API reference, `Credentials`, `AccessKeyId`).
const ID_LENGTH: std::ops::RangeInclusive<usize> = 16..=128;
/// Longest secret accepted; AWS's have 40 characters, other STS servers' differ.
const LONGEST_SECRET: usize = 512;

/// Why a text is no access key id. The text itself is never part of the message: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyIdError {
    /// Not 16 to 128 characters.
    #[error("the access key id has {0} characters, AWS's have 20 (16 to 128 are allowed)")]
    Length(usize),
    /// A character that no id has.
    #[error("in the access key id {0}; an id is made of letters and digits")]
    Character(Misplaced),
    /// What stands there has the shape of a secret access key.
    #[error("what was given as the access key id looks like the secret; are the two swapped?")]
    Swapped,
    /// An id that is certainly no long-term key's, with what it is.
    #[error("an id that begins with {prefix} is {what}, not a long-term access key (those begin with AKIA)")]
    NotLongTerm {
        /// The first four characters.
        prefix: &'static str,
        /// What such an id names.
        what: &'static str,
    },
}

/// Why a text is no secret access key. The text itself is never part of the message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SecretKeyError {
    /// Nothing was given.
    #[error("the secret access key is empty")]
    Empty,
    /// More than 512 characters.
    #[error("the secret access key has {0} characters, AWS's have 40")]
    TooLong(usize),
    /// A blank, a quote or an invisible character.
    #[error("in the secret access key {0}, which no secret access key contains")]
    Character(Misplaced),
    /// What stands there has the shape of an access key id.
    #[error("what was given as the secret looks like an access key id; are the two swapped?")]
    Swapped,
}

/// What an id's first four characters say (IAM User Guide, "Unique identifiers").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyIdKind {
    /// `AKIA`: a long-term key of an IAM user or the root user.
    LongTerm,
    /// `ASIA`: temporary credentials.
    Temporary,
    /// Another prefix of AWS's, which names no access key.
    Other(&'static str, &'static str),
    /// No prefix of AWS's: another STS server's id, or a typo.
    Unknown,
}

/// An account number: 12 digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountId(String);

impl AccountId {
    /// Accepts 12 ASCII digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())).then(|| Self(text.to_owned()))
    }

    /// The 12 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An access key id: 16..=128 of `[A-Za-z0-9_]` (STS API reference). Shown by its last four characters only.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AccessKeyId(String);

impl AccessKeyId {
    /// Parses an id of any kind and of any STS server.
    ///
    /// # Errors
    ///
    /// [`KeyIdError`] for a text of another shape; it does not contain the text.
    pub fn parse(text: &str) -> Result<Self, KeyIdError> {
        let base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
        if text.len() == 40 && text.contains(['/', '+']) && text.chars().all(base64) {
            return Err(KeyIdError::Swapped);
        }
        if let Some(misplaced) = first_misplaced(text, |c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(KeyIdError::Character(misplaced));
        }
        if !ID_LENGTH.contains(&text.len()) {
            return Err(KeyIdError::Length(text.len()));
        }
        Ok(Self(text.to_owned()))
    }

    /// Parses the id of a long-term key: refuses what AWS certainly means something else by.
    ///
    /// An id of an [unknown](KeyIdKind::Unknown) kind passes, so that other STS servers work too.
    ///
    /// # Errors
    ///
    /// [`KeyIdError`], without the text.
    pub fn parse_long_term(text: &str) -> Result<Self, KeyIdError> {
        let id = Self::parse(text)?;
        match id.kind() {
            KeyIdKind::LongTerm | KeyIdKind::Unknown => Ok(id),
            KeyIdKind::Temporary => {
                Err(KeyIdError::NotLongTerm { prefix: "ASIA", what: "a temporary session's" })
            }
            KeyIdKind::Other(prefix, what) => Err(KeyIdError::NotLongTerm { prefix, what }),
        }
    }

    /// The whole id, for AWS, the keychain and the credentials file.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as it is shown: `…WXYZ`.
    #[must_use]
    pub fn last_four(&self) -> LastFour<'_> {
        LastFour(self.0.get(self.0.len().saturating_sub(4)..).unwrap_or_default())
    }

    /// What the prefix says.
    #[must_use]
    pub fn kind(&self) -> KeyIdKind {
        match self.0.get(..4).unwrap_or_default() {
            "AKIA" => KeyIdKind::LongTerm,
            "ASIA" => KeyIdKind::Temporary,
            "AIDA" => KeyIdKind::Other("AIDA", "an IAM user's"),
            "AROA" => KeyIdKind::Other("AROA", "a role's"),
            "AGPA" => KeyIdKind::Other("AGPA", "a group's"),
            "AIPA" => KeyIdKind::Other("AIPA", "an instance profile's"),
            "ANPA" => KeyIdKind::Other("ANPA", "a managed policy's"),
            "ANVA" => KeyIdKind::Other("ANVA", "a policy version's"),
            "APKA" => KeyIdKind::Other("APKA", "a public key's"),
            "ASCA" => KeyIdKind::Other("ASCA", "a certificate's"),
            "ABIA" => KeyIdKind::Other("ABIA", "a bearer token's"),
            "ACCA" => KeyIdKind::Other("ACCA", "a context-specific credential's"),
            _ => KeyIdKind::Unknown,
        }
    }

    /// True for `AKIA` and 16 characters of AWS's alphabet: what a long-term key of AWS looks like.
    #[must_use]
    pub fn looks_like_aws_long_term(&self) -> bool {
        self.kind() == KeyIdKind::LongTerm && self.decoded().is_some()
    }

    /// The account that an id of AWS carries, where it does.
    ///
    /// The 16 characters after the prefix are base32; with the top bit set, the next 40 bits are the account
    /// number (Aidan Steele, "AWS Access Key ID formats"; `WithSecure`, "A bitwise analysis of AWS access key
    /// identifiers"). Keys from before 2019 have the bit clear and tell nothing.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        let bits = self.decoded()?;
        let carries_account = bits >> 79 == 1;
        // 80 bits: one flag, 40 bits of account, the rest.
        let account = (bits >> 39) & ((1 << 40) - 1);
        (carries_account && account <= 999_999_999_999).then(|| AccountId(format!("{account:012}")))
    }

    /// The 80 bits behind the prefix of an AKIA or ASIA id of 20 characters.
    fn decoded(&self) -> Option<u128> {
        if self.0.len() != 20 || !matches!(self.kind(), KeyIdKind::LongTerm | KeyIdKind::Temporary) {
            return None;
        }
        self.0.get(4..)?.bytes().try_fold(0_u128, |bits, byte| {
            let value = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'2'..=b'7' => byte - b'2' + 26,
                _ => return None,
            };
            Some(bits << 5 | u128::from(value))
        })
    }
}

impl fmt::Debug for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessKeyId({})", self.last_four())
    }
}

/// The last four characters of an id, printed as `…WXYZ`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastFour<'a>(&'a str);

impl fmt::Display for LastFour<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "…{}", self.0)
    }
}

/// An IAM user's key: an id and a secret that stay valid until someone deactivates them.
#[derive(Clone, Debug)]
pub struct LongTermKey {
    /// The public half.
    pub id: AccessKeyId,
    /// The secret half, [`parse_secret`]ed.
    pub secret: SecretString,
}

impl LongTermKey {
    /// True if both are the same key, id and secret.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.id == other.id && self.secret.expose_secret() == other.secret.expose_secret()
    }
}

/// Parses a secret access key: printable ASCII without blanks and quotes, at most 512 characters.
///
/// # Errors
///
/// [`SecretKeyError`] names a misplaced character by position and code point, never the text.
pub fn parse_secret(text: &SecretString) -> Result<SecretString, SecretKeyError> {
    let plain = text.expose_secret();
    if plain.is_empty() {
        return Err(SecretKeyError::Empty);
    }
    if let Some(misplaced) = first_misplaced(plain, |c| c.is_ascii_graphic() && c != '"' && c != '\'') {
        return Err(SecretKeyError::Character(misplaced));
    }
    if plain.len() > LONGEST_SECRET {
        return Err(SecretKeyError::TooLong(plain.len()));
    }
    let swapped = AccessKeyId::parse(plain).is_ok_and(|id| id.decoded().is_some());
    if swapped { Err(SecretKeyError::Swapped) } else { Ok(text.clone()) }
}

/// Temporary credentials as STS issued them.
#[derive(Clone, Debug)]
pub struct SessionCredentials {
    /// The temporary id.
    pub id: AccessKeyId,
    /// The temporary secret.
    pub secret: SecretString,
    /// The session token, of any length.
    pub token: SecretString,
    /// When AWS stops honouring them: STS's own `Expiration`, never the duration asked for.
    pub expires_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> AccessKeyId {
        AccessKeyId::parse(text).unwrap()
    }

    #[test]
    fn the_account_is_read_out_of_a_new_id() {
        let check = |text: &str, account: Option<&str>| {
            assert_eq!(id(text).account().as_ref().map(AccountId::as_str), account, "{text}");
        };
        check("ASIAY34FZKBOKMUTVV7A", Some("609629065308"));
        check("ASIAQNZGKIQY56JQ7WML", Some("029608264753"));
        check("AKIAIOSFODNN7EXAMPLE", None);
        check("AKIAY34FZKBOKMUTVV70", None);
        check("AIDAY34FZKBOKMUTVV7A", None);
        check("ASIAY34FZKBOKMUTVV7AA", None);
    }

    #[test]
    fn a_long_term_id_is_told_from_what_is_certainly_none() {
        for good in ["AKIAY34FZKBOKMUTVV7A", "minio_user_0123456", "0555b35654ad1656d804"] {
            assert!(AccessKeyId::parse_long_term(good).is_ok(), "{good}");
        }
        let check = |text: &str, expected: &str| {
            let error = AccessKeyId::parse_long_term(text).map_err(|e| e.to_string()).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
            assert!(!error.contains(text) || text.is_empty(), "the text is shown: {error}");
        };
        check("ASIAY34FZKBOKMUTVV7A", "an id that begins with ASIA is a temporary session's");
        check("AIDAY34FZKBOKMUTVV7A", "an id that begins with AIDA is an IAM user's");
        check("AROAY34FZKBOKMUTVV7A", "an id that begins with AROA is a role's");
        check(
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "what was given as the access key id looks like the secret",
        );
        check("AKIA", "the access key id has 4 characters");
        check("", "the access key id has 0 characters");
        check("AKIAY34FZKBOKMUTVV7\u{200B}", "in the access key id character 20 is U+200B");
    }

    #[test]
    fn a_secret_with_a_hidden_character_is_refused_without_being_shown() {
        let check = |text: &str, expected: Result<(), &str>| {
            let got =
                parse_secret(&SecretString::from(text.to_owned())).map(|_| ()).map_err(|e| e.to_string());
            assert_eq!(got, expected.map_err(ToOwned::to_owned));
        };
        check("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", Ok(()));
        check("", Err("the secret access key is empty"));
        check(
            "wJalr\u{200B}XUtn",
            Err(
                "in the secret access key character 6 is U+200B (zero-width space), which no secret access key contains",
            ),
        );
        check(
            "secret\r",
            Err(
                "in the secret access key character 7 is U+000D (carriage return), which no secret access key contains",
            ),
        );
        check(
            "\"secret\"",
            Err(
                "in the secret access key character 1 is U+0022 (quote), which no secret access key contains",
            ),
        );
        check(
            "AKIAY34FZKBOKMUTVV7A",
            Err("what was given as the secret looks like an access key id; are the two swapped?"),
        );
        check(&"x".repeat(513), Err("the secret access key has 513 characters, AWS's have 40"));
    }

    #[test]
    fn debug_shows_four_characters_of_an_id_and_nothing_of_a_secret() {
        let key = LongTermKey { id: id("AKIAY34FZKBOKMUTVV7A"), secret: "top-secret".to_owned().into() };
        assert_eq!(
            format!("{key:?}"),
            "LongTermKey { id: AccessKeyId(…VV7A), secret: SecretBox<str>([REDACTED]) }"
        );
        let session = SessionCredentials {
            id: id("ASIAY34FZKBOKMUTVV7A"),
            secret: "top-secret".to_owned().into(),
            token: "top-token".to_owned().into(),
            expires_at: DateTime::UNIX_EPOCH,
        };
        assert_eq!(
            format!("{session:?}"),
            "SessionCredentials { id: AccessKeyId(…VV7A), secret: SecretBox<str>([REDACTED]), \
             token: SecretBox<str>([REDACTED]), expires_at: 1970-01-01T00:00:00Z }"
        );
    }
}
