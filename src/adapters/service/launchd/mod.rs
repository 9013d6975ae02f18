//! launchd, through `launchctl`: an agent of the session that has a screen.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use directories::BaseDirs;

use super::child::{self, ANSWER, Ended};
use super::program::NoProgram;
use super::{files, user};
use crate::adapters::clock::SystemClock;
use crate::domain::service::{Known, ServiceState, Standing};
use crate::ports::Answer;
use crate::ports::service_manager::{ServiceError, ServiceFile, ServiceManager, ServiceOrder};
use crate::ports::time::Clock;

mod agent;
#[cfg(test)]
mod tests;
mod told;

const NAME: &str = "launchd";
const LABEL: &str = "io.github.stsd";

/// `launchctl`'s exit status for an agent, or a domain, that it does not know.
const UNKNOWN: [i32; 2] = [113, 112];

/// How often, and how long apart, is looked whether an agent has gone: it may take the 60 s that the agent's file gives
/// it to finish what it has in hand.
const LOOKS: u32 = 350;
const NAP: Duration = Duration::from_millis(200);

/// The agents of this user's session.
#[derive(Clone)]
pub struct Launchd {
    program: Result<String, NoProgram>,
    launchctl: String,
    home: PathBuf,
    log: PathBuf,
    clock: Arc<dyn Clock>,
    below_sudo: bool,
}

impl std::fmt::Debug for Launchd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Launchd").field("program", &self.program).finish_non_exhaustive()
    }
}

impl Launchd {
    /// The agents of the user whose home this is, for the program that is to be started, whose words go to `log`.
    #[must_use]
    pub fn new(
        program: Result<String, NoProgram>,
        base: &BaseDirs,
        log: PathBuf,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Self {
        Self {
            program,
            launchctl: "/bin/launchctl".to_owned(),
            home: base.home_dir().to_owned(),
            log,
            clock: Arc::new(SystemClock),
            below_sudo: variable("SUDO_UID").is_some_and(|uid| uid != "0"),
        }
    }

    fn path(&self) -> PathBuf {
        self.home.join("Library/LaunchAgents").join(format!("{LABEL}.plist"))
    }

    fn launchctl(&self, arguments: &[&str]) -> Vec<String> {
        std::iter::once(self.launchctl.as_str())
            .chain(arguments.iter().copied())
            .map(ToOwned::to_owned)
            .collect()
    }

    async fn run(&self, words: &[String]) -> Result<Ended, ServiceError> {
        child::run(words, &[], ANSWER).await?.ok_or(ServiceError::NoManager(NAME))
    }

    /// What launchd prints of the agent, if it knows it.
    async fn told(&self) -> Result<Option<String>, ServiceError> {
        let words = self.launchctl(&["print", &target()]);
        let Ended { status, stdout } = self.run(&words).await?;
        match status.code() {
            Some(0) => Ok(Some(stdout)),
            Some(code) if UNKNOWN.contains(&code) => Ok(None),
            Some(_) | None => Err(ServiceError::Unreachable {
                manager: NAME,
                reason: format!("`{}` ended with {status}", words.join(" ")),
            }),
        }
    }

    async fn ask(&self) -> Result<ServiceState, ServiceError> {
        user::own(&self.home, self.below_sudo)?;
        let shown = self.path().display().to_string();
        let Some(printed) = self.told().await? else {
            // Told apart from a login without a screen, over ssh, which has no agents at all.
            let words = self.launchctl(&["print", &domain()]);
            if !self.run(&words).await?.status.success() {
                let reason = "this user has no session with a screen".to_owned();
                return Err(ServiceError::Unreachable { manager: NAME, reason });
            }
            // It takes what is in that directory, at the next login if not before.
            let known = if self.path().exists() { Known::ByOurs } else { Known::No };
            return Ok(ServiceState { known, ..ServiceState::default() });
        };
        let mut state = told::state(&printed, &shown);
        let disabled = self.run(&self.launchctl(&["print-disabled", &domain()])).await?;
        state.enabled = !told::is_disabled(&disabled.stdout, LABEL);
        if let Some(pid) = state.pid {
            let words = ["/bin/ps", "-o", "etime=", "-p", &pid.to_string()].map(ToOwned::to_owned);
            let elapsed = self.run(&words).await.ok().and_then(|ended| told::elapsed(&ended.stdout));
            let elapsed = elapsed.and_then(|elapsed| TimeDelta::from_std(elapsed).ok());
            state.since = elapsed.and_then(|elapsed| self.clock.now().checked_sub_signed(elapsed));
        }
        Ok(state)
    }

    async fn must(&self, words: Vec<String>) -> Result<(), ServiceError> {
        let status = self.run(&words).await?.status;
        if status.success() {
            Ok(())
        } else {
            Err(ServiceError::Refused { command: words.join(" "), end: status.to_string() })
        }
    }

    /// Ends the agent and waits until it is gone: launchd answers before that, and refuses it meanwhile.
    async fn unload(&self) -> Result<(), ServiceError> {
        if self.told().await?.is_none() {
            return Ok(());
        }
        let words = self.launchctl(&["bootout", &target()]);
        // Its status is "in progress" as often as not; what counts is that it goes.
        let status = self.run(&words).await?.status;
        for _ in 0..LOOKS {
            if self.told().await?.is_none() {
                return Ok(());
            }
            tokio::time::sleep(NAP).await;
        }
        Err(ServiceError::Refused { command: words.join(" "), end: status.to_string() })
    }

    async fn load(&self) -> Result<(), ServiceError> {
        // Somebody may have forbidden it; to install it is to allow it.
        self.must(self.launchctl(&["enable", &target()])).await?;
        if self.told().await?.is_none() {
            let path = self.path().display().to_string();
            self.must(self.launchctl(&["bootstrap", &domain(), &path])).await?;
        }
        self.must(self.launchctl(&["kickstart", &target()])).await
    }

    async fn carry_out(&self, order: ServiceOrder) -> Result<(), ServiceError> {
        match order {
            // It reads a file when it loads it.
            ServiceOrder::Read => Ok(()),
            ServiceOrder::Enable => self.load().await,
            ServiceOrder::Replace => {
                self.unload().await?;
                self.load().await
            }
            ServiceOrder::Restart if self.told().await?.is_none() => self.load().await,
            ServiceOrder::Restart => self.must(self.launchctl(&["kickstart", "-k", &target()])).await,
            ServiceOrder::Disable => self.unload().await,
        }
    }

    fn make_log_directory(&self) -> Result<(), ServiceError> {
        let directory = self.log.parent().unwrap_or(Path::new("/"));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(|error| {
            let path = directory.to_owned();
            ServiceError::File { path, action: "written", reason: error.kind().to_string() }
        })
    }
}

impl ServiceManager for Launchd {
    fn name(&self) -> &'static str {
        NAME
    }

    fn files(&self) -> Result<Vec<ServiceFile>, ServiceError> {
        let program = self.program.as_ref().map_err(|error| ServiceError::Program(error.to_string()))?;
        let text = agent::agent(program, &self.log)
            .ok_or_else(|| ServiceError::Program("the log's path is not UTF-8".to_owned()))?;
        Ok(vec![ServiceFile { path: self.path(), text }])
    }

    fn standing(&self, file: &ServiceFile) -> Result<Standing, ServiceError> {
        files::standing(file, agent::is_a_copy)
    }

    fn written_at(&self, path: &Path) -> Option<DateTime<Utc>> {
        files::written_at(path)
    }

    fn write(&self, file: &ServiceFile) -> Result<(), ServiceError> {
        // launchd makes the log, not the directory that it is in.
        self.make_log_directory()?;
        files::write(file)
    }

    fn remove(&self, path: &Path) -> Result<(), ServiceError> {
        // The directory is the system's own.
        files::remove(path, path.parent().unwrap_or(path))
    }

    fn kept(&self) -> Vec<PathBuf> {
        self.log.parent().filter(|directory| directory.exists()).map(Path::to_owned).into_iter().collect()
    }

    fn commands(&self, order: ServiceOrder) -> Vec<Vec<String>> {
        let path = self.path().display().to_string();
        let (domain, target) = (domain(), target());
        let bootout = ["bootout", &target].as_slice().to_vec();
        let load = [vec!["enable", &target], vec!["bootstrap", &domain, &path], vec!["kickstart", &target]];
        let orders: Vec<Vec<&str>> = match order {
            ServiceOrder::Read => Vec::new(),
            ServiceOrder::Enable => load.into(),
            ServiceOrder::Replace => std::iter::once(bootout).chain(load).collect(),
            ServiceOrder::Restart => vec![vec!["kickstart", "-k", &target]],
            ServiceOrder::Disable => vec![bootout],
        };
        orders.iter().map(|order| self.launchctl(order)).collect()
    }

    fn order(&self, order: ServiceOrder) -> Answer<'_, Result<(), ServiceError>> {
        Box::pin(self.carry_out(order))
    }

    fn state(&self) -> Answer<'_, Result<ServiceState, ServiceError>> {
        Box::pin(self.ask())
    }

    fn state_command(&self) -> Vec<String> {
        self.launchctl(&["print", &target()])
    }

    fn log_command(&self, follow: bool) -> Vec<String> {
        let follow = if follow { ["-F"].as_slice() } else { &[] };
        let log = self.log.display().to_string();
        [&["/usr/bin/tail", "-n", "200"], follow, &[&log]]
            .concat()
            .into_iter()
            .map(ToOwned::to_owned)
            .collect()
    }
}

/// The session with a screen: `gui/501`.
fn domain() -> String {
    format!("gui/{}", rustix::process::getuid().as_raw())
}

/// The agent in it.
fn target() -> String {
    format!("{}/{LABEL}", domain())
}
