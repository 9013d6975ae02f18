//! Drops sessions from where they were delivered; the keys stay.

use super::profiles::{select, target};
use super::{Ports, failures};
use crate::config::Config;
use crate::domain::failure::Failure;
use crate::domain::profile::{ProfileName, SectionName};
use crate::domain::record::{Record, SectionRecord};
use crate::ports::session_store::{Removal, SectionTarget};

/// How often a session is looked for that is renewed at the same moment.
const ATTEMPTS: u32 = 3;

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

/// Forgets the sessions of the profiles meant; each is tried. A profile whose table is gone, but whose session is
/// remembered, can be named too and belongs to "all".
///
/// # Errors
///
/// If it cannot be said which profiles are meant. A file that cannot be edited is in the outcome of its profile.
pub async fn forget(
    ports: &Ports,
    config: &Config,
    which: &Which,
) -> Result<Vec<(ProfileName, Result<Forgotten, Failure>)>, Failure> {
    let state = ports.state.load().await;
    let remembered = |name: &ProfileName| state.profiles.contains_key(name.as_str());
    let mut names: Vec<ProfileName> = match which {
        Which::Named(names) if names.is_empty() => select(config, names, ports.config.path())?
            .into_iter()
            .map(|profile| profile.name.clone())
            .collect(),
        Which::Named(names) => names.clone(),
        Which::All => {
            let orphans = state.profiles.keys().filter_map(|name| ProfileName::parse(name).ok());
            config.profiles.iter().map(|profile| profile.name.clone()).chain(orphans).collect()
        }
    };
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    for name in &names {
        if !remembered(name) {
            select(config, std::slice::from_ref(name), ports.config.path())?;
        }
    }
    let mut outcomes = Vec::new();
    for name in names {
        let sections = config.profile(&name).map(|profile| profile.sections.clone()).unwrap_or_default();
        let outcome = forget_one(ports, &name, &sections).await;
        outcomes.push((name, outcome));
    }
    Ok(outcomes)
}

/// Forgets the session of one profile: in its configured `sections`, and in those that we remember to have written.
///
/// # Errors
///
/// Class `CredentialsFile` if the file cannot be edited; it and the record are then as before.
pub async fn forget_one(
    ports: &Ports,
    name: &ProfileName,
    sections: &[SectionName],
) -> Result<Forgotten, Failure> {
    let mut attempt = 1;
    let (record, targets, removals) = loop {
        let record = ports.state.load().await.of(name);
        let targets = targets(sections, &record);
        let removals = take_out(ports, name, &record, &targets).await?;
        // While the lock was waited for a refresh may have put a session there of which the record knew nothing.
        let foreign = removals.contains(&Removal::Foreign);
        if !foreign || attempt == ATTEMPTS || ports.state.load().await.of(name).wrote_the_same(&record) {
            break (record, targets, removals);
        }
        attempt += 1;
    };
    // What was left alone is still not ours the next time.
    let foreign = targets.iter().zip(&removals).filter(|(_, removal)| **removal == Removal::Foreign);
    let foreign = foreign.filter_map(|(target, _)| record.section(&target.section).cloned());
    let foreign: Vec<_> = foreign.map(|section| SectionRecord { given_up: true, ..section }).collect();
    let key = name.clone();
    let saved = ports.state.update(Box::new(move |state| {
        if foreign.is_empty() {
            state.profiles.remove(key.as_str());
        } else {
            *state.of_mut(&key) = Record { sections: foreign, ..Record::default() };
        }
    }));
    if let Err(error) = saved.await {
        tracing::warn!(%error, "state not saved");
    }
    tracing::info!(profile = %name, "session forgotten");
    let sections = targets.into_iter().map(|target| target.section).zip(removals);
    Ok(Forgotten { sections: sections.collect() })
}

async fn take_out(
    ports: &Ports,
    name: &ProfileName,
    record: &Record,
    targets: &[SectionTarget],
) -> Result<Vec<Removal>, Failure> {
    // Said before it is done: the daemon puts back what is lost while it should be there.
    let given_up = !record.sections.is_empty();
    if given_up {
        give_up(ports, name, true).await;
    }
    let removals = ports.store.remove(targets).await;
    if given_up && removals.as_ref().is_err_and(|error| !error.changed()) {
        give_up(ports, name, false).await;
    }
    removals.map_err(|error| failures::store(&error, name))
}

/// Says whether the sections of a profile are given up.
async fn give_up(ports: &Ports, name: &ProfileName, given_up: bool) {
    let key = name.clone();
    let saved = ports.state.update(Box::new(move |state| {
        for section in
            state.profiles.get_mut(key.as_str()).into_iter().flat_map(|record| &mut record.sections)
        {
            section.given_up = given_up;
        }
    }));
    if let Err(error) = saved.await {
        tracing::warn!(%error, "state not saved");
    }
}

/// The configured sections, and those that an earlier configuration made us write.
fn targets(configured: &[SectionName], record: &Record) -> Vec<SectionTarget> {
    let earlier = record.sections.iter().filter_map(|section| SectionName::parse(&section.name).ok());
    let mut names = configured.to_vec();
    names.extend(earlier.filter(|name| !configured.contains(name)));
    names.iter().map(|section| target(record, section)).collect()
}
