//! A machine of a user: a desktop of its own, the strict STS, and commands with nothing else around them.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use stsd_test_support::{Identity, StrictSts};

use crate::bus::Desktop;
use crate::ran::Ran;

/// The machine. `stsd` is at home on its desktop.
pub(crate) struct Machine {
    pub(crate) desktop: Desktop,
    pub(crate) sts: StrictSts,
}

impl Machine {
    /// An open keyring without a key in it.
    pub(crate) fn new() -> Self {
        Self::on(Desktop::unlocked())
    }

    /// The same on a desktop of the test's own.
    pub(crate) fn on(desktop: Desktop) -> Self {
        let sts = StrictSts::with_alice();
        // A test may spend more codes than a minute and a half has.
        sts.set_code_tolerance(10);
        Self { desktop, sts }
    }

    /// Alice's key is in the keyring, as profile `work`; no request was made.
    pub(crate) fn with_work() -> Self {
        let machine = Self::new();
        machine.add("work", &machine.sts.alice()).succeeded();
        machine.sts.clear_requests();
        machine
    }

    /// A program of this user, with nothing of the tests' environment.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        for (name, value) in self.desktop.command(program.as_ref()).get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        command
            .env("LANG", "C.UTF-8")
            .env("AWS_ENDPOINT_URL_STS", self.sts.url())
            .env("NO_PROXY", "127.0.0.1")
            // No tool may look for credentials outside of this machine.
            .env("AWS_EC2_METADATA_DISABLED", "true");
        command
    }

    /// The binary with arguments, not started yet.
    pub(crate) fn stsd(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_stsd"));
        command.args(arguments);
        command
    }

    /// Runs the binary without a terminal and with nothing on stdin.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, "")
    }

    /// Runs the binary with a text on stdin.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Ran {
        Ran::of(&mut self.stsd(arguments), input.as_bytes())
    }

    /// Stores somebody's key; the secret comes by stdin.
    pub(crate) fn add(&self, profile: &str, who: &Identity) -> Ran {
        let arguments = ["add", profile, "--access-key-id", &who.access_key_id, "--mfa-serial", &who.serial];
        self.run_with(&arguments, &format!("{}\n", who.secret_access_key))
    }

    /// A code of alice's device that was never used.
    pub(crate) fn code(&self) -> String {
        self.sts.unused_code(&self.sts.alice().serial)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.desktop.path(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Sets the configuration.
    pub(crate) fn configure(&self, text: &str) {
        self.write("config/stsd/config.toml", text);
    }

    /// The configuration as it is.
    pub(crate) fn configuration(&self) -> String {
        fs::read_to_string(self.path("config/stsd/config.toml")).unwrap_or_default()
    }

    /// AWS's credentials file as it is.
    pub(crate) fn credentials(&self) -> String {
        fs::read_to_string(self.path(".aws/credentials")).unwrap_or_default()
    }

    /// The value of a key that stands once in the credentials file.
    pub(crate) fn credential(&self, key: &str) -> String {
        let text = self.credentials();
        let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_else(|| panic!("{text}"));
        line.strip_prefix(" = ").unwrap().to_owned()
    }

    /// What `status --json` says of a profile, and the exit code.
    pub(crate) fn status(&self, profile: &str) -> (i32, Value) {
        let ran = self.run(&["status", profile, "--json"]);
        let mut status: Value = serde_json::from_str(&ran.stdout).unwrap();
        (ran.code, status["profiles"][0].take())
    }

    /// What a person finds in the keyring with the keyring's own tool.
    pub(crate) fn search_keyring(&self) -> String {
        let mut tool = self.command("secret-tool");
        tool.args(["search", "--all", "service", "stsd"]);
        let ran = Ran::of(&mut tool, b"").succeeded();
        ran.stdout + &ran.stderr
    }
}
