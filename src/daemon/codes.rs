//! What a flight's refresh asks of the loop: a code, and who shares it.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex, mpsc, oneshot};

use super::engine::Event;
use super::flights::Flown;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::flights::FlightId;
use crate::domain::mfa::MfaCode;
use crate::ports::Answer;
use crate::usecase::refresh::{CodeSource, CodeWanted, Sharers};

/// The code of a flight, from whoever gives it first.
pub(super) struct FlightCodes {
    pub(super) flight: FlightId,
    /// True until the code that the first errand brought along is taken.
    pub(super) in_hand: AtomicBool,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) codes: Mutex<mpsc::Receiver<Result<MfaCode, Failure>>>,
}

impl CodeSource for FlightCodes {
    fn in_hand(&self) -> bool {
        self.in_hand.load(Ordering::Relaxed)
    }

    fn obtain<'a>(
        &'a self,
        wanted: &'a CodeWanted,
        refused: Option<&'a Failure>,
    ) -> Answer<'a, Result<MfaCode, Failure>> {
        Box::pin(async move {
            self.in_hand.store(false, Ordering::Relaxed);
            // The loop lets go of the other end when nobody waits for this flight any more.
            let gone = || Failure::new(FailureClass::NoSession, "nobody waits for the session any more");
            self.tell(Flown::CodeWanted(self.flight, wanted.clone(), refused.cloned())).await;
            self.codes.lock().await.recv().await.unwrap_or_else(|| Err(gone()))
        })
    }

    fn sharers(&self) -> Answer<'_, Option<Sharers>> {
        Box::pin(async move {
            let (aboard, answer) = oneshot::channel();
            self.tell(Flown::TakenOff(self.flight, aboard)).await;
            // Without a loop nobody waits.
            Some(answer.await.unwrap_or_default())
        })
    }
}

impl FlightCodes {
    async fn tell(&self, event: Flown) {
        // Without a loop nobody answers, which the caller sees.
        drop(self.events.send(Event::Flown(event)).await);
    }
}
