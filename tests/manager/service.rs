//! The units of this project in a user's home, and what systemd says about them.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use crate::ran::Ran;
use crate::user::{User, await_that, stsd};

pub(crate) const SERVICE: &str = "stsd.service";
pub(crate) const SOCKET: &str = "stsd.socket";

/// A unit as this project has it.
pub(crate) fn unit(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(name)).unwrap()
}

impl User {
    /// The program where the unit expects it, and the units as they are; a drop-in tells the daemon of the STS, and to
    /// log all it can tell.
    pub(crate) fn install(&self) {
        self.run("mkdir", &["-p", ".cargo/bin"]).succeeded();
        fs::hard_link(stsd(), self.path(".cargo/bin/stsd")).unwrap();
        for name in [SERVICE, SOCKET] {
            self.write(&format!(".config/systemd/user/{name}"), &unit(name));
        }
        let test = format!(
            "Environment=AWS_ENDPOINT_URL_STS={}\nExecStart=\nExecStart=%h/.cargo/bin/stsd daemon -vv",
            self.endpoint()
        );
        self.drop_in("test", &format!("[Service]\n{test}\n"));
    }

    /// Changes the service.
    pub(crate) fn drop_in(&self, name: &str, text: &str) {
        self.write(&format!(".config/systemd/user/stsd.service.d/{name}.conf"), text);
        self.systemctl(&["daemon-reload"]).succeeded();
    }

    /// The units, enabled and started.
    pub(crate) fn install_and_start(&self) {
        self.install();
        self.systemctl(&["enable", "--now", SOCKET, SERVICE]).succeeded();
    }

    pub(crate) fn systemctl(&self, arguments: &[&str]) -> Ran {
        self.run("systemctl", &[&["--user"], arguments].concat())
    }

    /// A property of the unit.
    pub(crate) fn property(&self, unit: &str, name: &str) -> String {
        let property = format!("--property={name}");
        let ran = self.systemctl(&["show", "--value", &property, unit]).succeeded();
        ran.stdout.trim().to_owned()
    }

    #[track_caller]
    pub(crate) fn await_property(&self, unit: &str, name: &str, value: &str) {
        let seen = || format!("{name} of {unit} is {:?}\n{}", self.property(unit, name), self.journal());
        await_that(seen, || self.property(unit, name) == value);
    }

    /// The daemon's process id.
    pub(crate) fn main_pid(&self) -> u32 {
        self.property(SERVICE, "MainPID").parse().unwrap()
    }

    pub(crate) fn signal_daemon(&self, signal: Signal) {
        let pid = Pid::from_raw(self.main_pid().try_into().unwrap()).expect("the daemon does not run");
        kill_process(pid, signal).unwrap();
    }

    /// What the journal has of the service, read by its user.
    pub(crate) fn journal(&self) -> String {
        // Only root may have what is on its way written.
        assert!(Command::new("journalctl").arg("--sync").status().unwrap().success());
        let ran = self.run("journalctl", &["--user", "--unit", SERVICE, "--output=cat", "--no-pager"]);
        ran.succeeded().stdout
    }

    #[track_caller]
    pub(crate) fn await_journal(&self, text: &str) {
        await_that(|| format!("no {text:?} in {}", self.journal()), || self.journal().contains(text));
    }
}
