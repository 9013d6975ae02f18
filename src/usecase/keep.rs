//! Keeps delivered sessions where they were delivered, and takes them out when they have ended.
//!
//! Programs that rewrite the credentials file from a copy that they read earlier drop what was written in between. A
//! session that got lost so is written once more; after that it is only reported: two programs that correct each other
//! for ever help nobody.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Ports, failures};
use crate::config::Profile;
use crate::domain::aws_file::Fate;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::keys::SessionCredentials;
use crate::domain::profile::{ProfileName, SectionName};
use crate::domain::record::{LastError, SectionRecord};
use crate::ports::session_store::{Removal, SectionTarget, SectionWritten, StoreError};
use crate::usecase::profiles::target;

/// What was found when nobody wrote the file.
#[derive(PartialEq)]
enum Finding {
    /// All is as it was written.
    Intact,
    Disturbed {
        /// The sections that lost one and the same session, which is in hand.
        again: Vec<SectionName>,
        /// Those whose session cannot be put back.
        lost: Vec<SectionName>,
    },
}

/// Looks at a profile whose session another program seems to have taken away, and writes it again if it was lost for the
/// first time. `held` are the sessions that its sections held when they were looked at last.
///
/// True if something was done or remembered.
///
/// # Errors
///
/// Class `CredentialsFile` if it could not be looked at or written in peace, class `Internal` if it could not be
/// remembered, and nothing was written then. It is worth another try when the file has changed again.
pub async fn keep(ports: &Ports, profile: &Profile, held: &[SessionCredentials]) -> Result<bool, Failure> {
    let failed = |error: &StoreError| failures::store(error, &profile.name);
    let (found, session) = look(ports, profile, held).await?;
    let Finding::Disturbed { again, lost } = &found else { return Ok(false) };
    let record = ports.state.load().await.of(&profile.name);
    let targets: Vec<SectionTarget> = again.iter().map(|section| target(&record, section)).collect();
    // With the lock in hand and the file at rest: a rewrite may not have been at its end, nor may a refresh whose
    // session was in the file and not in the state yet.
    let mut write = match ports.store.prepare(&targets).await {
        Ok(write) => write,
        // As the file is now nothing can be written to it.
        Err(error @ StoreError::Refused { .. }) => {
            let all = [again.as_slice(), lost].concat();
            return remember(ports, profile, &all, &Outcome::Lost(Some(failed(&error)))).await;
        }
        Err(error) => return Err(failed(&error)),
    };
    match look(ports, profile, held).await?.0 {
        Finding::Intact => return Ok(false),
        now if now != found => return Ok(true),
        Finding::Disturbed { .. } => {}
    }
    if let Some(session) = session.filter(|_| !again.is_empty()) {
        // Noted first: what cannot be noted would be done again and again.
        if !remember(ports, profile, again, &Outcome::Begun).await? {
            return Ok(false);
        }
        let outcome = match write.put_back(session).await {
            Ok(written) => Outcome::WrittenAgain(written),
            Err(error) => Outcome::Lost(Some(failed(&error))),
        };
        remember(ports, profile, again, &outcome).await?;
        if let Outcome::Lost(Some(failure)) = outcome {
            return Err(failure);
        }
        tracing::warn!(profile = %profile.name, "session written again after another program's change");
    }
    if !lost.is_empty() {
        tracing::warn!(profile = %profile.name, "session changed by another program");
        remember(ports, profile, lost, &Outcome::Lost(None)).await?;
    }
    write.settle().await.map_err(|error| failed(&error))?;
    Ok(true)
}

/// Looks at the profile's sections; with the session that can be put back, if there is one.
async fn look<'a>(
    ports: &Ports,
    profile: &Profile,
    held: &'a [SessionCredentials],
) -> Result<(Finding, Option<&'a SessionCredentials>), Failure> {
    let document = ports.store.read().await.map_err(|error| failures::store(&error, &profile.name))?;
    let record = ports.state.load().await.of(&profile.name);
    let disturbed = record.disturbed(&profile.sections, &document, ports.clock.now());
    let (mut again, mut lost, mut session) = (Vec::new(), Vec::new(), None);
    for (name, fate) in disturbed {
        let section = record.section(&name).filter(|section| fate == Fate::Lost && !section.redone);
        let own = section.and_then(|section| held.iter().find(|session| section.is_of(session)));
        match (own, session) {
            (None, _) => lost.push(name),
            (Some(own), None) => {
                session = Some(own);
                again.push(name);
            }
            (Some(own), Some(first)) if own.id == first.id => again.push(name),
            // Another session's turn comes with the next look.
            (Some(_), Some(_)) => {}
        }
    }
    let intact = again.is_empty() && lost.is_empty();
    Ok((if intact { Finding::Intact } else { Finding::Disturbed { again, lost } }, session))
}

/// What became of sections that another program changed.
enum Outcome {
    /// About to be put back.
    Begun,
    /// Put back.
    WrittenAgain(Vec<SectionWritten>),
    /// Left as they are, with the reason if it is not that nothing could be done.
    Lost(Option<Failure>),
}

/// Remembers what became of sections; false if the session has been forgotten since.
async fn remember(
    ports: &Ports,
    profile: &Profile,
    sections: &[SectionName],
    outcome: &Outcome,
) -> Result<bool, Failure> {
    let now = ports.clock.now();
    let (name, sections) = (profile.name.clone(), sections.to_vec());
    let message = outcome.message(ports, profile, &sections);
    let error = message.map(|message| LastError::new(FailureClass::CredentialsFile, &message, now));
    let given_up = matches!(outcome, Outcome::Lost(_));
    let made: Vec<_> = match outcome {
        Outcome::WrittenAgain(written) => {
            written.iter().filter(|one| one.created).map(|one| one.section.clone()).collect()
        }
        Outcome::Begun | Outcome::Lost(_) => Vec::new(),
    };
    let known = Arc::new(AtomicBool::new(false));
    let was_known = Arc::clone(&known);
    let saved = ports.state.update(Box::new(move |state| {
        let Some(record) = state.profiles.get_mut(name.as_str()) else { return };
        for name in &sections {
            let Some(section) = record.section_mut(name) else { continue };
            section.redone |= !given_up;
            section.given_up |= given_up;
            section.created |= made.contains(name);
        }
        if error.is_some() {
            record.last_error = error;
        }
        was_known.store(true, Ordering::SeqCst);
    }));
    saved.await.map_err(|error| Failure::new(FailureClass::Internal, error.to_string()))?;
    Ok(known.load(Ordering::SeqCst))
}

impl Outcome {
    /// What `status` says of it.
    fn message(&self, ports: &Ports, profile: &Profile, sections: &[SectionName]) -> Option<String> {
        let after = match self {
            Self::Begun => return None,
            Self::WrittenAgain(_) => "the session was written again".to_owned(),
            Self::Lost(None) => format!("to have it again: stsd refresh {}", profile.name),
            Self::Lost(Some(failure)) => failure.message.clone(),
        };
        let at = ports.clock.local(ports.clock.now()).format("%Y-%m-%d %H:%M");
        let names = sections.iter().map(|name| format!("[{name}]")).collect::<Vec<_>>().join(", ");
        Some(format!("{names} changed by another program at {at}: {after}"))
    }
}

/// Takes sessions that have ended out of the file, as `on_expiry = "remove"` asks; only what we wrote. True if there was
/// one.
///
/// The moment of the end stays in the state: the user may still be reading the notice.
///
/// # Errors
///
/// Class `CredentialsFile` if the file cannot be edited, class `Internal` if what was done could not be remembered.
pub async fn remove_expired(ports: &Ports, name: &ProfileName) -> Result<bool, Failure> {
    let record = ports.state.load().await.of(name);
    let ended = record.ended(ports.clock.now());
    let sections = ended.filter_map(|section| SectionName::parse(&section.name).ok());
    let targets: Vec<_> = sections.map(|section| target(&record, &section)).collect();
    if targets.is_empty() {
        return Ok(false);
    }
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
    saved.await.map_err(|error| Failure::new(FailureClass::Internal, error.to_string()))?;
    let removed = removals.contains(&Removal::Removed);
    if removed {
        tracing::info!(profile = %name, "expired session removed");
    }
    Ok(removed)
}
