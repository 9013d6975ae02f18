//! What file and state say of all sessions: read off the loop, taken over by it as a whole.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::config::{Config, OnExpiry};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::keys::SessionCredentials;
use crate::domain::profile::ProfileName;
use crate::domain::record::Record;
use crate::domain::session::Session;
use crate::usecase::Ports;
use crate::usecase::status::{ProfileStatus, machine, status};

/// How long a look at file and state may take: a network file system after a resume may never answer.
const LOOK: Duration = Duration::from_secs(20);

/// One profile as it was found.
#[derive(Clone, Debug)]
pub(super) struct Observed {
    pub(super) name: ProfileName,
    pub(super) session: Session,
    /// The last moment of which its user was told.
    pub(super) told: Option<DateTime<Utc>>,
    /// What is remembered of it.
    pub(super) record: Record,
    /// Its sessions as the file holds them, to be written again if another program drops one.
    pub(super) held: Vec<SessionCredentials>,
    /// What there is to be done about the file.
    pub(super) care: Option<Care>,
}

/// What a profile's sections in the file call for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Care {
    /// Another program took the session away.
    Keep,
    /// The session has ended and is to go.
    RemoveExpired,
}

impl Observed {
    /// True if a session that ended then has been taken out of the file since.
    pub(super) fn was_removed_at(&self, end: DateTime<Utc>) -> bool {
        let there = self.record.sections.iter().any(|section| section.expires_at == Some(end));
        self.record.expires_at == Some(end) && !there
    }
}

/// Looks at all profiles. No keychain, no network.
async fn observe(ports: &Ports, config: &Config) -> Result<Vec<Observed>, Failure> {
    let Some(first) = config.profiles.first() else { return Ok(Vec::new()) };
    let document = ports.store.read().await;
    let document = document.map_err(|error| crate::usecase::failures::store(&error, &first.name))?;
    let state = ports.state.load().await;
    let now = ports.clock.now();
    let one = |profile: &crate::config::Profile| {
        let record = state.of(&profile.name);
        let held = record.sessions_in(&document);
        let care = if !record.disturbed(&profile.sections, &document, now).is_empty() {
            Some(Care::Keep)
        } else if profile.on_expiry == OnExpiry::Remove && held.iter().any(|it| it.expires_at <= now) {
            Some(Care::RemoveExpired)
        } else {
            None
        };
        Observed {
            name: profile.name.clone(),
            session: machine(config, profile, &document, &record, now),
            // A moment of the future was told by a clock that was ahead: its real time is still to come.
            told: record.told.filter(|told| *told <= now),
            record,
            held,
            care,
        }
    };
    Ok(config.profiles.iter().map(one).collect())
}

/// Looks at file and state, but not for ever.
pub(super) async fn look(ports: &Ports, config: &Config) -> Result<Vec<Observed>, Failure> {
    let found = tokio::time::timeout(LOOK, observe(ports, config)).await;
    found.unwrap_or_else(|_elapsed| {
        let message = format!("file and state could not be read within {} s", LOOK.as_secs());
        Err(Failure::new(FailureClass::CredentialsFile, message))
    })
}

/// The status of some profiles, as a client gets it.
pub(super) async fn statuses(
    ports: &Ports,
    config: &Config,
    names: &[ProfileName],
) -> Result<Vec<ProfileStatus>, Failure> {
    status(ports, config, names).await
}
