//! The file that the configuration is read from and `add` writes to.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::Answer;

/// The file belongs to another user.
pub const OTHERS_FILE: &str = "belongs to another user";
/// The file can be written by other users.
pub const OTHERS_MAY_WRITE: &str = "can be written by other users";

/// Why the configuration file was not read or written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigFileError {
    /// It names commands, so nobody else may have a say in it.
    #[error("{}: {reason}", path.display())]
    Unsafe {
        /// The file.
        path: PathBuf,
        /// Why, as a fragment: "belongs to another user".
        reason: &'static str,
    },
    /// Another program changed the file since it was read.
    #[error("{}: another program changed it meanwhile", .0.display())]
    Changed(PathBuf),
    /// An operation of the operating system failed.
    #[error("{}: cannot be {action}: {reason}", path.display())]
    Io {
        /// The file or its directory.
        path: PathBuf,
        /// "read" or "written".
        action: &'static str,
        /// The operating system's words.
        reason: String,
    },
}

/// The configuration file.
pub trait ConfigStore: Send + Sync {
    /// The file, for messages.
    fn path(&self) -> &Path;

    /// Reads the text; an absent file is an empty text.
    ///
    /// # Errors
    ///
    /// [`ConfigFileError`] if it cannot be read, or if another user owns it or may write it.
    fn read(&self) -> Result<String, ConfigFileError>;

    /// Replaces the text as a whole, if the file still holds `before`; alone among all processes of the user.
    ///
    /// The future fails with [`ConfigFileError::Changed`] if it holds something else.
    fn write<'a>(&'a self, before: &'a str, text: &'a str) -> Answer<'a, Result<(), ConfigFileError>>;
}
