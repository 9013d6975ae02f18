//! Forgets a profile's session and deletes its key from the keychain. The settings in the configuration stay.

use super::forget::{Forgotten, forget_one};
use super::profiles::select;
use super::{Ports, failures};
use crate::config::Config;
use crate::domain::failure::Failure;
use crate::domain::profile::ProfileName;

/// Makes sure that there is something to remove and that it can be removed, before anybody is asked.
///
/// # Errors
///
/// Class `Config` for an unknown profile, class `Keychain` if its key is missing or cannot be reached.
pub async fn check(ports: &Ports, config: &Config, name: &ProfileName) -> Result<(), Failure> {
    select(config, std::slice::from_ref(name), ports.config.path())?;
    ports.keychain.check_item(name).await.map_err(|error| failures::keychain(&error, name))
}

/// Removes the session first: were the key gone and the session left, nobody would think of it any more.
///
/// # Errors
///
/// As [`check`], and class `CredentialsFile` if the session cannot be taken out of the file; the key is then untouched.
pub async fn remove(ports: &Ports, config: &Config, name: &ProfileName) -> Result<Forgotten, Failure> {
    check(ports, config, name).await?;
    let mut forgotten = Forgotten { sections: Vec::new() };
    for profile in select(config, std::slice::from_ref(name), ports.config.path())? {
        forgotten = forget_one(ports, profile).await?;
    }
    ports.keychain.delete(name).await.map_err(|error| failures::keychain(&error, name))?;
    tracing::info!(profile = %name, "key deleted");
    Ok(forgotten)
}
