//! systemd's user manager, through `systemctl --user`.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use directories::BaseDirs;

use super::child::{self, ANSWER, Ended};
use super::program::NoProgram;
use super::{files, user};
use crate::domain::service::{Known, LastFailure, ServiceState, Standing};
use crate::ports::Answer;
use crate::ports::service_manager::{ServiceError, ServiceFile, ServiceManager, ServiceOrder};

mod show;
mod unit;

const NAME: &str = "systemd";
const SOCKET: &str = "stsd.socket";
const SERVICE: &str = "stsd.service";

/// How long a start and an end of the daemon may take: longer than systemd itself waits for it (90 s each), so that its
/// verdict comes first.
const START: Duration = Duration::from_secs(200);

/// Lines of the log that are shown at first.
const LINES: &str = "--lines=200";

/// The user manager of this login.
#[derive(Debug)]
pub struct Systemd {
    program: Result<String, NoProgram>,
    home: PathBuf,
    /// `$XDG_CONFIG_HOME`.
    config: PathBuf,
    /// `$XDG_RUNTIME_DIR`, if it is there and ours.
    runtime: Option<PathBuf>,
    below_sudo: bool,
}

impl Systemd {
    /// The manager of the user whose directories these are, for the program that is to be started.
    #[must_use]
    pub fn new(
        program: Result<String, NoProgram>,
        base: &BaseDirs,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Self {
        let uid = rustix::process::geteuid().as_raw();
        let own = |path: &PathBuf| {
            path.is_absolute() && fs::metadata(path).is_ok_and(|found| found.is_dir() && found.uid() == uid)
        };
        // A login that did not say (cron, some ssh) has it all the same.
        let runtime = variable("XDG_RUNTIME_DIR")
            .filter(|path| !path.is_empty())
            .map_or_else(|| PathBuf::from(format!("/run/user/{uid}")), PathBuf::from);
        Self {
            program,
            home: base.home_dir().to_owned(),
            config: base.config_dir().to_owned(),
            runtime: Some(runtime).filter(own),
            below_sudo: variable("SUDO_UID").is_some_and(|uid| uid != "0"),
        }
    }

    fn directory(&self) -> PathBuf {
        self.config.join("systemd/user")
    }

    /// Runs `systemctl`, or another program of systemd's.
    async fn run(&self, words: &[String], deadline: Duration) -> Result<Ended, ServiceError> {
        let runtime = self.runtime.iter().map(|path| ("XDG_RUNTIME_DIR", path.display().to_string()));
        let variables: Vec<_> = runtime.chain([("SYSTEMD_COLORS", "0".to_owned())]).collect();
        child::run(words, &variables, deadline).await?.ok_or(ServiceError::NoManager(NAME))
    }

    /// Asks the manager; its refusal to answer at all means that it is not there.
    async fn ask(&self) -> Result<ServiceState, ServiceError> {
        user::own(&self.home, self.below_sudo)?;
        let unreachable = |reason: String| ServiceError::Unreachable { manager: NAME, reason };
        if self.runtime.is_none() {
            // Told apart from a machine without systemd, where that is no news.
            self.run(&words(&["systemctl", "--version"]), ANSWER).await?;
            return Err(unreachable(
                "this login has no runtime directory of its own (XDG_RUNTIME_DIR)".to_owned(),
            ));
        }
        let Ended { status, stdout } = self.run(&show(), ANSWER).await?;
        if !status.success() {
            return Err(unreachable(format!("`systemctl --user show` ended with {status}")));
        }
        let mut state = show::state(&stdout, |path| self.is_ours(Path::new(path)));
        if state.known != Known::No && state.last_failure.is_none() {
            state.last_failure = self.last_failure().await;
        }
        Ok(state)
    }

    /// The last failure in the journal: the manager itself forgets it with the next start.
    async fn last_failure(&self) -> Option<LastFailure> {
        let unit = format!("USER_UNIT={SERVICE}");
        let words =
            words(&["journalctl", "--user", "--quiet", "--lines=1", "--output=json", show::FAILED, &unit]);
        // A journal that cannot be read is no reason not to tell the rest.
        let ended = self.run(&words, ANSWER).await.ok()?;
        show::failure(&ended.stdout)
    }

    /// True for the path of one of our units, also of one that was removed since the manager read it, and for what a
    /// link in its place leads to.
    fn is_ours(&self, path: &Path) -> bool {
        let same = |a: &Path, b: &Path| {
            a == b || fs::canonicalize(a).is_ok_and(|a| fs::canonicalize(b).is_ok_and(|b| a == b))
        };
        [SERVICE, SOCKET].into_iter().any(|name| same(path, &self.directory().join(name)))
    }

    async fn carry_out(&self, order: ServiceOrder) -> Result<(), ServiceError> {
        for words in self.commands(order) {
            let Ended { status, .. } = self.run(&words, START).await?;
            if !status.success() {
                return Err(ServiceError::Refused { command: words.join(" "), end: status.to_string() });
            }
        }
        Ok(())
    }
}

impl ServiceManager for Systemd {
    fn name(&self) -> &'static str {
        NAME
    }

    fn files(&self) -> Result<Vec<ServiceFile>, ServiceError> {
        let program = self.program.as_ref().map_err(|error| ServiceError::Program(error.to_string()))?;
        // The socket first: the service needs it.
        let units = [(SOCKET, unit::socket()), (SERVICE, unit::service(program))];
        Ok(units.map(|(name, text)| ServiceFile { path: self.directory().join(name), text }).into())
    }

    fn standing(&self, file: &ServiceFile) -> Result<Standing, ServiceError> {
        files::standing(file, unit::is_a_copy)
    }

    fn written_at(&self, path: &Path) -> Option<DateTime<Utc>> {
        files::written_at(path)
    }

    fn write(&self, file: &ServiceFile) -> Result<(), ServiceError> {
        files::write(file)
    }

    fn remove(&self, path: &Path) -> Result<(), ServiceError> {
        files::remove(path, &self.config)
    }

    fn kept(&self) -> Vec<PathBuf> {
        let drop_ins = [SERVICE, SOCKET].map(|name| self.directory().join(format!("{name}.d")));
        drop_ins.into_iter().filter(|directory| directory.exists()).collect()
    }

    fn commands(&self, order: ServiceOrder) -> Vec<Vec<String>> {
        let reload = ["daemon-reload"].as_slice();
        let enable = ["enable", "--now", SOCKET, SERVICE].as_slice();
        let orders: &[&[&str]] = match order {
            ServiceOrder::Read => &[reload],
            ServiceOrder::Enable => &[reload, enable],
            // Both at once: a socket cannot be started anew below a service that runs.
            ServiceOrder::Replace => &[reload, enable, &["restart", SOCKET, SERVICE]],
            // Not the socket: commands wait at it meanwhile.
            ServiceOrder::Restart => &[reload, &["restart", SERVICE]],
            // A pattern may match nothing; a unit that failed would be remembered without its file.
            ServiceOrder::Disable => {
                &[&["disable", "--now", SOCKET, SERVICE], &["reset-failed", "stsd.socket*", "stsd.service*"]]
            }
        };
        orders.iter().map(|order| words(&[&["systemctl", "--user"], *order].concat())).collect()
    }

    fn order(&self, order: ServiceOrder) -> Answer<'_, Result<(), ServiceError>> {
        Box::pin(self.carry_out(order))
    }

    fn state(&self) -> Answer<'_, Result<ServiceState, ServiceError>> {
        Box::pin(self.ask())
    }

    fn state_command(&self) -> Vec<String> {
        words(&["systemctl", "--user", "status", SOCKET, SERVICE])
    }

    fn log_command(&self, follow: bool) -> Vec<String> {
        let command = words(&["journalctl", "--user", "--unit", SERVICE, LINES]);
        if follow { [command, words(&["--follow"])].concat() } else { command }
    }
}

fn show() -> Vec<String> {
    let properties = format!("--property={}", show::PROPERTIES);
    words(&["systemctl", "--user", "show", &properties, SERVICE, SOCKET])
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}
