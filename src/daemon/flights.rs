//! The loop's half that gets people their sessions: who shares whose code, and what each is answered.
//!
//! An errand is whoever wants sessions, a flight is one code and what it brings ([`crate::domain::flights`] says who
//! boards which). A flight's refresh runs as a task; the code it asks for comes through `asking`.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::AbortHandle;

use super::answers;
use super::codes::FlightCodes;
use super::engine::{Engine, Event};
use super::errand::{Asker, Errand, Place, Terminal};
use super::errands::Meant;
use super::work::Typed;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::flights::{Effect, ErrandId, FlightId, Flights};
use crate::domain::mfa::MfaCode;
use crate::domain::profile::ProfileName;
use crate::ports::prompter::PromptError;
use crate::protocol::message::{Answer, FromDaemon};
use crate::usecase::refresh::{CodeWanted, RefreshOutcome, RefreshRequest, Refreshed, Sharers, refresh};

/// What became of each profile of a flight; or why there was no flight at all.
pub(super) type Landing = Result<Vec<(ProfileName, Result<Refreshed, Failure>)>, Failure>;

/// What happens to errands and flights.
#[derive(Debug)]
pub(super) enum Flown {
    /// It is known what an errand means.
    Meant(ErrandId, Result<Meant, Failure>),
    /// A flight needs a code, after this refusal of the last one.
    CodeWanted(FlightId, CodeWanted, Option<Failure>),
    /// Somebody at a terminal answered, or can answer no more.
    Typed(ErrandId, Typed),
    /// An errand has waited long enough for what others are asked.
    Waited(ErrandId),
    /// The dialog of that number ended.
    Asked(u64, Result<MfaCode, PromptError>),
    /// A flight has its code: who is aboard?
    TakenOff(FlightId, oneshot::Sender<Sharers>),
    /// A flight is over.
    Landed(FlightId, Landing),
}

/// All errands and flights.
#[derive(Debug, Default)]
pub(super) struct Air {
    pub(super) flights: Flights,
    pub(super) errands: BTreeMap<ErrandId, Errand>,
    pub(super) under_way: BTreeMap<FlightId, InFlight>,
    /// The dialog on the screen.
    pub(super) dialog: Option<Dialog>,
    /// Why no code is asked for any more.
    pub(super) closed: Option<Failure>,
    /// The last number that an errand or a dialog got.
    last: u64,
}

impl Air {
    /// A number that nothing had before.
    pub(super) fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

/// A flight that is under way.
#[derive(Debug)]
pub(super) struct InFlight {
    /// The errand in whose name it began.
    starter: ErrandId,
    pub(super) codes: mpsc::Sender<Result<MfaCode, Failure>>,
    /// The question, while it is open.
    pub(super) question: Option<OpenQuestion>,
    /// The errand that brought the last code along, if that was not an answer to the question.
    pub(super) giver: Option<ErrandId>,
    /// How often a code was refused that somebody had typed, wherever.
    pub(super) refusals: u32,
    /// Why the last of its errands has left it.
    pub(super) over: Option<Failure>,
}

/// A question for a code, while it is open.
#[derive(Debug)]
pub(super) struct OpenQuestion {
    pub(super) wanted: CodeWanted,
    pub(super) refused: Option<String>,
    /// Where its dialog has ended without a code.
    pub(super) over: Vec<Place>,
}

/// The dialog on the screen.
#[derive(Debug)]
pub(super) struct Dialog {
    pub(super) number: u64,
    pub(super) flight: FlightId,
    pub(super) place: Place,
    pub(super) task: AbortHandle,
}

impl Engine {
    /// Takes what happened to errands and flights.
    pub(super) fn flown(&mut self, event: Flown) {
        match event {
            Flown::Meant(id, Ok(meant)) => self.meant(id, meant),
            Flown::Meant(id, Err(failure)) => self.fail_whole(id, failure),
            Flown::CodeWanted(flight, wanted, refused) => self.code_wanted(flight, wanted, refused),
            Flown::Typed(id, typed) => self.typed(id, typed),
            Flown::Waited(id) => self.waited(id),
            Flown::Asked(number, answer) => self.dialog_ended(number, answer),
            Flown::TakenOff(flight, aboard) => {
                self.air.flights.take_off(flight);
                let of = |(errand, name): &(ErrandId, ProfileName)| {
                    let errand = self.air.errands.get(errand);
                    (name.clone(), errand.and_then(|errand| errand.duration))
                };
                let passengers = self.air.flights.passengers(flight).iter().map(of).collect();
                // A refresh that is gone lands as failed.
                drop(aboard.send(passengers));
            }
            Flown::Landed(flight, landing) => self.landed(flight, landing),
        }
        self.ask_around();
    }

    /// Asks nobody any more: the daemon ends.
    pub(super) fn close_the_air(&mut self) {
        let ends = Failure::new(FailureClass::Unavailable, "the daemon ends").hint("try again");
        for in_flight in self.air.under_way.values_mut() {
            if in_flight.question.take().is_some() {
                drop(in_flight.codes.try_send(Err(ends.clone())));
            }
        }
        self.air.closed = Some(ends);
        self.ask_around();
    }

    pub(super) fn act(
        &mut self,
        effects: Vec<Effect>,
        landed: &BTreeMap<ProfileName, Result<Refreshed, Failure>>,
    ) {
        for effect in effects {
            match effect {
                Effect::Start(flight) => self.start(flight),
                Effect::Boarded(flight, id) => self.boarded(flight, id),
                Effect::Landed(id, profile) => {
                    let (Some(errand), Some(outcome)) = (self.air.errands.get_mut(&id), landed.get(&profile))
                    else {
                        continue;
                    };
                    let refused =
                        outcome.as_ref().is_err_and(|failure| failure.class == FailureClass::MfaRefused);
                    let wish = errand.wishes.iter().find(|wish| wish.profile == profile);
                    match wish.filter(|_| refused && errand.brought.is_some()) {
                        // It was not its own code that was refused.
                        Some(wish) => errand.again.push(wish.clone()),
                        None => drop(errand.outcomes.insert(profile, outcome.clone())),
                    }
                }
                Effect::Done(id) => {
                    let again = self.air.errands.get_mut(&id).map(|errand| std::mem::take(&mut errand.again));
                    match again.filter(|again| !again.is_empty()) {
                        Some(again) => {
                            let effects = self.air.flights.ask(id, again);
                            self.act(effects, landed);
                        }
                        None => self.answer(id),
                    }
                }
                Effect::CallOff(flight) => {
                    if let Some(flight) = self.air.under_way.remove(&flight) {
                        let gone = "nobody waits for the session any more";
                        let gone = Failure::new(FailureClass::NoSession, gone);
                        // It may not have asked yet: then it finds this when it does.
                        drop(flight.codes.try_send(Err(flight.over.unwrap_or(gone))));
                    }
                }
            }
        }
    }

    /// Begins a flight in the name of the first errand aboard; the others join when the code is there.
    fn start(&mut self, flight: FlightId) {
        let aboard = self.air.flights.passengers(flight);
        let Some(starter) = aboard.first().map(|(errand, _)| *errand) else { return };
        let own = aboard.iter().filter(|(errand, _)| *errand == starter);
        let profiles: Vec<_> = own.map(|(_, profile)| profile.clone()).collect();
        let errand = self.air.errands.get(&starter);
        let request = RefreshRequest { profiles, duration: errand.and_then(|errand| errand.duration) };
        let in_hand = AtomicBool::new(errand.is_some_and(|errand| errand.brought.is_some()));
        let (codes, given) = mpsc::channel(1);
        let in_flight = InFlight { starter, codes, question: None, giver: None, refusals: 0, over: None };
        self.air.under_way.insert(flight, in_flight);
        self.changing += 1;
        let worker = self.worker();
        let (events, landing) = (self.events.clone(), self.events.clone());
        let codes = FlightCodes { flight, in_hand, events: self.events.clone(), codes: Mutex::new(given) };
        self.requests.spawn(async move {
            // In a task of its own, so that its end is told even if it panics.
            let work = tokio::spawn(async move {
                let config = worker.config().await;
                let outcome = refresh(&worker.ports, &config, &request, &codes).await;
                let (outcome, settling) = match outcome {
                    Ok(RefreshOutcome { profiles, settling }) => (Ok(profiles), settling),
                    Err(failure) => (Err(failure), None),
                };
                // Known before the watch over the write ends: what is lost then can be written again.
                drop(landing.send(Event::Flown(Flown::Landed(flight, outcome))).await);
                // Nobody waits for this any more; a session that did not survive is its profile's last error.
                if let Some(settling) = settling
                    && let Err(failure) = settling.finish(&worker.ports).await
                {
                    tracing::warn!(%failure, "session lost to another program");
                }
            });
            if work.await.is_err() {
                tracing::error!("a refresh panicked");
                let panicked = Failure::new(FailureClass::Internal, "the refresh panicked");
                drop(events.send(Event::Flown(Flown::Landed(flight, Err(panicked)))).await);
            }
            drop(events.send(Event::Performed).await);
        });
    }

    fn landed(&mut self, flight: FlightId, landing: Landing) {
        let starter = self.air.under_way.remove(&flight).map(|flight| flight.starter);
        for errand in self.air.errands.values_mut() {
            if errand.terminal == Terminal::Asked(flight) {
                errand.terminal = Terminal::Free;
            }
            errand.typed.take_if(|(of, _)| *of == flight);
        }
        let profiles = match landing {
            Ok(profiles) => profiles,
            Err(failure) => {
                // What the first asked for cannot be done; the others have their turn, unless it is our own fault.
                let ours = failure.class == FailureClass::Internal;
                let aboard = self.air.flights.passengers(flight).iter();
                let meant = aboard.filter(|(errand, _)| ours || Some(*errand) == starter);
                meant.map(|(_, profile)| (profile.clone(), Err(failure.clone()))).collect()
            }
        };
        for (name, _) in profiles.iter().filter(|(_, outcome)| outcome.is_ok()) {
            self.forgotten.remove(name);
        }
        let landed: BTreeMap<_, _> = profiles.into_iter().collect();
        let served: Vec<_> = landed.keys().cloned().collect();
        let effects = self.air.flights.land(flight, &served);
        self.act(effects, &landed);
        // What is told is what file and state say now.
        self.look_again();
    }

    /// Takes an errand off a flight: its profiles there have failed for this reason.
    pub(super) fn fail_aboard(&mut self, flight: FlightId, id: ErrandId, reason: &Failure) {
        let aboard = self.air.flights.passengers(flight).iter().filter(|(errand, _)| *errand == id);
        let profiles: Vec<_> = aboard.map(|(_, profile)| profile.clone()).collect();
        if let Some(errand) = self.air.errands.get_mut(&id) {
            errand.outcomes.extend(profiles.into_iter().map(|profile| (profile, Err(reason.clone()))));
        }
        if let Some(in_flight) = self.air.under_way.get_mut(&flight) {
            in_flight.over = Some(reason.clone());
        }
        let effects = self.air.flights.drop_off(flight, id);
        self.act(effects, &BTreeMap::new());
    }

    /// Answers an errand of which all is known.
    pub(super) fn answer(&mut self, id: ErrandId) {
        let Some(mut errand) = self.air.errands.remove(&id) else { return };
        let outcomes = errand.outcomes();
        match errand.asker {
            Asker::Command { id, answers, .. } => {
                let done = answers::refreshed(outcomes, self.world.ports.store.path());
                self.send(answers, FromDaemon::Done { id, answer: Answer::Refreshed(done) });
            }
            Asker::Click(bubble) => self.tell_of_click(bubble, outcomes, &errand.known),
        }
    }

    pub(super) fn send(&mut self, answers: mpsc::Sender<FromDaemon>, answer: FromDaemon) {
        // A client that went away has lost its answer and nothing else.
        self.requests.spawn(async move { drop(answers.send(answer).await) });
    }
}
