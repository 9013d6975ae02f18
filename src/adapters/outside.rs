//! Programs as units of systemd's user manager: outside the daemon's sandbox, in which no setgid or setuid program works.
//!
//! A unit outlives the `systemd-run` that has started it, so it has a name by which it is stopped, and an end that
//! systemd sees to should the daemon be gone by then.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::program;

/// What systemd says to a service: the process that it has started, and two things that a service hears which tells when
/// it is ready.
pub(super) const SERVICE: [&str; 3] = [EXEC_PID, "NOTIFY_SOCKET", "INVOCATION_ID"];
const EXEC_PID: &str = "SYSTEMD_EXEC_PID";

/// By how much the status of a program that has run is raised: what is below comes from systemd, whose 1 would else
/// read as the program's own. The highest are told as one, below the 255 of a unit that systemd has ended.
const RAISED: i32 = 100;
const RAISES: &str = "\"$@\"; status=$?; exit $((status < 154 ? status + 100 : 254))";

/// What comes before a program that is to know nothing of AWS: the manager gives a unit its own variables, and they may
/// have changed since this process began.
const FORGETS: &str = "for name in $(/usr/bin/env | /bin/sed -n 's/^\\(AWS_[A-Za-z0-9_]*\\)=.*/\\1/p'); \
                       do unset \"$name\"; done; ";

/// Where the bus is, by which the manager is reached, and its tools.
const TO_THE_MANAGER: [&str; 3] = ["PATH", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"];

/// The ways into systemd's user manager.
#[derive(Clone, Debug)]
pub(super) struct Outside {
    systemd_run: PathBuf,
    systemctl: PathBuf,
    environment: Vec<(OsString, OsString)>,
}

/// A kind of program to be started.
#[derive(Clone, Copy, Debug)]
pub(super) struct Purpose {
    /// In the unit's name: letters.
    pub(super) name: &'static str,
    /// For people.
    pub(super) description: &'static str,
    /// After this systemd ends it.
    pub(super) lasts: Duration,
}

/// What the program finds in its environment. The manager's own may hold anything, a terminal or AWS's variables.
#[derive(Debug)]
pub(super) enum Environment {
    /// These variables. They are seen on a command line.
    Only(Vec<(OsString, OsString)>),
    /// The manager's, without what it holds of AWS.
    WithoutAws,
}

/// Stops that may not have been told yet; a channel is closed when one has.
static STOPS: Mutex<Vec<Receiver<()>>> = Mutex::new(Vec::new());
/// How long the telling may take at the end.
const TELLING: Duration = Duration::from_secs(1);

/// A unit that has been started.
#[derive(Debug)]
pub(super) struct Unit {
    name: String,
    systemctl: PathBuf,
    environment: Vec<(OsString, OsString)>,
}

impl Outside {
    /// The user manager's tools, if this process, whose environment that is, is a service and they are there.
    pub(super) fn find(variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        if !is_service(&variable) {
            return None;
        }
        let path = variable("PATH")?;
        let found = Some((program::on_path(&path, "systemd-run")?, program::on_path(&path, "systemctl")?));
        found.map(|(systemd_run, systemctl)| Self {
            systemd_run,
            systemctl,
            environment: TO_THE_MANAGER
                .into_iter()
                .filter_map(|name| Some((name.into(), variable(name)?)))
                .collect(),
        })
    }

    /// The command that starts a program as a new unit, and waits for it with the command's own stdin and stdout.
    pub(super) fn command(
        &self,
        purpose: Purpose,
        environment: Environment,
        program: &OsStr,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> (Command, Unit) {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("stsd-{}-{}-{number}.service", purpose.name, std::process::id());
        let mut command = Command::new(&self.systemd_run);
        command.env_clear().envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.args(["--user", "--pipe", "--wait", "--collect", "--quiet"]);
        command.arg(format!("--unit={name}")).arg(format!("--description={}", purpose.description));
        command.arg(format!("--property=RuntimeMaxSec={}", purpose.lasts.as_secs().max(1)));
        // One that does not end when it is asked to is ended soon after: its place on the screen may be another's.
        command.arg("--property=TimeoutStopSec=1s");
        let (variables, script) = match environment {
            Environment::Only(only) => (only, RAISES.to_owned()),
            Environment::WithoutAws => (Vec::new(), [FORGETS, RAISES].concat()),
        };
        command.arg("--");
        if !variables.is_empty() {
            command.args(["/usr/bin/env", "-i"]);
            command.args(variables.into_iter().map(|(mut variable, value)| {
                variable.push("=");
                variable.push(value);
                unexpanded(&variable)
            }));
        }
        command.args(["/bin/sh", "-c"]).arg(unexpanded(OsStr::new(&script))).arg("sh");
        command.arg(unexpanded(program));
        command.args(arguments.into_iter().map(|argument| unexpanded(argument.as_ref())));
        (command, Unit { name, systemctl: self.systemctl.clone(), environment: self.environment.clone() })
    }
}

impl Unit {
    /// The highest status, which may have been any from here to 255.
    pub(super) const HIGHEST: i32 = 154;

    /// The status with which the program itself has ended, of that of its command; none if systemd did not start it, or
    /// has ended it.
    pub(super) fn status(ended: ExitStatus) -> Option<i32> {
        ended.code().filter(|code| (RAISED..255).contains(code)).map(|code| code - RAISED)
    }

    /// Has the unit stopped. Does not wait until it is.
    pub(super) fn stop(&self) {
        let mut command = Command::new(&self.systemctl);
        command
            .args(["--user", "--no-block", "--quiet", "stop", &self.name])
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let (done, is_done) = channel();
        let stops = move || {
            if let Err(error) = command.status() {
                tracing::warn!(%error, "a program was not stopped");
            }
            // Nobody waits, unless this process is about to end.
            drop(done);
        };
        match std::thread::Builder::new().name("unit-stop".to_owned()).spawn(stops) {
            Ok(_thread) => {
                let mut stops = STOPS.lock().unwrap_or_else(PoisonError::into_inner);
                stops.retain(|stop| stop.try_recv() == Err(TryRecvError::Empty));
                stops.push(is_done);
            }
            Err(error) => tracing::warn!(unit = %self.name, %error, "a program was not stopped"),
        }
    }
}

/// Waits until systemd has been told of all units that are to stop, but not for long. To be called last: what a service
/// has started ends with its process, and so would those who tell.
pub fn settle() {
    let stops = std::mem::take(&mut *STOPS.lock().unwrap_or_else(PoisonError::into_inner));
    for stop in stops {
        if stop.recv_timeout(TELLING) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("systemd was not told of a program that is to stop");
        }
    }
}

/// True if systemd has started this process as a service.
pub(super) fn is_service(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    match variable(EXEC_PID) {
        // A terminal that a service has started inherits all of them.
        Some(pid) => pid.to_str() == Some(std::process::id().to_string().as_str()),
        // Before version 248.
        None => SERVICE.into_iter().filter(|name| *name != EXEC_PID).all(|name| variable(name).is_some()),
    }
}

/// A word of a command line as systemd takes it: `$` begins a variable, `$$` is a dollar.
fn unexpanded(word: &OsStr) -> OsString {
    let doubled = word.as_bytes().iter().flat_map(|byte| {
        let times = if *byte == b'$' { 2 } else { 1 };
        std::iter::repeat_n(*byte, times)
    });
    OsString::from_vec(doubled.collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    const PURPOSE: Purpose = Purpose { name: "test", description: "a test", lasts: Duration::from_secs(122) };

    fn found(variables: &[(&str, &str)]) -> Option<Outside> {
        let variables: BTreeMap<&str, &str> = variables.iter().copied().collect();
        Outside::find(|name| variables.get(name).map(Into::into))
    }

    /// The words of the command without the first, and the unit.
    fn told(environment: Environment, program: &str, arguments: &[&str]) -> (Vec<String>, Unit) {
        let environment_of = vec![("XDG_RUNTIME_DIR".into(), "/run/user/1".into())];
        let outside = Outside {
            systemd_run: "/bin/systemd-run".into(),
            systemctl: "/bin/systemctl".into(),
            environment: environment_of,
        };
        let (command, unit) = outside.command(PURPOSE, environment, OsStr::new(program), arguments);
        assert_eq!(command.get_program(), "/bin/systemd-run");
        let envs: Vec<_> = command.get_envs().collect();
        assert_eq!(envs, [(OsStr::new("XDG_RUNTIME_DIR"), Some(OsStr::new("/run/user/1")))]);
        (command.get_args().map(|word| word.to_str().unwrap().to_owned()).collect(), unit)
    }

    #[test]
    fn only_a_service_goes_outside_and_only_where_there_are_the_tools() {
        let tools = tempfile::tempdir().unwrap();
        let path = tools.path().to_str().unwrap();
        let me = std::process::id().to_string();
        let service = [("SYSTEMD_EXEC_PID", me.as_str()), ("PATH", path)];
        assert!(found(&service).is_none());
        for tool in ["systemd-run", "systemctl"] {
            std::fs::copy("/bin/true", tools.path().join(tool)).unwrap();
        }
        assert!(found(&service).is_some());
        // A child of the service.
        assert!(
            found(&[
                ("SYSTEMD_EXEC_PID", "1"),
                ("NOTIFY_SOCKET", "/x"),
                ("INVOCATION_ID", "x"),
                ("PATH", path)
            ])
            .is_none()
        );
        // An old systemd.
        assert!(found(&[("NOTIFY_SOCKET", "/x"), ("INVOCATION_ID", "x"), ("PATH", path)]).is_some());
        assert!(found(&[("INVOCATION_ID", "x"), ("PATH", path)]).is_none());
    }

    #[test]
    fn a_unit_has_a_name_an_end_and_no_environment_but_ours() {
        let only = vec![("HOME".into(), "/h".into()), ("LANG".into(), "$C".into())];
        let (words, unit) = told(Environment::Only(only), "/bin/zenity", &["--text=costs $5 ${HOME} %h"]);
        assert!(unit.name.starts_with(&format!("stsd-test-{}-", std::process::id())));
        assert_eq!(
            words,
            [
                "--user",
                "--pipe",
                "--wait",
                "--collect",
                "--quiet",
                &format!("--unit={}", unit.name),
                "--description=a test",
                "--property=RuntimeMaxSec=122",
                "--property=TimeoutStopSec=1s",
                "--",
                "/usr/bin/env",
                "-i",
                "HOME=/h",
                "LANG=$$C",
                "/bin/sh",
                "-c",
                "\"$$@\"; status=$$?; exit $$((status < 154 ? status + 100 : 254))",
                "sh",
                "/bin/zenity",
                "--text=costs $$5 $${HOME} %h",
            ]
        );
        let (_words, next) = told(Environment::Only(Vec::new()), "/bin/zenity", &[]);
        assert_ne!(next.name, unit.name);
    }

    #[test]
    fn variables_that_a_program_is_not_to_find_are_taken_from_it() {
        let (words, _unit) = told(Environment::WithoutAws, "op", &["--otp"]);
        assert!(words.iter().any(|word| word.starts_with("for name in $$(/usr/bin/env")), "{words:?}");
    }

    #[test]
    fn the_status_of_the_program_is_told_from_systemd_s_own() {
        let status = |script: &str| {
            let ended = Command::new("/bin/sh").args(["-c", RAISES, "sh", "sh", "-c", script]).status();
            Unit::status(ended.unwrap())
        };
        assert_eq!(status("exit 0"), Some(0));
        assert_eq!(status("exit 1"), Some(1));
        assert_eq!(status("kill -9 $$"), Some(137));
        assert_eq!(status("exit 255"), Some(154));
        for code in [0, 1, 99, 255] {
            assert_eq!(Unit::status(ExitStatus::from_raw(code << 8)), None, "{code}");
        }
        assert_eq!(Unit::status(ExitStatus::from_raw(9)), None);
    }

    #[test]
    fn a_program_that_is_to_know_nothing_of_aws_finds_none_of_its_variables() {
        let script = [FORGETS, RAISES].concat();
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &script, "sh", "/usr/bin/env"]).env_clear();
        shell.envs([("AWS_PROFILE", "work"), ("AWS_SECRET_ACCESS_KEY", "a\nAWS_B=c"), ("OP_ACCOUNT", "me")]);
        let output = shell.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("OP_ACCOUNT=me") && !text.contains("AWS_"), "{text}");
        assert_eq!(output.status.code(), Some(RAISED));
    }
}
