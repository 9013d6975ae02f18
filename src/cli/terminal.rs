//! Asking a person, and reading a pipe in a person's place.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Read as _, Write as _};
use std::os::fd::AsFd as _;

use secrecy::SecretString;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use zeroize::Zeroizing;

use crate::domain::failure::{Failure, FailureClass};

/// The longest line read from a pipe, in bytes: far above any secret, far below what would hurt.
const LONGEST_LINE: u64 = 4_096;

/// True if somebody is there to ask.
pub(crate) fn is_there() -> bool {
    io::stdin().is_terminal()
}

/// Told when Ctrl-C comes after a hidden question was asked.
static INTERRUPTED: Notify = Notify::const_new();

/// Ends when the user interrupts a program that has asked a hidden question; before, Ctrl-C ends the program by itself.
pub(crate) async fn interrupted() {
    INTERRUPTED.notified().await;
}

/// Asks for a line whose characters are not shown. Must be called on the runtime.
///
/// # Errors
///
/// Class `NoSession` if the terminal went away or the user interrupted or ended the input.
pub(crate) fn ask_hidden(question: &str) -> Result<SecretString, Failure> {
    // With the default action, Ctrl-C would end the program before the terminal shows what is typed again.
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| nobody(&error))?;
    let answer = rpassword::prompt_password(question);
    tokio::spawn(async move {
        if interrupt.recv().await.is_some() {
            INTERRUPTED.notify_one();
        }
    });
    answer.map(SecretString::from).map_err(|error| nobody(&error))
}

/// Asks for a line; blanks around it are cut off.
///
/// # Errors
///
/// As [`ask_hidden`].
pub(crate) fn ask(question: &str) -> Result<String, Failure> {
    let mut terminal = io::stderr().lock();
    terminal
        .write_all(question.as_bytes())
        .and_then(|()| terminal.flush())
        .map_err(|error| nobody(&error))?;
    let mut answer = String::new();
    match io::stdin().lock().read_line(&mut answer) {
        Ok(0) => Err(nobody(&io::Error::from(io::ErrorKind::UnexpectedEof))),
        Ok(_) => Ok(answer.trim().to_owned()),
        Err(error) => Err(nobody(&error)),
    }
}

/// Reads one line of stdin; only its line feed is cut off. `hint` goes with a failure.
///
/// # Errors
///
/// Class `Usage` if there is nothing, more than one line, more than 4096 bytes, or no UTF-8.
pub(crate) fn one_line(what: &str, hint: &str) -> Result<SecretString, Failure> {
    let wrong = |problem: &str| Failure::new(FailureClass::Usage, format!("{what}: {problem}")).hint(hint);
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(LONGEST_LINE).unwrap_or_default() + 1));
    // Not through the program's own buffer of stdin, which would keep the secret.
    let stdin = io::stdin().as_fd().try_clone_to_owned().map(File::from);
    let mut stdin =
        BufReader::new(stdin.map_err(|error| wrong(&format!("stdin cannot be read: {}", error.kind())))?);
    // Up to the line feed: whoever writes into the pipe need not close it.
    (&mut stdin)
        .take(LONGEST_LINE + 1)
        .read_until(b'\n', &mut bytes)
        .map_err(|error| wrong(&format!("stdin cannot be read: {}", error.kind())))?;
    let Some(line) = bytes.strip_suffix(b"\n").or(Some(&bytes)).filter(|line| !line.is_empty()) else {
        return Err(wrong("stdin is empty"));
    };
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LONGEST_LINE) {
        return Err(wrong("the line is longer than any that could be right"));
    }
    if !stdin.buffer().is_empty() {
        return Err(wrong("stdin holds more than one line"));
    }
    match std::str::from_utf8(line) {
        Ok(text) => Ok(SecretString::from(text)),
        Err(_) => Err(wrong("stdin is not UTF-8 text")),
    }
}

fn nobody(error: &io::Error) -> Failure {
    Failure::new(
        FailureClass::NoSession,
        format!("the question at the terminal was not answered: {}", error.kind()),
    )
    .hint("run the command again")
}
