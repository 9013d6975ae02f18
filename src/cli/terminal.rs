//! Asking a person, and reading a pipe in a person's place.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::time::Duration;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::SecretString;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, oneshot};
use zeroize::Zeroizing;

use crate::domain::failure::{Failure, FailureClass};

/// The longest line read from a pipe, in bytes: far above any secret, far below what would hurt.
const LONGEST_LINE: u64 = 4_096;

/// True if somebody is there to ask.
pub(crate) fn is_there() -> bool {
    io::stdin().is_terminal()
}

/// Told when Ctrl-C comes after a hidden question was asked, or while a command of the user may run.
static INTERRUPTED: Notify = Notify::const_new();

/// Ends when the user interrupts a program that has asked a hidden question or may run a command; else Ctrl-C ends the
/// program by itself.
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
    let interrupt = signal(SignalKind::interrupt()).map_err(|error| nobody(&error))?;
    let answer = rpassword::prompt_password(question);
    watch(interrupt);
    answer.map(SecretString::from).map_err(|error| nobody(&error))
}

/// Makes Ctrl-C end the program in order from now on, so that what it has started ends too. Must be called on the runtime.
pub(crate) fn end_in_order() {
    match signal(SignalKind::interrupt()) {
        Ok(interrupt) => watch(interrupt),
        Err(error) => tracing::debug!(%error, "Ctrl-C ends the program at once"),
    }
}

/// A line that is typed without being shown, while the program goes on.
///
/// The line is read by a thread of its own, which cannot be called back. When the value is dropped the terminal shows
/// again what is typed.
#[derive(Default)]
pub(crate) struct HiddenLine {
    reading: Option<Reading>,
}

struct Reading {
    line: oneshot::Receiver<io::Result<String>>,
    /// What the question is about.
    about: String,
    /// The terminal, and as it was.
    terminal: Option<(File, Termios)>,
}

impl HiddenLine {
    /// Asks, and waits for the line. Can be dropped and called again: the line that is being typed then answers the new
    /// question if that is `about` the same, and else is not used. Must be called on the runtime.
    ///
    /// # Errors
    ///
    /// As [`ask_hidden`].
    pub(crate) async fn ask(&mut self, about: &str, question: &str) -> Result<SecretString, Failure> {
        // With the default actions, a signal would end the program before the terminal shows what is typed again.
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            watch(signal(kind).map_err(|error| nobody(&error))?);
        }
        if let Some(reading) = &mut self.reading {
            if reading.about == about {
                reading.say(&format!("\n{question}"));
            } else {
                reading.say("\nThis code was given elsewhere. Press Enter for the next question. ");
                drop((&mut reading.line).await);
                self.reading = None;
            }
        }
        let reading = match &mut self.reading {
            Some(reading) => reading,
            none => none.insert(Reading::start(about, question).map_err(|error| nobody(&error))?),
        };
        let line = (&mut reading.line).await;
        self.reading = None;
        let line = line.unwrap_or_else(|_gone| Err(io::ErrorKind::Other.into()));
        line.map(SecretString::from).map_err(|error| nobody(&error))
    }
}

impl Reading {
    fn start(about: &str, question: &str) -> io::Result<Self> {
        let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty").ok();
        let terminal = terminal.and_then(|file| tcgetattr(&file).ok().map(|state| (file, state)));
        let (answer, line) = oneshot::channel();
        let question = question.to_owned();
        std::thread::Builder::new().name("terminal".to_owned()).spawn(move || {
            // Nobody may be there any more.
            drop(answer.send(rpassword::prompt_password(question)));
        })?;
        Ok(Self { line, about: about.to_owned(), terminal })
    }

    fn say(&self, text: &str) {
        if let Some((terminal, _)) = &self.terminal {
            let mut terminal = terminal;
            drop(terminal.write_all(text.as_bytes()));
        }
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        // Once the line has come, the terminal is as it was.
        let (Err(oneshot::error::TryRecvError::Empty), Some((terminal, state))) =
            (self.line.try_recv(), &self.terminal)
        else {
            return;
        };
        // The thread may be about to switch the echo off: it does so once, and after that it is ours to switch on.
        for _ in 0..STARTS {
            match tcgetattr(terminal) {
                Ok(now) if now.local_modes.contains(LocalModes::ECHO) => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Ok(_) | Err(_) => break,
            }
        }
        tcsetattr(terminal, OptionalActions::Now, state).unwrap_or_default();
        self.say("\n");
    }
}

/// How often it is looked whether the thread that reads has begun, at intervals of 5 ms.
const STARTS: u32 = 50;

fn watch(mut interrupt: Signal) {
    tokio::spawn(async move {
        if interrupt.recv().await.is_some() {
            INTERRUPTED.notify_one();
        }
    });
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
    let [line] = lines([what], hint)?;
    Ok(line)
}

/// Reads as many lines of stdin as are named, each as [`one_line`].
///
/// # Errors
///
/// As [`one_line`], with the name of the line.
pub(crate) fn lines<const N: usize>(whats: [&str; N], hint: &str) -> Result<[SecretString; N], Failure> {
    let wrong = |what: &str, problem: &str| {
        Failure::new(FailureClass::Usage, format!("{what}: {problem}")).hint(hint)
    };
    let first = whats.first().copied().unwrap_or_default();
    let unreadable = |error: &io::Error| wrong(first, &format!("stdin cannot be read: {}", error.kind()));
    // Not through the program's own buffer of stdin, which would keep the secret.
    let stdin = io::stdin().as_fd().try_clone_to_owned().map(File::from);
    let mut stdin = BufReader::new(stdin.map_err(|error| unreadable(&error))?);
    let mut found = [const { None }; N];
    for (slot, what) in found.iter_mut().zip(whats) {
        let mut bytes =
            Zeroizing::new(Vec::with_capacity(usize::try_from(LONGEST_LINE).unwrap_or_default() + 1));
        // Up to the line feed: whoever writes into the pipe need not close it.
        (&mut stdin)
            .take(LONGEST_LINE + 1)
            .read_until(b'\n', &mut bytes)
            .map_err(|error| unreadable(&error))?;
        let Some(line) = bytes.strip_suffix(b"\n").or(Some(&bytes)).filter(|line| !line.is_empty()) else {
            return Err(wrong(what, if N == 1 { "stdin is empty" } else { "its line of stdin is missing" }));
        };
        if u64::try_from(bytes.len()).is_ok_and(|length| length > LONGEST_LINE) {
            return Err(wrong(what, "the line is longer than any that could be right"));
        }
        let text = std::str::from_utf8(line).map_err(|_hidden| wrong(what, "stdin is not UTF-8 text"))?;
        *slot = Some(SecretString::from(text));
    }
    if !stdin.buffer().is_empty() {
        let more =
            if N == 1 { "stdin holds more than one line" } else { "stdin holds more lines than are needed" };
        return Err(wrong(first, more));
    }
    Ok(found.map(Option::unwrap_or_default))
}

fn nobody(error: &io::Error) -> Failure {
    Failure::new(
        FailureClass::NoSession,
        format!("the question at the terminal was not answered: {}", error.kind()),
    )
    .hint("run the command again")
}
