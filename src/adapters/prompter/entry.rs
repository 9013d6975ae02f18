//! The question as a command line: the dialogs that print what was typed.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::GRACE;
use super::running::{Ended, Starter};
use crate::domain::mfa::MfaCode;
use crate::domain::prompt::Question;
use crate::ports::prompter::PromptError;

/// More than any code, in bytes.
const MOST: usize = 1000;

/// What zenity is told to exit with: 1, its own choice, is also what it exits with when it cannot open the display.
const ZENITY_ENDS: [(&str, &str); 3] =
    [("ZENITY_CANCEL", "11"), ("ZENITY_ESC", "11"), ("ZENITY_TIMEOUT", "15")];
const ZENITY_CANCELLED: i32 = 11;
const ZENITY_TIMED_OUT: i32 = 15;

/// The text, the title and the seconds come as arguments: none of them is ever part of the script.
const SCRIPT: &str = r#"on run argv
try
set answer to display dialog (item 1 of argv) with title (item 2 of argv) default answer "" giving up after (item 3 of argv as integer)
on error number -128
return "cancelled"
end try
if gave up of answer then return "gave up"
return "typed " & text returned of answer
end run"#;

/// What somebody has typed: perhaps a code.
#[derive(Debug)]
pub(super) struct Typed(pub(super) Zeroizing<Vec<u8>>);

impl Typed {
    /// The code, if it is one. Space around it does not count.
    pub(super) fn code(&self) -> Option<MfaCode> {
        MfaCode::parse(std::str::from_utf8(self.0.trim_ascii()).ok()?).ok()
    }
}

/// A dialog with a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// GNOME's.
    Zenity,
    /// KDE's.
    Kdialog,
    /// macOS's.
    Osascript,
}

impl Entry {
    /// The name of its program.
    pub(super) fn program(self) -> &'static str {
        match self {
            Self::Zenity => "zenity",
            Self::Kdialog => "kdialog",
            Self::Osascript => "osascript",
        }
    }

    /// Puts the question once.
    ///
    /// # Errors
    ///
    /// [`PromptError`].
    pub(super) async fn ask(
        self,
        starter: &Starter,
        program: &Path,
        question: &Question,
        patience: Duration,
    ) -> Result<Typed, PromptError> {
        let told: &[_] = if self == Self::Zenity { &ZENITY_ENDS } else { &[] };
        let mut running = starter.start(program, &self.arguments(question, patience), told)?;
        let Some((to, from)) = running.pipes() else { return Err(self.failed("it has no pipes")) };
        drop(to);
        let answer = timeout(patience + GRACE, async {
            let typed = printed(from).await;
            (typed, running.ended().await)
        });
        let Ok((printed, ended)) = answer.await else {
            return Err(PromptError::TimedOut(patience.as_secs()));
        };
        self.meaning(ended, printed.ok_or_else(|| self.failed("it printed too much"))?, patience)
    }

    fn arguments(self, question: &Question, patience: Duration) -> Vec<OsString> {
        let (title, text) = (question.title(), question.text_with_reason());
        let seconds = patience.as_secs().max(1);
        let arguments = match self {
            // The text is read with escapes, and `_` underlines the key of a shortcut (`zenity_entry` in zenity's source).
            Self::Zenity => vec![
                "--entry".to_owned(),
                format!("--title={title}"),
                format!("--text={}", text.replace('\\', "\\\\").replace('_', "__")),
                format!("--timeout={seconds}"),
            ],
            // It knows no time-out. It reads the text with escapes, and `&` underlines the key of a shortcut.
            Self::Kdialog => vec![
                "--title".to_owned(),
                title,
                "--inputbox".to_owned(),
                plain_for_qt(&text.replace('\\', "\\\\").replace('&', "&&")),
                String::new(),
            ],
            Self::Osascript => {
                vec!["-e".to_owned(), SCRIPT.to_owned(), "--".to_owned(), text, title, seconds.to_string()]
            }
        };
        arguments.into_iter().map(Into::into).collect()
    }

    /// What the end of the dialog says.
    fn meaning(
        self,
        ended: Ended,
        mut printed: Zeroizing<Vec<u8>>,
        patience: Duration,
    ) -> Result<Typed, PromptError> {
        let timed_out = PromptError::TimedOut(patience.as_secs());
        match (self, ended) {
            (Self::Osascript, Ended::Exited(0)) => match printed.trim_ascii() {
                b"cancelled" => Err(PromptError::Cancelled),
                b"gave up" => Err(timed_out),
                line if line.starts_with(b"typed") => {
                    printed.drain(..b"typed".len());
                    Ok(Typed(printed))
                }
                _other => Err(self.failed("it answered something else")),
            },
            (Self::Zenity | Self::Kdialog, Ended::Exited(0)) => Ok(Typed(printed)),
            (Self::Zenity, Ended::Exited(ZENITY_CANCELLED)) | (Self::Kdialog, Ended::Exited(1)) => {
                Err(PromptError::Cancelled)
            }
            (Self::Zenity, Ended::Exited(ZENITY_TIMED_OUT)) => Err(timed_out),
            (Self::Zenity, Ended::Exited(1)) => {
                Err(PromptError::Unavailable("zenity cannot open the display".to_owned()))
            }
            (_, Ended::Exited(status)) => Err(self.failed(&format!("exit status {status}"))),
            (_, Ended::Died) => Err(self.failed("it was ended")),
        }
    }

    fn failed(self, why: &str) -> PromptError {
        PromptError::Failed(format!("{}: {why}", self.program()))
    }
}

/// Text that Qt's labels show as it is. They take for rich text what has something like a tag in it, and not
/// where a character without width comes first that no tag has.
fn plain_for_qt(text: &str) -> String {
    text.replace('<', "<\u{2060}")
}

/// All that comes, if that is no more than a code could be.
async fn printed(from: impl AsyncRead + Unpin) -> Option<Zeroizing<Vec<u8>>> {
    // With room for all of it, so that no part is left behind in memory when it grows.
    let mut printed = Zeroizing::new(Vec::with_capacity(2 * MOST));
    let limit = u64::try_from(MOST).unwrap_or(u64::MAX);
    from.take(limit).read_to_end(&mut printed).await.ok()?;
    (printed.len() < MOST).then_some(printed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::mfa::MfaSerial;
    use crate::domain::profile::ProfileName;

    const PATIENCE: Duration = Duration::from_mins(2);

    fn question() -> Question {
        Question {
            profiles: vec![ProfileName::parse("work_admin").unwrap()],
            serial: MfaSerial::parse("GAHT12345678").unwrap(),
            asked_by: "\"; rm & \\n <b>$HOME</b>".to_owned(),
            refused: None,
        }
    }

    fn arguments(entry: Entry) -> Vec<String> {
        entry.arguments(&question(), PATIENCE).into_iter().map(|word| word.into_string().unwrap()).collect()
    }

    fn meaning(entry: Entry, status: i32, printed: &str) -> Result<Option<String>, PromptError> {
        let typed = entry.meaning(Ended::Exited(status), Zeroizing::new(printed.into()), PATIENCE)?;
        Ok(typed.code().map(|code| code.digits().to_owned()))
    }

    #[test]
    fn zenity_is_given_text_that_it_shows_as_it_is() {
        let [entry, title, text, seconds] = arguments(Entry::Zenity).try_into().unwrap();
        assert_eq!((entry.as_str(), seconds.as_str()), ("--entry", "--timeout=120"));
        assert_eq!(title, "--title=stsd: MFA code for work_admin");
        assert!(
            text.starts_with("--text=Session for work__admin\nAsked for by \"; rm & \\\\n <b>$HOME</b>\n"),
            "{text}"
        );
    }

    #[test]
    fn kdialog_is_given_text_that_is_no_rich_text() {
        let [_title, title, inputbox, text, initial] = arguments(Entry::Kdialog).try_into().unwrap();
        assert_eq!((inputbox.as_str(), initial.as_str()), ("--inputbox", ""));
        assert_eq!(title, "stsd: MFA code for work_admin");
        assert!(text.contains("rm && \\\\n <\u{2060}b>$HOME<\u{2060}/b>\n"), "{text}");
    }

    #[test]
    fn osascript_is_given_text_as_arguments_and_a_script_that_is_always_the_same() {
        let [_e, script, end, text, title, seconds] = arguments(Entry::Osascript).try_into().unwrap();
        assert_eq!((script.as_str(), end.as_str(), seconds.as_str()), (SCRIPT, "--", "120"));
        assert_eq!((text, title), (question().text(), question().title()));
    }

    #[test]
    fn cancelled_timed_out_and_broken_are_told_apart() {
        let cancelled = Err(PromptError::Cancelled);
        let timed_out = Err(PromptError::TimedOut(120));
        let digits = Ok(Some("123456".to_owned()));
        for (entry, printed) in
            [(Entry::Zenity, "123456\n"), (Entry::Kdialog, "123456\n"), (Entry::Osascript, "typed 123456\n")]
        {
            assert_eq!(meaning(entry, 0, printed), digits, "{entry:?}");
            assert!(matches!(meaning(entry, 2, ""), Err(PromptError::Failed(_))), "{entry:?}");
            let died = entry.meaning(Ended::Died, Vec::new().into(), PATIENCE);
            assert!(matches!(died, Err(PromptError::Failed(_))), "{entry:?}");
        }
        assert_eq!(meaning(Entry::Zenity, 0, "12345\n"), Ok(None));
        assert_eq!(meaning(Entry::Zenity, ZENITY_CANCELLED, ""), cancelled);
        assert_eq!(meaning(Entry::Zenity, ZENITY_TIMED_OUT, "123456\n"), timed_out);
        assert!(matches!(meaning(Entry::Zenity, 1, ""), Err(PromptError::Unavailable(_))));
        assert_eq!(meaning(Entry::Kdialog, 1, ""), cancelled);
        assert_eq!(meaning(Entry::Osascript, 0, "cancelled\n"), cancelled);
        assert_eq!(meaning(Entry::Osascript, 0, "gave up\n"), timed_out);
        assert_eq!(meaning(Entry::Osascript, 0, "typed \n"), Ok(None));
        assert!(matches!(meaning(Entry::Osascript, 0, "123456\n"), Err(PromptError::Failed(_))));
        assert!(matches!(meaning(Entry::Osascript, 1, ""), Err(PromptError::Failed(_))));
    }
}
