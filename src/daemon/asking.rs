//! The loop's half that asks people for codes: at their terminals, and by one dialog at a time. The first code wins.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::answers;
use super::engine::{Engine, Event};
use super::errand::{Asker, Given, Place, Terminal};
use super::flights::{Dialog, Flown, OpenQuestion};
use super::work::Typed;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::flights::{ErrandId, FlightId};
use crate::domain::mfa::MfaCode;
use crate::domain::prompt::Question;
use crate::ports::prompter::{Manner, PromptError};
use crate::protocol::message::FromDaemon;
use crate::usecase::refresh::{ATTEMPTS, CodeWanted};

/// How long somebody who cannot be asked waits for the answers of others: as long as a dialog is up.
const PATIENCE: Duration = Duration::from_mins(2);

impl Engine {
    /// Opens the question of a flight, or ends the flight if its codes were refused too often.
    pub(super) fn code_wanted(&mut self, flight: FlightId, wanted: CodeWanted, refused: Option<Failure>) {
        if let Some(failure) = &refused {
            let effects = self.air.flights.return_to_gate(flight);
            self.act(effects, &mut BTreeMap::new());
            let Some(in_flight) = self.air.under_way.get_mut(&flight) else { return };
            if let Some(giver) = in_flight.giver.take() {
                // Whoever brought it along has no other, and is told at once. Those who only shared it are asked.
                self.answer(giver, failure);
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
        in_flight.question = Some(OpenQuestion { wanted, refused, dialog_over: false });
    }

    /// Somebody else waits for a flight.
    pub(super) fn boarded(&mut self, flight: FlightId, id: ErrandId) {
        let prompt = self.config.prompt;
        let question = self.air.under_way.get_mut(&flight).and_then(|it| it.question.as_mut());
        // That a dialog was cancelled before it came is not its answer.
        if let (Some(question), Some(errand)) = (question, self.air.errands.get(&id))
            && errand.wants_dialog(prompt)
        {
            question.dialog_over = false;
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
        let Some(errand) = self.air.errands.get_mut(&id) else { return };
        let Some(question) = self.air.under_way.get(&flight).and_then(|it| it.question.as_ref()) else {
            return;
        };
        if let Some(Given { code, typed_for }) =
            errand.given.take_if(|it| it.typed_for.is_none_or(|of| of == flight))
        {
            let giver = typed_for.is_none().then_some(id);
            return self.give(flight, code, giver);
        }
        if let Some(failure) = errand.lost.take() {
            return self.answer(id, &failure);
        }
        if errand.terminal == Terminal::Free
            && let Asker::Command { id, answers, .. } = &errand.asker
        {
            let wanted = FromDaemon::CodeWanted {
                id: *id,
                profiles: question.wanted.profiles.iter().map(ToString::to_string).collect(),
                serial: question.wanted.serial.to_string(),
                refused: question.refused.clone(),
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
        let asked = match errand.terminal {
            Terminal::Asked(flight) => Some(flight),
            Terminal::Absent | Terminal::Free => None,
        };
        match (typed, asked) {
            (Ok(code), Some(flight)) => match MfaCode::parse(code.digits()) {
                Ok(code) => {
                    errand.terminal = Terminal::Free;
                    // It is taken at the end of this event, or with the next question.
                    errand.given = Some(Given { code, typed_for: Some(flight) });
                }
                Err(error) => {
                    let hint = format!("stsd refresh {}", self.names(id).join(" "));
                    self.answer(id, &Failure::new(FailureClass::Usage, error.to_string()).hint(hint));
                }
            },
            // Nobody asked.
            (Ok(_), None) => {}
            (Err(failure), Some(_)) => self.answer(id, &failure),
            // It is only in the way if it has to be asked: its session may be on its way.
            (Err(failure), None) => {
                errand.terminal = Terminal::Absent;
                errand.lost = Some(failure);
            }
        }
    }

    /// Ends the waiting of an errand that cannot be asked, if whoever can be has not answered.
    pub(super) fn waited(&mut self, id: ErrandId) {
        let flights = &self.air.flights;
        let asking = |(flight, it): (&FlightId, &super::flights::InFlight)| {
            it.question.is_some() && flights.errands(*flight).contains(&id)
        };
        if self.air.under_way.iter().any(asking) {
            let failure = answers::unasked(&PromptError::TimedOut(PATIENCE.as_secs()), &self.names(id));
            self.answer(id, &failure);
        }
    }

    /// Takes the dialog off the screen if nobody wants its answer any more.
    fn close_needless_dialog(&mut self) {
        let Some(Dialog { flight, .. }) = &self.air.dialog else { return };
        if self.wants_dialog(*flight).is_none()
            && let Some(dialog) = self.air.dialog.take()
        {
            dialog.task.abort();
        }
    }

    /// The first errand that wants a dialog for the open question of a flight.
    fn wants_dialog(&self, flight: FlightId) -> Option<ErrandId> {
        let question = self.air.under_way.get(&flight)?.question.as_ref()?;
        if question.dialog_over {
            return None;
        }
        let wants = |id: &ErrandId| {
            self.air.errands.get(id).is_some_and(|errand| errand.wants_dialog(self.config.prompt))
        };
        self.air.flights.errands(flight).into_iter().find(wants)
    }

    /// Puts the dialog of the oldest flight that wants one on the screen, if none is there.
    fn show_dialog(&mut self) {
        if self.air.dialog.is_some() {
            return;
        }
        let wanted =
            self.air.under_way.keys().find_map(|flight| Some((*flight, self.wants_dialog(*flight)?)));
        let Some((flight, id)) = wanted else { return };
        let question = self.air.under_way.get(&flight).and_then(|it| it.question.as_ref());
        let (Some(question), Some(errand)) = (question, self.air.errands.get(&id)) else { return };
        let screen = match &errand.place {
            Place::Screen(screen) => Some(screen.clone()),
            Place::Desktop | Place::Nowhere => None,
        };
        let mut profiles = question.wanted.profiles.clone();
        for (_, profile) in self.air.flights.passengers(flight) {
            if !profiles.contains(profile) {
                profiles.push(profile.clone());
            }
        }
        let others = self.air.flights.errands(flight).len() - 1;
        let question = Question {
            profiles,
            serial: question.wanted.serial.clone(),
            asked_by: if others == 0 { errand.who() } else { format!("{} with {others} more", errand.who()) },
            refused: question.refused.clone(),
        };
        let manner = Manner { kind: self.config.prompt, pinentry: self.config.pinentry.clone() };
        self.air.last += 1;
        let number = self.air.last;
        let (prompter, events) = (Arc::clone(&self.world.prompter), self.events.clone());
        tracing::info!(profile = %question.profiles.first().map(ToString::to_string).unwrap_or_default(), "dialog shown");
        let task = self.chores.spawn(async move {
            let answer = prompter.ask(&question, &manner, screen.as_ref()).await;
            drop(events.send(Event::Flown(Flown::Asked(number, answer))).await);
        });
        self.air.dialog = Some(Dialog { number, flight, task });
    }

    /// Takes the answer of the dialog.
    pub(super) fn dialog_ended(&mut self, number: u64, answer: Result<MfaCode, PromptError>) {
        // Another one may be up by now.
        let Some(Dialog { flight, .. }) = self.air.dialog.take_if(|dialog| dialog.number == number) else {
            return;
        };
        let error = match answer {
            Ok(code) => return self.give(flight, code, None),
            Err(error) => error,
        };
        tracing::info!(%error, "no code from the dialog");
        let prompt = self.config.prompt;
        let Some(question) = self.air.under_way.get_mut(&flight).and_then(|it| it.question.as_mut()) else {
            return;
        };
        question.dialog_over = true;
        for id in self.air.flights.errands(flight) {
            let Some(errand) = self.air.errands.get_mut(&id) else { continue };
            if !errand.wants_dialog(prompt) {
                continue;
            }
            errand.left = matches!(error, PromptError::Cancelled | PromptError::TimedOut(_));
            // Where no dialog can be shown and there is a terminal, its user is asked there.
            if errand.left || errand.terminal == Terminal::Absent {
                let failure = answers::unasked(&error, &self.names(id));
                self.answer(id, &failure);
            }
        }
    }

    /// Ends the errands of a flight if nobody is asked for its code; if somebody is, those who are not wait for a while.
    fn give_up(&mut self, flight: FlightId) {
        if self.air.under_way.get(&flight).is_none_or(|it| it.question.is_none()) {
            return;
        }
        let asked = |id: &ErrandId| {
            let errand = self.air.errands.get(id);
            errand.is_some_and(|errand| errand.terminal != Terminal::Absent)
        };
        let (asked, others): (Vec<_>, Vec<_>) = self.air.flights.errands(flight).into_iter().partition(asked);
        // A dialog of another flight comes first; then it is this one's turn.
        let somebody = self.wants_dialog(flight).is_some() || !asked.is_empty();
        for id in others {
            if !somebody {
                let failure = answers::nobody(&self.names(id));
                self.answer(id, &failure);
                continue;
            }
            let Some(errand) = self.air.errands.get_mut(&id) else { continue };
            if !errand.wants_dialog(self.config.prompt) && !std::mem::replace(&mut errand.patient, true) {
                let events = self.events.clone();
                // Nobody waits for this when the daemon ends.
                tokio::spawn(async move {
                    tokio::time::sleep(PATIENCE).await;
                    drop(events.send(Event::Flown(Flown::Waited(id))).await);
                });
            }
        }
    }

    fn names(&self, id: ErrandId) -> Vec<String> {
        let wishes = self.air.errands.get(&id).map(|errand| errand.wishes.as_slice()).unwrap_or_default();
        wishes.iter().map(|wish| wish.profile.to_string()).collect()
    }
}
