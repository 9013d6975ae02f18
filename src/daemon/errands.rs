//! The loop's half that takes errands in: what a command or a click means, and whether it can be done at all.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr as _;
use std::time::Duration;

use tokio::sync::mpsc;

use super::answers;
use super::engine::{Engine, Event};
use super::errand::{Asker, Errand, Terminal, place};
use super::flights::Flown;
use super::observe::statuses;
use super::work::{Caller, Typed, Worker};
use crate::domain::duration::SessionDuration;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::flights::{ErrandId, Wish};
use crate::domain::mfa::MfaCode;
use crate::domain::profile::ProfileName;
use crate::ports::session_store::SectionWritten;
use crate::protocol::message::{Action, FromDaemon};
use crate::usecase::profiles::{device, select};
use crate::usecase::refresh::{Refreshed, several_devices};
use crate::usecase::status::ProfileStatus;

/// So many errands at once; each holds a connection for as long as its user takes.
const ERRANDS: usize = 192;

/// What is known once it is known what an errand means.
#[derive(Debug)]
pub(super) struct Meant {
    wishes: Vec<Wish>,
    /// Those whose session lasts long enough already.
    enough: Vec<(ProfileName, Refreshed)>,
}

impl Engine {
    /// Takes a command's errand in.
    pub(super) fn refresh_asked(&mut self, action: &Action, caller: Caller) {
        let Caller { id, answers, codes, pid } = caller;
        let asker = Asker::Command { id, answers, pid };
        match self.errand_of(action, &asker) {
            Ok((errand, names, least)) => self.send_on_errand(errand, names, least, Some(codes)),
            Err(failure) => self.answer_whole(&asker, failure),
        }
    }

    fn errand_of(
        &self,
        action: &Action,
        asker: &Asker,
    ) -> Result<(Errand, Vec<ProfileName>, Option<Duration>), Failure> {
        let Action::Refresh { profiles, duration_seconds, code, may_ask, display, min_seconds } = action
        else {
            return Err(Failure::new(FailureClass::Internal, "no refresh"));
        };
        // A code is welcome to all who wait.
        if self.air.errands.len() >= ERRANDS && code.is_none() {
            return Err(Failure::new(
                FailureClass::Unavailable,
                "too many commands wait for sessions already",
            )
            .hint("give the code: stsd refresh --code -"));
        }
        let wrong = |error| Failure::new(FailureClass::Usage, format!("--duration: {error}"));
        let duration = duration_seconds
            .map(|seconds| SessionDuration::from_str(&format!("{seconds}s")).map_err(wrong))
            .transpose()?;
        let terminal = if *may_ask { Terminal::Free } else { Terminal::Absent };
        let mut errand = Errand::new(asker.clone(), terminal, place(display.clone()));
        errand.duration = duration;
        errand.unread.clone_from(code);
        Ok((errand, answers::names(profiles)?, min_seconds.map(Duration::from_secs)))
    }

    /// Finds out what an errand means, off the loop, and then hears what is typed at its terminal. A session that lasts
    /// `least` is left as it is.
    pub(super) fn send_on_errand(
        &mut self,
        errand: Errand,
        names: Vec<ProfileName>,
        least: Option<Duration>,
        codes: Option<mpsc::Receiver<Typed>>,
    ) {
        let id = ErrandId(self.air.number());
        self.air.errands.insert(id, errand);
        let worker = self.worker();
        let events = self.events.clone();
        self.requests.spawn(async move {
            // In a task of its own, so that its end is told even if it panics.
            let meant = tokio::spawn(async move { meant(&worker, &names, least).await }).await;
            let panicked = |_panic| Err(Failure::new(FailureClass::Internal, "the request panicked"));
            let meant = Flown::Meant(id, meant.unwrap_or_else(panicked));
            drop(events.send(Event::Flown(meant)).await);
            let Some(mut codes) = codes else { return };
            while let Some(typed) = codes.recv().await {
                drop(events.send(Event::Flown(Flown::Typed(id, typed))).await);
            }
            let gone = Failure::new(FailureClass::NoSession, "the client went away before it gave a code");
            drop(events.send(Event::Flown(Flown::Typed(id, Err(gone)))).await);
        });
    }

    pub(super) fn meant(&mut self, id: ErrandId, Meant { mut wishes, enough }: Meant) {
        let Some(errand) = self.air.errands.get_mut(&id) else { return };
        errand.wishes.clone_from(&wishes);
        for (name, session) in enough {
            wishes.retain(|wish| wish.profile != name);
            errand.outcomes.insert(name, Ok(session));
        }
        if let Some(code) = errand.unread.take() {
            match MfaCode::parse(code.digits()) {
                Ok(code) => errand.brought = Some(code),
                Err(error) => {
                    let failure = malformed(&error, &errand.names());
                    for wish in wishes.drain(..) {
                        errand.outcomes.insert(wish.profile, Err(failure.clone()));
                    }
                }
            }
            let mut devices = wishes.iter().filter_map(|wish| wish.device.as_ref());
            let first = devices.next();
            if devices.any(|device| first.is_some_and(|first| !first.takes_codes_of(device))) {
                return self.fail_whole(id, several_devices());
            }
        }
        if wishes.is_empty() {
            return self.answer(id);
        }
        tracing::debug!(profiles = wishes.len(), "somebody waits for a session");
        let effects = self.air.flights.ask(id, wishes);
        self.act(effects, &BTreeMap::new());
    }

    /// Answers an errand that failed as a whole, before it boarded anything.
    pub(super) fn fail_whole(&mut self, id: ErrandId, failure: Failure) {
        let Some(errand) = self.air.errands.remove(&id) else { return };
        self.answer_whole(&errand.asker, failure);
    }

    fn answer_whole(&mut self, asker: &Asker, failure: Failure) {
        match asker {
            Asker::Command { id, answers, .. } => {
                self.send(answers.clone(), FromDaemon::Failed { id: *id, failure: failure.into() });
            }
            Asker::Click(bubble) => {
                let shown = self.shown.iter().find(|shown| shown.bubble == *bubble);
                let profiles = shown.map(|shown| shown.profiles.as_slice()).unwrap_or_default();
                let outcomes = profiles.iter().map(|name| (name.clone(), Err(failure.clone())));
                self.tell_of_click(*bubble, outcomes.collect(), &BTreeSet::new());
            }
        }
    }
}

/// The failure of a code that is none.
pub(super) fn malformed(error: &impl std::error::Error, names: &[String]) -> Failure {
    Failure::new(FailureClass::Usage, error.to_string()).hint(format!("stsd refresh {}", names.join(" ")))
}

/// The profiles that are meant, with what their codes are for, and those whose session lasts `least` already.
async fn meant(worker: &Worker, names: &[ProfileName], least: Option<Duration>) -> Result<Meant, Failure> {
    let config = worker.config().await;
    let ports = &worker.ports;
    let mut wishes = Vec::new();
    for profile in select(&config, names, ports.config.path())? {
        wishes.push(Wish { profile: profile.name.clone(), device: device(ports, &config, profile).await });
    }
    let mut enough = Vec::new();
    if let Some(least) = least {
        let names: Vec<_> = wishes.iter().map(|wish| wish.profile.clone()).collect();
        enough
            .extend(statuses(ports, &config, &names).await?.into_iter().filter_map(|one| lasts(one, least)));
    }
    Ok(Meant { wishes, enough })
}

/// A session that lives and lasts so long.
fn lasts(one: ProfileStatus, least: Duration) -> Option<(ProfileName, Refreshed)> {
    let session = one.status.session.filter(|_| one.status.state.is_valid())?;
    let left = Duration::from_secs(one.status.seconds_left?);
    let sections = one.profile.sections.into_iter().map(|section| SectionWritten { section, created: false });
    let session =
        Refreshed { expires_at: session.expires_at, sections: sections.collect(), warnings: Vec::new() };
    (left >= least).then_some((one.profile.name, session))
}
