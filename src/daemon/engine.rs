//! The loop: one closed event, one owner of all state, no await of the world.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::observe::{Observed, observe, statuses};
use super::work::{Caller, Worker, perform};
use super::{Order, World, answers, server};
use crate::config::Config;
use crate::domain::failure::Failure;
use crate::domain::notice::{Due, expiry};
use crate::domain::profile::ProfileName;
use crate::domain::session::Moment;
use crate::ports::notifier::{Bubble, NotifierError};
use crate::protocol::message::{Action, Answer, FromDaemon, Places};
use crate::usecase::profiles::load_config;

/// Events that may wait; senders wait longer.
const QUEUE: usize = 64;
/// How long requests in hand may take after the order to stop: one call of STS and one of the keychain.
const FAREWELL: Duration = Duration::from_secs(25);

/// All that can happen to the daemon.
#[derive(Debug)]
pub(super) enum Event {
    /// A client wants something.
    Asked(Action, Caller),
    /// A request that may have changed something is done.
    Performed,
    /// What file and state say.
    Found(Result<Vec<Observed>, Failure>),
    /// What the configuration says.
    Configured(Result<Config, Failure>),
    /// A notice was shown, or could not be.
    Shown(Vec<ProfileName>, Result<Bubble, NotifierError>),
    /// The deadline has come or the clock was set.
    Woke,
    /// A file that matters has changed.
    FilesChanged,
    /// An order of the outside.
    Ordered(Order),
}

/// The owner of all state.
pub(super) struct Engine {
    world: World,
    config: Arc<Config>,
    sessions: Vec<Observed>,
    /// The notice on the screen for each profile.
    bubbles: BTreeMap<ProfileName, Bubble>,
    watchers: Vec<(Vec<ProfileName>, Caller)>,
    /// True once the absence of a notification server is in the log.
    silent: bool,
    events: mpsc::Sender<Event>,
    queue: mpsc::Receiver<Event>,
    /// What clients asked for: finished before the daemon ends.
    requests: JoinSet<()>,
    /// What the daemon does for itself.
    chores: JoinSet<()>,
}

impl Engine {
    pub(super) fn new(config: Config, world: World) -> Self {
        let (events, queue) = mpsc::channel(QUEUE);
        Self {
            world,
            config: Arc::new(config),
            sessions: Vec::new(),
            bubbles: BTreeMap::new(),
            watchers: Vec::new(),
            silent: false,
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
        ready: impl FnOnce(),
    ) where
        O: Fn() -> F,
        F: Future<Output = Order>,
    {
        let found = observe(&self.world.ports, &self.config).await;
        self.take_over(found);
        let mut server = JoinSet::new();
        server.spawn(server::serve(listener, Arc::new(places), self.events.clone()));
        tracing::info!(profiles = self.config.profiles.len(), "daemon ready");
        ready();
        self.tell_what_is_due();
        let timer = Arc::clone(&self.world.timer);
        let watch = Arc::clone(&self.world.watch);
        let mut changed = watch.changed();
        loop {
            let deadline = self.next_wake();
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
                order = orders() => Event::Ordered(order),
            };
            if self.on(event) {
                break;
            }
        }
        server.shutdown().await;
        let farewell = async { while self.requests.join_next().await.is_some() {} };
        if tokio::time::timeout(FAREWELL, farewell).await.is_err() {
            tracing::warn!("requests were cut off at the end");
        }
        tracing::info!("daemon ended");
    }

    /// Takes an event; true if it is the last.
    fn on(&mut self, event: Event) -> bool {
        while self.chores.try_join_next().is_some() {}
        while self.requests.try_join_next().is_some() {}
        match event {
            Event::Asked(action, caller) => self.asked(action, caller),
            Event::Performed => self.look_again(),
            Event::Found(found) => self.take_over(found),
            Event::Configured(Ok(config)) => {
                if *self.config != config {
                    tracing::info!(profiles = config.profiles.len(), "configuration changed");
                    self.config = Arc::new(config);
                }
                self.look_again();
            }
            Event::Configured(Err(failure)) => {
                tracing::error!(%failure, "configuration not taken over, the old one stays in force");
            }
            Event::Shown(names, result) => self.shown(names, result),
            Event::Woke => {
                self.tell_what_is_due();
                self.tell_watchers();
            }
            Event::FilesChanged | Event::Ordered(Order::Reload) => self.read_config(),
            Event::Ordered(Order::Stop) => return true,
        }
        false
    }

    fn asked(&mut self, action: Action, caller: Caller) {
        let worker = Worker { ports: self.world.ports.clone(), config: Arc::clone(&self.config) };
        match action {
            Action::Status { profiles, watch } => match answers::names(&profiles) {
                Ok(names) if watch => {
                    self.watchers.push((names, caller));
                    self.tell_watchers();
                }
                Ok(names) => drop(self.requests.spawn(async move {
                    let id = caller.id;
                    let answer = status_answer(&worker, &names).await;
                    let answer = match answer {
                        Ok(answer) => FromDaemon::Done { id, answer },
                        Err(failure) => FromDaemon::Failed { id, failure: failure.into() },
                    };
                    drop(caller.answers.send(answer).await);
                })),
                Err(failure) => {
                    drop(
                        caller
                            .answers
                            .try_send(FromDaemon::Failed { id: caller.id, failure: failure.into() }),
                    );
                }
            },
            Action::Reload => {
                drop(caller.answers.try_send(FromDaemon::Done { id: caller.id, answer: Answer::Nothing }));
                self.read_config();
            }
            action @ (Action::Refresh { .. } | Action::Forget { .. } | Action::Remove { .. }) => {
                let events = self.events.clone();
                self.requests.spawn(async move {
                    perform(&worker.ports, &worker.config, action, caller).await;
                    drop(events.send(Event::Performed).await);
                });
            }
        }
    }

    fn look_again(&mut self) {
        let (ports, config, events) =
            (self.world.ports.clone(), Arc::clone(&self.config), self.events.clone());
        self.chores.spawn(async move {
            let found = observe(&ports, &config).await;
            drop(events.send(Event::Found(found)).await);
        });
    }

    fn read_config(&mut self) {
        let (ports, events) = (self.world.ports.clone(), self.events.clone());
        self.chores.spawn(async move {
            let config = tokio::task::spawn_blocking(move || load_config(&ports)).await;
            if let Ok(config) = config {
                drop(events.send(Event::Configured(config)).await);
            }
        });
    }

    /// Replaces what is known, logs what changed, and takes notices off the screen that are no longer true.
    fn take_over(&mut self, found: Result<Vec<Observed>, Failure>) {
        let found = match found {
            Ok(found) => found,
            Err(failure) => {
                tracing::warn!(%failure, "the sessions could not be read");
                return;
            }
        };
        let now = self.world.ports.clock.now();
        for one in &found {
            let before = self.sessions.iter().find(|other| other.name == one.name);
            let before = before.and_then(|other| other.session.status(now).session);
            let after = one.session.status(now);
            if before != after.session {
                let state = after.state.name();
                let expires_at = after.session.as_ref().map(|session| session.expires_at.to_rfc3339());
                tracing::info!(profile = %one.name, state, expires_at, "session changed");
                self.withdraw(&one.name);
            }
        }
        self.sessions = found;
        self.tell_what_is_due();
        self.tell_watchers();
    }

    fn next_wake(&self) -> Option<DateTime<Utc>> {
        let now = self.world.ports.clock.now();
        self.sessions.iter().filter_map(|one| one.session.next_wake(now)).min()
    }

    /// Shows one notice for what has come due, for sessions that end together in one bubble.
    fn tell_what_is_due(&mut self) {
        let now = self.world.ports.clock.now();
        let mut dues: Vec<(Moment, Vec<ProfileName>)> = Vec::new();
        for one in &mut self.sessions {
            let Some(moment) = one.session.due(one.told, now) else { continue };
            one.told = Some(moment.at);
            match dues.iter_mut().find(|(other, _)| other.expires_at == moment.expires_at) {
                Some((_, names)) => names.push(one.name.clone()),
                None => dues.push((moment, vec![one.name.clone()])),
            }
        }
        for (moment, names) in dues {
            self.show(moment, names, now);
        }
    }

    fn show(&mut self, moment: Moment, names: Vec<ProfileName>, now: DateTime<Utc>) {
        if self.config.notifications {
            let local = self.world.ports.clock.local(moment.expires_at);
            let Moment { expires_at, pressing, .. } = moment;
            let notice = expiry(&Due { profiles: names.clone(), expires_at, pressing }, now, local);
            let replaces = names.iter().find_map(|name| self.bubbles.get(name).copied());
            let (notifier, events) = (Arc::clone(&self.world.notifier), self.events.clone());
            let shown = names.clone();
            self.chores.spawn(async move {
                let result = notifier.show(&notice, replaces).await;
                drop(events.send(Event::Shown(shown, result)).await);
            });
        }
        let ports = self.world.ports.clone();
        self.chores.spawn(async move {
            let saved = ports.state.update(Box::new(move |state| {
                for name in &names {
                    state.of_mut(name).told = Some(moment.at);
                }
            }));
            if let Err(error) = saved.await {
                tracing::warn!(%error, "state not saved");
            }
        });
    }

    fn shown(&mut self, names: Vec<ProfileName>, result: Result<Bubble, NotifierError>) {
        match result {
            Ok(bubble) => {
                self.silent = false;
                for name in names {
                    tracing::info!(profile = %name, "notice shown");
                    self.bubbles.insert(name, bubble);
                }
            }
            Err(error) if !self.silent => {
                self.silent = true;
                tracing::warn!(%error, "notice not shown");
            }
            Err(error) => tracing::debug!(%error, "notice not shown"),
        }
    }

    fn withdraw(&mut self, name: &ProfileName) {
        let Some(bubble) = self.bubbles.remove(name) else { return };
        // Others may share the bubble, and their sessions still end.
        if self.bubbles.values().any(|other| *other == bubble) {
            return;
        }
        let notifier = Arc::clone(&self.world.notifier);
        self.chores.spawn(async move {
            if let Err(error) = notifier.withdraw(bubble).await {
                tracing::debug!(%error, "notice not withdrawn");
            }
        });
    }

    /// Sends the status to everybody who watches, and forgets those who are gone.
    fn tell_watchers(&mut self) {
        self.watchers.retain(|(_, caller)| !caller.answers.is_closed());
        for (names, caller) in &self.watchers {
            let worker = Worker { ports: self.world.ports.clone(), config: Arc::clone(&self.config) };
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
    let found = statuses(&worker.ports, &worker.config, names).await?;
    Ok(Answer::Status(answers::statuses(found)))
}
