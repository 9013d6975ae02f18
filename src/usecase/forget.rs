//! Drops sessions from where they were delivered; the keys stay.

use super::profiles::{select, target};
use super::{Ports, failures};
use crate::config::{Config, Profile};
use crate::domain::failure::Failure;
use crate::domain::profile::{ProfileName, SectionName};
use crate::domain::record::Record;
use crate::ports::session_store::{Removal, SectionTarget};

/// Which profiles are meant.
#[derive(Clone, Debug)]
pub enum Which {
    /// Those named; none means the implied one.
    Named(Vec<ProfileName>),
    /// All that are configured.
    All,
}

/// What became of a profile's session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forgotten {
    /// By section.
    pub sections: Vec<(SectionName, Removal)>,
}

impl Forgotten {
    /// True if a session was there and is gone.
    #[must_use]
    pub fn had_session(&self) -> bool {
        self.sections.iter().any(|(_, removal)| *removal == Removal::Removed)
    }
}

/// Forgets the sessions of the profiles meant; each is tried.
///
/// # Errors
///
/// If it cannot be said which profiles are meant. A file that cannot be edited is in the outcome of its profile.
pub async fn forget(
    ports: &Ports,
    config: &Config,
    which: &Which,
) -> Result<Vec<(ProfileName, Result<Forgotten, Failure>)>, Failure> {
    let selected = match which {
        Which::Named(names) => select(config, names, ports.config.path())?,
        Which::All => config.profiles.iter().collect(),
    };
    let mut outcomes = Vec::new();
    for profile in selected {
        outcomes.push((profile.name.clone(), forget_one(ports, profile).await));
    }
    Ok(outcomes)
}

/// Forgets the session of one profile.
///
/// # Errors
///
/// Class `CredentialsFile` if the file cannot be edited; it and the record are then as before.
pub async fn forget_one(ports: &Ports, profile: &Profile) -> Result<Forgotten, Failure> {
    let record = ports.state.load().await.of(&profile.name);
    let targets = targets(profile, &record);
    let removals =
        ports.store.remove(&targets).await.map_err(|error| failures::store(&error, &profile.name))?;
    // What was left alone is still not ours the next time.
    let foreign = targets.iter().zip(&removals).filter(|(_, removal)| **removal == Removal::Foreign);
    let foreign: Vec<_> =
        foreign.filter_map(|(target, _)| record.section(&target.section).cloned()).collect();
    let name = profile.name.clone();
    let saved = ports.state.update(Box::new(move |state| {
        if foreign.is_empty() {
            state.profiles.remove(name.as_str());
        } else {
            *state.of_mut(&name) = Record { sections: foreign, ..Record::default() };
        }
    }));
    if let Err(error) = saved.await {
        tracing::warn!(%error, "state not saved");
    }
    tracing::info!(profile = %profile.name, "session forgotten");
    let sections = targets.into_iter().map(|target| target.section).zip(removals);
    Ok(Forgotten { sections: sections.collect() })
}

/// The configured sections, and those that an earlier configuration made us write.
fn targets(profile: &Profile, record: &Record) -> Vec<SectionTarget> {
    let earlier = record.sections.iter().filter_map(|section| SectionName::parse(&section.name).ok());
    let mut names = profile.sections.clone();
    names.extend(earlier.filter(|name| !profile.sections.contains(name)));
    names.iter().map(|section| target(record, section)).collect()
}
