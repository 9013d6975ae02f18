//! A pseudo terminal, and somebody who types at it.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

use crate::ran::wait;

/// How long a question may let wait for itself.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program that has a terminal to itself.
pub(crate) struct Terminal {
    person: File,
    /// Keeps the terminal alive when the program has left it.
    other_end: File,
    screen: Arc<Mutex<Vec<u8>>>,
    child: Child,
    line: String,
}

impl Terminal {
    /// Starts a program whose stdin, stdout, stderr and controlling terminal are a new one.
    pub(crate) fn start(command: &Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = std::ffi::OsString::from_vec(ptsname(&master, Vec::new()).unwrap().into_bytes());
        let flags = i32::try_from(OFlags::NOCTTY.bits()).unwrap();
        let slave = OpenOptions::new().read(true).write(true).custom_flags(flags).open(name).unwrap();
        let end = || slave.try_clone().unwrap();
        // A new session is needed to have a controlling terminal, which is where the hidden question is asked.
        let mut with_terminal = Command::new("setsid");
        with_terminal.args(["--ctty", "--wait"]).arg(command.get_program()).args(command.get_args());
        with_terminal.env_clear().stdin(end()).stdout(end()).stderr(end());
        for (variable, value) in command.get_envs() {
            with_terminal.env(variable, value.unwrap_or_default());
        }
        let child = with_terminal.env("TERM", "xterm").spawn().unwrap();
        let person = File::from(master);
        let screen = Arc::new(Mutex::new(Vec::new()));
        let (mut watched, shown) = (person.try_clone().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(size @ 1..) = watched.read(&mut bytes) {
                shown.lock().unwrap().extend(&bytes[..size]);
            }
        });
        Self { person, other_end: slave, screen, child, line: format!("{command:?}") }
    }

    /// What is on the screen.
    pub(crate) fn screen(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned()
    }

    /// Waits until a question stands on the screen.
    #[track_caller]
    pub(crate) fn await_text(&self, text: &str) {
        self.await_that(&format!("no {text:?}"), |terminal| terminal.screen().contains(text));
    }

    /// Waits until a question stands on the screen whose answer will not be shown.
    #[track_caller]
    pub(crate) fn await_hidden(&self, text: &str) {
        self.await_text(text);
        self.await_that("the answer would be shown", |terminal| !terminal.echoes());
    }

    /// Waits until a question stands on the screen so many times, and its answer will not be shown.
    #[track_caller]
    pub(crate) fn await_questions(&self, text: &str, times: usize) {
        let asked = |terminal: &Self| terminal.screen().matches(text).count() >= times && !terminal.echoes();
        self.await_that(&format!("{text:?} not {times} times"), asked);
    }

    /// True if what is typed now is shown.
    pub(crate) fn echoes(&self) -> bool {
        tcgetattr(&self.person).unwrap().local_modes.contains(LocalModes::ECHO)
    }

    /// Types keys.
    pub(crate) fn press(&mut self, keys: &str) {
        self.person.write_all(keys.as_bytes()).unwrap();
    }

    /// Types a line.
    pub(crate) fn answer(&mut self, text: &str) {
        self.press(&format!("{text}\r"));
    }

    /// Waits until the program has left; gives its exit code and all that was on the screen.
    #[track_caller]
    pub(crate) fn end(mut self) -> (i32, String) {
        let code = wait(&mut self.child, &self.line);
        // The terminal hands on in order: a mark of our own comes after the program's last word.
        self.other_end.write_all(b"\x04end").unwrap();
        self.await_text("\u{4}end");
        (code, self.screen().replace("\u{4}end", ""))
    }

    /// Waits until a signal has ended the program.
    #[track_caller]
    pub(crate) fn await_killed(&mut self) {
        let end = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < end, "{} still runs: {}", self.line, self.screen());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[track_caller]
    fn await_that(&self, otherwise: &str, holds: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(Instant::now() < end, "{otherwise} on the screen of {}: {}", self.line, self.screen());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
