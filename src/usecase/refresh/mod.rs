//! A new session: checks, a code, one call, one write.
//!
//! Here profiles become groups that one code can serve; `run` takes each group through its steps, `join` lets others aboard
//! on the way, `source` makes the codes that need nobody.

mod join;
mod run;
mod source;

use chrono::{DateTime, Utc};

use run::{Ended, Run};

use super::profiles::{Resolved, resolve, select};
use super::{Ports, failures};
use crate::config::{Config, MfaSource};
use crate::domain::duration::SessionDuration;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::keys::AccessKeyId;
use crate::domain::mfa::{MfaCode, MfaSerial};
use crate::domain::profile::ProfileName;
use crate::domain::record::LastError;
use crate::domain::spent::SpentCode;
use crate::ports::Answer;
use crate::ports::session_store::{PreparedWrite, SectionTarget, SectionWritten};

/// What a refresh is asked to do.
#[derive(Clone, Debug, Default)]
pub struct RefreshRequest {
    /// The profiles; none means the implied one.
    pub profiles: Vec<ProfileName>,
    /// In place of the configured duration.
    pub duration: Option<SessionDuration>,
}

/// For whom a code is asked.
#[derive(Clone, Debug)]
pub struct CodeWanted {
    /// The profiles that will share the session.
    pub profiles: Vec<ProfileName>,
    /// The device that shows the code.
    pub serial: MfaSerial,
}

/// Where a person's code comes from: the command line, a terminal, a dialog. One that is in hand is used whatever the
/// profile says; nobody is asked for a profile whose code comes from a seed or a command.
pub trait CodeSource: Send + Sync {
    /// True if a code is there already.
    fn in_hand(&self) -> bool;

    /// Obtains a code. `refused` is why the one that was obtained before is not taken; whoever has no other, or will not
    /// be asked any more, fails with just that.
    fn obtain<'a>(
        &'a self,
        wanted: &'a CodeWanted,
        refused: Option<&'a Failure>,
    ) -> Answer<'a, Result<MfaCode, Failure>>;

    /// For whom the code is, now that one is there, and for how long they want their session; nothing if only for those
    /// for whom it was asked. Those whose session it cannot be (another key, another STS) are left out of the outcome.
    fn sharers(&self) -> Answer<'_, Option<Sharers>> {
        Box::pin(std::future::ready(None))
    }
}

/// For whom a code is, and for how long they want their session in place of the configured duration.
pub type Sharers = Vec<(ProfileName, Option<SessionDuration>)>;

/// How often a person is asked for a code, if it is refused.
pub const ATTEMPTS: u32 = 3;

/// A session that is on disk.
#[derive(Clone, Debug)]
pub struct Refreshed {
    /// When it expires.
    pub expires_at: DateTime<Utc>,
    /// Where it was written.
    pub sections: Vec<SectionWritten>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// What became of each profile, in the order asked for.
pub struct RefreshOutcome {
    /// A session, or why there is none.
    pub profiles: Vec<(ProfileName, Result<Refreshed, Failure>)>,
    /// The last write, whose neighbours are to be watched for a moment when nobody waits for an answer any more.
    pub settling: Option<Settling>,
}

/// A write that is durable and whose neighbours are still to be watched.
pub struct Settling {
    names: Vec<ProfileName>,
    write: Box<dyn PreparedWrite>,
}

impl std::fmt::Debug for Settling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settling").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Settling {
    /// Watches for a moment, and carries over what another program wrote meanwhile.
    ///
    /// # Errors
    ///
    /// Class `CredentialsFile` if the session did not survive; it is remembered as the profiles' last error.
    pub async fn finish(self, ports: &Ports) -> Result<(), Failure> {
        let Some(first) = self.names.first() else { return Ok(()) };
        let Err(error) = self.write.settle().await else { return Ok(()) };
        let mut failure = failures::store(&error, first);
        failure.message = format!("another program wrote the file at the same moment: {}", failure.message);
        remember_failure(ports, &self.names, &failure, Vec::new()).await;
        Err(failure)
    }
}

impl std::fmt::Debug for RefreshOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RefreshOutcome").field("profiles", &self.profiles).finish_non_exhaustive()
    }
}

/// Profiles that share a key and a device, and so one code and one session.
struct Group {
    members: Vec<Resolved>,
    /// Known if it had to be looked up to form the groups.
    key: Option<AccessKeyId>,
}

/// Refreshes the profiles asked for; each is tried.
///
/// # Errors
///
/// If it cannot be said which profiles are meant, or one code would have to serve several devices. Everything else is
/// in the outcome of its profile.
pub async fn refresh(
    ports: &Ports,
    config: &Config,
    request: &RefreshRequest,
    codes: &dyn CodeSource,
) -> Result<RefreshOutcome, Failure> {
    let selected = select(config, &request.profiles, ports.config.path())?;
    let state = ports.state.load().await;
    let mut outcomes: Vec<(ProfileName, Option<Result<Refreshed, Failure>>)> = Vec::new();
    let mut resolved = Vec::new();
    for profile in &selected {
        let outcome = match resolve(ports, config, profile, &state, request.duration).await {
            Ok(member) => {
                resolved.push(member);
                None
            }
            Err(failure) => Some(Err(failure)),
        };
        outcomes.push((profile.name.clone(), outcome));
    }
    let (groups, failed) = group(ports, resolved).await;
    for (name, failure) in failed {
        remember_failure(ports, std::slice::from_ref(&name), &failure, Vec::new()).await;
        put_outcome(&mut outcomes, &name, Err(failure));
    }
    if codes.in_hand() && groups.iter().filter(|group| group.serial().is_some()).count() > 1 {
        return Err(several_devices());
    }
    let mut settling: Option<Settling> = None;
    for group in groups {
        // A write holds the lock until it has settled, and this group needs it too.
        if let Some(settling) = settling.take() {
            let names = settling.names.clone();
            if let Err(failure) = settling.finish(ports).await {
                for name in &names {
                    put_outcome(&mut outcomes, name, Err(failure.clone()));
                }
            }
        }
        let Ended { profiles, write } = Run::new(ports, config, group).finish(codes).await;
        let done = profiles.iter().filter(|(_, outcome)| outcome.is_ok()).map(|(name, _)| name.clone());
        settling = write.map(|write| Settling { names: done.collect(), write });
        for (name, outcome) in profiles {
            put_outcome(&mut outcomes, &name, outcome);
        }
    }
    let never = || Failure::new(FailureClass::Internal, "the profile was left out of the refresh");
    let profiles =
        outcomes.into_iter().map(|(name, outcome)| (name, outcome.unwrap_or_else(|| Err(never()))));
    Ok(RefreshOutcome { profiles: profiles.collect(), settling })
}

fn put_outcome(
    outcomes: &mut Vec<(ProfileName, Option<Result<Refreshed, Failure>>)>,
    name: &ProfileName,
    outcome: Result<Refreshed, Failure>,
) {
    match outcomes.iter_mut().find(|(other, _)| other == name) {
        Some((_, slot)) => *slot = Some(outcome),
        // It joined on the way.
        None => outcomes.push((name.clone(), Some(outcome))),
    }
}

/// The failure of a request that brings one code along for several devices or keys.
#[must_use]
pub fn several_devices() -> Failure {
    Failure::new(
        FailureClass::Usage,
        "one code serves one key and one MFA device, and these profiles have several",
    )
    .hint("run stsd refresh once for each of them, with a new code each time")
}

/// Puts profiles together that one code can serve. With a single profile no key is read for it.
async fn group(ports: &Ports, resolved: Vec<Resolved>) -> (Vec<Group>, Vec<(ProfileName, Failure)>) {
    let mut groups: Vec<Group> = Vec::new();
    let mut failed = Vec::new();
    let alone = resolved.len() == 1;
    for member in resolved {
        let key = if alone || member.serial.is_none() {
            None
        } else {
            match ports.keychain.read(&member.name).await {
                Ok(key) => Some(key.id),
                Err(error) => {
                    failed.push((member.name.clone(), failures::keychain(&error, &member.name)));
                    continue;
                }
            }
        };
        let shares = |group: &&mut Group| {
            let same_device = key.is_some() && group.key == key && group.serial() == member.serial.as_ref();
            same_device && group.members.first().is_some_and(|lead| lead.site == member.site)
        };
        match groups.iter_mut().find(shares) {
            Some(group) => group.members.push(member),
            None => groups.push(Group { members: vec![member], key }),
        }
    }
    (groups, failed)
}

impl Group {
    fn serial(&self) -> Option<&MfaSerial> {
        self.members.first().and_then(|member| member.serial.as_ref())
    }

    /// The member whose code can be had without asking anybody, if there is one.
    fn without_asking(&self) -> Option<&Resolved> {
        let asks = |source: &MfaSource| matches!(source, MfaSource::Prompt | MfaSource::None);
        self.members.iter().find(|member| !asks(&member.mfa))
    }

    /// The shortest that a member asks for: no profile gets a longer session than it was given.
    fn duration(&self, lead: &Resolved) -> SessionDuration {
        self.members.iter().map(|member| member.duration).min().unwrap_or(lead.duration)
    }

    fn names(&self) -> Vec<ProfileName> {
        self.members.iter().map(|member| member.name.clone()).collect()
    }

    fn targets(&self) -> Vec<SectionTarget> {
        self.members.iter().flat_map(|member| member.targets.clone()).collect()
    }
}

/// Keeps the last failure for `status`, and the codes that were spent on it. A wrong command line or configuration is not
/// worth remembering: it is gone with the next try.
async fn remember_failure(ports: &Ports, names: &[ProfileName], failure: &Failure, spent: Vec<SpentCode>) {
    if spent.is_empty() && matches!(failure.class, FailureClass::Usage | FailureClass::Config) {
        return;
    }
    let now = ports.clock.now();
    let error = LastError::new(failure.class, &failure.message, now);
    let names = names.to_vec();
    let saved = ports.state.update(Box::new(move |state| {
        for code in spent {
            state.spend(code, now);
        }
        for name in &names {
            state.of_mut(name).last_error = Some(error.clone());
        }
    }));
    if let Err(error) = saved.await {
        tracing::warn!(%error, "state not saved");
    }
}
