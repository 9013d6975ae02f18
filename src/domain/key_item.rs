//! What the keychain holds of a profile: versioned JSON that a person can read and rescue.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::keys::{AccessKeyId, LongTermKey, parse_secret};

/// The version that this program writes.
const VERSION: u32 = 1;

/// Why an item of the keychain cannot be used. Nothing of the item is part of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyItemError {
    /// Not the JSON that stsd writes.
    #[error("the keychain item is not one that stsd wrote")]
    Shape,
    /// Two keys, of a rotation that has not ended.
    #[error("the keychain item holds two keys of a rotation that has not ended")]
    Rotating,
    /// Written by a newer stsd.
    #[error("the keychain item has version {0}, this stsd reads version {VERSION}")]
    Version(u32),
}

/// The JSON: an object with a version, one key (two while a rotation is under way) and the rotation's stage.
#[derive(Serialize, Deserialize)]
struct Json {
    version: u32,
    keys: Vec<JsonKey>,
    rotation: Option<String>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct JsonKey {
    access_key_id: String,
    secret_access_key: String,
}

/// Only the version, so that a newer item is named as such whatever else changed in it.
#[derive(Deserialize)]
struct JsonVersion {
    version: u32,
}

/// Renders a key as the keychain's item.
#[must_use]
pub fn to_json(key: &LongTermKey) -> SecretString {
    let json = Json {
        version: VERSION,
        keys: vec![JsonKey {
            access_key_id: key.id.as_str().to_owned(),
            secret_access_key: key.secret.expose_secret().to_owned(),
        }],
        rotation: None,
    };
    // The buffer is sized beforehand: growing would leave copies of the secret behind.
    let mut text = Vec::with_capacity(512 + key.secret.expose_secret().len());
    match serde_json::to_writer(&mut text, &json) {
        Ok(()) => String::from_utf8(text).unwrap_or_default().into(),
        Err(_) => SecretString::default(),
    }
}

/// Checks that an item holds one key and nothing else, so that another key may take its place.
///
/// # Errors
///
/// [`KeyItemError`] for everything that would be lost: other content, a newer version, a second key.
pub fn check_replaceable(text: &SecretString) -> Result<(), KeyItemError> {
    let json = parse(text)?;
    if json.keys.len() == 1 && json.rotation.is_none() { Ok(()) } else { Err(KeyItemError::Rotating) }
}

/// Reads the keychain's item: the key in use is the first.
///
/// # Errors
///
/// [`KeyItemError`] for other JSON, a malformed key, or a newer version.
pub fn from_json(text: &SecretString) -> Result<LongTermKey, KeyItemError> {
    let json = parse(text)?;
    let stored = json.keys.first().ok_or(KeyItemError::Shape)?;
    let id = AccessKeyId::parse(&stored.access_key_id).map_err(|_hidden| KeyItemError::Shape)?;
    let secret = SecretString::from(stored.secret_access_key.clone());
    let secret = parse_secret(&secret).map_err(|_hidden| KeyItemError::Shape)?;
    Ok(LongTermKey { id, secret })
}

fn parse(text: &SecretString) -> Result<Json, KeyItemError> {
    let text = text.expose_secret();
    let JsonVersion { version } = serde_json::from_str(text).map_err(|_hidden| KeyItemError::Shape)?;
    if version != VERSION {
        return Err(KeyItemError::Version(version));
    }
    serde_json::from_str(text).map_err(|_hidden| KeyItemError::Shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<LongTermKey, KeyItemError> {
        from_json(&SecretString::from(text.to_owned()))
    }

    #[test]
    fn an_item_is_readable_json_with_room_for_a_rotation() {
        let key = LongTermKey {
            id: AccessKeyId::parse("AKIAY34FZKBOKMUTVV7A").unwrap(),
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned().into(),
        };
        let json = to_json(&key);
        assert_eq!(
            json.expose_secret(),
            r#"{"version":1,"keys":[{"access_key_id":"AKIAY34FZKBOKMUTVV7A","secret_access_key":"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}],"rotation":null}"#
        );
        let read = from_json(&json).unwrap();
        assert_eq!((read.id, read.secret.expose_secret()), (key.id, key.secret.expose_secret()));
    }

    #[test]
    fn only_an_item_of_one_key_may_be_replaced() {
        let one = r#"{"access_key_id":"AKIAY34FZKBOKMUTVV7A","secret_access_key":"x"}"#;
        let check = |text: String, expected: Result<(), KeyItemError>| {
            assert_eq!(check_replaceable(&SecretString::from(text)), expected);
        };
        check(format!(r#"{{"version":1,"keys":[{one}],"rotation":null}}"#), Ok(()));
        check(
            format!(r#"{{"version":1,"keys":[{one},{one}],"rotation":null}}"#),
            Err(KeyItemError::Rotating),
        );
        check(format!(r#"{{"version":1,"keys":[{one}],"rotation":"made"}}"#), Err(KeyItemError::Rotating));
        check(r#"{"version":2}"#.to_owned(), Err(KeyItemError::Version(2)));
        check("a note".to_owned(), Err(KeyItemError::Shape));
    }

    #[test]
    fn foreign_and_newer_items_are_told_apart() {
        let check =
            |text: &str, expected: KeyItemError| assert_eq!(read(text).unwrap_err(), expected, "{text}");
        check("", KeyItemError::Shape);
        check("plain", KeyItemError::Shape);
        check(r#"{"version":1,"keys":[],"rotation":null}"#, KeyItemError::Shape);
        check(r#"{"version":2,"anything":true}"#, KeyItemError::Version(2));
        check(
            r#"{"version":1,"keys":[{"access_key_id":"x","secret_access_key":"y"}],"rotation":null}"#,
            KeyItemError::Shape,
        );
    }
}
