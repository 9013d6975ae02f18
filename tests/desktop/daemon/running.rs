//! A daemon that runs on a machine, and its log.

use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use stsd::client::{Client, Dialogue, Typing};
use stsd::domain::failure::{Failure, FailureClass};
use stsd::protocol::message::{Action, Answer, Places};

use crate::binary::machine::Machine;
use crate::ran::wait;

/// How long anything of the daemon may let wait for itself.
const PATIENCE: Duration = Duration::from_secs(20);

/// The daemon. It is killed with the value, and when the tests are.
pub(crate) struct Daemon {
    child: Child,
    log: PathBuf,
    socket: PathBuf,
    /// From the start until somebody was let in.
    pub(crate) ready_after: Duration,
}

impl Daemon {
    /// Starts it, with all it can tell, and waits until it lets clients in.
    #[track_caller]
    pub(crate) fn start(machine: &Machine) -> Self {
        Self::of(machine, &machine.stsd(&["daemon", "-vv"]), Stdio::null())
    }

    /// The same with a command and a standard input of the test's own.
    #[track_caller]
    pub(crate) fn of(machine: &Machine, command: &Command, stdin: Stdio) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let log = machine.path(&format!("daemon-{}.log", STARTED.fetch_add(1, Ordering::Relaxed)));
        let mut guarded = Command::new("setpriv");
        guarded.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
        guarded.env_clear().stdin(stdin).stdout(Stdio::null()).stderr(File::create(&log).unwrap());
        for (name, value) in command.get_envs() {
            guarded.env(name, value.unwrap_or_default());
        }
        let socket = socket(machine);
        let started = Instant::now();
        let child = guarded.spawn().unwrap();
        let mut daemon = Self { child, log, socket, ready_after: Duration::ZERO };
        daemon.await_that("nobody is let in", |daemon| UnixStream::connect(&daemon.socket).is_ok());
        daemon.ready_after = started.elapsed();
        daemon
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end; gives its exit code.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> i32 {
        wait(&mut self.child, "stsd daemon")
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// All that it has said.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// How often it has said something.
    pub(crate) fn said(&self, text: &str) -> usize {
        self.log().matches(text).count()
    }

    /// Waits until it has said something so often.
    #[track_caller]
    pub(crate) fn await_said(&self, text: &str, times: usize) {
        self.await_that(&format!("not {times} times {text:?}"), |daemon| daemon.said(text) >= times);
    }

    #[track_caller]
    pub(crate) fn await_that(&self, otherwise: &str, holds: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(Instant::now() < end, "{otherwise}: {}", self.log());
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Where the daemon of a machine listens.
pub(crate) fn socket(machine: &Machine) -> PathBuf {
    machine.path("run/stsd/stsd.sock")
}

/// What the environment of a machine leads to.
pub(crate) fn places(machine: &Machine) -> Places {
    let shown = |name: &str| machine.path(name).display().to_string();
    Places {
        config: shown("config/stsd/config.toml"),
        aws_credentials: shown(".aws/credentials"),
        aws_config: shown(".aws/config"),
        endpoint: Some(machine.sts.url().to_owned()),
    }
}

/// Asks the daemon past the command line, which would look at the configuration first.
pub(crate) fn ask(machine: &Machine, action: Action) -> Result<Answer, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = Client::connect(&socket(machine), places(machine)).await?.expect("the daemon runs");
        client.call(action, &mut Nobody).await
    })
}

struct Nobody;

impl Dialogue for Nobody {
    fn code<'a>(
        &'a mut self,
        _profiles: &'a [String],
        _serial: &'a str,
        _refused: Option<&'a str>,
    ) -> Typing<'a> {
        Box::pin(std::future::ready(Err(Failure::new(FailureClass::NoSession, "nobody is here"))))
    }

    fn progress(&mut self, _answer: Answer) -> bool {
        true
    }
}
