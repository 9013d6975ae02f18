//! Dialogs as units of systemd's user manager: outside the daemon's sandbox, in which no setgid or setuid program works.
//!
//! A unit outlives the `systemd-run` that has started it, so it has a name by which it is stopped, and an end that
//! systemd sees to should the daemon be gone by then.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::surroundings::Surroundings;

/// By how much the status of a program that has run is raised: what is below comes from systemd, whose 1 would else
/// read as "cancelled".
pub(super) const RAISED: i32 = 100;
const RAISES: &str = "\"$@\"; exit $(($? + 100))";

/// What systemd says to a service that tells it when it is ready.
pub(super) const SERVICE: [&str; 2] = ["NOTIFY_SOCKET", "INVOCATION_ID"];

/// The ways into systemd's user manager.
#[derive(Clone, Debug)]
pub(super) struct Outside {
    systemd_run: PathBuf,
    systemctl: PathBuf,
}

/// A unit that has been started.
#[derive(Debug)]
pub(super) struct Unit {
    name: String,
    systemctl: PathBuf,
    around: Surroundings,
}

impl Outside {
    /// The user manager's tools, if this process is a service.
    pub(super) fn find(environment: &BTreeMap<OsString, OsString>, around: &Surroundings) -> Option<Self> {
        if !is_service(environment) {
            return None;
        }
        Some(Self { systemd_run: around.find("systemd-run")?, systemctl: around.find("systemctl")? })
    }

    /// The command that starts a program as a new unit, and waits for it with the command's own stdin and stdout.
    pub(super) fn command(
        &self,
        program: &Path,
        arguments: &[OsString],
        around: &Surroundings,
        lasts: Duration,
    ) -> (PathBuf, Vec<OsString>, Unit) {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("stsd-prompt-{}-{number}.service", std::process::id());
        let mut words: Vec<OsString> =
            ["--user", "--pipe", "--wait", "--collect", "--quiet"].map(Into::into).into();
        words.push(format!("--unit={name}").into());
        words.push("--description=stsd asks for an MFA code".into());
        words.push(format!("--property=RuntimeMaxSec={}", lasts.as_secs().max(1)).into());
        words.push("--".into());
        // The manager's own environment may hold anything, a terminal for pinentry or AWS's variables.
        words.extend(["/usr/bin/env", "-i"].map(Into::into));
        words.extend(around.variables().map(|(variable, value)| {
            let mut word = variable.to_owned();
            word.push("=");
            word.push(value);
            unexpanded(&word)
        }));
        words.extend(["/bin/sh", "-c"].map(Into::into));
        words.push(unexpanded(OsStr::new(RAISES)));
        words.push("sh".into());
        words.push(unexpanded(program.as_os_str()));
        words.extend(arguments.iter().map(|argument| unexpanded(argument)));
        let unit = Unit { name, systemctl: self.systemctl.clone(), around: around.clone() };
        (self.systemd_run.clone(), words, unit)
    }
}

impl Unit {
    /// Has the unit stopped. Does not wait until it is.
    pub(super) fn stop(&self) {
        let command = Command::new(&self.systemctl)
            .args(["--user", "--no-block", "--quiet", "stop", &self.name])
            .env_clear()
            .envs(self.around.variables())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let waited = command.and_then(|mut systemctl| {
            let reap = move || {
                if let Err(error) = systemctl.wait() {
                    tracing::debug!(%error, "systemctl not waited for");
                }
            };
            std::thread::Builder::new().name("unit-stop".to_owned()).spawn(reap)
        });
        if let Err(error) = waited {
            tracing::warn!(unit = %self.name, %error, "a dialog was not stopped");
        }
    }
}

/// True if systemd has started this process as a service that tells it when it is ready, as ours does.
pub(super) fn is_service(environment: &BTreeMap<OsString, OsString>) -> bool {
    SERVICE.iter().all(|name| environment.contains_key(OsStr::new(name)))
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
    use super::*;

    fn environment(names: &[&str]) -> BTreeMap<OsString, OsString> {
        names.iter().map(|name| (OsString::from(name), OsString::from("/x"))).collect()
    }

    #[test]
    fn only_a_service_goes_outside() {
        let around = Surroundings::default();
        assert!(Outside::find(&environment(&["INVOCATION_ID"]), &around).is_none());
        // A terminal that a service has started inherits one of the two.
        assert!(!is_service(&environment(&["INVOCATION_ID", "HOME"])));
        assert!(is_service(&environment(&["INVOCATION_ID", "NOTIFY_SOCKET"])));
        // No tools on PATH.
        assert!(Outside::find(&environment(&["INVOCATION_ID", "NOTIFY_SOCKET"]), &around).is_none());
    }

    #[test]
    fn a_unit_has_a_name_an_end_and_no_environment_but_ours() {
        let outside = Outside { systemd_run: "/bin/systemd-run".into(), systemctl: "/bin/systemctl".into() };
        let around = Surroundings::of(
            &[("HOME", "/h"), ("LANG", "C.UTF-8"), ("AWS_X", "1")].map(|(a, b)| (a.into(), b.into())).into(),
        );
        let arguments = ["--text=costs $5 ${HOME} %h".into()];
        let (program, words, unit) =
            outside.command(Path::new("/bin/zenity"), &arguments, &around, Duration::from_secs(122));
        assert_eq!(program, Path::new("/bin/systemd-run"));
        assert!(unit.name.starts_with(&format!("stsd-prompt-{}-", std::process::id())));
        let words: Vec<_> = words.iter().map(|word| word.to_str().unwrap()).collect();
        assert_eq!(
            words,
            [
                "--user",
                "--pipe",
                "--wait",
                "--collect",
                "--quiet",
                &format!("--unit={}", unit.name),
                "--description=stsd asks for an MFA code",
                "--property=RuntimeMaxSec=122",
                "--",
                "/usr/bin/env",
                "-i",
                "HOME=/h",
                "LANG=C.UTF-8",
                "/bin/sh",
                "-c",
                "\"$$@\"; exit $$(($$? + 100))",
                "sh",
                "/bin/zenity",
                "--text=costs $$5 $${HOME} %h",
            ]
        );
        let (_program, _words, next) =
            outside.command(Path::new("/bin/zenity"), &[], &around, Duration::from_secs(1));
        assert_ne!(next.name, unit.name);
    }
}
