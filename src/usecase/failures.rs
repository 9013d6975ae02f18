//! From what went wrong in the world to what its user reads: class, one line, and the command that helps.

use std::path::Path;

use crate::config::ConfigError;
use crate::domain::aws_file::{Refusal, RefusalReason, SectionKeyError};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::key_item::KeyItemError;
use crate::domain::profile::{ProfileName, SectionName};
use crate::ports::aws_settings::AwsSettingsError;
use crate::ports::config_store::{ConfigFileError, OTHERS_FILE, OTHERS_MAY_WRITE};
use crate::ports::keychain::KeychainError;
use crate::ports::session_store::StoreError;
use crate::ports::sts::StsError;

/// What sets the clock right.
pub const SET_THE_CLOCK: &str =
    if cfg!(target_os = "macos") { "sudo sntp -sS time.apple.com" } else { "sudo timedatectl set-ntp true" };

/// What starts a keychain again that hangs.
const RESTART_THE_KEYCHAIN: &str = if cfg!(target_os = "macos") {
    "look for a dialog of the keychain, then try again"
} else {
    "look for a dialog of the keychain, or restart it with: systemctl --user restart gnome-keyring-daemon"
};

/// A keychain that did not answer, locked up, or lacks the item.
#[must_use]
pub fn keychain(error: &KeychainError, profile: &ProfileName) -> Failure {
    let failure = Failure::new(FailureClass::Keychain, error.to_string());
    let hint = match error {
        KeychainError::NoBus(_) => {
            "run stsd inside a desktop session, or under: dbus-run-session -- sh -c \
             'gnome-keyring-daemon --unlock --components=secrets && exec \"$SHELL\"'"
                .to_owned()
        }
        KeychainError::NoService => {
            "install and start a Secret Service, for instance: sudo apt install gnome-keyring".to_owned()
        }
        KeychainError::NoDefaultCollection => {
            "make one with: gnome-keyring-daemon --unlock --components=secrets (it reads the new password from stdin)"
                .to_owned()
        }
        KeychainError::Locked | KeychainError::Dismissed => {
            "unlock it in your desktop's password manager (or: gnome-keyring-daemon --unlock), then try again".to_owned()
        }
        KeychainError::NoAnswer(_) => RESTART_THE_KEYCHAIN.to_owned(),
        KeychainError::Missing(_) => format!("stsd add {profile}"),
        KeychainError::MissingSeed(_) => format!("stsd add {profile} --totp-seed -"),
        KeychainError::Seed(_) => format!(
            "secret-tool lookup service stsd-totp username {profile}   (rescue what it shows, then: secret-tool clear service stsd-totp username {profile})"
        ),
        KeychainError::Item(KeyItemError::Version(_) | KeyItemError::Rotating) => {
            "use the version of stsd that wrote the item".to_owned()
        }
        KeychainError::Item(KeyItemError::Shape) => format!(
            "secret-tool lookup service stsd username {profile}   (rescue what it shows, then: secret-tool clear service stsd username {profile})"
        ),
        KeychainError::Ambiguous(_) => {
            format!("secret-tool search --all service stsd username {profile}   (or service stsd-totp; then delete the one that is not yours)")
        }
        KeychainError::Platform(_) => "try again; if it stays, restart the keychain of your desktop".to_owned(),
    };
    failure.hint(hint)
}

/// What STS answered, or that it did not.
#[must_use]
pub fn sts(error: &StsError, profile: &ProfileName) -> Failure {
    use FailureClass::{AwsRefused, MfaRefused, Unavailable};
    let (class, hint) = match error {
        StsError::BadCode => (MfaRefused, format!("wait for the next code, then: stsd refresh {profile}")),
        StsError::BadSerial => (
            MfaRefused,
            format!(
                "set mfa_serial in [profiles.{profile}] of config.toml to the ARN that IAM > Users > Security credentials shows"
            ),
        ),
        StsError::UnknownKey => (
            AwsRefused,
            format!(
                "activate the key at IAM > Users > Security credentials (a new one needs some 15 s), or store another with: stsd add {profile}"
            ),
        ),
        StsError::WrongSecret | StsError::SessionCredentials | StsError::ExpiredToken => {
            (AwsRefused, format!("stsd add {profile}"))
        }
        StsError::ClockSkew => (AwsRefused, SET_THE_CLOCK.to_owned()),
        StsError::RegionDisabled(_) => (
            AwsRefused,
            format!(
                "set region in [profiles.{profile}] of config.toml to one in which STS is active, such as us-east-1"
            ),
        ),
        StsError::Invalid(_) | StsError::Denied | StsError::Refused { .. } => (
            AwsRefused,
            format!(
                "ask your AWS administrator; AWS's request id is in the log of: stsd refresh -v {profile}"
            ),
        ),
        StsError::Throttled | StsError::Unavailable(_) | StsError::Timeout(_) | StsError::AlreadyExpired => {
            (Unavailable, format!("try again in a while, with a new code: stsd refresh {profile}"))
        }
        StsError::Setup(_) => (
            FailureClass::Config,
            "look at AWS_CA_BUNDLE, HTTPS_PROXY, AWS_ENDPOINT_URL_STS and AWS_USE_FIPS_ENDPOINT".to_owned(),
        ),
        StsError::Malformed | StsError::Unreachable(_) | StsError::Network(_) => (
            Unavailable,
            "check the network, HTTPS_PROXY, AWS_CA_BUNDLE and AWS_ENDPOINT_URL_STS, then try again"
                .to_owned(),
        ),
    };
    Failure::new(class, error.to_string()).hint(hint)
}

/// The credentials file was left alone.
#[must_use]
pub fn store(error: &StoreError, profile: &ProfileName) -> Failure {
    let hint = match error {
        StoreError::Refused {
            refusal: Refusal { reason: RefusalReason::LongTermKey { section }, .. },
            ..
        } => {
            format!("stsd add {profile} --import {section}   (puts that key into the keychain)")
        }
        StoreError::Refused { path, refusal } => edit(path, refusal.line),
        StoreError::Unsafe { path, .. } => format!("ls -ld {}   (nothing was changed)", quoted(path)),
        StoreError::Io { changed: true, .. } => {
            format!("stsd status {profile}   (shows whether the session is there)")
        }
        StoreError::Io { path, .. } => {
            let folder = quoted(path.parent().unwrap_or(path));
            format!("ls -ld {folder} && df -h {folder}   (nothing was changed)")
        }
        StoreError::Locked { holder: Some(pid), .. } => {
            format!("ps -fp {pid}   (then run the command again)")
        }
        StoreError::Locked { path, .. } => {
            format!("fuser -v {}   (then run the command again)", quoted(path))
        }
        StoreError::Busy { path } => format!("fuser -v {}   (then run the command again)", quoted(path)),
    };
    Failure::new(FailureClass::CredentialsFile, error.to_string()).hint(hint)
}

/// A credentials file without a section, or none at all.
#[must_use]
pub fn nothing_to_import(path: &Path, profile: &ProfileName) -> Failure {
    let message = format!("{}: there is no section in it, so no key to import", path.display());
    Failure::new(FailureClass::Config, message).hint(format!("stsd add {profile}"))
}

/// A section has no long-term key that could be read.
#[must_use]
pub fn section_key(
    error: &SectionKeyError,
    path: &Path,
    profile: &ProfileName,
    elsewhere: Option<&SectionName>,
) -> Failure {
    use FailureClass::{Config, CredentialsFile};
    let sections = || format!("grep -n '^\\[' {}   (shows the sections)", quoted(path));
    let (class, hint) = match error {
        SectionKeyError::NoSection { near: Some(near), .. } => {
            (Config, format!("did you mean {near}? Then: stsd add {profile} --import {near}"))
        }
        SectionKeyError::NoKey(_) | SectionKeyError::Temporary(_) if elsewhere.is_some() => {
            let section = elsewhere.map(SectionName::as_str).unwrap_or_default();
            (Config, format!("stsd add {profile} --import {section}"))
        }
        SectionKeyError::NoSection { .. } | SectionKeyError::NoKey(_) | SectionKeyError::Temporary(_) => {
            (Config, sections())
        }
        SectionKeyError::Half { .. }
        | SectionKeyError::Id { .. }
        | SectionKeyError::Secret { .. }
        | SectionKeyError::Refused(_) => (CredentialsFile, edit(path, error.line())),
    };
    Failure::new(class, format!("{}: {error}", path.display())).hint(hint)
}

/// The configuration's text is wrong.
#[must_use]
pub fn config(error: &ConfigError, path: &Path) -> Failure {
    Failure::new(FailureClass::Config, format!("{}: {error}", path.display()))
        .hint(edit(path, Some(error.line)))
}

/// The configuration's file cannot be used.
#[must_use]
pub fn config_file(error: &ConfigFileError) -> Failure {
    let hint = match error {
        ConfigFileError::Unsafe { path, reason: OTHERS_FILE | OTHERS_MAY_WRITE } => {
            let path = quoted(path);
            format!("ls -l {path}   (if it is yours: sudo chown \"$USER\" {path} && chmod go-w {path})")
        }
        ConfigFileError::Changed(_) => "run the command again".to_owned(),
        ConfigFileError::Unsafe { path, .. } | ConfigFileError::Io { path, .. } => {
            format!("ls -ld {} {}", quoted(path.parent().unwrap_or(path)), quoted(path))
        }
    };
    Failure::new(FailureClass::Config, error.to_string()).hint(hint)
}

/// AWS's own settings cannot be read.
#[must_use]
pub fn aws_settings(error: &AwsSettingsError) -> Failure {
    Failure::new(FailureClass::Config, error.to_string())
        .hint("aws configure list   (shows which file AWS's tools read)")
}

/// The command that opens a file at a line.
#[must_use]
pub fn edit(path: &Path, line: Option<usize>) -> String {
    format!("\"${{EDITOR:-vi}}\" +{} {}", line.unwrap_or(1), quoted(path))
}

/// A path as a shell takes it.
#[must_use]
pub fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%=:,".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_a_hint_can_be_pasted() {
        let check = |path: &str, expected: &str| assert_eq!(quoted(Path::new(path)), expected);
        check("/home/alice/.aws/credentials", "/home/alice/.aws/credentials");
        check("/home/al ice/it's", r"'/home/al ice/it'\''s'");
        check("/x;rm -rf ~", "'/x;rm -rf ~'");
    }
}
