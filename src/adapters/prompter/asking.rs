//! The port: which dialog, where, and until six digits are typed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::time::Duration;

use super::choice::{Dialog, dialogs};
use super::entry::Typed;
use super::running::Starter;
use super::screen::{self, SCREEN};
use super::surroundings::{self, Surroundings};
use super::{GRACE, PATIENCE, SHOWINGS, START};
use crate::adapters::outside::{Outside, SERVICE, is_service};
use crate::domain::mfa::MfaCode;
use crate::domain::prompt::Question;
use crate::ports::Answer;
use crate::ports::prompter::{Manner, PromptError, Prompter, Screen};

/// What the dialog says to one who has typed something else.
const NOT_SIX_DIGITS: &str = "That was no code: an MFA code is six digits.";

/// The dialogs of the desktop.
///
/// It looks for programs, display and bus at each question, so it may be older than the desktop. It needs a runtime whose
/// I/O and timers are on.
pub struct DesktopPrompter {
    environment: BTreeMap<OsString, OsString>,
    patience: Duration,
}

impl DesktopPrompter {
    /// With the environment of this process and two minutes for each dialog.
    #[must_use]
    pub fn new() -> Self {
        Self::with(std::env::vars_os(), PATIENCE)
    }

    /// With another environment, and another time for each dialog, in whole seconds.
    #[must_use]
    pub fn with(environment: impl IntoIterator<Item = (OsString, OsString)>, patience: Duration) -> Self {
        // Not even a copy of anything else is kept: among it may be secrets.
        let of_use = |name: &OsStr| {
            let further = name.to_str().is_some_and(|name| SCREEN.contains(&name) || SERVICE.contains(&name));
            further || surroundings::known(name)
        };
        let environment = environment.into_iter().filter(|(name, _value)| of_use(name)).collect();
        Self { environment, patience }
    }

    async fn ask_for_digits(
        &self,
        question: &Question,
        manner: &Manner,
        asker: Option<&Screen>,
    ) -> Result<MfaCode, PromptError> {
        let around = Surroundings::of(&self.environment);
        let mut dialogs = dialogs(manner, &around)?;
        let starter = self.starter(around, asker).await?;
        let mut question = Cow::Borrowed(question);
        for _ in 0..SHOWINGS {
            let typed = self.show(&mut dialogs, &starter, &question).await?;
            if let Some(code) = typed.code() {
                return Ok(code);
            }
            question.to_mut().refused = Some(NOT_SIX_DIGITS.to_owned());
        }
        Err(PromptError::Failed(format!("{SHOWINGS} times something else than six digits was typed")))
    }

    /// How programs are started so that they appear where the question shall be.
    async fn starter(&self, around: Surroundings, asker: Option<&Screen>) -> Result<Starter, PromptError> {
        let variable = |name: &str| self.environment.get(OsStr::new(name)).cloned();
        let outside = Outside::find(variable);
        let lasts = START + self.patience + 2 * GRACE;
        // A window of macOS needs no variables.
        let screen = if cfg!(target_os = "macos") {
            asker.cloned().unwrap_or_default()
        } else {
            screen::find(asker, &self.environment, is_service(variable), &around).await?
        };
        Ok(Starter { around: around.on(&screen), outside, lasts })
    }

    /// Shows the first dialog that works, and leaves those that did not out of the list.
    async fn show(
        &self,
        dialogs: &mut Vec<Dialog>,
        starter: &Starter,
        question: &Question,
    ) -> Result<Typed, PromptError> {
        let mut why = Vec::new();
        while let Some(dialog) = dialogs.first() {
            let error = match dialog.ask(starter, question, self.patience).await {
                Ok(typed) => return Ok(typed),
                Err(error @ (PromptError::Cancelled | PromptError::TimedOut(_))) => return Err(error),
                Err(error) => error,
            };
            tracing::warn!(%error, "a dialog could not be shown");
            dialogs.remove(0);
            if dialogs.is_empty() && why.is_empty() {
                return Err(error);
            }
            let (PromptError::Unavailable(reason) | PromptError::Failed(reason)) = error else { continue };
            why.push(reason);
        }
        Err(PromptError::Unavailable(why.join("; ")))
    }
}

impl Prompter for DesktopPrompter {
    fn ask<'a>(
        &'a self,
        question: &'a Question,
        manner: &'a Manner,
        screen: Option<&'a Screen>,
    ) -> Answer<'a, Result<MfaCode, PromptError>> {
        Box::pin(self.ask_for_digits(question, manner, screen))
    }
}

impl Default for DesktopPrompter {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for DesktopPrompter {
    /// Without the environment, of which a log needs nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DesktopPrompter").field("patience", &self.patience).finish_non_exhaustive()
    }
}
