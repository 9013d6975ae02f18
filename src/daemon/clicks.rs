//! The loop's half that hears what its user does with a notice.

use std::sync::Arc;

use super::engine::{Engine, Event};
use super::errand::{Asker, Errand};
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
        self.send_on_errand(Errand::of_click(bubble), names, None);
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

    /// Shows on the notice that was clicked what came of it; of a failure nothing if `quiet`.
    pub(super) fn tell_of_click(
        &mut self,
        bubble: Bubble,
        outcomes: Vec<(ProfileName, Result<Refreshed, Failure>)>,
        quiet: bool,
    ) {
        let mut told: Vec<(Notice, Vec<ProfileName>)> = Vec::new();
        let (done, failed): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(|(_, outcome)| outcome.is_ok());
        let end =
            done.iter().filter_map(|(_, outcome)| outcome.as_ref().ok()).map(|done| done.expires_at).min();
        if let Some(end) = end {
            let names: Vec<_> = done.into_iter().map(|(name, _)| name).collect();
            told.push((renewed(&names, self.world.ports.clock.local(end)), names));
        }
        for (name, outcome) in failed.into_iter().filter(|_| !quiet) {
            let Err(failure) = outcome else { continue };
            tracing::warn!(profile = %name, %failure, "session not renewed");
            // Where no dialog could be shown, none is offered again.
            let code = failure.class != FailureClass::NoSession && self.can_show_dialogs();
            let names = vec![name];
            told.push((not_renewed(&names, &failure.message, code), names));
        }
        let clicked = self.shown.iter().find(|shown| shown.bubble == bubble).map(|shown| shown.expires_at);
        let mut replaces = self.bubbles.values().any(|other| *other == bubble).then_some(bubble);
        for (notice, names) in told {
            for name in &names {
                self.bubbles.remove(name);
            }
            let (notifier, events) = (Arc::clone(&self.world.notifier), self.events.clone());
            let replaces = replaces.take();
            self.chores.spawn(async move {
                let result = notifier.show(&notice, replaces).await;
                // One that offers something can be clicked as the one before it.
                match clicked.filter(|_| !notice.offers.is_empty()) {
                    Some(end) => drop(events.send(Event::Shown(end, names, result)).await),
                    None => drop(result.inspect_err(|error| tracing::debug!(%error, "notice not shown"))),
                }
            });
        }
    }
}
