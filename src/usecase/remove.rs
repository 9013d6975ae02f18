//! Forgets a profile's session and deletes its key, and its seed if there is one, from the keychain. The settings in the
//! configuration stay.

use super::forget::{Forgotten, forget_one};
use super::profiles::{select, supported_keychain};
use super::{Ports, failures};
use crate::config::Config;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::profile::ProfileName;
use crate::ports::keychain::KeychainError;

/// Makes sure that there is something to remove and that it can be removed, before anybody is asked.
///
/// A key whose table is no longer in the configuration can be removed too.
///
/// # Errors
///
/// Class `Config` if neither the configuration nor the keychain knows the profile, class `Keychain` if the keychain
/// cannot be reached.
pub async fn check(ports: &Ports, config: &Config, name: &ProfileName) -> Result<(), Failure> {
    supported_keychain(config, ports.config.path())?;
    let configured = select(config, std::slice::from_ref(name), ports.config.path());
    match (ports.keychain.check_item(name).await, configured) {
        // A session may be there without its key, a key without its table.
        (Ok(()), _) | (Err(KeychainError::Missing(_)), Ok(_)) => Ok(()),
        (Err(error), Ok(_)) => Err(failures::keychain(&error, name)),
        (Err(_), Err(unknown)) => Err(unknown),
    }
}

/// Removes the session first: were the key gone and the session left, nobody would think of it any more.
///
/// # Errors
///
/// As [`check`]; class `CredentialsFile` if the session cannot be taken out of the file, the key is then untouched;
/// class `Keychain` if there was no key, the session is then forgotten.
pub async fn remove(ports: &Ports, config: &Config, name: &ProfileName) -> Result<Forgotten, Failure> {
    check(ports, config, name).await?;
    let sections = config.profile(name).map(|profile| profile.sections.clone()).unwrap_or_default();
    let forgotten = forget_one(ports, name, &sections).await?;
    match ports.keychain.delete_seed(name).await {
        Ok(()) => tracing::info!(profile = %name, "TOTP seed deleted"),
        Err(KeychainError::MissingSeed(_)) => {}
        Err(error) => return Err(failures::keychain(&error, name)),
    }
    match ports.keychain.delete(name).await {
        Ok(()) => {
            tracing::info!(profile = %name, "key deleted");
            Ok(forgotten)
        }
        Err(KeychainError::Missing(_)) => Err(Failure::new(
            FailureClass::Keychain,
            format!("the keychain holds no key of profile \"{name}\"; its session is forgotten"),
        )
        .hint("stsd status")),
        Err(error) => Err(failures::keychain(&error, name)),
    }
}
