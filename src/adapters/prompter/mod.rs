//! The dialogs that ask for a code: pinentry, zenity, kdialog, and osascript on macOS.
//!
//! Each is a program of its own, so a dialog that hangs or crashes takes nothing with it. `asking` is the port: it goes
//! through the programs that `choice` finds and checks what was typed. `screen` says where a window may appear and
//! `surroundings` what a program gets to know of our environment; `running` starts it (under systemd with
//! `adapters::outside`, out of the daemon's sandbox) and ends it whenever the question is dropped. `pinentry` speaks `assuan` with its program;
//! the others take a command line and print what was typed (`entry`).
//!
//! No program ever gets a terminal, and nothing but what a dialog shows stands in its arguments.

mod asking;
mod assuan;
mod choice;
mod entry;
mod pinentry;
mod running;
mod screen;
mod surroundings;
#[cfg(test)]
mod tests;

pub use asking::DesktopPrompter;

use std::time::Duration;

/// How long a dialog waits for its user.
const PATIENCE: Duration = Duration::from_mins(2);
/// How much later than its user's time a dialog is ended that does not end by itself.
const GRACE: Duration = Duration::from_secs(2);
/// How long a program may take until its dialog is up, on a machine that has just been started.
const START: Duration = Duration::from_secs(20);
/// How often a dialog is shown to one who types something else than six digits.
const SHOWINGS: usize = 5;
