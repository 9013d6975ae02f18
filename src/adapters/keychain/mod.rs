//! The operating system's keychain: the Secret Service on Linux, the login keychain on macOS.
//!
//! Keyring crates block, without a limit, and on Linux they open a dialog on their own account. So [`OsKeychain`]
//! does all of it on one thread of its own ([`thread`]), waits for an answer no longer than its deadline, and never
//! starts what could need a dialog: on Linux the `bus` is asked first, in calls that raise none. What differs
//! between the platforms is behind `Vault`; `failure` turns the crates' errors into the port's, and nothing of an
//! item ever gets into one.

#[cfg(target_os = "linux")]
mod bus;
mod failure;
#[cfg(target_os = "macos")]
mod macos;
mod os;
#[cfg(target_os = "linux")]
mod secret_service;
mod thread;

use crate::domain::profile::ProfileName;
#[cfg(target_os = "macos")]
use macos::Vault;
pub use os::OsKeychain;
#[cfg(target_os = "linux")]
use secret_service::Vault;

/// Which item: whose, and of which kind.
#[derive(Clone, Debug)]
struct Place {
    /// The attribute `service`: what `secret-tool search service stsd` finds.
    service: &'static str,
    /// The attribute `username`.
    profile: ProfileName,
}

impl Place {
    /// The profile's long-term key.
    fn key(profile: &ProfileName) -> Self {
        Self { service: "stsd", profile: profile.clone() }
    }

    /// The seed of the profile's MFA device.
    fn seed(profile: &ProfileName) -> Self {
        Self { service: "stsd-totp", profile: profile.clone() }
    }
}
