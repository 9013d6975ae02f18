//! One request of a client, performed by the use cases; runs as a task of its own, off the loop.

use std::str::FromStr as _;
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};

use super::answers;
use crate::config::Config;
use crate::domain::duration::SessionDuration;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::mfa::MfaCode;
use crate::ports::Answer as Later;
use crate::protocol::message::{Action, Answer, FromDaemon, WireCode};
use crate::usecase::Ports;
use crate::usecase::forget::{Which, forget};
use crate::usecase::profiles::load_config;
use crate::usecase::refresh::{CodeSource, CodeWanted, RefreshRequest, Settling, refresh};
use crate::usecase::remove::remove;

/// The code that a client's user typed, or why there is none.
pub(super) type Typed = Result<WireCode, Failure>;

/// Where a request came from, and where its answers go.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) id: u64,
    pub(super) answers: mpsc::Sender<FromDaemon>,
    pub(super) codes: mpsc::Receiver<Typed>,
}

/// Performs a request that changes something, and answers it. What is left to be watched goes to the caller.
pub(super) async fn perform(
    ports: &Ports,
    config: &Config,
    action: Action,
    caller: Caller,
) -> Option<Settling> {
    let Caller { id, answers, codes } = caller;
    let result = match action {
        Action::Refresh { profiles, duration_seconds, code, may_ask } => {
            let codes =
                Codes { id, given: code, may_ask, answers: answers.clone(), typed: Mutex::new(codes) };
            renew(ports, config, &profiles, duration_seconds, codes).await
        }
        Action::Forget { profiles, all } => drop_sessions(ports, config, &profiles, all).await,
        Action::Remove { profile } => delete(ports, config, &profile).await,
        // These change nothing and are answered by the loop.
        Action::Status { .. } | Action::Reload => Ok((Answer::Nothing, None)),
    };
    let (answer, settling) = match result {
        Ok((answer, settling)) => (FromDaemon::Done { id, answer }, settling),
        Err(failure) => (FromDaemon::Failed { id, failure: failure.into() }, None),
    };
    // A client that went away has lost its answer and nothing else.
    drop(answers.send(answer).await);
    settling
}

type Performed = Result<(Answer, Option<Settling>), Failure>;

async fn renew(
    ports: &Ports,
    config: &Config,
    profiles: &[String],
    seconds: Option<u64>,
    codes: Codes,
) -> Performed {
    let wrong =
        |error: &dyn std::error::Error| Failure::new(FailureClass::Usage, format!("--duration: {error}"));
    let duration = seconds
        .map(|seconds| SessionDuration::from_str(&format!("{seconds}s")))
        .transpose()
        .map_err(|error| wrong(&error))?;
    let request = RefreshRequest { profiles: answers::names(profiles)?, duration };
    let outcome = refresh(ports, config, &request, &codes).await?;
    let done = answers::refreshed(outcome.profiles, ports.store.path());
    Ok((Answer::Refreshed(done), outcome.settling))
}

async fn drop_sessions(ports: &Ports, config: &Config, profiles: &[String], all: bool) -> Performed {
    let which = if all { Which::All } else { Which::Named(answers::names(profiles)?) };
    let done = forget(ports, config, &which).await?;
    Ok((Answer::Forgotten(answers::forgotten(done)), None))
}

async fn delete(ports: &Ports, config: &Config, profile: &str) -> Performed {
    let name = answers::name(profile)?;
    let done = remove(ports, config, &name).await?;
    Ok((Answer::Forgotten(answers::forgotten(vec![(name, Ok(done))])), None))
}

/// The code of a request: with it, or asked for through its dialogue.
struct Codes {
    id: u64,
    given: Option<WireCode>,
    may_ask: bool,
    answers: mpsc::Sender<FromDaemon>,
    typed: Mutex<mpsc::Receiver<Typed>>,
}

impl CodeSource for Codes {
    fn in_hand(&self) -> bool {
        self.given.is_some()
    }

    fn obtain<'a>(&'a self, wanted: &'a CodeWanted) -> Later<'a, Result<MfaCode, Failure>> {
        Box::pin(async move {
            let names: Vec<_> = wanted.profiles.iter().map(ToString::to_string).collect();
            let code = match &self.given {
                Some(code) => code.clone(),
                None if self.may_ask => self.ask(names.clone(), wanted.serial.to_string()).await?,
                None => return Err(answers::nobody(&names)),
            };
            MfaCode::parse(code.digits()).map_err(|error| {
                Failure::new(FailureClass::Usage, error.to_string())
                    .hint(format!("stsd refresh {}", names.join(" ")))
            })
        })
    }
}

impl Codes {
    async fn ask(&self, profiles: Vec<String>, serial: String) -> Typed {
        let gone = || Failure::new(FailureClass::NoSession, "the client went away before it gave a code");
        let question = FromDaemon::CodeWanted { id: self.id, profiles, serial };
        self.answers.send(question).await.map_err(|_gone| gone())?;
        self.typed.lock().await.recv().await.ok_or_else(gone)?
    }
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
