//! The loop's half that asks people for codes: at their terminals, and by one dialog at a time. The first code wins.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use tokio::task::JoinSet;

use super::answers;
use super::engine::{Engine, Event};
use super::errand::{Asker, Place, Terminal};
use super::errands::malformed;
use super::flights::{Dialog, Flown, InFlight, OpenQuestion};
use super::work::Typed;
use crate::domain::failure::Failure;
use crate::domain::flights::{ErrandId, FlightId};
use crate::domain::mfa::MfaCode;
use crate::domain::profile::ProfileName;
use crate::domain::prompt::Question;
use crate::ports::prompter::{Manner, PromptError};
use crate::protocol::message::FromDaemon;
use crate::usecase::refresh::{ATTEMPTS, CodeWanted};

/// How long somebody who cannot be asked waits for what others are asked, in seconds: as long as a dialog is up.
const PATIENCE: u32 = 120;

impl Engine {
    /// Opens the question of a flight, or ends the flight if its codes were refused too often.
    pub(super) fn code_wanted(&mut self, flight: FlightId, wanted: CodeWanted, refused: Option<Failure>) {
        if let Some(failure) = &refused {
            let effects = self.air.flights.return_to_gate(flight);
            self.act(effects, &BTreeMap::new());
            let Some(in_flight) = self.air.under_way.get_mut(&flight) else { return };
            if let Some(giver) = in_flight.giver.take() {
                // Whoever brought it along has no other, and is told at once. Those who only shared it are asked.
                self.fail_aboard(flight, giver, failure);
            } else {
                in_flight.refusals += 1;
                if in_flight.refusals >= ATTEMPTS {
                    drop(in_flight.codes.try_send(Err(failure.clone())));
                    return;
                }
            }
        }
        let Some(in_flight) = self.air.under_way.get_mut(&flight) else { return };
        if let Some(closed) = &self.air.closed {
            drop(in_flight.codes.try_send(Err(closed.clone())));
            return;
        }
        let refused = refused.map(|failure| failure.message);
        in_flight.question = Some(OpenQuestion { wanted, refused, over: Vec::new() });
    }

    /// Somebody else waits for a flight.
    pub(super) fn boarded(&mut self, flight: FlightId, id: ErrandId) {
        let question = self.air.under_way.get_mut(&flight).and_then(|it| it.question.as_mut());
        if let (Some(question), Some(errand)) = (question, self.air.errands.get(&id)) {
            // That a dialog ended there before it came is not its answer.
            question.over.retain(|place| *place != errand.place);
        }
    }

    /// Sees to it that all who can be asked are, that no dialog is up in vain, and that nobody waits for nothing.
    pub(super) fn ask_around(&mut self) {
        let open = self.air.under_way.iter().filter(|(_, it)| it.question.is_some());
        let open: Vec<_> = open.map(|(flight, _)| *flight).collect();
        for flight in &open {
            for id in self.air.flights.errands(*flight) {
                self.ask(*flight, id);
            }
        }
        self.close_needless_dialog();
        self.show_dialog();
        for flight in open {
            self.give_up(flight);
        }
    }

    /// Asks one errand for the code of a flight, or takes what it has.
    fn ask(&mut self, flight: FlightId, id: ErrandId) {
        let profiles = self.profiles(flight);
        let Some(errand) = self.air.errands.get_mut(&id) else { return };
        let Some(question) = self.air.under_way.get(&flight).and_then(|it| it.question.as_ref()) else {
            return;
        };
        if let Some((_, code)) = errand.typed.take_if(|(of, _)| *of == flight) {
            return self.give(flight, code, None);
        }
        if let Some(code) = errand.brought.take() {
            return self.give(flight, code, Some(id));
        }
        if let Some(failure) = errand.lost.take() {
            return self.fail_aboard(flight, id, &failure);
        }
        if errand.terminal == Terminal::Free
            && let Asker::Command { id, answers, .. } = &errand.asker
        {
            let wanted = FromDaemon::CodeWanted {
                id: *id,
                profiles: profiles.iter().map(ToString::to_string).collect(),
                serial: question.wanted.serial.to_string(),
                refused: question.refused.clone(),
                question: Some(flight.0),
            };
            // There is room unless it reads nothing: then it cannot be asked.
            errand.terminal = match answers.try_send(wanted) {
                Ok(()) => Terminal::Asked(flight),
                Err(_full_or_gone) => Terminal::Absent,
            };
        }
    }

    /// Hands a code to a flight; nobody is asked for it any more.
    fn give(&mut self, flight: FlightId, code: MfaCode, giver: Option<ErrandId>) {
        let Some(in_flight) = self.air.under_way.get_mut(&flight) else { return };
        in_flight.question = None;
        in_flight.giver = giver;
        drop(in_flight.codes.try_send(Ok(code)));
    }

    /// Takes what was typed at a terminal, or that nothing will be typed there any more.
    pub(super) fn typed(&mut self, id: ErrandId, typed: Typed) {
        let Some(errand) = self.air.errands.get_mut(&id) else { return };
        let Terminal::Asked(flight) = errand.terminal else {
            if let Err(failure) = typed {
                // It is only in the way if it has to be asked: its session may be on its way.
                errand.terminal = Terminal::Absent;
                errand.lost = Some(failure);
            }
            return;
        };
        errand.terminal = Terminal::Free;
        match typed {
            // It answers a question that was answered elsewhere meanwhile: this one is put again.
            Ok((_, Some(question))) if question != flight.0 => {}
            Ok((code, _)) => match MfaCode::parse(code.digits()) {
                // It is taken at the end of this event, or with the next question.
                Ok(code) => errand.typed = Some((flight, code)),
                Err(error) => {
                    let failure = malformed(&error, &errand.names());
                    self.fail_aboard(flight, id, &failure);
                }
            },
            Err(failure) => self.fail_aboard(flight, id, &failure),
        }
    }

    /// Ends the waiting of an errand that cannot be asked, if whoever can be has not answered.
    pub(super) fn waited(&mut self, id: ErrandId) {
        let Some(errand) = self.air.errands.get_mut(&id) else { return };
        errand.counted = false;
        let failure = answers::unanswered(PATIENCE.into(), &errand.names());
        let flights = &self.air.flights;
        let asking = |(flight, it): &(&FlightId, &InFlight)| {
            it.question.is_some() && flights.errands(**flight).contains(&id)
        };
        let asking: Vec<_> = self.air.under_way.iter().filter(asking).map(|(flight, _)| *flight).collect();
        // Where a code is on its way, it waits on.
        for flight in asking {
            self.fail_aboard(flight, id, &failure);
        }
    }

    /// Takes the dialog off the screen if nobody wants its answer any more, or somebody waits for it elsewhere.
    fn close_needless_dialog(&mut self) {
        let Some(Dialog { flight, place, .. }) = &self.air.dialog else { return };
        let wanted = |other: &Place| other == place;
        let places = self.dialog_places(*flight);
        // Whoever clicks a notice looks at the desktop, and not at the screen that some command means.
        let clicked = *place != Place::Desktop && places.contains(&Place::Desktop);
        if (clicked || !places.iter().any(wanted))
            && let Some(dialog) = self.air.dialog.take()
        {
            dialog.task.abort();
        }
    }

    /// The places where a dialog for the open question of a flight is wanted; first that of a click.
    fn dialog_places(&self, flight: FlightId) -> Vec<Place> {
        let question = self.air.under_way.get(&flight).and_then(|it| it.question.as_ref());
        let Some(question) = question else { return Vec::new() };
        let errands = self.air.flights.errands(flight).into_iter();
        let wanting = errands.filter_map(|id| self.air.errands.get(&id)).filter(|errand| {
            errand.wants_dialog(self.config.prompt) && !question.over.contains(&errand.place)
        });
        let mut places: Vec<_> = wanting.map(|errand| errand.place.clone()).collect();
        places.sort_by_key(|place| *place != Place::Desktop);
        places
    }

    /// Puts the dialog of the oldest flight that wants one on the screen, if none is there.
    fn show_dialog(&mut self) {
        if self.air.dialog.is_some() {
            return;
        }
        let first = |flight: &FlightId| Some((*flight, self.dialog_places(*flight).into_iter().next()?));
        let Some((flight, place)) = self.air.under_way.keys().find_map(first) else { return };
        let Some(question) = self.air.under_way.get(&flight).and_then(|it| it.question.as_ref()) else {
            return;
        };
        let errands = self.air.flights.errands(flight);
        let whose = errands.iter().filter_map(|id| self.air.errands.get(id)).find(|it| it.place == place);
        let who = whose.map(super::errand::Errand::who).unwrap_or_default();
        let question = Question {
            profiles: self.profiles(flight),
            serial: question.wanted.serial.clone(),
            asked_by: match errands.len() {
                0 | 1 => who,
                several => format!("{who} and {} more", several - 1),
            },
            refused: question.refused.clone(),
        };
        let screen = match &place {
            Place::Screen(screen) => Some(screen.clone()),
            Place::Desktop | Place::Nowhere => None,
        };
        let manner = Manner { kind: self.config.prompt, pinentry: self.config.pinentry.clone() };
        let number = self.air.number();
        let (prompter, events) = (Arc::clone(&self.world.prompter), self.events.clone());
        tracing::info!(serial = %question.serial, "dialog shown");
        let task = self.chores.spawn(async move {
            // In a task of its own, so that its end is told even if it panics; it ends with this one.
            let mut asking = JoinSet::new();
            asking.spawn(async move { prompter.ask(&question, &manner, screen.as_ref()).await });
            let answer = match asking.join_next().await {
                Some(Ok(answer)) => answer,
                Some(Err(_)) | None => Err(PromptError::Failed("it panicked".to_owned())),
            };
            drop(events.send(Event::Flown(Flown::Asked(number, answer))).await);
        });
        self.air.dialog = Some(Dialog { number, flight, place, task });
    }

    /// Takes the answer of the dialog.
    pub(super) fn dialog_ended(&mut self, number: u64, answer: Result<MfaCode, PromptError>) {
        // Another one may be up by now.
        let Some(Dialog { flight, place, .. }) = self.air.dialog.take_if(|dialog| dialog.number == number)
        else {
            return;
        };
        let error = match answer {
            Ok(code) => return self.give(flight, code, None),
            Err(error) => error,
        };
        tracing::info!(%error, "no code from the dialog");
        let Some(question) = self.air.under_way.get_mut(&flight).and_then(|it| it.question.as_mut()) else {
            return;
        };
        question.over.push(place.clone());
        let cancelled = error == PromptError::Cancelled;
        let left = cancelled || matches!(error, PromptError::TimedOut(_));
        for id in self.air.flights.errands(flight) {
            let aboard = self.air.flights.passengers(flight).iter().filter(|(other, _)| *other == id);
            let Some(errand) = self.air.errands.get_mut(&id) else { continue };
            // Who cancels means all of them; that nobody answers, or nothing can be shown, holds for that place.
            let concerned = errand.wants_dialog(self.config.prompt) && (cancelled || errand.place == place);
            // Where no dialog can be shown and there is a terminal, its user is asked there.
            if !concerned || !(left || errand.terminal == Terminal::Absent) {
                continue;
            }
            if left {
                // Not what becomes of another device's code.
                errand.known.extend(aboard.map(|(_, profile)| profile.clone()));
            }
            let failure = answers::unasked(&error, &errand.names());
            self.fail_aboard(flight, id, &failure);
        }
    }

    /// Ends the errands of a flight if nobody is asked for its code; if somebody is, those who are not wait for a while.
    fn give_up(&mut self, flight: FlightId) {
        if self.air.under_way.get(&flight).is_none_or(|it| it.question.is_none()) {
            return;
        }
        let terminal = |id: &ErrandId| {
            let errand = self.air.errands.get(id);
            errand.is_some_and(|errand| errand.terminal != Terminal::Absent)
        };
        let (asked, others): (Vec<_>, Vec<_>) =
            self.air.flights.errands(flight).into_iter().partition(terminal);
        // A dialog of another flight may come first; then it is this one's turn.
        let places = self.dialog_places(flight);
        let somebody = !places.is_empty() || !asked.is_empty();
        for id in others {
            let Some(errand) = self.air.errands.get_mut(&id) else { continue };
            if !somebody {
                let failure = answers::nobody(&errand.names(), self.config.prompt);
                self.fail_aboard(flight, id, &failure);
                continue;
            }
            let by_dialog = errand.wants_dialog(self.config.prompt) && places.contains(&errand.place);
            if !by_dialog && !std::mem::replace(&mut errand.counted, true) {
                let events = self.events.clone();
                let timer = Arc::clone(&self.world.timer);
                let clock = Arc::clone(&self.world.ports.clock);
                let until = clock.now() + TimeDelta::seconds(PATIENCE.into());
                // Nobody waits for this when the daemon ends.
                tokio::spawn(async move {
                    while clock.now() < until {
                        timer.wait_until(until).await;
                    }
                    drop(events.send(Event::Flown(Flown::Waited(id))).await);
                });
            }
        }
    }

    /// The profiles that will share what a flight brings.
    fn profiles(&self, flight: FlightId) -> Vec<ProfileName> {
        let mut profiles: Vec<ProfileName> = Vec::new();
        for (_, profile) in self.air.flights.passengers(flight) {
            if !profiles.contains(profile) {
                profiles.push(profile.clone());
            }
        }
        profiles
    }
}
