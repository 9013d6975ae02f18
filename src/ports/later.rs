//! Ports whose adapters come with the features that need them; their names are fixed here.

use super::Answer;

/// AWS's IAM: the access keys of a user.
pub trait Iam: Send + Sync {}

/// The desktop's notifications.
pub trait Notifier: Send + Sync {}

/// The dialog that asks for a code.
pub trait Prompter: Send + Sync {}

/// Changes that other programs make to a file.
pub trait FileWatch: Send + Sync {
    /// Returns when the watched file may have changed.
    fn changed(&self) -> Answer<'_, ()>;
}

/// The user's service manager: systemd's user instance, launchd.
pub trait ServiceManager: Send + Sync {}
