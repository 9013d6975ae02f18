//! The keyring crates' errors as the port's.
//!
//! Their `Debug` and some of their `Display` print entries or an item's bytes, so only the platform's own words are
//! taken over, and only from the two variants that carry nothing else.

use keyring_core::Error;
use secrecy::SecretString;
use zeroize::{Zeroize as _, Zeroizing};

use crate::domain::key_item::KeyItemError;
use crate::domain::profile::ProfileName;
use crate::ports::keychain::KeychainError;

/// What the Secret Service's crate and macOS say when a keychain's dialog was dismissed. macOS translates its texts; a
/// translated one is passed on as it is.
const DISMISSED: [&str; 2] = ["prompt dismissed", "User canceled the operation"];
/// What they say when the keychain is locked, or nobody may be asked to open it.
const LOCKED: [&str; 2] = ["object locked", "User interaction is not allowed"];
/// What the Secret Service's crate says where the default collection should be.
const NO_COLLECTION: &str = "result not returned";

/// Translates an error of an operation on a profile's item.
pub(super) fn failure(error: Error, profile: &ProfileName) -> KeychainError {
    match error {
        Error::NoEntry => KeychainError::Missing(profile.clone()),
        Error::Ambiguous(entries) => KeychainError::Ambiguous(entries.len()),
        Error::NoStorageAccess(cause) | Error::PlatformFailure(cause) => in_words(cause.to_string()),
        Error::BadEncoding(mut bytes) | Error::BadDataFormat(mut bytes, _) => {
            bytes.zeroize();
            KeyItemError::Shape.into()
        }
        Error::TooLong(_, limit) => {
            KeychainError::Platform(format!("the item is longer than its limit of {limit}"))
        }
        Error::BadStoreFormat(_) => KeychainError::Platform("its store is damaged".to_owned()),
        Error::Invalid(..) | Error::NoDefaultStore | Error::NotSupportedByStore(_) | _ => {
            KeychainError::Platform("it does not support the operation".to_owned())
        }
    }
}

fn in_words(words: String) -> KeychainError {
    let says = |what: &str| words.contains(what);
    if DISMISSED.into_iter().any(says) {
        KeychainError::Dismissed
    } else if LOCKED.into_iter().any(says) {
        KeychainError::Locked
    } else if says(NO_COLLECTION) {
        KeychainError::NoDefaultCollection
    } else {
        KeychainError::Platform(words)
    }
}

/// An item's bytes as the text that they must be; the bytes are zeroized.
///
/// # Errors
///
/// [`KeyItemError::Shape`] for bytes that are not UTF-8.
pub(super) fn text(bytes: Vec<u8>) -> Result<SecretString, KeychainError> {
    let bytes = Zeroizing::new(bytes);
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(text.into()),
        Err(_hidden) => Err(KeyItemError::Shape.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use secrecy::ExposeSecret as _;

    use super::*;

    fn words(text: &str) -> Box<dyn std::error::Error + Send + Sync> {
        Box::new(io::Error::other(text.to_owned()))
    }

    #[test]
    fn every_error_has_its_own_class_and_none_shows_an_item() {
        let work = ProfileName::parse("work").unwrap();
        let check = |error: Error, expected: KeychainError| {
            let got = failure(error, &work);
            assert!(!format!("{got} {got:?}").contains("hush"), "{got}");
            assert_eq!(got, expected);
        };
        let platform = |text: &str| KeychainError::Platform(text.to_owned());
        check(Error::NoEntry, KeychainError::Missing(work.clone()));
        check(Error::Ambiguous(Vec::new()), KeychainError::Ambiguous(0));
        check(Error::NoStorageAccess(words("SS error: prompt dismissed")), KeychainError::Dismissed);
        check(Error::PlatformFailure(words("User canceled the operation.")), KeychainError::Dismissed);
        check(Error::NoStorageAccess(words("SS Error: object locked")), KeychainError::Locked);
        check(Error::PlatformFailure(words("User interaction is not allowed.")), KeychainError::Locked);
        check(
            Error::NoStorageAccess(words("SS error: result not returned from SS API")),
            KeychainError::NoDefaultCollection,
        );
        check(Error::PlatformFailure(words("the bus is gone")), platform("the bus is gone"));
        check(Error::BadEncoding(b"hush".to_vec()), KeyItemError::Shape.into());
        check(Error::BadDataFormat(b"hush".to_vec(), words("hush")), KeyItemError::Shape.into());
        check(Error::TooLong("hush".to_owned(), 7), platform("the item is longer than its limit of 7"));
        check(Error::BadStoreFormat("hush".to_owned()), platform("its store is damaged"));
        for error in [
            Error::Invalid("hush".to_owned(), "hush".to_owned()),
            Error::NoDefaultStore,
            Error::NotSupportedByStore("hush".to_owned()),
        ] {
            check(error, platform("it does not support the operation"));
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_no_item() {
        assert_eq!(text(b"{}".to_vec()).unwrap().expose_secret(), "{}");
        assert_eq!(text(vec![0xff]).unwrap_err(), KeyItemError::Shape.into());
    }
}
