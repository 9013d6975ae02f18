//! The question for a code, as a dialog puts it.

use std::fmt;

use super::mfa::MfaSerial;
use super::profile::ProfileName;

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

/// For whom a code is asked, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The profiles that will share the session; never empty.
    pub profiles: Vec<ProfileName>,
    /// The device that shows the code.
    pub serial: MfaSerial,
    /// Who wants the session: "a notice", "stsd refresh".
    pub asked_by: String,
    /// Why the last code was not taken, if there was one: one line.
    pub refused: Option<String>,
}

impl Question {
    /// The dialog's title.
    #[must_use]
    pub fn title(&self) -> String {
        format!("stsd: MFA code for {}", self.names())
    }

    /// What the dialog says: the profile, the account, the device and who asked. Plain text of a few lines.
    #[must_use]
    pub fn text(&self) -> String {
        let account = self.serial.account().map(|account| format!("Account {account}\n")).unwrap_or_default();
        format!(
            "Session for {} ({} asks)\n{account}MFA device {}\n\nThe six digits that the device shows:",
            self.names(),
            self.asked_by,
            self.serial
        )
    }

    fn names(&self) -> impl fmt::Display {
        self.profiles.iter().map(ProfileName::as_str).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_names_profile_account_device_and_who_asks() {
        let question = Question {
            profiles: vec![ProfileName::parse("work").unwrap(), ProfileName::parse("ci").unwrap()],
            serial: MfaSerial::parse("arn:aws:iam::123456789012:mfa/alice").unwrap(),
            asked_by: "a notice".to_owned(),
            refused: None,
        };
        assert_eq!(question.title(), "stsd: MFA code for work, ci");
        let text = question.text();
        for part in ["work, ci", "a notice asks", "123456789012", "mfa/alice"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
