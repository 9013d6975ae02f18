//! One request of a client that drops something, performed by the use cases; runs as a task of its own, off the loop.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::answers;
use crate::config::Config;
use crate::domain::failure::{Failure, FailureClass};
use crate::protocol::message::{Action, Answer, FromDaemon, WireCode};
use crate::usecase::Ports;
use crate::usecase::forget::{Which, forget};
use crate::usecase::profiles::load_config;
use crate::usecase::remove::remove;

/// The code that a client's user typed, with the number of the question that it answers; or why there is none.
pub(super) type Typed = Result<(WireCode, Option<u64>), Failure>;

/// Where a request came from, and where its answers go.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) id: u64,
    pub(super) answers: mpsc::Sender<FromDaemon>,
    pub(super) codes: mpsc::Receiver<Typed>,
    /// Its process.
    pub(super) pid: Option<i32>,
}

/// Performs a request that drops something, and answers it.
pub(super) async fn perform(ports: &Ports, config: &Config, action: Action, caller: Caller) {
    let Caller { id, answers, .. } = caller;
    let result = match action {
        Action::Forget { profiles, all } => drop_sessions(ports, config, &profiles, all).await,
        Action::Remove { profile } => delete(ports, config, &profile).await,
        // These are answered by the loop.
        Action::Refresh { .. } | Action::Status { .. } | Action::Reload => Ok(Answer::Nothing),
    };
    let answer = match result {
        Ok(answer) => FromDaemon::Done { id, answer },
        Err(failure) => FromDaemon::Failed { id, failure: failure.into() },
    };
    // A client that went away has lost its answer and nothing else.
    drop(answers.send(answer).await);
}

type Performed = Result<Answer, Failure>;

async fn drop_sessions(ports: &Ports, config: &Config, profiles: &[String], all: bool) -> Performed {
    let which = if all { Which::All } else { Which::Named(answers::names(profiles)?) };
    let done = forget(ports, config, &which).await?;
    Ok(Answer::Forgotten(answers::forgotten(done)))
}

async fn delete(ports: &Ports, config: &Config, profile: &str) -> Performed {
    let name = answers::name(profile)?;
    let done = remove(ports, config, &name).await?;
    Ok(Answer::Forgotten(answers::forgotten(vec![(name, Ok(done))])))
}

/// What a task needs to perform requests.
#[derive(Clone, Debug)]
pub(super) struct Worker {
    pub(super) ports: Ports,
    pub(super) config: Arc<Config>,
}

impl Worker {
    /// The configuration as it stands in its file, so that a profile that was added a moment ago is known. A file that
    /// cannot be used leaves the one in force.
    pub(super) async fn config(&self) -> Arc<Config> {
        fresh(&self.ports).await.map_or_else(|_reported| Arc::clone(&self.config), Arc::new)
    }
}

/// Reads the configuration, off the loop's thread.
pub(super) async fn fresh(ports: &Ports) -> Result<Config, Failure> {
    let ports = ports.clone();
    let read = tokio::task::spawn_blocking(move || load_config(&ports)).await;
    read.unwrap_or_else(|_cancelled| Err(Failure::new(FailureClass::Internal, "the daemon ends")))
}
