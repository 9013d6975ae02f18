//! One refresh of one group: the session machine decides what comes next, this performs it.
//!
//! The code is precious: it is asked for after every check that needs none, and spent once the lock is held and the
//! space for the new file is set aside.

use chrono::{DateTime, TimeDelta, Utc};

use super::{CodeSource, CodeWanted, Group, Refreshed, remember_failure, source};
use crate::config::{Config, MfaSource};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::fingerprint::{Fingerprint, SALT_BYTES};
use crate::domain::keys::SessionCredentials;
use crate::domain::mfa::MfaCode;
use crate::domain::profile::ProfileName;
use crate::domain::record::{Record, SectionRecord};
use crate::domain::session::{Effect, Event, Kind, Session};
use crate::domain::spent::SpentCode;
use crate::domain::totp::next_code_in;
use crate::ports::session_store::{PreparedWrite, SectionWritten};
use crate::ports::sts::{SessionRequest, StsError};
use crate::usecase::profiles::Resolved;
use crate::usecase::{Ports, failures};

/// 2026-11-01, shortly before this program was first built: no right clock shows an earlier time.
const EARLIEST: i64 = 1_793_491_200;

/// How often a write is tried once the session is in hand: losing it would cost its user another code.
const WRITE_ATTEMPTS: u32 = 3;

/// What became of a group, and of those who wanted to join it and could not be served.
pub(super) struct Ended {
    pub(super) profiles: Vec<(ProfileName, Result<Refreshed, Failure>)>,
    /// The write, if there was one, whose neighbours are to be watched.
    pub(super) write: Option<Box<dyn PreparedWrite>>,
}

/// One refresh of one group: the machine decides, this performs.
pub(super) struct Run<'a> {
    pub(super) ports: &'a Ports,
    pub(super) config: &'a Config,
    pub(super) group: Group,
    /// Those who wanted to join and failed for a reason of their own.
    pub(super) apart: Vec<(ProfileName, Failure)>,
    machine: Session,
    code: Option<MfaCode>,
    /// Set once a code was had without a person: what to do if AWS refuses it.
    doubt: Option<String>,
    /// Why the code was not taken, if another one may be: set by the step that has just failed.
    refused: Option<Failure>,
    /// The same, until the next code is asked for.
    again: Option<Failure>,
    /// The last failure that was remembered.
    remembered: Option<Failure>,
    write: Option<Box<dyn PreparedWrite>>,
    issued: Option<SessionCredentials>,
    written: Vec<SectionWritten>,
    /// The codes that AWS may have seen.
    spent: Vec<SpentCode>,
}

impl<'a> Run<'a> {
    pub(super) fn new(ports: &'a Ports, config: &'a Config, group: Group) -> Self {
        let kind = Kind::Mfa { code: group.serial().is_some() };
        let machine = Session::new(kind, config.warn_before.clone());
        Self {
            ports,
            config,
            group,
            apart: Vec::new(),
            machine,
            code: None,
            doubt: None,
            refused: None,
            again: None,
            remembered: None,
            write: None,
            issued: None,
            written: Vec::new(),
            spent: Vec::new(),
        }
    }

    pub(super) async fn finish(mut self, codes: &dyn CodeSource) -> Ended {
        let result = match self.go(codes).await {
            Ok(()) => self.record().await,
            Err(failure) => Err(failure),
        };
        let apart = std::mem::take(&mut self.apart).into_iter().map(|(name, failure)| (name, Err(failure)));
        match result {
            Ok(done) => {
                let profiles = done.into_iter().map(|(name, refreshed)| (name, Ok(refreshed))).chain(apart);
                Ended { profiles: profiles.collect(), write: self.write }
            }
            Err(failure) => {
                let names = self.group.names().into_iter().map(|name| (name, Err(failure.clone())));
                Ended { profiles: names.chain(apart).collect(), write: None }
            }
        }
    }

    /// Goes from step to step until the session is on disk.
    async fn go(&mut self, codes: &dyn CodeSource) -> Result<(), Failure> {
        let mut event = Event::RefreshAsked;
        loop {
            let effects = self.machine.on(event, self.ports.clock.now());
            let step = match effects.first() {
                Some(Effect::Check) => self.check(codes.in_hand()).await.map(|()| Event::Checked),
                Some(Effect::ObtainCode) => self.obtain_code(codes).await.map(|()| Event::CodeGiven),
                Some(Effect::CallSts) => self.call().await,
                Some(Effect::Deliver) => self.deliver().await.map(|()| Event::Delivered),
                Some(Effect::Record) => return Ok(()),
                None => return Err(Failure::new(FailureClass::Internal, "the refresh stopped halfway")),
            };
            event = match step {
                Ok(event) => event,
                Err(failure) => {
                    let effects = self.machine.on(Event::Failed(failure.class), self.ports.clock.now());
                    // A refusal was remembered when it came.
                    let known = self.remembered.as_ref() == Some(&failure);
                    if effects.contains(&Effect::Record) && !known {
                        let spent = self.spent.clone();
                        remember_failure(self.ports, &self.group.names(), &failure, spent).await;
                        self.remembered = Some(failure.clone());
                    }
                    let Some(refused) = self.refused.take() else { return Err(failure) };
                    // Whoever gave the code may have another one.
                    self.again = Some(refused);
                    Event::RefreshAsked
                }
            };
        }
    }

    /// The member whose key signs the call.
    fn lead(&self) -> Result<&Resolved, Failure> {
        self.group.members.first().ok_or_else(|| Failure::new(FailureClass::Internal, "an empty group"))
    }

    /// All that can be known before a code exists, so that nobody types one in vain.
    async fn check(&mut self, code_in_hand: bool) -> Result<(), Failure> {
        sane_clock(self.ports.clock.now())?;
        let lead = self.lead()?;
        self.ports.sts.check(&lead.site).await.map_err(|error| failures::sts(&error, &lead.name))?;
        self.ports
            .keychain
            .check_item(&lead.name)
            .await
            .map_err(|error| failures::keychain(&error, &lead.name))?;
        // With a code in hand `call` makes the same checks at once, and keeps the lock and the space.
        if code_in_hand {
            return Ok(());
        }
        let editable = self.ports.store.check(&self.group.targets()).await;
        editable.map_err(|error| failures::store(&error, &lead.name))
    }

    async fn obtain_code(&mut self, codes: &dyn CodeSource) -> Result<(), Failure> {
        let Some(serial) = self.group.serial().cloned() else { return Ok(()) };
        let member = self.group.without_asking().filter(|_| !codes.in_hand()).cloned();
        let wanted = CodeWanted { profiles: self.group.names(), serial };
        let (code, claimed) = if let Some(member) = member {
            let code = source::code(self.ports, &member, &wanted.serial).await?;
            self.doubt = Some(source::doubt(&member));
            (code, member.mfa == MfaSource::Totp)
        } else {
            let again = self.again.take();
            (codes.obtain(&wanted, again.as_ref()).await?, false)
        };
        let now = self.ports.clock.now();
        let used = |spent: &SpentCode| spent.is(&wanted.serial, &code, now);
        let remembered = self.ports.state.load().await.spent;
        if !claimed && self.spent.iter().chain(&remembered).any(used) {
            let failure = already_used(&wanted.profiles, now);
            self.refused = self.doubt.is_none().then(|| failure.clone());
            return Err(failure);
        }
        self.code = Some(code);
        match codes.sharers().await {
            Some(sharers) => self.share(&sharers).await,
            None => Ok(()),
        }
    }

    /// Takes lock and space, reads the key, spends the code.
    async fn call(&mut self) -> Result<Event, Failure> {
        let (code, salt) = (self.code.take(), salt(self.ports)?);
        let lead = self.lead()?.clone();
        let write = self.ports.store.prepare(&self.group.targets()).await;
        let write = write.map_err(|error| failures::store(&error, &lead.name))?;
        let request =
            SessionRequest { duration: self.group.duration(&lead), mfa: lead.serial.clone().zip(code) };
        let key = self.ports.keychain.read(&lead.name).await;
        let key = key.map_err(|error| failures::keychain(&error, &lead.name))?;
        let answer = self.ports.sts.session_token(&lead.site, &key, &request).await;
        drop(key);
        if answer.as_ref().err().is_none_or(StsError::spends_the_code)
            && let Some((serial, code)) = &request.mfa
        {
            self.spent.push(SpentCode::new(serial, code, self.ports.clock.now(), salt));
        }
        let session = answer.map_err(|error| self.not_issued(&error, &lead))?;
        let issued = Event::Issued { id: session.id.clone(), expires_at: session.expires_at };
        tracing::info!(profile = %lead.name, expires_at = %session.expires_at, "session issued");
        self.issued = Some(session);
        self.write = Some(write);
        Ok(issued)
    }

    fn not_issued(&mut self, error: &StsError, lead: &Resolved) -> Failure {
        let failure = failures::sts(error, &lead.name);
        if *error != StsError::BadCode {
            return failure;
        }
        if let Some(doubt) = &self.doubt {
            return failure.hint(doubt);
        }
        self.refused = Some(failure.clone());
        failure
    }

    async fn deliver(&mut self) -> Result<(), Failure> {
        let (Some(session), Some(write)) = (&self.issued, &mut self.write) else {
            return Err(Failure::new(FailureClass::Internal, "nothing to deliver"));
        };
        let mut attempt = 1;
        loop {
            match write.write(session).await {
                Ok(written) => {
                    self.written = written;
                    return Ok(());
                }
                Err(error) if attempt < WRITE_ATTEMPTS => {
                    tracing::warn!(%error, attempt, "session not written, trying again");
                    attempt += 1;
                }
                Err(error) => {
                    let mut failure = failures::store(&error, &self.lead()?.name);
                    let state = if error.changed() { "may not be durable" } else { "not written" };
                    failure.message = format!("the session was obtained but {state}: {}", failure.message);
                    return Err(failure);
                }
            }
        }
    }

    /// Remembers what was written where. The session is on disk: a state that cannot be saved is only worth a warning.
    async fn record(&mut self) -> Result<Vec<(ProfileName, Refreshed)>, Failure> {
        let Some(session) = self.issued.take() else {
            return Err(Failure::new(FailureClass::Internal, "nothing was delivered"));
        };
        let ends_at_once = session.expires_at <= self.ports.clock.now();
        let mut done = Vec::new();
        let mut records = Vec::new();
        let mut written = std::mem::take(&mut self.written).into_iter();
        for member in &self.group.members {
            let sections: Vec<_> = written.by_ref().take(member.targets.len()).collect();
            let record = record_of(self.ports, &session, member, &sections)?;
            records.push((member.name.clone(), record));
            let mut warnings = member.warnings.clone();
            if ends_at_once {
                warnings.push(format!(
                    "this machine's clock is wrong: by it the session has ended already; set it with: {}",
                    failures::SET_THE_CLOCK
                ));
            }
            done.push((
                member.name.clone(),
                Refreshed { expires_at: session.expires_at, sections, warnings },
            ));
        }
        let (spent, now) = (std::mem::take(&mut self.spent), self.ports.clock.now());
        let saved = self.ports.state.update(Box::new(move |state| {
            for code in spent {
                state.spend(code, now);
            }
            for (name, record) in records {
                let earlier = std::mem::replace(state.of_mut(&name), record);
                // Sections that are no longer configured still hold what was written there: `forget` must find them.
                state.of_mut(&name).keep_sections(earlier.sections);
            }
        }));
        if let Err(error) = saved.await {
            for (_, refreshed) in &mut done {
                refreshed.warnings.push(format!("what was written could not be remembered: {error}"));
            }
        }
        Ok(done)
    }
}

/// What is to be remembered of a member whose sections were written.
fn record_of(
    ports: &Ports,
    session: &SessionCredentials,
    member: &Resolved,
    sections: &[SectionWritten],
) -> Result<Record, Failure> {
    let mut records = Vec::new();
    for (target, written) in member.targets.iter().zip(sections) {
        let salt = salt(ports)?;
        // Once ours, always ours: a renewal finds the section that we made.
        let created = written.created || target.created;
        let fingerprint = Fingerprint::of(session, salt);
        records.push(SectionRecord {
            earlier: target.written.clone(),
            ..SectionRecord::new(&written.section, created, fingerprint, session.expires_at)
        });
    }
    Ok(Record {
        issued_at: Some(ports.clock.now()),
        expires_at: Some(session.expires_at),
        sections: records,
        told: None,
        last_error: None,
    })
}

pub(super) fn salt(ports: &Ports) -> Result<[u8; SALT_BYTES], Failure> {
    let mut salt = [0; SALT_BYTES];
    let filled = ports.entropy.fill(&mut salt);
    filled.map_err(|error| Failure::new(FailureClass::Internal, error.to_string()))?;
    Ok(salt)
}

fn already_used(profiles: &[ProfileName], now: DateTime<Utc>) -> Failure {
    let names = profiles.iter().map(ProfileName::as_str).collect::<Vec<_>>().join(" ");
    let message = format!("this code was used; the next one comes in {} s", next_code_in(now));
    Failure::new(FailureClass::MfaRefused, message)
        .hint(format!("wait for the next code, then: stsd refresh {names}"))
}

/// A clock before this program was written, or 20 years after, would sign a request that AWS must refuse.
fn sane_clock(now: DateTime<Utc>) -> Result<(), Failure> {
    let earliest = DateTime::from_timestamp(EARLIEST, 0).unwrap_or_default();
    let latest = earliest + TimeDelta::days(20 * 366);
    if (earliest..latest).contains(&now) {
        return Ok(());
    }
    let shown = now.format("%Y-%m-%d");
    Err(Failure::new(FailureClass::Internal, format!("this machine's clock says {shown}, which cannot be"))
        .hint(failures::SET_THE_CLOCK))
}
