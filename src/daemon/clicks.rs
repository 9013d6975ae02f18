//! The loop's half that hears what its user does with a notice.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::engine::Engine;
use super::errand::{Asker, Errand, Place, Terminal};
use super::notices::Shown;
use crate::config::PromptKind;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::notice::{Notice, Offer, not_renewed, renewed};
use crate::domain::profile::ProfileName;
use crate::domain::session::Event as SessionEvent;
use crate::ports::notifier::{Bubble, Happening};
use crate::usecase::refresh::Refreshed;

impl Engine {
    /// True if the configuration lets dialogs ask for codes.
    pub(super) fn can_show_dialogs(&self) -> bool {
        !matches!(self.config.prompt, PromptKind::Terminal | PromptKind::None)
    }

    /// Takes what happened to a notice.
    pub(super) fn happened(&mut self, happening: Happening) {
        match happening {
            Happening::Clicked(bubble, offer) => {
                if self.drawing > 0 && !self.shown.iter().any(|shown| shown.bubble == bubble) {
                    // It may be of a notice of which the loop has not heard yet that it is there.
                    self.early.push((bubble, offer));
                    return;
                }
                let names = self.still_ending(bubble);
                // Renewed or forgotten since, or it was not ours.
                if names.is_empty() {
                    return;
                }
                for name in &names {
                    tracing::info!(profile = %name, ?offer, "notice clicked");
                }
                match offer {
                    Offer::EnterCode => self.enter_code(bubble, names),
                    Offer::Snooze => self.snooze(bubble, &names),
                }
            }
            // The next notice has a bubble of its own.
            Happening::Closed(bubble) => self.bubbles.retain(|_, other| *other != bubble),
            Happening::ServerGone => self.bubbles.clear(),
        }
    }

    /// The profiles of a notice whose sessions are still those that it is about.
    fn still_ending(&self, bubble: Bubble) -> Vec<ProfileName> {
        let shown = self.shown.iter().find(|shown| shown.bubble == bubble);
        let Some(Shown { expires_at, profiles, .. }) = shown else { return Vec::new() };
        let lasts = |name: &&ProfileName| self.is_of(name, *expires_at);
        profiles.iter().filter(lasts).cloned().collect()
    }

    fn enter_code(&mut self, bubble: Bubble, names: Vec<ProfileName>) {
        // A second click while the first is being answered.
        let same = |errand: &Errand| matches!(errand.asker, Asker::Click(other) if other == bubble);
        if self.air.errands.values().any(same) {
            return;
        }
        for name in &names {
            self.forgotten.remove(name);
        }
        let errand = Errand::new(Asker::Click(bubble), Terminal::Absent, Place::Desktop);
        self.send_on_errand(errand, names, None, None);
    }

    fn snooze(&mut self, bubble: Bubble, names: &[ProfileName]) {
        let now = self.world.ports.clock.now();
        for one in self.sessions.iter_mut().filter(|one| names.contains(&one.name)) {
            // It has no effects.
            drop(one.session.on(SessionEvent::Snoozed, now));
        }
        // Not every server takes a notice away when it is clicked.
        self.take_off(bubble);
    }

    /// Shows on the notice that was clicked what came of it, but not the failures that its user knows.
    pub(super) fn tell_of_click(
        &mut self,
        bubble: Bubble,
        outcomes: Vec<(ProfileName, Result<Refreshed, Failure>)>,
        known: &BTreeSet<ProfileName>,
    ) {
        let mut done: Vec<(DateTime<Utc>, Vec<ProfileName>)> = Vec::new();
        let mut failed: Vec<(Failure, Vec<ProfileName>)> = Vec::new();
        for (name, outcome) in outcomes {
            match outcome {
                Ok(session) => match done.iter_mut().find(|(end, _)| *end == session.expires_at) {
                    Some((_, names)) => names.push(name),
                    None => done.push((session.expires_at, vec![name])),
                },
                Err(failure) => {
                    tracing::warn!(profile = %name, %failure, "session not renewed");
                    if known.contains(&name) {
                        continue;
                    }
                    match failed.iter_mut().find(|(other, _)| same(other, &failure)) {
                        Some((_, names)) => names.push(name),
                        None => failed.push((failure, vec![name])),
                    }
                }
            }
        }
        let mut replaces = self.bubbles.values().any(|other| *other == bubble).then_some(bubble);
        for (end, names) in done {
            let notice = renewed(&names, self.world.ports.clock.local(end));
            self.show_outcome(bubble, notice, names, replaces.take());
        }
        for (failure, names) in failed {
            // Where no dialog could be shown, none is offered again.
            let code = failure.class != FailureClass::NoSession && self.can_show_dialogs();
            self.show_outcome(bubble, not_renewed(&names, &failure.message, code), names, replaces.take());
        }
    }

    fn show_outcome(
        &mut self,
        clicked: Bubble,
        notice: Notice,
        names: Vec<ProfileName>,
        replaces: Option<Bubble>,
    ) {
        for name in &names {
            self.bubbles.remove(name);
        }
        // One that offers something can be clicked as the one before it.
        let known = self.shown.iter().find(|shown| shown.bubble == clicked).map(|shown| shown.expires_at);
        if let Some(end) = known.filter(|_| !notice.offers.is_empty()) {
            self.draw(notice, names, end, replaces);
            return;
        }
        let notifier = Arc::clone(&self.world.notifier);
        self.chores.spawn(async move {
            if let Err(error) = notifier.show(&notice, replaces).await {
                tracing::debug!(%error, "notice not shown");
            }
        });
    }
}

/// True if both say the same to their user.
fn same(one: &Failure, other: &Failure) -> bool {
    (one.class, &one.message) == (other.class, &other.message)
}
