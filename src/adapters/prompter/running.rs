//! A dialog's program: how it starts, and that it always ends.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::outside::{Outside, RAISED, Unit};
use super::surroundings::Surroundings;
use crate::ports::prompter::PromptError;

/// How dialogs are started for one question.
#[derive(Debug)]
pub(super) struct Starter {
    /// The whole environment of the program.
    pub(super) around: Surroundings,
    /// The way out of a service's sandbox, if this is a service.
    pub(super) outside: Option<Outside>,
    /// After this the program is ended by whoever may.
    pub(super) lasts: Duration,
}

/// A program that runs. Dropping it kills it, with all that it has started, and the runtime collects what is left.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    unit: Option<Unit>,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// With this status.
    Exited(i32),
    /// By a signal, or before it began.
    Died,
}

impl Starter {
    /// Starts a program with pipes for its input and output, without a terminal or anything else of ours. `told` is
    /// added to its environment.
    ///
    /// # Errors
    ///
    /// [`PromptError::Unavailable`] if the system does not start it.
    pub(super) fn start(
        &self,
        program: &Path,
        arguments: &[OsString],
        told: &[(&str, &str)],
    ) -> Result<Running, PromptError> {
        let around = self.around.with(told);
        let (mut command, unit) = if let Some(outside) = &self.outside {
            let (systemd_run, words, unit) = outside.command(program, arguments, &around, self.lasts);
            let mut command = Command::new(systemd_run);
            command.args(words);
            (command, Some(unit))
        } else {
            let mut command = Command::new(program);
            command.args(arguments);
            (command, None)
        };
        command
            .env_clear()
            .envs(around.variables())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // A group of its own: a dialog may be a script that has started the real one.
            .process_group(0)
            .kill_on_drop(true);
        let child = command.spawn().map_err(|error| {
            PromptError::Unavailable(format!("{} did not start: {error}", program.display()))
        })?;
        Ok(Running { child, unit })
    }
}

impl Running {
    /// Its ends of the pipes, once.
    pub(super) fn pipes(&mut self) -> Option<(ChildStdin, ChildStdout)> {
        Some((self.child.stdin.take()?, self.child.stdout.take()?))
    }

    /// Waits until it has ended.
    pub(super) async fn ended(&mut self) -> Ended {
        let status = match self.child.wait().await {
            Ok(status) => status.code(),
            Err(error) => {
                tracing::debug!(%error, "a dialog not waited for");
                None
            }
        };
        match (status, self.unit.take()) {
            (Some(code), Some(_unit)) if code >= RAISED => Ended::Exited(code - RAISED),
            (Some(code), None) => Ended::Exited(code),
            (Some(_) | None, unit) => {
                // It may be there all the same if only systemd-run failed.
                self.unit = unit;
                Ended::Died
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The number is ours for as long as nobody has waited for the process.
        let group = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(group) = group
            && let Err(error) = kill_process_group(group, Signal::KILL)
        {
            tracing::debug!(%error, "a dialog not killed");
        }
        if let Some(unit) = self.unit.take() {
            unit.stop();
        }
    }
}
