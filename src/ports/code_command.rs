//! The user's own command that prints a code.

use thiserror::Error;

use super::Answer;
use crate::domain::mfa::MfaCode;

/// Why a command gave no code. Nothing that it printed is part of the message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CodeCommandError {
    /// There is no such program, or it may not be run.
    #[error("it cannot be started: {0}")]
    Start(String),
    /// It ended with something else than 0: "exit status: 1".
    #[error("it ended with {0}")]
    Exit(String),
    /// It did not end in time, and was ended.
    #[error("it did not end within {0} s")]
    TimedOut(u64),
    /// It ended well and printed something else than one code.
    #[error("what it printed is not six digits")]
    NoCode,
}

/// Runs commands that print a code.
pub trait CodeCommand: Send + Sync {
    /// Runs a program with its arguments, as they are and without a shell, and takes the six digits of its stdout.
    ///
    /// It ends within a deadline of 30 s. Dropping the answer ends the program.
    fn run<'a>(&'a self, command: &'a [String]) -> Answer<'a, Result<MfaCode, CodeCommandError>>;
}
