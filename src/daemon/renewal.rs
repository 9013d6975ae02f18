//! The loop's half that renews sessions which need no human: at the first lead, and at each later moment if that failed.
//!
//! A renewal that succeeds is not told: the human hears of it only when it failed, by the notice that would have been
//! shown anyway.

use chrono::{DateTime, TimeDelta, Utc};

use super::answers;
use super::engine::{Engine, Event};
use crate::config::{Profile, PromptKind};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::mfa::MfaCode;
use crate::domain::profile::ProfileName;
use crate::domain::session::Moment;
use crate::ports::Answer;
use crate::usecase::refresh::{CodeSource, CodeWanted, RefreshOutcome, RefreshRequest, refresh};

/// How long nothing is renewed again: a session that has ended as soon as it is there (a clock that is ahead by hours)
/// would else be renewed without end. AWS's shortest sessions last 15 minutes.
const BRAKE: TimeDelta = TimeDelta::minutes(1);

/// A renewal that was tried: of whose session, and at which moment of it.
pub(super) type Due = Vec<(ProfileName, Moment)>;

impl Engine {
    /// True if a profile's session is renewed in place of a notice. A renewal that is under way decides itself.
    pub(super) fn renews(&self, name: &ProfileName, now: DateTime<Utc>) -> bool {
        let braked = self.renewed.get(name).is_some_and(|last| (now - *last).abs() < BRAKE);
        !braked && self.config.profile(name).is_some_and(Profile::renews_itself)
    }

    /// Renews what has come due, off the loop.
    pub(super) fn renew(&mut self, due: Due) {
        if due.is_empty() {
            return;
        }
        let now = self.world.ports.clock.now();
        for (name, _) in &due {
            self.renewed.insert(name.clone(), now);
            self.renewing.insert(name.clone());
        }
        self.changing += 1;
        let worker = self.worker();
        let (events, written) = (self.events.clone(), self.events.clone());
        let names: Vec<_> = due.iter().map(|(name, _)| name.clone()).collect();
        self.chores.spawn(async move {
            // In a task of its own, so that its end is told even if it panics.
            let work = tokio::spawn(async move {
                let config = worker.config().await;
                let request = RefreshRequest { profiles: names.clone(), duration: None };
                let outcome = refresh(&worker.ports, &config, &request, &Nobody).await;
                let (failed, settling) = match outcome {
                    Ok(RefreshOutcome { profiles, settling }) => (failures(profiles), settling),
                    Err(failure) => (names.into_iter().map(|name| (name, failure.clone())).collect(), None),
                };
                if let Some(settling) = settling {
                    // As with a request: known before the watch over the write ends.
                    drop(written.send(Event::Written).await);
                    if let Err(failure) = settling.finish(&worker.ports).await {
                        tracing::warn!(%failure, "session lost to another program");
                    }
                }
                failed
            });
            let panicked = || Failure::new(FailureClass::Internal, "the renewal panicked");
            let failed = match work.await {
                Ok(failed) => failed,
                Err(_panic) => due.iter().map(|(name, _)| (name.clone(), panicked())).collect(),
            };
            drop(events.send(Event::Renewed(due, failed)).await);
        });
    }

    /// Takes note of how it ended, and shows the notices of what was not renewed.
    pub(super) fn renewal_ended(&mut self, due: &Due, failed: &[(ProfileName, Failure)]) {
        self.changing = self.changing.saturating_sub(1);
        let now = self.world.ports.clock.now();
        let mut notices: Vec<(Moment, Vec<ProfileName>)> = Vec::new();
        for (name, moment) in due {
            self.renewing.remove(name);
            let Some((_, failure)) = failed.iter().find(|(other, _)| other == name) else {
                tracing::info!(profile = %name, "session renewed");
                continue;
            };
            tracing::warn!(profile = %name, %failure, "session not renewed");
            let known = self.sessions.iter().find(|one| one.name == *name);
            let known = known.and_then(|one| one.session.status(now).session);
            // Renewed or forgotten by its user meanwhile.
            if known.is_none_or(|session| session.expires_at != moment.expires_at) {
                continue;
            }
            super::notices::put(&mut notices, *moment, name);
        }
        for (moment, names) in notices {
            self.show(moment, names, now);
        }
    }
}

fn failures<T>(profiles: Vec<(ProfileName, Result<T, Failure>)>) -> Vec<(ProfileName, Failure)> {
    profiles.into_iter().filter_map(|(name, result)| Some((name, result.err()?))).collect()
}

/// There is nobody to ask: a profile that came to need a person since is not renewed.
struct Nobody;

impl CodeSource for Nobody {
    fn in_hand(&self) -> bool {
        false
    }

    fn obtain<'a>(
        &'a self,
        wanted: &'a CodeWanted,
        _refused: Option<&'a Failure>,
    ) -> Answer<'a, Result<MfaCode, Failure>> {
        let names: Vec<_> = wanted.profiles.iter().map(ToString::to_string).collect();
        Box::pin(async move { Err(answers::nobody(&names, PromptKind::Terminal)) })
    }
}
