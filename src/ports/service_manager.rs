//! The service manager of the user's login: systemd's user manager, launchd.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::Answer;
use crate::domain::service::{ServiceState, Standing};

/// A file of the service, as it is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceFile {
    /// Where the manager looks for it.
    pub path: PathBuf,
    /// All that is in it.
    pub text: String,
}

/// What the manager is told to do. Each may be told twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceOrder {
    /// Read the files again.
    Read,
    /// Start the daemon, now and at each login.
    Enable,
    /// The same over a daemon that runs by older files.
    Replace,
    /// End the daemon, if it runs, and start it; commands wait meanwhile.
    Restart,
    /// End the daemon and start it no more.
    Disable,
}

/// Why the manager was of no use.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ServiceError {
    /// There is no such manager on this machine.
    #[error("{0} does not run this machine's services")]
    NoManager(&'static str),
    /// It is there, but not for this user, not in this session.
    #[error("{manager} cannot be reached from here: {reason}")]
    Unreachable {
        /// Its name.
        manager: &'static str,
        /// What is missing.
        reason: String,
    },
    /// The service would be another user's than the one at this terminal.
    #[error("{0}")]
    OtherUser(&'static str),
    /// The running program has no path that the manager could start.
    #[error("the service cannot start this program: {0}")]
    Program(String),
    /// A file of the service.
    #[error("{} cannot be {action}: {reason}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// What was tried: read, written, removed.
        action: &'static str,
        /// What the operating system says.
        reason: String,
    },
    /// The manager refused, or the daemon did not start.
    #[error("`{command}` ended with {end}")]
    Refused {
        /// What was run.
        command: String,
        /// `exit status: 1`.
        end: String,
    },
    /// It did not answer in time, and was given up.
    #[error("`{command}` did not end within {seconds} s")]
    Late {
        /// What was run.
        command: String,
        /// How long was waited.
        seconds: u64,
    },
}

/// Starts the daemon at login, and keeps it.
///
/// Every call ends within a bounded time.
pub trait ServiceManager: Send + Sync {
    /// Its name: `systemd`, `launchd`.
    fn name(&self) -> &'static str;

    /// The files of the service, with the running program in them.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Program`].
    fn files(&self) -> Result<Vec<ServiceFile>, ServiceError>;

    /// Whose the file at that place is.
    ///
    /// # Errors
    ///
    /// [`ServiceError::File`] if that cannot be told.
    fn standing(&self, file: &ServiceFile) -> Result<Standing, ServiceError>;

    /// When a file was written, in whole seconds; None if there is none.
    fn written_at(&self, path: &Path) -> Option<DateTime<Utc>>;

    /// Writes a file as a whole or not at all; behind a link, what the link leads to. Only for one whose standing was
    /// looked at.
    ///
    /// # Errors
    ///
    /// [`ServiceError::File`].
    fn write(&self, file: &ServiceFile) -> Result<(), ServiceError>;

    /// Removes a file, or the link in its place, and the directories that are empty without it.
    ///
    /// # Errors
    ///
    /// [`ServiceError::File`].
    fn remove(&self, path: &Path) -> Result<(), ServiceError>;

    /// What a user has beside the files and keeps: drop-ins, logs.
    fn kept(&self) -> Vec<PathBuf>;

    /// The programs that an order runs, as a person would.
    fn commands(&self, order: ServiceOrder) -> Vec<Vec<String>>;

    /// Carries an order out.
    ///
    /// # Errors
    ///
    /// [`ServiceError::Refused`] and [`ServiceError::Late`].
    fn order(&self, order: ServiceOrder) -> Answer<'_, Result<(), ServiceError>>;

    /// How the service is. The first question to ask: it tells whether the manager can be reached at all.
    ///
    /// # Errors
    ///
    /// [`ServiceError::NoManager`], [`ServiceError::Unreachable`], [`ServiceError::OtherUser`],
    /// [`ServiceError::Late`].
    fn state(&self) -> Answer<'_, Result<ServiceState, ServiceError>>;

    /// The program that asks the manager how the service is, as a person would.
    fn state_command(&self) -> Vec<String>;

    /// The program that shows the daemon's log: its end, or all that comes too.
    fn log_command(&self, follow: bool) -> Vec<String>;
}
