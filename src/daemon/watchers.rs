//! The loop's half that says how the sessions are, once or after every change.

use super::answers;
use super::engine::Engine;
use super::observe::statuses;
use super::work::{Caller, Worker};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::profile::ProfileName;
use crate::protocol::message::{Answer, FromDaemon};

/// Watchers at once; each holds a connection for as long as it likes.
const WATCHERS: usize = 16;

impl Engine {
    /// Answers a question for the status, or lets the client watch.
    pub(super) fn status_asked(&mut self, profiles: &[String], watch: bool, caller: Caller) {
        let names = match answers::names(profiles) {
            Ok(_) if watch && self.watchers.len() >= WATCHERS => {
                Err(Failure::new(FailureClass::Unavailable, "too many commands watch already")
                    .hint("end one of the others: stsd status --watch"))
            }
            names => names,
        };
        match names {
            Ok(names) if watch => {
                self.watchers.push((names, caller));
                self.tell_watchers();
            }
            Ok(names) => {
                let worker = self.worker();
                self.requests.spawn(async move {
                    let id = caller.id;
                    let answer = match status_answer(&worker, &names).await {
                        Ok(answer) => FromDaemon::Done { id, answer },
                        Err(failure) => FromDaemon::Failed { id, failure: failure.into() },
                    };
                    drop(caller.answers.send(answer).await);
                });
            }
            Err(failure) => {
                let answer = FromDaemon::Failed { id: caller.id, failure: failure.into() };
                drop(caller.answers.try_send(answer));
            }
        }
    }

    /// Sends the status to everybody who watches, and forgets those who are gone.
    pub(super) fn tell_watchers(&mut self) {
        self.watchers.retain(|(_, caller)| !caller.answers.is_closed());
        for (names, caller) in &self.watchers {
            let worker = self.worker();
            let (names, id, answers) = (names.clone(), caller.id, caller.answers.clone());
            self.chores.spawn(async move {
                let message = match status_answer(&worker, &names).await {
                    Ok(answer) => FromDaemon::Progress { id, answer },
                    Err(failure) => FromDaemon::Failed { id, failure: failure.into() },
                };
                drop(answers.send(message).await);
            });
        }
    }
}

async fn status_answer(worker: &Worker, names: &[ProfileName]) -> Result<Answer, Failure> {
    let found = statuses(&worker.ports, worker.config().await.as_ref(), names).await?;
    Ok(Answer::Status(answers::statuses(found)))
}
