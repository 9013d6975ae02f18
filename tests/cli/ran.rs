//! The program run to its end, with a deadline, and what it left: exit code, words, data.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long any command may take: every deadline of its own is shorter.
const LONGEST: Duration = Duration::from_secs(40);

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The command line, for messages.
    #[expect(dead_code, reason = "it is shown where a check fails, by Debug")]
    pub(crate) line: String,
    /// The exit code; a signal fails the test.
    pub(crate) code: i32,
    /// Data.
    pub(crate) stdout: String,
    /// Words.
    pub(crate) stderr: String,
    /// From start to end.
    pub(crate) took: Duration,
}

impl Ran {
    /// Runs a command; its stdin holds `input` and then ends.
    pub(crate) fn of(command: &mut Command, input: &[u8]) -> Self {
        let started = Instant::now();
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = read(child.stdout.take().unwrap());
        let stderr = read(child.stderr.take().unwrap());
        // A program that refuses early does not read it.
        drop(child.stdin.take().unwrap().write_all(input));
        let line = line(command);
        let code = wait(&mut child, &line);
        let text = |thread: JoinHandle<Vec<u8>>| String::from_utf8(thread.join().unwrap()).unwrap();
        Self { line, code, stdout: text(stdout), stderr: text(stderr), took: started.elapsed() }
    }

    /// The command did what it was asked to.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, 0, "{self:#?}");
        self
    }

    /// The command failed in the form of every failure: one line that says what is wrong, an empty line, a hint; no
    /// data. Gives the line and the hint.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32) -> (&str, &str) {
        assert_eq!(self.code, code, "{self:#?}");
        assert_eq!(self.stdout, "", "data beside a failure: {self:#?}");
        let lines: Vec<&str> = self.stderr.lines().collect();
        let [error, "", hint] = lines.as_slice() else {
            panic!("not one line, an empty line and a hint: {self:#?}");
        };
        let error = error.strip_prefix("error: ").unwrap_or_else(|| panic!("{self:#?}"));
        let hint = hint.strip_prefix("hint: ").unwrap_or_else(|| panic!("{self:#?}"));
        assert!(self.stderr.ends_with('\n') && !error.is_empty() && !hint.is_empty(), "{self:#?}");
        (error, hint)
    }

    /// The same, and these words are in it.
    #[track_caller]
    pub(crate) fn failed_with(&self, code: i32, words: &[&str]) {
        self.failed(code);
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in {self:#?}");
        }
    }

    /// A text is neither in the data nor in the words.
    #[track_caller]
    pub(crate) fn hides(&self, text: &str) {
        assert!(!self.stdout.contains(text) && !self.stderr.contains(text), "{text:?} is shown: {self:#?}");
    }
}

/// A command as a person would type it.
fn line(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        write!(line, " {}", argument.to_string_lossy()).unwrap();
    }
    line
}

/// Reads a pipe to its end beside the program, which would otherwise wait for room in it.
fn read(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

/// Waits for the exit code. A program that does not end is killed, and the test fails.
#[track_caller]
pub(crate) fn wait(child: &mut Child, line: &str) -> i32 {
    let end = Instant::now() + LONGEST;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap_or_else(|| panic!("{line}: {status}"));
        }
        if Instant::now() > end {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{line}: still running after {LONGEST:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
