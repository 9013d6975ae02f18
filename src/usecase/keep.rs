//! Keeps delivered sessions where they were delivered, and takes them out when they have ended.
//!
//! Programs that rewrite the credentials file from a copy that they read earlier drop what was written in between. A
//! session that got lost so is written once more; after that it is only reported: two programs that correct each other
//! for ever help nobody.

use chrono::{DateTime, Utc};

use super::{Ports, failures};
use crate::config::Profile;
use crate::domain::delivery::Fate;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::keys::SessionCredentials;
use crate::domain::profile::{ProfileName, SectionName};
use crate::domain::record::{LastError, Record, SectionRecord};
use crate::ports::session_store::{Removal, SectionTarget, StoreError};
use crate::usecase::profiles::target;

/// What was found when nobody wrote the file.
enum Finding {
    /// All is as it was written.
    Intact,
    /// What can be written again, and what cannot.
    Disturbed { again: Vec<SectionName>, lost: Vec<SectionName> },
}

/// Looks at a profile whose session another program seems to have taken away, and writes it again if it was lost for the
/// first time. `held` is that session, if it is known.
///
/// True if something was done or remembered.
///
/// # Errors
///
/// Class `CredentialsFile` if it could not be looked at or written in peace, class `Internal` if what was done could not
/// be remembered. It is worth another try when the file has changed again.
pub async fn keep(
    ports: &Ports,
    profile: &Profile,
    held: Option<&SessionCredentials>,
) -> Result<bool, Failure> {
    let failed = |error: &StoreError| failures::store(error, &profile.name);
    let Finding::Disturbed { again, .. } = look(ports, profile, held).await? else { return Ok(false) };
    let record = ports.state.load().await.of(&profile.name);
    let targets: Vec<SectionTarget> = again.iter().map(|section| target(&record, section)).collect();
    // With the lock in hand and the file at rest: a rewrite may not have been at its end, nor may a refresh whose
    // session was in the file and not in the state yet.
    let mut write = match ports.store.prepare(&targets).await {
        Ok(write) => write,
        // As the file is now nothing can be written to it.
        Err(error @ StoreError::Refused { .. }) => {
            remember(ports, profile, &again, Outcome::Lost(Some(failed(&error)))).await?;
            return Ok(true);
        }
        Err(error) => return Err(failed(&error)),
    };
    let (now_again, lost) = match look(ports, profile, held).await? {
        Finding::Intact => return Ok(false),
        Finding::Disturbed { again, lost } => (again, lost),
    };
    if now_again != again {
        // Whoever looks next starts from what is true then.
        return Ok(true);
    }
    if let Some(session) = held.filter(|_| !again.is_empty()) {
        let written = write.write(session).await.map_err(|error| failed(&error))?;
        tracing::warn!(profile = %profile.name, "session written again after another program's change");
        let made = written.iter().filter(|one| one.created).map(|one| one.section.clone()).collect();
        remember(ports, profile, &again, Outcome::WrittenAgain(made)).await?;
    }
    if !lost.is_empty() {
        tracing::warn!(profile = %profile.name, "session changed by another program");
        remember(ports, profile, &lost, Outcome::Lost(None)).await?;
    }
    write.settle().await.map_err(|error| failed(&error))?;
    Ok(true)
}

async fn look(
    ports: &Ports,
    profile: &Profile,
    held: Option<&SessionCredentials>,
) -> Result<Finding, Failure> {
    let document = ports.store.read().await.map_err(|error| failures::store(&error, &profile.name))?;
    let record = ports.state.load().await.of(&profile.name);
    let disturbed = record.disturbed(&profile.sections, &document, ports.clock.now());
    if disturbed.is_empty() {
        return Ok(Finding::Intact);
    }
    let in_hand = held.is_some_and(|session| record.is_of(session));
    let can = |name: &SectionName, fate: Fate| {
        let redone = record.section(name).is_some_and(|section| section.redone);
        fate == Fate::Lost && in_hand && !redone
    };
    let (again, lost): (Vec<_>, Vec<_>) = disturbed.into_iter().partition(|(name, fate)| can(name, *fate));
    let names = |found: Vec<(SectionName, Fate)>| found.into_iter().map(|(name, _)| name).collect();
    Ok(Finding::Disturbed { again: names(again), lost: names(lost) })
}

/// What became of sections that another program changed.
enum Outcome {
    /// Written again; those in the list had to be made.
    WrittenAgain(Vec<SectionName>),
    /// Left as they are, with the reason if it is not that nothing could be done.
    Lost(Option<Failure>),
}

async fn remember(
    ports: &Ports,
    profile: &Profile,
    sections: &[SectionName],
    outcome: Outcome,
) -> Result<(), Failure> {
    let now = ports.clock.now();
    let at = ports.clock.local(now).format("%Y-%m-%d %H:%M");
    let names = sections.iter().map(|name| format!("[{name}]")).collect::<Vec<_>>().join(", ");
    let after = match &outcome {
        Outcome::WrittenAgain(_) => "the session was written again".to_owned(),
        Outcome::Lost(None) => format!("to have it again: stsd refresh {}", profile.name),
        Outcome::Lost(Some(failure)) => failure.message.clone(),
    };
    let message = format!("{names} changed by another program at {at}: {after}");
    let error = LastError::new(FailureClass::CredentialsFile, &message, now);
    let (name, sections) = (profile.name.clone(), sections.to_vec());
    let saved = ports.state.update(Box::new(move |state| {
        // Forgotten meanwhile: then nothing is lost.
        let Some(record) = state.profiles.get_mut(name.as_str()) else { return };
        for name in &sections {
            let Some(section) = record.section_mut(name) else { continue };
            match &outcome {
                Outcome::WrittenAgain(made) => {
                    section.redone = true;
                    section.created |= made.contains(name);
                }
                Outcome::Lost(_) => section.given_up = true,
            }
        }
        record.last_error = Some(error);
    }));
    // Without a memory of it there would be no end of writing and reporting.
    saved.await.map_err(|error| Failure::new(FailureClass::Internal, error.to_string()))
}

/// Takes a session that has ended out of the file, as `on_expiry = "remove"` asks; only what we wrote. True if there
/// was one.
///
/// The moment of its end stays in the state: the user may still be reading the notice.
///
/// # Errors
///
/// Class `CredentialsFile` if the file cannot be edited; it and the state are then as before.
pub async fn remove_expired(ports: &Ports, name: &ProfileName) -> Result<bool, Failure> {
    let record = ports.state.load().await.of(name);
    if !has_ended(&record, ports.clock.now()) {
        return Ok(false);
    }
    let sections = record.sections.iter().filter_map(|section| SectionName::parse(&section.name).ok());
    let targets: Vec<_> = sections.map(|section| target(&record, &section)).collect();
    let removals = ports.store.remove(&targets).await.map_err(|error| failures::store(&error, name))?;
    let done = targets.into_iter().zip(&removals).filter(|(_, removal)| **removal != Removal::Foreign);
    let done: Vec<_> = done.map(|(target, _)| target).collect();
    let key = name.clone();
    let saved = ports.state.update(Box::new(move |state| {
        // Only what was taken out: meanwhile a refresh may have put a new session there.
        let taken = |section: &SectionRecord| {
            let same = |one: &SectionTarget| {
                one.section.as_str() == section.name && one.written.as_ref() == Some(&section.written)
            };
            done.iter().any(same)
        };
        if let Some(record) = state.profiles.get_mut(key.as_str()) {
            record.sections.retain(|section| !taken(section));
        }
    }));
    if let Err(error) = saved.await {
        tracing::warn!(%error, "state not saved");
    }
    let removed = removals.contains(&Removal::Removed);
    if removed {
        tracing::info!(profile = %name, "expired session removed");
    }
    Ok(removed)
}

fn has_ended(record: &Record, now: DateTime<Utc>) -> bool {
    !record.sections.is_empty() && record.expires_at.is_some_and(|expires_at| expires_at <= now)
}
