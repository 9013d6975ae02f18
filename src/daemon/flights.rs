//! The loop's half that asks for codes: one prompt for everybody who waits, however many ask.
//!
//! [`Flights`](crate::domain::flights) decides who shares whose code. Here are the tasks that fly, the people who are
//! asked, at their terminals and by one dialog at a time, and the answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::AbortHandle;

use super::answers;
use super::engine::{Engine, Event};
use super::work::{Caller, Typed, Worker};
use crate::config::PromptKind;
use crate::domain::duration::SessionDuration;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::flights::{Effect, ErrandId, FlightId, Wish};
use crate::domain::mfa::{MfaCode, MfaSerial};
use crate::domain::profile::ProfileName;
use crate::domain::prompt::Question;
use crate::ports::Answer as Later;
use crate::ports::prompter::{Manner, PromptError, Screen};
use crate::protocol::message::{Answer, FromDaemon, WireCode};
use crate::usecase::profiles::{devices, select};
use crate::usecase::refresh::{CodeSource, CodeWanted, RefreshOutcome, RefreshRequest, Refreshed, refresh};

/// How often a code is asked for, if AWS refuses it.
const ATTEMPTS: u32 = 3;

/// What became of each profile.
pub(super) type Outcomes = Vec<(ProfileName, Result<Refreshed, Failure>)>;

/// What happens to flights.
#[derive(Debug)]
pub(super) enum Flown {
    /// It is known which device's codes an errand's profiles take.
    Wished(ErrandId, Result<Vec<Wish>, Failure>),
    /// A flight needs a code, after this refusal of the last one.
    CodeWanted(FlightId, CodeWanted, Option<String>),
    /// Somebody at a terminal answered, or can answer no more.
    Typed(ErrandId, Typed),
    /// The dialog ended.
    Asked(FlightId, Result<MfaCode, PromptError>),
    /// A flight has its code; who is aboard?
    TakenOff(FlightId, oneshot::Sender<Vec<ProfileName>>),
    /// A flight is over.
    Landed(FlightId, Outcomes),
}

/// Whoever wants sessions.
#[derive(Debug)]
pub(super) struct Errand {
    /// Where the answer goes; nowhere if a notice was clicked.
    pub(super) answers: Option<(u64, mpsc::Sender<FromDaemon>)>,
    /// True if there is a terminal at which somebody can be asked.
    pub(super) terminal: bool,
    /// Where a dialog for it would appear, if it says so.
    screen: Option<Screen>,
    /// A code that it brought along.
    given: Option<WireCode>,
    duration: Option<SessionDuration>,
    profiles: Vec<ProfileName>,
    outcomes: BTreeMap<ProfileName, Result<Refreshed, Failure>>,
}

/// A flight that is under way.
#[derive(Debug)]
pub(super) struct InFlight {
    codes: mpsc::Sender<Typed>,
    task: AbortHandle,
    /// The question, while it is open.
    open: Option<(CodeWanted, Option<String>)>,
}
