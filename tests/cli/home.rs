//! A home that is thrown away, and the program run in it as its user would, with nothing of this machine around it.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;
use stsd_test_support::StrictSts;
use tempfile::TempDir;

use crate::ran::Ran;

/// Where the configuration is.
pub(crate) const CONFIG: &str = ".config/stsd/config.toml";
/// Where AWS's tools look.
pub(crate) const CREDENTIALS: &str = ".aws/credentials";
/// The id of every session that is written by hand.
pub(crate) const SESSION_ID: &str = "ASIAY34FZKBOKMUTWXYZ";
/// A profile with a device.
pub(crate) const WORK: &str = "[profiles.work]\nmfa_serial = \"arn:aws:iam::123456789012:mfa/alice\"\n";

/// The home. There is no session bus in it.
pub(crate) struct Home {
    directory: TempDir,
    /// Where the program would call, so that a test can say that it did not.
    pub(crate) sts: StrictSts,
}

impl Home {
    /// A home in which nothing was ever done.
    pub(crate) fn new() -> Self {
        Self { directory: TempDir::with_prefix("stsd-cli.").unwrap(), sts: StrictSts::with_alice() }
    }

    /// A home with this configuration.
    pub(crate) fn with(config: &str) -> Self {
        let home = Self::new();
        home.write(CONFIG, config);
        home
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// The program with arguments, not started yet.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stsd"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.directory.path())
            // Without it the bus of the person at this machine would be found under /run/user.
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("AWS_ENDPOINT_URL_STS", self.sts.url())
            .env("TZ", "UTC");
        command
    }

    /// Runs the program without a terminal and with nothing on stdin.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, b"")
    }

    /// Runs the program with a text on stdin.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &[u8]) -> Ran {
        Ran::of(&mut self.command(arguments), input)
    }

    /// The object of `status --json`, whatever the exit code.
    pub(crate) fn status(&self, profile: &str) -> (i32, Value) {
        let ran = self.run(&["status", profile, "--json"]);
        assert_eq!(ran.stderr, "", "{ran:#?}");
        assert_eq!(self.sts.requests(), [], "status has called AWS");
        (ran.code, serde_json::from_str(&ran.stdout).unwrap())
    }
}

/// A section as a session stands in it.
pub(crate) fn section(name: &str, expires_at: DateTime<Utc>) -> String {
    format!(
        "[{name}]\naws_access_key_id = {SESSION_ID}\naws_secret_access_key = session-secret\n\
         aws_session_token = session-token\nx_security_token_expires = {}\n",
        rfc3339(expires_at)
    )
}

/// A time as every interface writes it.
pub(crate) fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
