//! The loop's half that speaks to the desktop: what is told when, and what is on the screen.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::task::JoinSet;

use super::engine::{Engine, Event};
use crate::domain::notice::{Due, Notice, expiry};
use crate::domain::profile::ProfileName;
use crate::domain::session::Moment;
use crate::ports::notifier::{Bubble, Happening, NotifierError};

/// A notice that was shown.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) bubble: Bubble,
    /// When the sessions end that it is about.
    pub(super) expires_at: DateTime<Utc>,
    pub(super) profiles: Vec<ProfileName>,
}

/// So many of the notices that were shown last are known.
const KNOWN: usize = 64;

impl Engine {
    /// Renews what has come due and needs no human; shows one notice for the rest, for sessions that end together in one
    /// bubble.
    pub(super) fn tell_what_is_due(&mut self) {
        let now = self.world.ports.clock.now();
        self.looked_at = now;
        let mut due = Vec::new();
        for one in &mut self.sessions {
            let Some(moment) = one.session.due(one.told, now) else { continue };
            // The end of a renewal looks again.
            if !self.renewing.contains(&one.name) {
                one.told = Some(moment.at);
                due.push((one.name.clone(), moment));
            }
        }
        let (renewals, untold): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|(name, _)| self.renews(name, now));
        let mut dues: Vec<(Moment, Vec<ProfileName>)> = Vec::new();
        for (name, moment) in &untold {
            put(&mut dues, *moment, name);
        }
        self.renew(renewals);
        for (moment, names) in dues {
            self.show(moment, names, now);
        }
    }

    pub(super) fn show(&mut self, moment: Moment, names: Vec<ProfileName>, now: DateTime<Utc>) {
        if self.config.notifications {
            let local = self.world.ports.clock.local(moment.expires_at);
            let Moment { expires_at, pressing, .. } = moment;
            // At the last lead and later there is nothing left to put off to.
            let (snooze, code) = (!pressing, self.can_show_dialogs());
            let due = Due { profiles: names.clone(), expires_at, pressing, snooze, code };
            let notice = expiry(&due, now, local);
            let replaces = names.iter().find_map(|name| self.bubbles.get(name).copied());
            self.draw(notice, names.clone(), expires_at, replaces);
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

    /// Has a notice shown about sessions that end then.
    pub(super) fn draw(
        &mut self,
        notice: Notice,
        names: Vec<ProfileName>,
        expires_at: DateTime<Utc>,
        replaces: Option<Bubble>,
    ) {
        self.drawing += 1;
        let (notifier, events) = (Arc::clone(&self.world.notifier), self.events.clone());
        self.chores.spawn(async move {
            // In a task of its own, so that its end is told even if it panics; it ends with this one.
            let mut showing = JoinSet::new();
            showing.spawn(async move { notifier.show(&notice, replaces).await });
            let result = match showing.join_next().await {
                Some(Ok(result)) => result,
                Some(Err(_)) | None => Err(NotifierError::Failed("it panicked".to_owned())),
            };
            drop(events.send(Event::Shown(expires_at, names, result)).await);
        });
    }

    /// Remembers a notice on the screen, or takes it off again if its sessions are no longer what they were.
    pub(super) fn shown(
        &mut self,
        expires_at: DateTime<Utc>,
        names: Vec<ProfileName>,
        result: Result<Bubble, NotifierError>,
    ) {
        match result {
            Ok(bubble) => {
                self.silent = false;
                self.shown.retain(|shown| shown.bubble != bubble);
                self.shown.push(Shown { bubble, expires_at, profiles: names.clone() });
                if self.shown.len() > KNOWN {
                    self.shown.remove(0);
                }
                let lasts = |name: &ProfileName| self.is_of(name, expires_at);
                let (names, late): (Vec<_>, Vec<_>) = names.into_iter().partition(lasts);
                for name in names {
                    tracing::info!(profile = %name, "notice shown");
                    self.bubbles.insert(name, bubble);
                }
                // Renewed or forgotten while the server was drawing.
                for name in late {
                    self.bubbles.insert(name.clone(), bubble);
                    self.withdraw(&name);
                }
            }
            Err(error) if !self.silent => {
                self.silent = true;
                tracing::warn!(%error, "notice not shown");
            }
            Err(error) => tracing::debug!(%error, "notice not shown"),
        }
        self.drawing = self.drawing.saturating_sub(1);
        for (bubble, offer) in std::mem::take(&mut self.early) {
            self.happened(Happening::Clicked(bubble, offer));
        }
    }

    /// Takes the notice of a profile off the screen.
    pub(super) fn withdraw(&mut self, name: &ProfileName) {
        let Some(bubble) = self.bubbles.remove(name) else { return };
        // Others may share the bubble, and their sessions still end.
        if self.bubbles.values().any(|other| *other == bubble) {
            return;
        }
        self.take_off(bubble);
    }

    /// True if a profile's session is still the one that ends then.
    pub(super) fn is_of(&self, name: &ProfileName, expires_at: DateTime<Utc>) -> bool {
        let now = self.world.ports.clock.now();
        let one = self.sessions.iter().find(|one| one.name == *name);
        one.is_some_and(|one| {
            let session = one.session.status(now).session;
            session.is_some_and(|session| session.expires_at == expires_at) || one.was_removed_at(expires_at)
        })
    }

    /// Takes a notice off the screen.
    pub(super) fn take_off(&mut self, bubble: Bubble) {
        self.bubbles.retain(|_, other| *other != bubble);
        let notifier = Arc::clone(&self.world.notifier);
        self.chores.spawn(async move {
            if let Err(error) = notifier.withdraw(bubble).await {
                tracing::debug!(%error, "notice not withdrawn");
            }
        });
    }
}

/// Adds a profile to those whose sessions end together.
pub(super) fn put(dues: &mut Vec<(Moment, Vec<ProfileName>)>, moment: Moment, name: &ProfileName) {
    match dues.iter_mut().find(|(other, _)| other.expires_at == moment.expires_at) {
        Some((_, names)) => names.push(name.clone()),
        None => dues.push((moment, vec![name.clone()])),
    }
}
