//! The port's implementation: what to do with an item, told to the keychain's thread.

use std::time::Duration;

use super::thread::KeychainThread;
use super::{Place, Vault};
use crate::domain::key_item;
use crate::domain::keys::LongTermKey;
use crate::domain::profile::ProfileName;
use crate::domain::totp::TotpSeed;
use crate::ports::Answer;
use crate::ports::keychain::{Keychain, KeychainError};

/// The keychain of the operating system, behind one thread and a deadline.
///
/// It touches nothing before the first call, and works in any runtime whose timer is on. A call that was answered
/// with [`KeychainError::NoAnswer`] may still have changed the item: whoever waited in vain reads to know.
#[derive(Debug)]
pub struct OsKeychain {
    thread: KeychainThread<Vault>,
}

impl OsKeychain {
    /// How long a call waits unless told otherwise.
    pub const DEADLINE: Duration = Duration::from_secs(10);

    /// A keychain whose every call ends within `deadline`.
    #[must_use]
    pub fn new(deadline: Duration) -> Self {
        Self { thread: KeychainThread::new(deadline, Vault::new) }
    }
}

impl Default for OsKeychain {
    fn default() -> Self {
        Self::new(Self::DEADLINE)
    }
}

impl Keychain for OsKeychain {
    fn check(&self) -> Answer<'_, Result<(), KeychainError>> {
        Box::pin(self.thread.call(|vault, _wanted| vault.check()))
    }

    fn check_item<'a>(&'a self, profile: &'a ProfileName) -> Answer<'a, Result<(), KeychainError>> {
        let place = Place::key(profile);
        Box::pin(self.thread.call(move |vault, _wanted| vault.check_item(&place)))
    }

    fn read<'a>(&'a self, profile: &'a ProfileName) -> Answer<'a, Result<LongTermKey, KeychainError>> {
        let place = Place::key(profile);
        Box::pin(self.thread.call(move |vault, wanted| {
            let item = vault.read(&place, wanted)?;
            Ok(key_item::from_json(&item)?)
        }))
    }

    fn write<'a>(
        &'a self,
        profile: &'a ProfileName,
        key: &'a LongTermKey,
    ) -> Answer<'a, Result<(), KeychainError>> {
        let place = Place::key(profile);
        let label = label(profile, key);
        let item = key_item::to_json(key);
        Box::pin(self.thread.call(move |vault, wanted| {
            // What cannot be read, or holds more than the one key that is to be replaced, may exist nowhere else.
            match vault.read(&place, wanted) {
                Ok(old) => key_item::check_replaceable(&old)?,
                Err(KeychainError::Missing(_)) => {}
                Err(error) => return Err(error),
            }
            vault.write(&place, &label, &item, wanted)
        }))
    }

    fn delete<'a>(&'a self, profile: &'a ProfileName) -> Answer<'a, Result<(), KeychainError>> {
        let place = Place::key(profile);
        Box::pin(self.thread.call(move |vault, wanted| vault.delete(&place, wanted)))
    }

    fn read_seed<'a>(&'a self, profile: &'a ProfileName) -> Answer<'a, Result<TotpSeed, KeychainError>> {
        let place = Place::seed(profile);
        Box::pin(self.thread.call(move |vault, wanted| {
            let item = vault.read(&place, wanted).map_err(of_seed)?;
            Ok(TotpSeed::parse(&item)?)
        }))
    }

    fn write_seed<'a>(
        &'a self,
        profile: &'a ProfileName,
        seed: &'a TotpSeed,
    ) -> Answer<'a, Result<(), KeychainError>> {
        let place = Place::seed(profile);
        let item = seed.base32().clone();
        Box::pin(self.thread.call(move |vault, wanted| {
            // As with a key: what is not one of ours may exist nowhere else.
            match vault.read(&place, wanted) {
                Ok(old) => drop(TotpSeed::parse(&old)?),
                Err(KeychainError::Missing(_)) => {}
                Err(error) => return Err(error),
            }
            vault.write(&place, &format!("stsd: TOTP seed ({})", place.profile), &item, wanted)
        }))
    }

    fn delete_seed<'a>(&'a self, profile: &'a ProfileName) -> Answer<'a, Result<(), KeychainError>> {
        let place = Place::seed(profile);
        Box::pin(self.thread.call(move |vault, wanted| vault.delete(&place, wanted).map_err(of_seed)))
    }
}

/// Says what is missing.
fn of_seed(error: KeychainError) -> KeychainError {
    if let KeychainError::Missing(profile) = error { KeychainError::MissingSeed(profile) } else { error }
}

/// The item's name in Seahorse, `KWallet` Manager and `secret-tool`: which key of which profile this is.
fn label(profile: &ProfileName, key: &LongTermKey) -> String {
    format!("stsd: AWS key {} ({profile})", key.id.last_four())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::keys::AccessKeyId;

    #[test]
    fn the_label_names_profile_and_key_by_its_last_four() {
        let key = LongTermKey {
            id: AccessKeyId::parse("AKIAIOSFODNN7EXAWXYZ").unwrap(),
            secret: "secret".to_owned().into(),
        };
        assert_eq!(label(&ProfileName::parse("work").unwrap(), &key), "stsd: AWS key …WXYZ (work)");
    }

    #[test]
    fn debug_shows_no_more_than_the_deadline() {
        assert_eq!(
            format!("{:?}", OsKeychain::default()),
            "OsKeychain { thread: KeychainThread { deadline: 10s, .. } }"
        );
    }
}
