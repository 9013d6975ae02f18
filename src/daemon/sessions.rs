//! The loop's half that keeps what is known of the sessions in step with file and state.

use super::answers;
use super::engine::{Engine, Event};
use super::observe::{Care, Observed};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::profile::ProfileName;
use crate::domain::session::Issued;
use crate::protocol::message::Action;
use crate::usecase::keep::{keep, remove_expired};

impl Engine {
    /// Replaces what is known, logs what changed, and takes notices off the screen that are no longer true.
    pub(super) fn take_over(&mut self, found: Result<Vec<Observed>, Failure>) {
        let mut found = match found {
            Ok(found) => found,
            Err(failure) => {
                tracing::warn!(%failure, "the sessions could not be read");
                self.tell_what_is_due();
                return;
            }
        };
        let now = self.world.ports.clock.now();
        for one in &mut found {
            let before = self.sessions.iter().find(|other| other.name == one.name);
            // What the file has lost we still have, if it is what was written last.
            for held in before.iter().flat_map(|other| &other.held) {
                let wanted = one.record.sections.iter().any(|section| section.is_of(held));
                if wanted && !one.held.iter().any(|other| other.id == held.id) {
                    one.held.push(held.clone());
                }
            }
            if let Some(before) = before
                && one.care == Some(Care::Keep)
                && !self.forgotten.contains(&one.name)
            {
                // It may be there again in a moment.
                one.session = before.session.clone();
                one.told = one.told.max(before.told);
                continue;
            }
            let known = before.and_then(|other| other.session.status(now).session);
            let after = one.session.status(now);
            if same(known.as_ref(), after.session.as_ref()) {
                let told = before.and_then(|other| other.told);
                // A state that could not be read this time must not make us forget when the session began.
                if let Some(before) = before
                    && after.session.is_some_and(|session| session.issued_at.is_none())
                {
                    one.session = before.session.clone();
                }
                // What was told may not be saved yet, or never if the disk is full.
                one.told = one.told.max(told);
                if let Some(before) = before {
                    one.session.snooze_like(&before.session);
                }
                continue;
            }
            let half_written = after.session.as_ref().is_some_and(|session| session.issued_at.is_none());
            if let Some(before) = before
                && half_written
                && self.changing > 0
            {
                // The file has a session of which the state does not know yet: the end of its refresh comes soon.
                *one = Observed { care: None, ..before.clone() };
                continue;
            }
            let state = after.state.name();
            let expires_at = after.session.as_ref().map(|session| session.expires_at.to_rfc3339());
            tracing::info!(profile = %one.name, state, expires_at, "session changed");
            // Who reads that it has expired is not to lose the notice because the session is taken out of the file.
            if known.is_none_or(|known| !one.was_removed_at(known.expires_at)) {
                self.withdraw(&one.name.clone());
            }
        }
        let gone: Vec<_> =
            self.bubbles.keys().filter(|name| !found.iter().any(|one| one.name == **name)).cloned().collect();
        for name in gone {
            self.withdraw(&name);
        }
        self.sessions = found;
        self.tell_what_is_due();
        self.tell_watchers();
        self.care();
    }

    /// Notes whose session is not wanted any more, or is wanted again.
    pub(super) fn note_forgotten(&mut self, action: &Action) {
        let all = || self.config.profiles.iter().map(|profile| profile.name.clone()).collect();
        let named = |names: &[String]| match answers::names(names) {
            Ok(names) if !names.is_empty() => names,
            // The implied one, whichever that is; what is no name is refused elsewhere.
            Ok(_) | Err(_) => all(),
        };
        match action {
            Action::Forget { all: true, .. } => self.forgotten.extend(all()),
            Action::Forget { profiles, .. } => self.forgotten.extend(named(profiles)),
            Action::Remove { profile } => self.forgotten.extend(answers::name(profile)),
            Action::Refresh { profiles, .. } => {
                for name in named(profiles) {
                    self.forgotten.remove(&name);
                }
            }
            Action::Status { .. } | Action::Reload => {}
        }
    }

    /// Sees to sections that another program changed, and to sessions that are to go at their end.
    fn care(&mut self) {
        // What a request of ours does is half done until its end, which looks again.
        if self.changing > 0 {
            return;
        }
        for one in &self.sessions {
            let Some(care) = one.care else { continue };
            // Whatever the state says: it may not have been possible to save it.
            if care == Care::Keep && self.forgotten.contains(&one.name) {
                continue;
            }
            let Some(profile) = self.config.profile(&one.name).cloned() else { continue };
            if !self.cared_for.insert(one.name.clone()) {
                continue;
            }
            let (ports, events, held) = (self.world.ports.clone(), self.events.clone(), one.held.clone());
            let name = one.name.clone();
            self.chores.spawn(async move {
                // In a task of its own, so that its end is told even if it panics.
                let done = tokio::spawn(async move {
                    match care {
                        Care::Keep => keep(&ports, &profile, &held).await,
                        Care::RemoveExpired => remove_expired(&ports, &profile.name).await,
                    }
                });
                let panicked = || Failure::new(FailureClass::Internal, "the care for a section panicked");
                let result = done.await.unwrap_or_else(|_panic| Err(panicked()));
                drop(events.send(Event::Cared(name, result)).await);
            });
        }
    }

    /// Takes note of how it ended.
    pub(super) fn cared(&mut self, name: &ProfileName, result: Result<bool, Failure>) {
        self.cared_for.remove(name);
        match result {
            // Even if nothing was done: what was thought to be changed may be a new session.
            Ok(_done) => self.look_again(),
            // The next change of the file, or the next moment of a session, tries again.
            Err(failure) => tracing::warn!(profile = %name, %failure, "section not put right"),
        }
    }
}

/// True for one and the same session, whatever else is known of it.
fn same(one: Option<&Issued>, other: Option<&Issued>) -> bool {
    one.map(|session| (&session.id, session.expires_at))
        == other.map(|session| (&session.id, session.expires_at))
}
