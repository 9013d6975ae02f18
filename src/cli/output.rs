//! The only place that prints: data to stdout, words to stderr.

use std::io::{self, IsTerminal as _, Write as _};

use super::args::ColorChoice;
use crate::domain::failure::Failure;

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
            line(text);
        }
    }

    /// Prints a line that names a danger.
    pub(crate) fn warn(self, text: &str) {
        if !self.quiet {
            line(&format!("{}: {text}", self.painted("warning", "33")));
        }
    }

    /// Prints what went wrong, an empty line, and what to run.
    pub(crate) fn failure(self, failure: &Failure) {
        line(&format!("{}: {failure}", self.painted("error", "31")));
        if let Some(hint) = &failure.hint {
            line("");
            line(&format!("{}: {hint}", self.painted("hint", "36")));
        }
    }

    fn painted(self, word: &str, color: &str) -> String {
        if self.color { format!("\x1b[1;{color}m{word}\x1b[0m") } else { word.to_owned() }
    }
}

/// Prints what a script reads.
pub(crate) fn data(text: &str) {
    // A reader that has seen enough (`head`) closes the pipe: there is nobody left to tell.
    drop(io::stdout().lock().write_all(text.as_bytes()));
}

fn line(text: &str) {
    // Control characters of a path or a name must not move the cursor or paint the terminal.
    let clean: String = text.chars().filter(|c| !c.is_control() || *c == '\x1b').collect();
    drop(writeln!(io::stderr().lock(), "{clean}"));
}
