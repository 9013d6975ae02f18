//! The loop: one closed event, one owner of all state, no await of the world.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::net::UnixListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::flights::{Air, Flown};
use super::notices::Shown;
use super::observe::{Observed, look};
use super::renewal::Due;
use super::supervised::Supervised;
use super::work::{Caller, Worker, fresh, perform};
use super::{Order, World, server};
use crate::config::Config;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::notice::Offer;
use crate::domain::profile::ProfileName;
use crate::ports::notifier::{Bubble, Happening, NotifierError};
use crate::protocol::message::{Action, Answer, FromDaemon, Places};

/// Events that may wait; senders wait longer.
const QUEUE: usize = 64;
/// How long requests in hand may take after the order to stop: one call of STS and one of the keychain.
const FAREWELL: Duration = Duration::from_secs(25);

/// A deadline for a daemon without one.
const FAR: TimeDelta = TimeDelta::days(365);

/// All that can happen to the daemon.
#[derive(Debug)]
pub(super) enum Event {
    /// A client wants something.
    Asked(Action, Caller),
    /// A session is on disk; its renewal goes on for a moment.
    Written,
    /// A request that may have changed something is done.
    Performed,
    /// Something happened to those who want sessions.
    Flown(Flown),
    /// Something happened to a notice.
    Happened(Happening),
    /// What file and state say.
    Found(Result<Vec<Observed>, Failure>),
    /// What the configuration says, and who waits for it to be in force.
    Configured(Result<Config, Failure>, Option<Caller>),
    /// A notice of sessions that end then was shown, or could not be.
    Shown(DateTime<Utc>, Vec<ProfileName>, Result<Bubble, NotifierError>),
    /// A profile's sections were cared for; true if something was done.
    Cared(ProfileName, Result<bool, Failure>),
    /// Sessions that came due and need no human were renewed, but for those that failed.
    Renewed(Due, Vec<(ProfileName, Failure)>),
    /// The deadline has come or the clock was set.
    Woke,
    /// A file that matters has changed.
    FilesChanged,
    /// An order of the outside.
    Ordered(Order),
}

/// Whether file and state are being looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Idle,
    Running,
    /// Something may have changed since the look began: its result does not count.
    Outdated,
}

/// The owner of all state.
pub(super) struct Engine {
    pub(super) world: World,
    pub(super) config: Arc<Config>,
    pub(super) sessions: Vec<Observed>,
    /// The notice on the screen for each profile.
    pub(super) bubbles: BTreeMap<ProfileName, Bubble>,
    /// The notices that were shown last, on the screen or not: a click may be told after the end.
    pub(super) shown: Vec<Shown>,
    /// Notices that are being shown.
    pub(super) drawing: usize,
    /// Clicks on what may be one of those.
    pub(super) early: Vec<(Bubble, Offer)>,
    /// Those who want sessions.
    pub(super) air: Air,
    /// What the service manager knows.
    pub(super) supervised: Supervised,
    pub(super) watchers: Vec<(Vec<ProfileName>, Caller)>,
    /// Up to when it is known what has come due.
    pub(super) looked_at: DateTime<Utc>,
    /// True once the absence of a notification server is in the log.
    pub(super) silent: bool,
    /// Why the configuration file is not in force, once that is in the log.
    refused: Option<Failure>,
    look: Look,
    /// Requests in hand that may change file and state.
    pub(super) changing: usize,
    /// The profiles whose session was dropped by a request and not renewed since: it is not to come back.
    pub(super) forgotten: BTreeSet<ProfileName>,
    /// The profiles whose sections are being cared for.
    pub(super) cared_for: BTreeSet<ProfileName>,
    /// The profiles whose sessions are being renewed.
    pub(super) renewing: BTreeSet<ProfileName>,
    /// When the daemon last began to renew a profile's session.
    pub(super) renewed: BTreeMap<ProfileName, DateTime<Utc>>,
    pub(super) events: mpsc::Sender<Event>,
    queue: mpsc::Receiver<Event>,
    /// What clients asked for: finished before the daemon ends.
    pub(super) requests: JoinSet<()>,
    /// What the daemon does for itself.
    pub(super) chores: JoinSet<()>,
}

impl Engine {
    pub(super) fn new(config: Config, world: World) -> Self {
        let (events, queue) = mpsc::channel(QUEUE);
        Self {
            world,
            config: Arc::new(config),
            sessions: Vec::new(),
            bubbles: BTreeMap::new(),
            shown: Vec::new(),
            drawing: 0,
            early: Vec::new(),
            air: Air::default(),
            supervised: Supervised::default(),
            watchers: Vec::new(),
            looked_at: DateTime::UNIX_EPOCH,
            silent: false,
            refused: None,
            look: Look::Idle,
            changing: 0,
            forgotten: BTreeSet::new(),
            cared_for: BTreeSet::new(),
            renewing: BTreeSet::new(),
            renewed: BTreeMap::new(),
            events,
            queue,
            requests: JoinSet::new(),
            chores: JoinSet::new(),
        }
    }

    pub(super) async fn run<O, F>(
        mut self,
        listener: UnixListener,
        places: Places,
        orders: O,
    ) -> Result<(), Failure>
    where
        O: Fn() -> F,
        F: Future<Output = Order>,
    {
        let found = look(&self.world.ports, &self.config).await;
        self.take_over(found);
        let (stop, stopping) = watch::channel(false);
        let mut server = JoinSet::new();
        server.spawn(server::serve(listener, Arc::new(places), self.events.clone(), stopping));
        tracing::info!(profiles = self.config.profiles.len(), "daemon ready");
        self.world.supervisor.ready();
        self.report();
        let timer = Arc::clone(&self.world.timer);
        let watch = Arc::clone(&self.world.watch);
        let notifier = Arc::clone(&self.world.notifier);
        let mut changed = watch.changed();
        loop {
            // While a look is under way its end is the next thing to wait for.
            let deadline = (self.look == Look::Idle).then(|| self.next_wake());
            let deadline = deadline.into_iter().chain(self.beat_due()).min();
            let time = async {
                match deadline {
                    Some(deadline) => timer.wait_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            let event = tokio::select! {
                Some(event) = self.queue.recv() => event,
                () = time => Event::Woke,
                () = &mut changed => {
                    changed = watch.changed();
                    Event::FilesChanged
                }
                happening = notifier.next() => Event::Happened(happening),
                order = orders() => Event::Ordered(order),
                // It ends only by a bug: clients would connect and nobody would answer.
                Some(_ended) = server.join_next() => {
                    tracing::error!("the server ended");
                    return Err(Failure::new(FailureClass::Internal, "the daemon's server ended"));
                }
            };
            if self.on(event) {
                break;
            }
            self.report();
        }
        self.world.supervisor.stopping();
        stop.send_replace(true);
        if tokio::time::timeout(FAREWELL, self.farewell(server)).await.is_err() {
            tracing::warn!("requests were cut off at the end");
        }
        tracing::info!("daemon ended");
        Ok(())
    }

    /// Finishes what was asked before the order to stop, answers it, and saves what was told. Nobody is asked for a code
    /// any more.
    async fn farewell(&mut self, mut server: JoinSet<()>) {
        self.close_the_air();
        while !(self.requests.is_empty() && server.is_empty()) {
            tokio::select! {
                Some(event) = self.queue.recv() => match event {
                    Event::Asked(action, caller) => self.asked(action, caller),
                    Event::Flown(flown) => self.flown(flown),
                    Event::Written
                    | Event::Performed
                    | Event::Happened(_)
                    | Event::Found(_)
                    | Event::Configured(..)
                    | Event::Shown(..)
                    | Event::Cared(..)
                    | Event::Renewed(..)
                    | Event::Woke
                    | Event::FilesChanged
                    | Event::Ordered(_) => {}
                },
                Some(_ended) = self.requests.join_next() => {}
                Some(_ended) = server.join_next() => {}
            }
        }
        self.queue.close();
        while self.chores.join_next().await.is_some() {}
    }

    /// Takes an event; true if it is the last.
    fn on(&mut self, event: Event) -> bool {
        for ended in [self.chores.try_join_next(), self.requests.try_join_next()].into_iter().flatten() {
            if ended.is_err_and(|error| error.is_panic()) {
                tracing::error!("a task of the daemon panicked");
            }
        }
        match event {
            Event::Asked(action, caller) => self.asked(action, caller),
            Event::Performed => {
                self.changing = self.changing.saturating_sub(1);
                self.read_config(None);
            }
            Event::Flown(flown) => self.flown(flown),
            Event::Happened(happening) => self.happened(happening),
            Event::Found(found) => match std::mem::replace(&mut self.look, Look::Idle) {
                Look::Outdated => self.look_again(),
                Look::Idle | Look::Running => self.take_over(found),
            },
            Event::Configured(config, caller) => self.configured(config, caller),
            Event::Shown(expires_at, names, result) => self.shown(expires_at, names, result),
            Event::Cared(name, result) => self.cared(&name, result),
            Event::Renewed(due, failed) => {
                self.renewal_ended(&due, &failed);
                self.read_config(None);
            }
            // What is told is what file and state say now: a refresh may be on disk and not taken over yet.
            Event::Woke | Event::Written => self.look_again(),
            Event::FilesChanged => self.read_config(None),
            Event::Ordered(Order::Reload) => {
                // Whoever orders it wants to hear again what is wrong.
                self.refused = None;
                self.read_config(None);
            }
            Event::Ordered(Order::Stop) => return true,
        }
        false
    }

    fn asked(&mut self, action: Action, caller: Caller) {
        match action {
            Action::Status { profiles, watch } => self.status_asked(&profiles, watch, caller),
            Action::Reload => self.read_config(Some(caller)),
            action @ Action::Refresh { .. } => {
                self.note_forgotten(&action);
                self.refresh_asked(&action, caller);
            }
            action @ (Action::Forget { .. } | Action::Remove { .. }) => {
                self.changing += 1;
                self.note_forgotten(&action);
                let (worker, events) = (self.worker(), self.events.clone());
                self.requests.spawn(async move {
                    // In a task of its own, so that its end is told even if it panics.
                    let work = tokio::spawn(async move {
                        let config = worker.config().await;
                        perform(&worker.ports, &config, action, caller).await;
                    });
                    if work.await.is_err() {
                        tracing::error!("a request panicked");
                    }
                    drop(events.send(Event::Performed).await);
                });
            }
        }
    }

    /// What a task needs to perform requests.
    pub(super) fn worker(&self) -> Worker {
        Worker { ports: self.world.ports.clone(), config: Arc::clone(&self.config) }
    }

    pub(super) fn look_again(&mut self) {
        if self.look != Look::Idle {
            self.look = Look::Outdated;
            return;
        }
        self.look = Look::Running;
        let (ports, config, events) =
            (self.world.ports.clone(), Arc::clone(&self.config), self.events.clone());
        self.chores.spawn(async move {
            // In a task of its own, so that the look ends even if it panics.
            let found = tokio::spawn(async move { look(&ports, &config).await }).await;
            let panicked = || Failure::new(FailureClass::Internal, "the look at file and state panicked");
            drop(events.send(Event::Found(found.unwrap_or_else(|_error| Err(panicked())))).await);
        });
    }

    fn read_config(&mut self, caller: Option<Caller>) {
        let (ports, events) = (self.world.ports.clone(), self.events.clone());
        self.chores.spawn(async move {
            let config = fresh(&ports).await;
            drop(events.send(Event::Configured(config, caller)).await);
        });
    }

    fn configured(&mut self, config: Result<Config, Failure>, caller: Option<Caller>) {
        let failure = match config {
            Ok(config) => {
                if *self.config != config {
                    tracing::info!(profiles = config.profiles.len(), "configuration changed");
                    self.config = Arc::new(config);
                }
                None
            }
            Err(failure) => {
                if self.refused.as_ref() != Some(&failure) {
                    tracing::error!(%failure, "configuration not taken over, the old one stays in force");
                }
                Some(failure)
            }
        };
        if let Some(Caller { id, answers, .. }) = caller {
            let answer = match failure.clone() {
                Some(failure) => FromDaemon::Failed { id, failure: failure.into() },
                None => FromDaemon::Done { id, answer: Answer::Nothing },
            };
            drop(answers.try_send(answer));
        }
        self.refused = failure;
        self.look_again();
    }

    /// The first moment that has not been looked at: one that passed while something else happened counts too.
    ///
    /// Never nothing: a deadline that is far away still wakes when the clock is set.
    fn next_wake(&self) -> DateTime<Utc> {
        let from = self.looked_at.min(self.world.ports.clock.now());
        let next = self.sessions.iter().filter_map(|one| one.session.next_wake(from)).min();
        next.unwrap_or(from + FAR)
    }
}
