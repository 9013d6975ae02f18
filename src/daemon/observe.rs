//! What file and state say of all sessions: read off the loop, taken over by it as a whole.

use chrono::{DateTime, Utc};

use crate::config::Config;
use crate::domain::failure::Failure;
use crate::domain::profile::ProfileName;
use crate::domain::session::Session;
use crate::usecase::Ports;
use crate::usecase::status::{ProfileStatus, machine, status};

/// One profile as it was found.
#[derive(Clone, Debug)]
pub(super) struct Observed {
    pub(super) name: ProfileName,
    pub(super) session: Session,
    /// The last moment of which its user was told.
    pub(super) told: Option<DateTime<Utc>>,
}

/// Looks at all profiles. No keychain, no network.
pub(super) async fn observe(ports: &Ports, config: &Config) -> Result<Vec<Observed>, Failure> {
    let Some(first) = config.profiles.first() else { return Ok(Vec::new()) };
    let document = ports.store.read().await;
    let document = document.map_err(|error| crate::usecase::failures::store(&error, &first.name))?;
    let state = ports.state.load().await;
    let now = ports.clock.now();
    let one = |profile: &crate::config::Profile| {
        let record = state.of(&profile.name);
        Observed {
            name: profile.name.clone(),
            session: machine(config, profile, &document, &record, now),
            told: record.told,
        }
    };
    Ok(config.profiles.iter().map(one).collect())
}

/// The status of some profiles, as a client gets it.
pub(super) async fn statuses(
    ports: &Ports,
    config: &Config,
    names: &[ProfileName],
) -> Result<Vec<ProfileStatus>, Failure> {
    status(ports, config, names).await
}
