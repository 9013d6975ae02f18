//! The keychain of the operating system.

use thiserror::Error;

use super::Answer;
use crate::domain::key_item::KeyItemError;
use crate::domain::keys::LongTermKey;
use crate::domain::profile::ProfileName;
use crate::domain::totp::{SeedError, TotpSeed};

/// Why the keychain did not do what was asked. Nothing of an item is ever part of a message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeychainError {
    /// No session bus: an ssh login, cron, a container.
    #[error("no keychain can be reached: there is no session bus ({0})")]
    NoBus(String),
    /// A session bus without a Secret Service.
    #[error("no keychain is running: nothing provides the Secret Service on the session bus")]
    NoService,
    /// A Secret Service that has no default collection yet.
    #[error("the keychain has no default collection yet")]
    NoDefaultCollection,
    /// The collection is locked.
    #[error("the keychain is locked")]
    Locked,
    /// A dialog of the keychain was dismissed.
    #[error("the keychain's own dialog was dismissed")]
    Dismissed,
    /// No answer within the deadline: a dialog waits for its user, or the keychain hangs.
    #[error("the keychain did not answer within {0} s")]
    NoAnswer(u64),
    /// No item for the profile.
    #[error("the keychain holds no key of profile \"{0}\"")]
    Missing(ProfileName),
    /// No seed of the profile's MFA device.
    #[error("the keychain holds no TOTP seed of profile \"{0}\"")]
    MissingSeed(ProfileName),
    /// The item that should be a seed is none.
    #[error("the TOTP seed in the keychain cannot be used: {0}")]
    Seed(#[from] SeedError),
    /// Several items that claim to be the profile's.
    #[error("the keychain holds {0} items for this profile; one must go")]
    Ambiguous(usize),
    /// The item cannot be used.
    #[error(transparent)]
    Item(#[from] KeyItemError),
    /// Anything else, in the platform's words.
    #[error("the keychain failed: {0}")]
    Platform(String),
}

/// The long-term keys in the operating system's keychain: service `stsd`, user = the profile's name. Seeds of MFA devices
/// are items of their own: service `stsd-totp`.
///
/// No call raises a dialog, and each ends within its deadline.
pub trait Keychain: Send + Sync {
    /// Checks that the keychain is there and open, without touching an item.
    fn check(&self) -> Answer<'_, Result<(), KeychainError>>;

    /// Checks that the profile's item exists and could be read, without reading its secret.
    fn check_item<'a>(&'a self, profile: &'a ProfileName) -> Answer<'a, Result<(), KeychainError>>;

    /// Reads the profile's key.
    fn read<'a>(&'a self, profile: &'a ProfileName) -> Answer<'a, Result<LongTermKey, KeychainError>>;

    /// Stores the profile's key, in place of the one that is there, and reads it back. An item that holds anything else
    /// than one key is left alone: [`KeychainError::Item`].
    fn write<'a>(
        &'a self,
        profile: &'a ProfileName,
        key: &'a LongTermKey,
    ) -> Answer<'a, Result<(), KeychainError>>;

    /// Deletes the profile's key.
    fn delete<'a>(&'a self, profile: &'a ProfileName) -> Answer<'a, Result<(), KeychainError>>;

    /// Reads the seed of the profile's MFA device.
    fn read_seed<'a>(&'a self, profile: &'a ProfileName) -> Answer<'a, Result<TotpSeed, KeychainError>>;

    /// Stores a seed, in place of the one that is there, and reads it back. An item that is no seed is left alone:
    /// [`KeychainError::Seed`].
    fn write_seed<'a>(
        &'a self,
        profile: &'a ProfileName,
        seed: &'a TotpSeed,
    ) -> Answer<'a, Result<(), KeychainError>>;

    /// Deletes the seed.
    fn delete_seed<'a>(&'a self, profile: &'a ProfileName) -> Answer<'a, Result<(), KeychainError>>;
}
