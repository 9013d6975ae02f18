//! A salted hash by which we recognise what we wrote, without keeping it.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest as _, Sha256};

use super::keys::SessionCredentials;

/// Bytes of salt; enough that equal sessions in two state files don't show as equal.
pub const SALT_BYTES: usize = 16;

/// SHA-256 over a salt and some texts, printed as `SALT:HASH` in hexadecimal.
#[derive(Clone, PartialEq, Eq)]
pub struct Digest {
    salt: [u8; SALT_BYTES],
    hash: [u8; 32],
}

impl Digest {
    /// The digest of texts without a NUL.
    #[must_use]
    pub fn of(salt: [u8; SALT_BYTES], parts: &[&str]) -> Self {
        // It keeps the last texts as they are. On the stack they would stay until something else is put there; what is
        // on the heap is wiped when it is freed.
        let mut hasher = Box::new(Sha256::new());
        hasher.update(salt);
        for part in parts {
            // No part contains a NUL, so the parts cannot run into each other.
            hasher.update(part);
            hasher.update([0]);
        }
        Self { salt, hash: hasher.finalize_reset().into() }
    }

    /// True if it is the digest of these texts.
    #[must_use]
    pub fn is_of(&self, parts: &[&str]) -> bool {
        *self == Self::of(self.salt, parts)
    }
}

/// The digest of the three values of a session.
///
/// They carry far more entropy than a guess could cover, so a plain salted hash gives nothing away.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(Digest);

impl Fingerprint {
    /// The fingerprint of `session` under `salt`.
    #[must_use]
    pub fn of(session: &SessionCredentials, salt: [u8; SALT_BYTES]) -> Self {
        let (id, secret, token) =
            (session.id.as_str(), session.secret.expose_secret(), session.token.expose_secret());
        Self(Digest::of(salt, &[id, secret, token]))
    }

    /// True if these three values are the ones that were written.
    #[must_use]
    pub fn matches(&self, id: &str, secret: &SecretString, token: &SecretString) -> bool {
        self.0.is_of(&[id, secret.expose_secret(), token.expose_secret()])
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint(…)")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{}:{}", hex(&self.salt), hex(&self.hash)))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parsed = text
            .split_once(':')
            .and_then(|(salt, hash)| Some(Self { salt: unhex(salt)?, hash: unhex(hash)? }));
        parsed.ok_or_else(|| D::Error::custom("not a digest SALT:HASH"))
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::domain::keys::AccessKeyId;

    #[test]
    fn a_fingerprint_knows_its_own_session_and_survives_the_state_file() {
        let session = SessionCredentials {
            id: AccessKeyId::parse("ASIAY34FZKBOKMUTVV7A").unwrap(),
            secret: "secret".to_owned().into(),
            token: "token".to_owned().into(),
            expires_at: DateTime::UNIX_EPOCH,
        };
        let written = Fingerprint::of(&session, [7; SALT_BYTES]);
        let json = serde_json::to_string(&written).unwrap();
        let read: Fingerprint = serde_json::from_str(&json).unwrap();
        assert_eq!(read, written);
        let id = session.id.as_str();
        assert!(read.matches(id, &session.secret, &session.token));
        assert!(!read.matches(id, &session.token, &session.secret));
        assert!(!read.matches(id, &"secre".to_owned().into(), &"ttoken".to_owned().into()));
        assert!(serde_json::from_str::<Fingerprint>("\"00:zz\"").is_err());
        assert_ne!(written, Fingerprint::of(&session, [8; SALT_BYTES]));
    }
}
