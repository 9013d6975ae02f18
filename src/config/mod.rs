//! `config.toml`: what the user decides. Text in, settings out; the file itself is an adapter's business.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::domain::duration::SessionDuration;
use crate::domain::endpoint::Region;
use crate::domain::mfa::MfaSerial;
use crate::domain::profile::{ProfileName, SectionName};

pub mod edit;
mod parse;

pub use parse::parse;

/// Why a configuration is not used. Names the place, never the value that stands there.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {problem}")]
pub struct ConfigError {
    /// Counted from 1.
    pub line: usize,
    /// The key and what is wrong with it.
    pub problem: String,
}

/// The whole configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The profile that a command means when it names none.
    pub default_profile: Option<ProfileName>,
    /// How long before the expiry the user is told, longest first.
    pub warn_before: Vec<Duration>,
    /// True if the desktop shows notices.
    pub notifications: bool,
    /// Where keys are kept.
    pub keychain: KeychainKind,
    /// How a code is asked for.
    pub prompt: PromptKind,
    /// The pinentry program, if not the one on PATH.
    pub pinentry: Option<PathBuf>,
    /// The age from which a key is too old.
    pub max_key_age: Option<Duration>,
    /// The profiles in the order of the file.
    pub profiles: Vec<Profile>,
}

/// One table `[profiles.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: ProfileName,
    /// The MFA device; AWS's configuration is asked where this says nothing.
    pub mfa_serial: Option<MfaSerial>,
    /// The region of the STS endpoint.
    pub region: Option<Region>,
    /// How long a session is asked for.
    pub duration: Option<SessionDuration>,
    /// The sections of the credentials file that get the session; never empty.
    pub sections: Vec<SectionName>,
    /// Where the session goes.
    pub deliver: Deliver,
    /// Where the code comes from.
    pub mfa: MfaSource,
    /// What becomes of an expired session.
    pub on_expiry: OnExpiry,
    /// Set for a role that is assumed through another profile's session.
    pub role: Option<Role>,
}

/// A role, renewed without a code while its source's session lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// The profile whose session signs the call.
    pub source: Option<ProfileName>,
    /// The role.
    pub role_arn: Option<String>,
    /// The external id that the role's trust policy asks for.
    pub external_id: Option<String>,
    /// The name of the role session.
    pub role_session_name: Option<String>,
}

/// Where keys are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeychainKind {
    /// The operating system's keychain.
    Os,
    /// An encrypted file.
    File,
}

/// How a code is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromptKind {
    /// The first that works.
    Auto,
    /// `GnuPG`'s dialog.
    Pinentry,
    /// The dialog of GNOME.
    Zenity,
    /// KDE's dialog.
    Kdialog,
    /// macOS's dialog.
    Osascript,
    /// The terminal of the command.
    Terminal,
    /// Never ask.
    None,
}

/// Where a session goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deliver {
    /// The sections of the credentials file.
    File,
    /// Nothing on disk.
    Agent,
}

impl Profile {
    /// True if its session can be renewed without a human.
    #[must_use]
    pub fn renews_itself(&self) -> bool {
        self.mfa != MfaSource::Prompt && self.deliver == Deliver::File && self.role.is_none()
    }
}

/// Where a code comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MfaSource {
    /// A person.
    Prompt,
    /// A seed in the keychain.
    Totp,
    /// No code: the profile has no MFA device.
    None,
    /// A command whose output is the code, as an argument list.
    Command(Vec<String>),
}

/// What becomes of an expired session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExpiry {
    /// It stays where it is.
    Keep,
    /// It is taken out of the file.
    Remove,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            default_profile: None,
            warn_before: vec![Duration::from_mins(30), Duration::from_mins(5)],
            notifications: true,
            keychain: KeychainKind::Os,
            prompt: PromptKind::Auto,
            pinentry: None,
            max_key_age: None,
            profiles: Vec::new(),
        }
    }
}

impl Config {
    /// The profile of that name.
    #[must_use]
    pub fn profile(&self, name: &ProfileName) -> Option<&Profile> {
        self.profiles.iter().find(|profile| profile.name == *name)
    }

    /// The profile that a command means when it names none: the default, else the only one.
    #[must_use]
    pub fn implied_profile(&self) -> Option<&Profile> {
        match (&self.default_profile, self.profiles.as_slice()) {
            (Some(name), _) => self.profile(name),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }
}

#[cfg(test)]
mod tests;
