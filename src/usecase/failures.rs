//! From what went wrong in the world to what its user reads: class, one line, and the command that helps.

use std::path::Path;

use crate::config::ConfigError;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::profile::ProfileName;
use crate::ports::aws_settings::AwsSettingsError;
use crate::ports::config_store::ConfigFileError;
use crate::ports::keychain::KeychainError;
use crate::ports::session_store::StoreError;
use crate::ports::sts::StsError;

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
        KeychainError::NoAnswer(_) => {
            "look for a dialog of the keychain, or restart it with: systemctl --user restart gnome-keyring-daemon".to_owned()
        }
        KeychainError::Missing(_) | KeychainError::Item(_) => format!("stsd add {profile}"),
        KeychainError::Ambiguous(_) => {
            format!("secret-tool search --all service stsd username {profile}   (then delete the one that is not yours)")
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
                "compare mfa_serial of profile {profile} with the device at IAM > Users > Security credentials, then: stsd add {profile} --mfa-serial ARN"
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
        StsError::ClockSkew => {
            (AwsRefused, "set the clock, for instance with: sudo timedatectl set-ntp true".to_owned())
        }
        StsError::RegionDisabled(_) => (
            AwsRefused,
            format!("choose a region in which STS is active: stsd add {profile} --region us-east-1"),
        ),
        StsError::Invalid(_) | StsError::Denied | StsError::Refused { .. } => {
            (AwsRefused, format!("stsd refresh -v {profile}   (logs AWS's request id)"))
        }
        StsError::Throttled | StsError::Unavailable(_) | StsError::Timeout(_) | StsError::AlreadyExpired => {
            (Unavailable, format!("try again in a while, with a new code: stsd refresh {profile}"))
        }
        StsError::Malformed | StsError::Network(_) | StsError::Setup(_) => (
            Unavailable,
            "check the network, HTTPS_PROXY, AWS_CA_BUNDLE and AWS_ENDPOINT_URL_STS, then try again"
                .to_owned(),
        ),
    };
    Failure::new(class, error.to_string()).hint(hint)
}

/// The credentials file was left alone.
#[must_use]
pub fn store(error: &StoreError) -> Failure {
    let failure = Failure::new(FailureClass::CredentialsFile, error.to_string());
    match error {
        StoreError::Refused { .. } | StoreError::Unsafe { .. } => {
            failure.hint("nothing was changed; mend what is named, then run the command again")
        }
        StoreError::Io { path, .. } => failure.hint(format!(
            "nothing was changed; look at: ls -ld {} && df -h {}",
            parent(path),
            parent(path)
        )),
        StoreError::Locked { .. } | StoreError::Busy { .. } => {
            failure.hint("nothing was changed; run the command again when the other program has finished")
        }
    }
}

/// The configuration's text is wrong.
#[must_use]
pub fn config(error: &ConfigError, path: &Path) -> Failure {
    Failure::new(FailureClass::Config, format!("{}: {error}", path.display()))
        .hint(format!("\"${{EDITOR:-vi}}\" {}", path.display()))
}

/// The configuration's file cannot be used.
#[must_use]
pub fn config_file(error: &ConfigFileError) -> Failure {
    let failure = Failure::new(FailureClass::Config, error.to_string());
    match error {
        ConfigFileError::Unsafe { path, .. } => {
            failure.hint(format!("sudo chown \"$USER\" {path} && chmod go-w {path}", path = path.display()))
        }
        ConfigFileError::Io { path, .. } => {
            failure.hint(format!("ls -ld {} {}", parent(path), path.display()))
        }
    }
}

/// AWS's own settings cannot be read.
#[must_use]
pub fn aws_settings(error: &AwsSettingsError) -> Failure {
    Failure::new(FailureClass::Config, error.to_string())
        .hint("aws configure list   (shows which file AWS's tools read)")
}

fn parent(path: &Path) -> String {
    path.parent().unwrap_or(path).display().to_string()
}
