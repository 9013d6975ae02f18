//! A user of the machine: a home, logins, programs that run as this user, and an STS for them.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use stsd_test_support::StrictSts;

use crate::ran::Ran;

/// How long anything may let wait for itself.
const PATIENCE: Duration = Duration::from_secs(20);

/// The user, with a keyring that opens at each login.
pub(crate) struct User {
    name: String,
    uid: u32,
    login: Option<Child>,
    pub(crate) sts: StrictSts,
}

impl User {
    /// A new user who has logged in.
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let name = format!("stsd-user-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let sts = StrictSts::with_alice();
        // A test may spend more codes than a minute and a half has.
        sts.set_code_tolerance(10);
        let mut user = Self { name, uid: 0, login: None, sts };
        user.log_in();
        user.uid = fs::metadata(user.path("")).unwrap().uid();
        user
    }

    /// Waits until the user's manager runs.
    pub(crate) fn log_in(&mut self) {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/manager/login");
        let mut command = Command::new(script);
        // Logged in until the input ends.
        command.args(["--keyring", &self.name, "sh", "-c", "echo in; exec cat"]);
        let mut login = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(login.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.login = Some(login);
        assert_eq!(line, "in\n", "{} cannot log in", self.name);
    }

    /// Ends all that the user has running.
    pub(crate) fn log_out(&mut self) {
        let Some(mut login) = self.login.take() else { return };
        drop(login.stdin.take());
        // It kills what does not end by itself.
        login.wait().unwrap();
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn uid(&self) -> u32 {
        self.uid
    }

    /// A path in the home directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("/home").join(&self.name).join(name)
    }

    /// A program of this user as in a terminal of the session, with nothing of the tests' environment.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let run = format!("/run/user/{}", self.uid);
        let mut command = Command::new(program);
        command.uid(self.uid).gid(self.uid).current_dir(self.path("")).env_clear();
        command
            .env("HOME", self.path(""))
            .env("USER", &self.name)
            .env("LANG", "C.UTF-8")
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("XDG_RUNTIME_DIR", &run)
            .env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={run}/bus"))
            .env("AWS_ENDPOINT_URL_STS", self.endpoint());
        command
    }

    /// Runs a program to its end.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Ran {
        Ran::of(self.command(program).args(arguments), b"")
    }

    /// stsd with arguments, not started yet.
    pub(crate) fn stsd(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(stsd());
        command.args(arguments);
        command
    }

    /// Writes a file as the user does.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let script = "mkdir -p \"$(dirname \"$1\")\" && cat >\"$1\"";
        let mut command = self.command("sh");
        command.args(["-c", script, "sh", name]);
        Ran::of(&mut command, text.as_bytes()).succeeded();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// The STS by a name, so that the resolver is needed too.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://localhost:{}", self.sts.port())
    }

    /// Stores alice's key as profile `work`.
    pub(crate) fn add_work(&self) {
        let alice = self.sts.alice();
        let arguments =
            ["add", "work", "--access-key-id", &alice.access_key_id, "--mfa-serial", &alice.serial];
        let secret = format!("{}\n", alice.secret_access_key);
        Ran::of(&mut self.stsd(&arguments), secret.as_bytes()).succeeded();
        self.sts.clear_requests();
    }

    /// A code of alice's device that was never used.
    pub(crate) fn code(&self) -> String {
        self.sts.unused_code(&self.sts.alice().serial)
    }

    /// A new session for `work`, with a code that is typed.
    pub(crate) fn refresh(&self) {
        Ran::of(&mut self.stsd(&["refresh", "work", "--code", &self.code()]), b"").succeeded();
    }

    /// What `status --json` says.
    pub(crate) fn status(&self) -> Value {
        let ran = Ran::of(&mut self.stsd(&["status", "--json"]), b"");
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:#?}"))
    }

    /// The state of profile `work`.
    pub(crate) fn state(&self) -> Value {
        self.status()["profiles"][0]["state"].take()
    }

    /// The process id of the daemon that answers; none if none does.
    pub(crate) fn answering(&self) -> Option<u32> {
        let daemon = self.status()["daemon"].take();
        let pid = daemon["pid"].as_u64().map(|pid| u32::try_from(pid).unwrap());
        assert_eq!(daemon["running"], pid.is_some(), "{daemon}");
        pid
    }
}

impl Drop for User {
    fn drop(&mut self) {
        self.log_out();
    }
}

/// The program, where every user may start it: the build may be in a directory that is root's only.
pub(crate) fn stsd() -> PathBuf {
    static COPY: OnceLock<PathBuf> = OnceLock::new();
    COPY.get_or_init(|| copy(env!("CARGO_BIN_EXE_stsd").as_ref(), "stsd")).clone()
}

/// This test program, likewise.
pub(crate) fn this_program() -> PathBuf {
    static COPY: OnceLock<PathBuf> = OnceLock::new();
    COPY.get_or_init(|| copy(&std::env::current_exe().unwrap(), "tests")).clone()
}

fn copy(program: &std::path::Path, name: &str) -> PathBuf {
    let copy = PathBuf::from("/home").join(format!(".stsd-copy-of-{name}"));
    fs::copy(program, &copy).unwrap();
    copy
}

/// Waits until something holds.
#[track_caller]
pub(crate) fn await_that(otherwise: impl Fn() -> String, holds: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "{}", otherwise());
        std::thread::sleep(Duration::from_millis(20));
    }
}
