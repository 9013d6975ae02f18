//! How the sessions are: from the credentials file and the remembered state. No keychain, no network.

use chrono::{DateTime, Utc};

use super::profiles::{aws_profile, select, serial};
use super::{Ports, failures};
use crate::config::{Config, Profile};
use crate::domain::aws_file::{Document, OccupantKind};
use crate::domain::failure::Failure;
use crate::domain::keys::AccessKeyId;
use crate::domain::mfa::MfaSerial;
use crate::domain::profile::ProfileName;
use crate::domain::record::{LastError, Record};
use crate::domain::session::{Event, Issued, Kind, Session, Status};

/// How one profile is.
#[derive(Clone, Debug)]
pub struct ProfileStatus {
    /// Its settings.
    pub profile: Profile,
    /// Its session.
    pub status: Status,
    /// Its MFA device, wherever it stands.
    pub mfa_serial: Option<MfaSerial>,
    /// The last failure since the last success.
    pub last_error: Option<LastError>,
}

/// Looks at the profiles named, or at all.
///
/// # Errors
///
/// Class `Config` for an unknown profile, class `CredentialsFile` if the file cannot be read.
pub async fn status(
    ports: &Ports,
    config: &Config,
    names: &[ProfileName],
) -> Result<Vec<ProfileStatus>, Failure> {
    let selected = match names {
        [] => config.profiles.iter().collect::<Vec<_>>(),
        names => select(config, names, ports.config.path())?,
    };
    let Some(first) = selected.first() else { return Ok(Vec::new()) };
    let document = ports.store.read().await.map_err(|error| failures::store(&error, &first.name))?;
    let state = ports.state.load().await;
    let now = ports.clock.now();
    let mut statuses = Vec::new();
    for profile in selected {
        let record = state.of(&profile.name);
        let serial = match &profile.mfa_serial {
            Some(serial) => Some(serial.clone()),
            // Only now: AWS's file is read anew for each profile.
            None => serial_of_aws(ports, profile).await,
        };
        statuses.push(ProfileStatus {
            status: machine(config, profile, &document, &record, now).status(now),
            profile: profile.clone(),
            mfa_serial: serial,
            last_error: record.last_error,
        });
    }
    Ok(statuses)
}

/// The serial that AWS's configuration names. One that cannot be used is `refresh`'s business: the other profiles have a
/// status all the same.
async fn serial_of_aws(ports: &Ports, profile: &Profile) -> Option<MfaSerial> {
    let found = match aws_profile(ports, profile.name.as_str()).await {
        Ok(aws) => serial(profile, &aws),
        Err(failure) => Err(failure),
    };
    found.unwrap_or_else(|failure| {
        tracing::warn!(profile = %profile.name, %failure, "MFA serial not known");
        None
    })
}

/// The session machine of a profile, restored from what file and state say at `now`.
#[must_use]
pub fn machine(
    config: &Config,
    profile: &Profile,
    document: &Document,
    record: &Record,
    now: DateTime<Utc>,
) -> Session {
    let kind = match &profile.role {
        Some(role) => Kind::Role { parent: role.source.clone().unwrap_or_else(|| profile.name.clone()) },
        None => Kind::Mfa { code: profile.mfa != crate::config::MfaSource::None },
    };
    let mut session = Session::new(kind, config.warn_before.clone());
    drop(session.on(Event::Restored(issued(profile, document, record)), now));
    session
}

/// The file wins on presence; of two expiries the earlier counts. A session whose expiry nobody knows is none: it
/// cannot be said that it lives.
fn issued(profile: &Profile, document: &Document, record: &Record) -> Option<Issued> {
    let section = profile.sections.first()?;
    let occupant = document.occupant(section)?;
    if occupant.kind() != OccupantKind::Temporary {
        return None;
    }
    let id = AccessKeyId::parse(occupant.access_key_id.as_deref()?).ok()?;
    // What is remembered counts only for what was written.
    let ours = record.section(section).is_some_and(|known| occupant.is(&known.written));
    let remembered = record.expires_at.filter(|_| ours);
    let expires_at = match (occupant.expires_at, remembered) {
        (Some(file), Some(state)) => file.min(state),
        (file, state) => file.or(state)?,
    };
    Some(Issued { id, issued_at: record.issued_at.filter(|_| ours), expires_at })
}
