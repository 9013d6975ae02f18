//! Which dialogs are tried.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::entry::{Entry, Typed};
use super::pinentry;
use super::running::Starter;
use super::surroundings::Surroundings;
use crate::adapters::program::runs;
use crate::domain::prompt::{PromptKind, Question};
use crate::ports::prompter::{Manner, PromptError};

const PINENTRY: &str = "pinentry";

/// A dialog that may be shown: its program is there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Dialog {
    /// `GnuPG`'s.
    Pinentry(PathBuf),
    /// One with a command line.
    Entry(Entry, PathBuf),
}

impl Dialog {
    /// Puts the question once.
    pub(super) async fn ask(
        &self,
        starter: &Starter,
        question: &Question,
        patience: Duration,
    ) -> Result<Typed, PromptError> {
        match self {
            Self::Pinentry(program) => pinentry::ask(starter, program, question, patience).await,
            Self::Entry(entry, program) => entry.ask(starter, program, question, patience).await,
        }
    }
}

/// The dialogs to try, in this order; at least one.
///
/// # Errors
///
/// [`PromptError::Unavailable`] if there is none, with the name of the program that is missing.
pub(super) fn dialogs(manner: &Manner, around: &Surroundings) -> Result<Vec<Dialog>, PromptError> {
    let entry = |entry: Entry| {
        let program = around.find(entry.program()).ok_or_else(|| missing(entry.program()))?;
        Ok(Dialog::Entry(entry, program))
    };
    let pinentry = || pinentry_of(manner.pinentry.as_deref(), around).map(Dialog::Pinentry);
    match manner.kind {
        PromptKind::Auto => {
            let all = [pinentry(), entry(Entry::Zenity), entry(Entry::Kdialog), entry(Entry::Osascript)];
            let found: Vec<_> = all.into_iter().filter_map(Result::ok).collect();
            if found.is_empty() {
                Err(unavailable("neither pinentry nor zenity nor kdialog is installed"))
            } else {
                Ok(found)
            }
        }
        PromptKind::Pinentry => Ok(vec![pinentry()?]),
        PromptKind::Zenity => Ok(vec![entry(Entry::Zenity)?]),
        PromptKind::Kdialog => Ok(vec![entry(Entry::Kdialog)?]),
        PromptKind::Osascript => Ok(vec![entry(Entry::Osascript)?]),
        PromptKind::Terminal => Err(unwanted("terminal")),
        PromptKind::None => Err(unwanted("none")),
    }
}

/// The pinentry of the configuration, else the one on PATH.
fn pinentry_of(configured: Option<&Path>, around: &Surroundings) -> Result<PathBuf, PromptError> {
    match configured {
        None => around.find(PINENTRY).ok_or_else(|| missing(PINENTRY)),
        Some(program) if program.is_absolute() && runs(program) => Ok(program.to_owned()),
        Some(program) => Err(unavailable(&format!(
            "pinentry = \"{}\" is no program that can be started",
            program.display()
        ))),
    }
}

fn missing(program: &str) -> PromptError {
    unavailable(&format!("{program} is not installed"))
}

fn unwanted(prompt: &str) -> PromptError {
    unavailable(&format!("the configuration says prompt = \"{prompt}\""))
}

fn unavailable(why: &str) -> PromptError {
    PromptError::Unavailable(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the dialogs that are tried if these programs are there, or why there is none.
    fn tried(kind: PromptKind, pinentry: Option<&str>, programs: &[&str]) -> Result<String, String> {
        let directory = tempfile::tempdir().unwrap();
        for program in programs {
            std::fs::copy("/bin/true", directory.path().join(program)).unwrap();
        }
        let path = [("PATH".into(), directory.path().into())].into();
        let manner = Manner { kind, pinentry: pinentry.map(Into::into) };
        let found = dialogs(&manner, &Surroundings::of(&path)).map_err(|error| error.to_string())?;
        let names = found.iter().map(|dialog| match dialog {
            Dialog::Pinentry(program) | Dialog::Entry(_, program) => program,
        });
        Ok(names.map(|name| name.file_name().unwrap().to_str().unwrap()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn auto_tries_all_that_are_there_in_the_order_of_the_manual() {
        let all = ["kdialog", "osascript", "zenity", "pinentry"];
        assert_eq!(tried(PromptKind::Auto, None, &all).unwrap(), "pinentry zenity kdialog osascript");
        assert_eq!(tried(PromptKind::Auto, None, &["kdialog"]).unwrap(), "kdialog");
        assert_eq!(tried(PromptKind::Auto, Some("/bin/cat"), &all).unwrap(), "cat zenity kdialog osascript");
        assert_eq!(
            tried(PromptKind::Auto, Some("/nonexistent/pinentry"), &all[..3]).unwrap(),
            "zenity kdialog osascript"
        );
        let error = tried(PromptKind::Auto, None, &[]).unwrap_err();
        assert!(error.ends_with("neither pinentry nor zenity nor kdialog is installed"), "{error}");
    }

    #[test]
    fn a_chosen_dialog_that_is_missing_is_named_and_no_other_is_tried() {
        let all = ["kdialog", "zenity", "pinentry"];
        for (kind, name) in [
            (PromptKind::Pinentry, "pinentry"),
            (PromptKind::Zenity, "zenity"),
            (PromptKind::Kdialog, "kdialog"),
        ] {
            assert_eq!(tried(kind, None, &all).unwrap(), name);
            let others: Vec<_> = all.into_iter().filter(|other| *other != name).collect();
            let error = tried(kind, None, &others).unwrap_err();
            assert!(error.ends_with(&format!(": {name} is not installed")), "{error}");
        }
        for pinentry in ["/nonexistent/pinentry", "/etc/passwd", "pinentry"] {
            let error = tried(PromptKind::Pinentry, Some(pinentry), &all).unwrap_err();
            assert!(error.contains(pinentry), "{error}");
        }
    }

    #[test]
    fn no_dialog_is_tried_where_none_is_wanted() {
        for (kind, name) in [(PromptKind::None, "none"), (PromptKind::Terminal, "terminal")] {
            let error = tried(kind, None, &["zenity"]).unwrap_err();
            assert!(error.contains(&format!("prompt = \"{name}\"")), "{error}");
        }
    }
}
