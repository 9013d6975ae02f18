//! Dialogs that ask for a code.

use std::ffi::OsString;
use std::path::PathBuf;

use thiserror::Error;

use super::Answer;
use crate::domain::mfa::MfaCode;
use crate::domain::prompt::{PromptKind, Question};

/// Where a dialog may appear: what a client's environment says of its display, and nothing else of that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Screen {
    /// `DISPLAY`.
    pub display: Option<OsString>,
    /// `WAYLAND_DISPLAY`.
    pub wayland: Option<OsString>,
    /// `XAUTHORITY`.
    pub xauthority: Option<OsString>,
}

impl Screen {
    /// True if a window could appear somewhere.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.display.is_some() || self.wayland.is_some()
    }
}

/// How the configuration wants to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manner {
    /// Which dialog.
    pub kind: PromptKind,
    /// The pinentry program, if not the one on PATH.
    pub pinentry: Option<PathBuf>,
}

/// Why a dialog gave no code.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PromptError {
    /// Its user closed it.
    #[error("the dialog was cancelled")]
    Cancelled,
    /// Nobody answered.
    #[error("nobody answered the dialog within {0} s")]
    TimedOut(u64),
    /// There is no display, or no program that could show a dialog there: "no display", "zenity is not installed".
    #[error("no dialog can be shown: {0}")]
    Unavailable(String),
    /// The program that shows the dialog failed. Never quotes what it printed.
    #[error("the dialog failed: {0}")]
    Failed(String),
}

/// The desktop's dialogs. One at a time is the caller's business.
pub trait Prompter: Send + Sync {
    /// Asks for a code and returns six digits; anything else that is typed is asked for again, a few times. Dropping the
    /// answer closes the dialog. Never uses a terminal.
    ///
    /// `screen` is where the one who asks is, if that is known: a screen that does not exist says that nobody would see a
    /// dialog. With `None` the desktop is looked for.
    ///
    /// # Errors
    ///
    /// [`PromptError`]. Where several dialogs may be tried, those that cannot be shown or fail are passed over.
    fn ask<'a>(
        &'a self,
        question: &'a Question,
        manner: &'a Manner,
        screen: Option<&'a Screen>,
    ) -> Answer<'a, Result<MfaCode, PromptError>>;
}
