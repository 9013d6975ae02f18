//! The port's implementation: a child without a shell, in a process group of its own, whose stdout is the code.

use std::ffi::OsString;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStdout};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::outside::{Environment, Outside, Purpose, Unit};
use crate::domain::mfa::MfaCode;
use crate::ports::Answer;
use crate::ports::code_command::{CodeCommand, CodeCommandError};

/// The most that is read, in bytes: a code, and line ends and blanks around it.
const MOST: usize = 256;

/// How long is read on when the program has ended: what it wrote is in the pipe already, but a child of it may hold the
/// pipe open for ever.
const REST: Duration = Duration::from_millis(100);

/// What a service manager tells its service alone.
const OF_THE_SERVICE: [&str; 8] = [
    "NOTIFY_SOCKET",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "LISTEN_PID",
    "WATCHDOG_PID",
    "WATCHDOG_USEC",
    "SYSTEMD_EXEC_PID",
    "MAINPID",
];

/// Runs commands as children of this process, or beside it under systemd.
#[derive(Clone, Debug)]
pub struct ChildCommand {
    deadline: Duration,
    /// In a service of systemd: a child would be in the service's sandbox, which some helpers cannot bear.
    outside: Option<Outside>,
}

impl ChildCommand {
    /// How long a command may take unless told otherwise.
    pub const DEADLINE: Duration = Duration::from_secs(30);

    /// Commands that may take so long, as children.
    #[must_use]
    pub fn new(deadline: Duration) -> Self {
        Self { deadline, outside: None }
    }

    /// The same, started by systemd if this process is a service of it.
    #[must_use]
    pub fn from_environment() -> Self {
        Self { deadline: Self::DEADLINE, outside: Outside::find(|name| std::env::var_os(name)) }
    }

    async fn code(&self, words: &[String]) -> Result<MfaCode, CodeCommandError> {
        let Some((program, arguments)) = words.split_first() else {
            return Err(CodeCommandError::Start("it has no name".to_owned()));
        };
        let (mut command, unit) = if let Some(outside) = &self.outside {
            let without = Environment::WithoutAws;
            let (command, unit) = outside.command(self.purpose(), without, program.as_ref(), arguments);
            (command, Some(unit))
        } else {
            let mut command = Command::new(program);
            command.args(arguments);
            for (name, _value) in std::env::vars_os().filter(|(name, _value)| is_not_its_own(name)) {
                command.env_remove(name);
            }
            (command, None)
        };
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        // A group of its own, so that its children can be ended with it; a place that is always there.
        command.process_group(0).current_dir("/");
        let child = tokio::process::Command::from(command)
            .spawn()
            .map_err(|error| CodeCommandError::Start(error.kind().to_string()))?;
        let mut group = Group { child, unit };
        let Some(mut stdout) = group.child.stdout.take() else {
            return Err(CodeCommandError::Start("it has no stdout".to_owned()));
        };
        let late = |_elapsed| CodeCommandError::TimedOut(self.deadline.as_secs());
        let (status, printed) =
            timeout(self.deadline, until_end(&mut group.child, &mut stdout)).await.map_err(late)??;
        group.succeeded(status)?;
        let printed = std::str::from_utf8(&printed).map_err(|_hidden| CodeCommandError::NoCode)?;
        MfaCode::parse(printed.trim_ascii()).map_err(|_hidden| CodeCommandError::NoCode)
    }

    fn purpose(&self) -> Purpose {
        Purpose {
            name: "code",
            description: "stsd runs a command for an MFA code",
            // A second later than here, where the reason is told.
            lasts: self.deadline + Duration::from_secs(1),
        }
    }
}

impl CodeCommand for ChildCommand {
    fn run<'a>(&'a self, command: &'a [String]) -> Answer<'a, Result<MfaCode, CodeCommandError>> {
        Box::pin(self.code(command))
    }
}

/// A child with its group, or with the unit that it has started: all ended with the value if they have not ended by
/// themselves.
struct Group {
    child: Child,
    unit: Option<Unit>,
}

impl Group {
    /// Fails if the program did, of which the child has ended so.
    fn succeeded(&mut self, child: ExitStatus) -> Result<(), CodeCommandError> {
        let status = if self.unit.is_some() {
            let Some(status) = Unit::status(child) else {
                return Err(CodeCommandError::Start("systemd did not run it to its end".to_owned()));
            };
            self.unit = None;
            // As the shell tells it, by which systemd starts the program.
            match status {
                126 => return Err(CodeCommandError::Start("permission denied".to_owned())),
                127 => return Err(CodeCommandError::Start("entity not found".to_owned())),
                Unit::HIGHEST => return Err(CodeCommandError::Exit("an exit status above 153".to_owned())),
                status => ExitStatus::from_raw(status << 8),
            }
        } else {
            child
        };
        if status.success() { Ok(()) } else { Err(CodeCommandError::Exit(status.to_string())) }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(unit) = self.unit.take() {
            unit.stop();
        }
        // Only while it has not been waited for is its number certainly its own.
        if let Some(pid) = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw)
            && let Err(error) = kill_process_group(pid, Signal::KILL)
        {
            tracing::debug!(%error, "a command was not ended");
        }
    }
}

/// Reads until the program has ended, and what it left in the pipe.
async fn until_end(
    child: &mut Child,
    stdout: &mut ChildStdout,
) -> Result<(ExitStatus, Zeroizing<Vec<u8>>), CodeCommandError> {
    let failed = |error: std::io::Error| CodeCommandError::Exit(error.kind().to_string());
    let mut printed = Zeroizing::new(Vec::with_capacity(MOST + 1));
    let mut open = true;
    let status = loop {
        let mut part = Zeroizing::new([0; MOST + 1]);
        tokio::select! {
            status = child.wait() => break status.map_err(failed)?,
            read = stdout.read(part.as_mut()), if open => open = take(&mut printed, part.as_ref(), read)?,
        }
    };
    while open {
        let mut part = Zeroizing::new([0; MOST + 1]);
        match timeout(REST, stdout.read(part.as_mut())).await {
            Ok(read) => open = take(&mut printed, part.as_ref(), read)?,
            Err(_elapsed) => break,
        }
    }
    Ok((status, printed))
}

/// Takes what was read; false at the end.
fn take(printed: &mut Vec<u8>, part: &[u8], read: std::io::Result<usize>) -> Result<bool, CodeCommandError> {
    let read = read.map_err(|error| CodeCommandError::Exit(error.kind().to_string()))?;
    printed.extend(part.iter().take(read));
    // Nobody reads on to see a flood end.
    if printed.len() > MOST { Err(CodeCommandError::NoCode) } else { Ok(read > 0) }
}

/// True for what this process was told and a command of the user is not to find.
fn is_not_its_own(name: &OsString) -> bool {
    let Some(name) = name.to_str() else { return false };
    name.starts_with("AWS_") || OF_THE_SERVICE.contains(&name)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Instant;

    use super::*;

    fn run_within(deadline: Duration, words: &[&str]) -> Result<String, CodeCommandError> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let command = ChildCommand::new(deadline);
        runtime.block_on(command.run(&words)).map(|code| code.digits().to_owned())
    }

    fn run(words: &[&str]) -> Result<String, CodeCommandError> {
        run_within(ChildCommand::DEADLINE, words)
    }

    #[test]
    fn the_code_is_what_the_command_prints() {
        assert_eq!(run(&["echo", "123456"]).unwrap(), "123456");
        assert_eq!(run(&["printf", " 123456 \r\n\n"]).unwrap(), "123456");
        assert_eq!(run(&["sh", "-c", "printf 123; sleep 0.1; printf 456; echo hush >&2"]).unwrap(), "123456");
    }

    #[test]
    fn arguments_reach_it_as_they_are() {
        let script = r#"[ "$1" = '$HOME; "x" *' ] && echo 123456"#;
        assert_eq!(run(&["sh", "-c", script, "sh", "$HOME; \"x\" *"]).unwrap(), "123456");
        assert_eq!(
            run(&["echo 123456"]).unwrap_err(),
            CodeCommandError::Start("entity not found".to_owned())
        );
    }

    #[test]
    fn anything_else_than_one_code_is_refused() {
        for text in
            ["", "12345", "1234567", "123456 654321", "123456\n654321", "code: 123456", "１２３４５６"]
        {
            assert_eq!(run(&["printf", "%s", text]).unwrap_err(), CodeCommandError::NoCode, "{text}");
        }
        assert_eq!(run(&["printf", r"\377123456"]).unwrap_err(), CodeCommandError::NoCode);
        let flood = run_within(Duration::from_secs(20), &["yes", "123456"]);
        assert_eq!(flood.unwrap_err(), CodeCommandError::NoCode);
    }

    #[test]
    fn a_command_that_fails_says_how_and_not_what() {
        let failed = |script: &str| run(&["sh", "-c", script]).unwrap_err().to_string();
        assert_eq!(failed("echo 123456; echo hush >&2; exit 3"), "it ended with exit status: 3");
        assert!(failed("kill -9 $$").starts_with("it ended with signal: 9"));
        let missing = run(&["/no/such/program"]).unwrap_err();
        assert_eq!(missing.to_string(), "it cannot be started: entity not found");
        assert_eq!(run(&["/etc/passwd"]).unwrap_err().to_string(), "it cannot be started: permission denied");
        assert!(matches!(run(&[]).unwrap_err(), CodeCommandError::Start(_)));
    }

    /// Waits until no process has the id any more, or only its corpse.
    fn await_end(pid: &str) {
        let start = Instant::now();
        let lives = || {
            let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            !status.is_empty() && !status.contains(") Z ")
        };
        while lives() {
            assert!(start.elapsed() < Duration::from_secs(10), "{pid} still runs");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_command_that_hangs_is_ended_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!("sleep 60 & echo $! > {}; wait", file.display());
        let started = Instant::now();
        let late = run_within(Duration::from_secs(1), &["sh", "-c", &script]);
        assert_eq!(late.unwrap_err(), CodeCommandError::TimedOut(1));
        assert!(started.elapsed() < Duration::from_secs(10));
        await_end(fs::read_to_string(file).unwrap().trim());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_child_that_keeps_the_pipe_open_does_not_keep_the_code_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pid");
        let script = format!("sleep 20 & echo $! > {}; echo 123456", file.display());
        let started = Instant::now();
        assert_eq!(run(&["sh", "-c", &script]).unwrap(), "123456");
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
        // An agent that a command starts for its next time is its own business.
        let pid = fs::read_to_string(file).unwrap();
        assert!(fs::exists(format!("/proc/{}", pid.trim())).unwrap());
        let pid = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
        rustix::process::kill_process(pid, Signal::KILL).unwrap();
    }

    #[test]
    fn nothing_of_aws_and_of_the_service_reaches_it() {
        for (name, expected) in [
            ("AWS_PROFILE", true),
            ("AWS_SECRET_ACCESS_KEY", true),
            ("NOTIFY_SOCKET", true),
            ("LISTEN_FDS", true),
            ("HOME", false),
            ("PATH", false),
            ("DBUS_SESSION_BUS_ADDRESS", false),
            ("SSH_AUTH_SOCK", false),
            ("DRAWS_AWS_", false),
        ] {
            assert_eq!(is_not_its_own(&OsString::from(name)), expected, "{name}");
        }
    }
}
