//! The classes of failure, sorted by what the user should do; each has its exit code.

use std::fmt;

/// A class of failure. Its name stands in `status --json` and on the wire, its code is the program's exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// A bug, or a failure with no class of its own.
    Internal,
    /// A wrong command line, a code of the wrong shape.
    Usage,
    /// The configuration, or a profile that it does not know.
    Config,
    /// No valid session, or a code is needed and nobody can be asked.
    NoSession,
    /// The code or the MFA device was refused.
    MfaRefused,
    /// AWS refused the key or the call.
    AwsRefused,
    /// The keychain is absent or locked, or the item is missing.
    Keychain,
    /// The credentials file cannot be edited safely; nothing was changed.
    CredentialsFile,
    /// Network or STS unavailable: try again.
    Unavailable,
}

impl FailureClass {
    const ALL: [Self; 9] = [
        Self::Internal,
        Self::Usage,
        Self::Config,
        Self::NoSession,
        Self::MfaRefused,
        Self::AwsRefused,
        Self::Keychain,
        Self::CredentialsFile,
        Self::Unavailable,
    ];

    /// The exit status, 1..=9, as the help and the README document it.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Config => 3,
            Self::NoSession => 4,
            Self::MfaRefused => 5,
            Self::AwsRefused => 6,
            Self::Keychain => 7,
            Self::CredentialsFile => 8,
            Self::Unavailable => 9,
        }
    }

    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Usage => "usage",
            Self::Config => "config",
            Self::NoSession => "no-session",
            Self::MfaRefused => "mfa-refused",
            Self::AwsRefused => "aws-refused",
            Self::Keychain => "keychain",
            Self::CredentialsFile => "credentials-file",
            Self::Unavailable => "unavailable",
        }
    }

    /// The class of that name, if there is one.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

/// A failure as its user sees it: one line, and the command that helps. Never a secret, never received text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What kind it is.
    pub class: FailureClass,
    /// What is wrong, one line.
    pub message: String,
    /// What to run or do next, one line.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure without a hint.
    #[must_use]
    pub fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), hint: None }
    }

    /// The same failure with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_its_own_code_and_name() {
        for (class, code) in FailureClass::ALL.into_iter().zip(1..) {
            assert_eq!(class.exit_code(), code);
            assert_eq!(FailureClass::from_name(class.name()), Some(class));
        }
        assert_eq!(FailureClass::from_name("no-such-class"), None);
    }
}
