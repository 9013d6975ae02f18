//! What file and state say of all sessions: read off the loop, taken over by it as a whole.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::config::Config;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::profile::ProfileName;
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
        Observed {
            name: profile.name.clone(),
            session: machine(config, profile, &document, &record, now),
            // A moment of the future was told by a clock that was ahead: its real time is still to come.
            told: record.told.filter(|told| *told <= now),
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
