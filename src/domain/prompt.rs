//! The question for a code, as a dialog puts it.

use std::fmt;

use super::mfa::MfaSerial;
use super::profile::ProfileName;

/// The longest name of who asks, in characters.
const LONGEST_ASKER: usize = 80;
/// The longest reason for which a code was refused, in characters.
const LONGEST_REASON: usize = 200;
/// The longest title, in characters: what a window's frame shows.
const LONGEST_TITLE: usize = 100;
/// The longest line, in characters: not every dialog breaks lines, and none breaks an ARN.
const WIDTH: usize = 60;
/// As many profiles are named, the rest is counted.
const NAMED: usize = 3;

/// How a code is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromptKind {
    /// The terminal of the command where there is one, else the first dialog that works.
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

impl PromptKind {
    /// True if a dialog asks somebody with or without a `terminal` for a code: a terminal is where its user is, unless the
    /// configuration names a dialog. That one and the terminal then wait for the code together.
    #[must_use]
    pub fn wants_dialog(self, terminal: bool) -> bool {
        match self {
            Self::Auto => !terminal,
            Self::Pinentry | Self::Zenity | Self::Kdialog | Self::Osascript => true,
            Self::Terminal | Self::None => false,
        }
    }
}

/// For whom a code is asked, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The profiles that will share the session; never empty.
    pub profiles: Vec<ProfileName>,
    /// The device that shows the code.
    pub serial: MfaSerial,
    /// Who wants the session: "a notice", "a command (process 4711)".
    pub asked_by: String,
    /// Why the last code was not taken, if there was one: one line.
    pub refused: Option<String>,
}

impl Question {
    /// The dialog's title: one line of at most 100 characters.
    #[must_use]
    pub fn title(&self) -> String {
        one_line(&format!("stsd: MFA code for {}", self.names()), LONGEST_TITLE)
    }

    /// What the dialog says: the profile, the account, the device and who asked. Plain text of a few short lines, whatever
    /// the parts contain.
    #[must_use]
    pub fn text(&self) -> String {
        let account = self.serial.account().map(|account| format!("Account {account}\n")).unwrap_or_default();
        folded(&format!(
            "Session for {}\nAsked for by {}\n{account}MFA device {}\n\nThe six digits that the device shows:",
            self.names(),
            one_line(&self.asked_by, LONGEST_ASKER),
            self.serial
        ))
    }

    /// Why the last code was not taken: plain text of at most 200 characters, in short lines.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        self.refused.as_deref().map(|reason| folded(&one_line(reason, LONGEST_REASON)))
    }

    /// The text with the reason above it, for a dialog that has no place of its own for the reason.
    #[must_use]
    pub fn text_with_reason(&self) -> String {
        match self.reason() {
            Some(reason) => format!("{reason}\n\n{}", self.text()),
            None => self.text(),
        }
    }

    fn names(&self) -> impl fmt::Display {
        let names = self.profiles.iter().take(NAMED).map(ProfileName::as_str).collect::<Vec<_>>().join(", ");
        match self.profiles.len().saturating_sub(NAMED) {
            0 => names,
            more => format!("{names} and {more} more"),
        }
    }
}

/// The text as one line: what would break the line, move what is beside it or stay invisible is a space, and what is
/// too long ends in "…".
fn one_line(text: &str, longest: usize) -> String {
    let mut line: String = text.chars().take(longest).map(|c| if deceives(c) { ' ' } else { c }).collect();
    if text.chars().nth(longest).is_some() {
        line.pop();
        line.push('…');
    }
    line
}

/// The text with no line longer than [`WIDTH`]: broken at a space where there is one.
fn folded(text: &str) -> String {
    let mut folded = String::new();
    for line in text.lines() {
        let mut column = 0;
        for word in line.split_inclusive(' ') {
            let width = word.trim_end().chars().count();
            if column > 0 && column + width > WIDTH && width <= WIDTH {
                folded.push('\n');
                column = 0;
            }
            for character in word.chars() {
                // The space at the end of a full line does not begin another.
                if column >= WIDTH && character != ' ' {
                    folded.push('\n');
                    column = 0;
                }
                folded.push(character);
                column += 1;
            }
        }
        folded.push('\n');
    }
    folded.pop();
    folded
}

/// Controls, separators of lines and marks of text direction, with which a name could make a dialog say something else.
fn deceives(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(profiles: &[&str], asked_by: &str, refused: Option<&str>) -> Question {
        Question {
            profiles: profiles.iter().map(|name| ProfileName::parse(name).unwrap()).collect(),
            serial: MfaSerial::parse("arn:aws:iam::123456789012:mfa/alice").unwrap(),
            asked_by: asked_by.to_owned(),
            refused: refused.map(ToOwned::to_owned),
        }
    }

    #[test]
    fn a_question_names_profile_account_device_and_who_asks() {
        let question = question(&["work", "ci"], "a notice", None);
        assert_eq!(question.title(), "stsd: MFA code for work, ci");
        let text = question.text();
        for part in ["work, ci", "by a notice", "123456789012", "mfa/alice"] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(question.text_with_reason(), text);
    }

    #[test]
    fn the_reason_stands_above_the_text_where_it_has_no_place_of_its_own() {
        let question = question(&["work"], "a notice", Some("AWS refused the code"));
        assert_eq!(question.text_with_reason(), format!("AWS refused the code\n\n{}", question.text()));
    }

    #[test]
    fn many_profiles_are_counted_and_long_names_leave_a_title_short() {
        let long = "x".repeat(128);
        let question = question(&["a", &long, "c", "d", "e"], "a notice", None);
        assert!(question.text().contains(", c and 2 more\n"), "{}", question.text());
        assert_eq!(question.title().chars().count(), 100);
        assert!(question.title().ends_with('…'));
    }

    #[test]
    fn hostile_parts_are_plain_short_text() {
        let hostile = format!("a\nb\rc\u{202E}d\u{200B}e\0{}", "x".repeat(2000));
        let question = question(&["work"], &hostile, Some(&hostile));
        let reason = question.reason().unwrap();
        assert!(reason.starts_with("a b c d e \nxxx") || reason.starts_with("a b c d e xxx"), "{reason}");
        assert!(reason.ends_with("x…"), "{reason}");
        assert_eq!(reason.replace('\n', "").chars().count(), 200);
        assert_eq!(question.text().matches("xx").count(), (80 - "a b c d e …".chars().count()) / 2);
    }

    #[test]
    fn no_line_is_wider_than_any_screen() {
        let check = |text: &str, expected: &str| assert_eq!(folded(text), expected, "{text}");
        check("", "");
        check("a b\n\nc:", "a b\n\nc:");
        let (word, full, more) = ("w".repeat(40), "f".repeat(60), "m".repeat(61));
        check(&format!("{word} {word} a"), &format!("{word} \n{word} a"));
        check(&format!("{full} a\n{full}"), &format!("{full} \na\n{full}"));
        check(&format!("a {more}"), &format!("a {}\nmmm", "m".repeat(58)));
        let long = "ä".repeat(128);
        let question = question(&["w".repeat(128).as_str(); 5], &long, Some(&long));
        for line in question.text_with_reason().lines() {
            assert!(line.trim_end().chars().count() <= 60, "{line}");
        }
    }
}
