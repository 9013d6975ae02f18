//! The loop's half that gets people their sessions: who shares whose code, and what each is answered.
//!
//! An errand is whoever wants sessions, a flight is one code and what it brings ([`crate::domain::flights`] says who
//! boards which). A flight's refresh runs as a task; the code it asks for comes through `asking`.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::AbortHandle;

use super::answers;
use super::codes::{Aboard, FlightCodes};
use super::engine::{Engine, Event};
use super::errand::{Asker, Errand, Given, Terminal, left_out};
use super::work::{Caller, Typed, Worker};
use crate::domain::duration::SessionDuration;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::flights::{Effect, ErrandId, FlightId, Flights, Wish};
use crate::domain::mfa::MfaCode;
use crate::domain::profile::ProfileName;
use crate::ports::prompter::PromptError;
use crate::protocol::message::{Action, Answer, FromDaemon};
use crate::usecase::profiles::{device, select};
use crate::usecase::refresh::{
    CodeWanted, RefreshOutcome, RefreshRequest, Refreshed, refresh, several_devices,
};

/// What became of each profile of a flight; or why there was no flight at all.
pub(super) type Landing = Result<Vec<(ProfileName, Result<Refreshed, Failure>)>, Failure>;

/// What happens to errands and flights.
#[derive(Debug)]
pub(super) enum Flown {
    /// It is known which profiles an errand means, and whose codes they take.
    Wished(ErrandId, Result<Vec<Wish>, Failure>),
    /// A flight needs a code, after this refusal of the last one.
    CodeWanted(FlightId, CodeWanted, Option<Failure>),
    /// Somebody at a terminal answered, or can answer no more.
    Typed(ErrandId, Typed),
    /// An errand has waited long enough for somebody else to be asked.
    Waited(ErrandId),
    /// The dialog of that number ended.
    Asked(u64, Result<MfaCode, PromptError>),
    /// A flight has its code: who is aboard?
    TakenOff(FlightId, oneshot::Sender<Aboard>),
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
    pub(super) last: u64,
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
    /// How often a code was refused that somebody had typed.
    pub(super) refusals: u32,
}

/// A question for a code, while it is open.
#[derive(Debug)]
pub(super) struct OpenQuestion {
    pub(super) wanted: CodeWanted,
    pub(super) refused: Option<String>,
    /// True once its dialog has ended without a code.
    pub(super) dialog_over: bool,
}

/// The dialog on the screen.
#[derive(Debug)]
pub(super) struct Dialog {
    pub(super) number: u64,
    pub(super) flight: FlightId,
    pub(super) task: AbortHandle,
}

impl Engine {
    /// Takes a command's errand in.
    pub(super) fn refresh_asked(&mut self, action: Action, caller: Caller) {
        let Action::Refresh { profiles, duration_seconds, code, may_ask, display } = action else { return };
        let Caller { id, answers, codes, pid } = caller;
        let asker = Asker::Command { id, answers, pid };
        let wrong = |error| Failure::new(FailureClass::Usage, format!("--duration: {error}"));
        let duration = duration_seconds
            .map(|seconds| SessionDuration::from_str(&format!("{seconds}s")).map_err(wrong))
            .transpose();
        match duration.and_then(|duration| Ok((duration, answers::names(&profiles)?))) {
            Ok((duration, names)) => {
                let errand = Errand::of_command(asker, code, may_ask, display, duration);
                self.send_on_errand(errand, names, Some(codes));
            }
            Err(failure) => self.answer_whole(&asker, failure),
        }
    }

    /// Finds out what an errand means, off the loop, and then hears what is typed at its terminal.
    pub(super) fn send_on_errand(
        &mut self,
        errand: Errand,
        names: Vec<ProfileName>,
        codes: Option<mpsc::Receiver<Typed>>,
    ) {
        self.air.last += 1;
        let id = ErrandId(self.air.last);
        self.air.errands.insert(id, errand);
        let worker = self.worker();
        let events = self.events.clone();
        self.requests.spawn(async move {
            // In a task of its own, so that its end is told even if it panics.
            let wishes = tokio::spawn(async move { wishes(&worker, &names).await }).await;
            let panicked = |_panic| Err(Failure::new(FailureClass::Internal, "the request panicked"));
            let wishes = Flown::Wished(id, wishes.unwrap_or_else(panicked));
            drop(events.send(Event::Flown(wishes)).await);
            let Some(mut codes) = codes else { return };
            while let Some(typed) = codes.recv().await {
                drop(events.send(Event::Flown(Flown::Typed(id, typed))).await);
            }
            let gone = Failure::new(FailureClass::NoSession, "the client went away before it gave a code");
            drop(events.send(Event::Flown(Flown::Typed(id, Err(gone)))).await);
        });
    }

    /// Takes what happened to errands and flights.
    pub(super) fn flown(&mut self, event: Flown) {
        match event {
            Flown::Wished(id, Ok(wishes)) => self.wished(id, wishes),
            Flown::Wished(id, Err(failure)) => self.fail_whole(id, failure),
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

    fn wished(&mut self, id: ErrandId, wishes: Vec<Wish>) {
        let Some(errand) = self.air.errands.get_mut(&id) else { return };
        errand.wishes.clone_from(&wishes);
        if let Some(code) = errand.brought.take() {
            match MfaCode::parse(code.digits()) {
                Ok(code) => errand.given = Some(Given { code, typed_for: None }),
                Err(error) => {
                    let names: Vec<_> = wishes.iter().map(|wish| wish.profile.as_str()).collect();
                    let hint = format!("stsd refresh {}", names.join(" "));
                    let failure = Failure::new(FailureClass::Usage, error.to_string()).hint(hint);
                    return self.answer(id, &failure);
                }
            }
            let mut devices: Vec<_> = wishes.iter().filter_map(|wish| wish.device.as_ref()).collect();
            devices.dedup();
            if devices.len() > 1 {
                return self.fail_whole(id, several_devices());
            }
        }
        let effects = self.air.flights.ask(id, wishes);
        self.act(effects, &mut BTreeMap::new());
    }

    pub(super) fn act(
        &mut self,
        effects: Vec<Effect>,
        landed: &mut BTreeMap<ProfileName, Result<Refreshed, Failure>>,
    ) {
        for effect in effects {
            match effect {
                Effect::Start(flight) => self.start(flight),
                Effect::Boarded(flight, id) => self.boarded(flight, id),
                Effect::Landed(id, profile) => {
                    let Some(errand) = self.air.errands.get_mut(&id) else { continue };
                    let outcome = landed.get(&profile).cloned().unwrap_or_else(|| Err(left_out()));
                    let refused =
                        outcome.as_ref().is_err_and(|failure| failure.class == FailureClass::MfaRefused);
                    let wish = errand.wishes.iter().find(|wish| wish.profile == profile);
                    match wish.filter(|_| refused && errand.given.is_some()) {
                        // It was not its own code that was refused.
                        Some(wish) => errand.again.push(wish.clone()),
                        None => drop(errand.outcomes.insert(profile, outcome)),
                    }
                }
                Effect::Done(id) => {
                    let again = self.air.errands.get_mut(&id).map(|errand| std::mem::take(&mut errand.again));
                    match again.filter(|again| !again.is_empty()) {
                        Some(again) => {
                            let effects = self.air.flights.ask(id, again);
                            self.act(effects, landed);
                        }
                        None => self.answer(id, &left_out()),
                    }
                }
                Effect::CallOff(flight) => self.call_off(flight, &left_out()),
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
        let in_hand = errand.is_some_and(|errand| errand.given.is_some());
        let (codes, given) = mpsc::channel(1);
        let in_flight = InFlight { starter, codes, question: None, giver: None, refusals: 0 };
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
            if errand.given.as_ref().is_some_and(|given| given.typed_for == Some(flight)) {
                errand.given = None;
            }
        }
        let profiles = match (landing, starter) {
            (Ok(profiles), _) => profiles,
            (Err(failure), _) if failure.class == FailureClass::Internal => {
                let aboard = self.air.flights.passengers(flight).iter();
                aboard.map(|(_, profile)| (profile.clone(), Err(failure.clone()))).collect()
            }
            (Err(failure), Some(starter)) => {
                // What it asked for cannot be done; the others have their turn.
                self.fail_whole(starter, failure);
                Vec::new()
            }
            (Err(_), None) => Vec::new(),
        };
        let mut landed: BTreeMap<_, _> = profiles.into_iter().collect();
        let served: Vec<_> = landed.keys().cloned().collect();
        let effects = self.air.flights.land(flight, &served);
        self.act(effects, &mut landed);
        // What is told is what file and state say now.
        self.look_again();
    }

    /// Answers an errand; its profiles of which nothing is known yet have failed for this reason.
    pub(super) fn answer(&mut self, id: ErrandId, reason: &Failure) {
        let Some(mut errand) = self.air.errands.remove(&id) else { return };
        let outcomes = errand.outcomes(reason);
        match errand.asker {
            Asker::Command { id, answers, .. } => {
                let done = answers::refreshed(outcomes, self.world.ports.store.path());
                self.send(answers, FromDaemon::Done { id, answer: Answer::Refreshed(done) });
            }
            Asker::Click(bubble) => self.tell_of_click(bubble, outcomes, errand.left),
        }
        self.leave(id, reason);
    }

    /// Answers an errand that failed as a whole.
    fn fail_whole(&mut self, id: ErrandId, failure: Failure) {
        let Some(errand) = self.air.errands.remove(&id) else { return };
        self.leave(id, &failure);
        self.answer_whole(&errand.asker, failure);
    }

    fn answer_whole(&mut self, asker: &Asker, failure: Failure) {
        match asker {
            Asker::Command { id, answers, .. } => {
                self.send(answers.clone(), FromDaemon::Failed { id: *id, failure: failure.into() });
            }
            Asker::Click(_) => tracing::warn!(%failure, "a click came to nothing"),
        }
    }

    /// Takes an errand off its flights; one that nobody waits for any more ends, for this reason.
    fn leave(&mut self, id: ErrandId, reason: &Failure) {
        for effect in self.air.flights.leave(id) {
            if let Effect::CallOff(flight) = effect {
                self.call_off(flight, reason);
            }
        }
    }

    /// Ends a flight that needs a code and gets none.
    fn call_off(&mut self, flight: FlightId, reason: &Failure) {
        if let Some(flight) = self.air.under_way.remove(&flight) {
            // It may not have asked yet: then it finds this when it does.
            drop(flight.codes.try_send(Err(reason.clone())));
        }
    }

    fn send(&mut self, answers: mpsc::Sender<FromDaemon>, answer: FromDaemon) {
        // A client that went away has lost its answer and nothing else.
        self.requests.spawn(async move { drop(answers.send(answer).await) });
    }
}

/// The profiles that are meant, with their devices.
async fn wishes(worker: &Worker, names: &[ProfileName]) -> Result<Vec<Wish>, Failure> {
    let config = worker.config().await;
    let mut wishes = Vec::new();
    for profile in select(&config, names, worker.ports.config.path())? {
        wishes.push(Wish { profile: profile.name.clone(), device: device(&worker.ports, profile).await });
    }
    Ok(wishes)
}
