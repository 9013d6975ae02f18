//! A dialog's program: how it starts, and that it always ends.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, ChildStdin, ChildStdout};

use super::surroundings::Surroundings;
use crate::adapters::outside::{Environment, Outside, Purpose, Unit};
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
        let (command, unit) = if let Some(outside) = &self.outside {
            let purpose =
                Purpose { name: "prompt", description: "stsd asks for an MFA code", lasts: self.lasts };
            let only = around.variables().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let (command, unit) =
                outside.command(purpose, Environment::Only(only), program.as_os_str(), arguments);
            (command, Some(unit))
        } else {
            let mut command = Command::new(program);
            command.args(arguments).env_clear().envs(around.variables());
            (command, None)
        };
        let mut command = tokio::process::Command::from(command);
        command
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
            Ok(status) if self.unit.is_some() => Unit::status(status),
            Ok(status) => status.code(),
            Err(error) => {
                tracing::debug!(%error, "a dialog not waited for");
                None
            }
        };
        // The unit may be there all the same if only systemd-run failed: it stays with this value, and is stopped.
        let Some(status) = status else { return Ended::Died };
        self.unit = None;
        Ended::Exited(status)
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
