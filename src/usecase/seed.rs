//! Stores the seed of an MFA device, after which its codes need nobody.

use super::{Ports, add, failures};
use crate::config::edit::ProfileChange;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::mfa::MfaCode;
use crate::domain::profile::ProfileName;
use crate::domain::totp::TotpSeed;

/// Checks a seed against a code that the device shows now, one step before or after.
///
/// # Errors
///
/// Class `MfaRefused`.
pub fn check(ports: &Ports, name: &ProfileName, seed: &TotpSeed, shown: &MfaCode) -> Result<(), Failure> {
    if seed.makes(shown, ports.clock.now()) {
        return Ok(());
    }
    let message =
        "the seed does not make this code: it is another device's, or this machine's clock is wrong";
    Err(Failure::new(FailureClass::MfaRefused, message)
        .hint(format!("stsd add {name} --totp-seed -   (nothing was stored)")))
}

/// Stores a seed and sets `mfa = "totp"`, with whatever else the command line says of the profile.
///
/// # Errors
///
/// What the keychain or the configuration refuse, each in its class.
pub async fn store(
    ports: &Ports,
    name: &ProfileName,
    seed: &TotpSeed,
    change: &ProfileChange,
) -> Result<(), Failure> {
    ports.keychain.write_seed(name, seed).await.map_err(|error| failures::keychain(&error, name))?;
    tracing::info!(profile = %name, "TOTP seed stored");
    add::configure(ports, name, &ProfileChange { totp: true, ..change.clone() }).await
}
