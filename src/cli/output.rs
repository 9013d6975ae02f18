//! The only place that prints: data to stdout, words to stderr.

use std::io::{self, IsTerminal as _, Write as _};

use super::args::ColorChoice;
use crate::domain::failure::{Failure, FailureClass};

/// How to print.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    quiet: bool,
    color: bool,
}

impl Output {
    /// Colours at a terminal unless `NO_COLOR` is set (no-color.org), or as the user says.
    pub(crate) fn new(quiet: bool, color: ColorChoice) -> Self {
        let color = match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                io::stderr().is_terminal()
                    && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        };
        Self { quiet, color }
    }

    /// True if colours are used.
    pub(crate) fn color(self) -> bool {
        self.color
    }

    /// Prints a line for people, unless they asked for quiet.
    pub(crate) fn say(self, text: &str) {
        if !self.quiet {
            line(&clean(text));
        }
    }

    /// Prints a line that names a danger.
    pub(crate) fn warn(self, text: &str) {
        if !self.quiet {
            line(&format!("{}: {}", self.painted("warning", "33"), clean(text)));
        }
    }

    /// Prints what went wrong, an empty line, and what to run.
    pub(crate) fn failure(self, failure: &Failure) {
        line(&format!("{}: {}", self.painted("error", "31"), clean(&failure.message)));
        let hint = failure.hint.as_deref().unwrap_or("run it again with -vv and report what it prints");
        line("");
        line(&format!("{}: {}", self.painted("hint", "36"), clean(hint)));
    }

    fn painted(self, word: &str, color: &str) -> String {
        if self.color { format!("\x1b[1;{color}m{word}\x1b[0m") } else { word.to_owned() }
    }
}

/// Prints what a script reads.
///
/// # Errors
///
/// Class `Internal` if stdout does not take it; a reader that has seen enough (`head`) is no error.
pub(crate) fn data(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let message = format!("stdout did not take the output: {}", error.kind());
            Err(Failure::new(FailureClass::Internal, message).hint("look at where stdout leads"))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Prints one of several pictures; false if nobody takes them any more.
pub(crate) fn draw(text: &str) -> bool {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).is_ok()
}

/// A text without control characters: those of a path, a name or a remembered message must not move the cursor, paint
/// the terminal or begin a line of their own.
pub(crate) fn clean(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}

fn line(text: &str) {
    drop(writeln!(io::stderr().lock(), "{text}"));
}
