//! The session machine: what is known of one profile's session, what follows from an event, and when to look again.
//!
//! It holds no secret and no clock. A caller feeds [`Event`]s and performs the returned [`Effect`]s; the world's
//! answer to an effect is the next event. One machine serves both [`Kind`]s, so a role that renews itself without a
//! code runs through the same states as a session that a person paid for with one.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::failure::FailureClass;
use super::keys::AccessKeyId;
use super::profile::ProfileName;

/// How a session is obtained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// With the long-term key, and with a code unless the profile says `mfa = "none"`.
    Mfa {
        /// True if a code has to be spent.
        code: bool,
    },
    /// By assuming a role through the parent's session, without a code.
    Role {
        /// The profile whose session signs the call.
        parent: ProfileName,
    },
}

/// A session that was issued: public facts only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// Its access key id.
    pub id: AccessKeyId,
    /// When it was issued, by this machine's clock; unknown if only the credentials file tells of it.
    pub issued_at: Option<DateTime<Utc>>,
    /// When AWS stops honouring it.
    pub expires_at: DateTime<Utc>,
}

/// All that can happen to a session.
#[derive(Clone, Debug)]
pub enum Event {
    /// What file and state say at start, or after someone else changed the file.
    Restored(Option<Issued>),
    /// Somebody wants a new session.
    RefreshAsked,
    /// Every check that needs no code has passed.
    Checked,
    /// A code is in hand.
    CodeGiven,
    /// STS issued a session just now; it is not delivered yet. That it has not expired is STS's word, by STS's clock.
    Issued {
        /// Its access key id.
        id: AccessKeyId,
        /// When AWS stops honouring it.
        expires_at: DateTime<Utc>,
    },
    /// The session is on disk.
    Delivered,
    /// The step in hand failed.
    Failed(FailureClass),
    /// The session was dropped everywhere.
    Forgotten,
    /// Its user wants to be told again in a while, and not before.
    Snoozed,
}

/// What the shell is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Make every check that needs no code; answer `Checked` or `Failed`.
    Check,
    /// Get a code; answer `CodeGiven` or `Failed`.
    ObtainCode,
    /// Call STS, once; answer `Issued` or `Failed`.
    CallSts,
    /// Deliver the session; answer `Delivered` or `Failed`.
    Deliver,
    /// Remember what is known now.
    Record,
}

/// What a session is to its user at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// None is known.
    Absent,
    /// It lives, and no lead has begun.
    Active,
    /// It lives, inside the first lead that applies.
    Expiring,
    /// AWS no longer honours it.
    Expired,
}

impl State {
    /// The name that `status --json` shows.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Active => "active",
            Self::Expiring => "expiring",
            Self::Expired => "expired",
        }
    }

    /// True while AWS honours the session.
    #[must_use]
    pub fn is_valid(self) -> bool {
        matches!(self, Self::Active | Self::Expiring)
    }
}

/// The answer to "how is it?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The state.
    pub state: State,
    /// The session, if one is known.
    pub session: Option<Issued>,
    /// Whole seconds until the expiry; 0 once it has passed.
    pub seconds_left: Option<u64>,
    /// The next lead, else the expiry, else nothing.
    pub next_notice_at: Option<DateTime<Utc>>,
}

/// A lead or an expiry that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When it was to be told.
    pub at: DateTime<Utc>,
    /// When the session expires.
    pub expires_at: DateTime<Utc>,
    /// True at the last lead and at the expiry.
    pub pressing: bool,
}

/// Where a refresh stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Idle,
    Checking,
    AwaitingCode,
    Calling,
    /// Issued and not on disk: what is known of the new session.
    Delivering(Issued),
}

/// One profile's session.
#[derive(Clone, Debug)]
pub struct Session {
    kind: Kind,
    /// How long before the expiry the user is told, longest first.
    leads: Vec<Duration>,
    current: Option<Issued>,
    /// Up to when its user is not told anything.
    snoozed: Option<DateTime<Utc>>,
    step: Step,
}

/// How long a notice is put off.
pub const SNOOZE: TimeDelta = TimeDelta::minutes(10);

impl Session {
    /// A session of which nothing is known yet.
    #[must_use]
    pub fn new(kind: Kind, mut leads: Vec<Duration>) -> Self {
        leads.sort_unstable_by(|a, b| b.cmp(a));
        leads.dedup();
        Self { kind, leads, current: None, snoozed: None, step: Step::Idle }
    }

    /// How it is obtained.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// True while a refresh is under way.
    #[must_use]
    pub fn is_refreshing(&self) -> bool {
        self.step != Step::Idle
    }

    /// Takes an event and says what is to be done.
    ///
    /// An event that does not fit the step in hand (an answer to a question that is no longer open) changes nothing:
    /// a late answer must not revive a refresh that has failed.
    #[must_use]
    pub fn on(&mut self, event: Event, now: DateTime<Utc>) -> Vec<Effect> {
        match (event, &self.step) {
            (Event::Restored(found), Step::Idle) => {
                self.replace(found);
                Vec::new()
            }
            (Event::RefreshAsked, Step::Idle) => self.go(Step::Checking, Effect::Check),
            (Event::Checked, Step::Checking) => match self.kind {
                Kind::Mfa { code: true } => self.go(Step::AwaitingCode, Effect::ObtainCode),
                Kind::Mfa { code: false } | Kind::Role { .. } => self.go(Step::Calling, Effect::CallSts),
            },
            (Event::CodeGiven, Step::AwaitingCode) => self.go(Step::Calling, Effect::CallSts),
            (Event::Issued { id, expires_at }, Step::Calling) => {
                let issued = Issued { id, issued_at: Some(now), expires_at };
                self.go(Step::Delivering(issued), Effect::Deliver)
            }
            (Event::Delivered, Step::Delivering(issued)) => {
                let issued = issued.clone();
                self.replace(Some(issued));
                self.step = Step::Idle;
                vec![Effect::Record]
            }
            (Event::Failed(_), step) if *step != Step::Idle => {
                self.step = Step::Idle;
                vec![Effect::Record]
            }
            (Event::Forgotten, _) => {
                self.replace(None);
                self.step = Step::Idle;
                vec![Effect::Record]
            }
            (Event::Snoozed, _) => {
                self.snoozed =
                    self.last_lead().map(|last| last.min(now + SNOOZE)).filter(|until| *until > now);
                Vec::new()
            }
            (
                Event::Restored(_)
                | Event::RefreshAsked
                | Event::Checked
                | Event::CodeGiven
                | Event::Issued { .. }
                | Event::Delivered
                | Event::Failed(_),
                _,
            ) => Vec::new(),
        }
    }

    /// How the session is at `now`.
    #[must_use]
    pub fn status(&self, now: DateTime<Utc>) -> Status {
        let Some(session) = &self.current else {
            return Status { state: State::Absent, session: None, seconds_left: None, next_notice_at: None };
        };
        let left = (session.expires_at - now).max(TimeDelta::zero());
        let first_lead = self.leads(session).next();
        let state = if session.expires_at <= now {
            State::Expired
        } else if first_lead.is_some_and(|lead| lead <= now) {
            State::Expiring
        } else {
            State::Active
        };
        Status {
            state,
            session: Some(session.clone()),
            seconds_left: u64::try_from(left.num_seconds()).ok(),
            next_notice_at: self.next_wake(now),
        }
    }

    /// The first moment after `now` at which the session's state changes: a lead, or the expiry.
    #[must_use]
    pub fn next_wake(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.current.as_ref().and_then(|session| self.moments(session).find(|moment| *moment > now))
    }

    /// The latest moment, up to `now`, of which the user has not been told; `told` is the last one of which she has.
    ///
    /// Waking past several moments gives one.
    #[must_use]
    pub fn due(&self, told: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Option<Moment> {
        let session = self.current.as_ref()?;
        let passed = self.moments(session).take_while(|moment| *moment <= now).last();
        let at = passed.filter(|moment| told.is_none_or(|told| *moment > told))?;
        let pressing = self.last_lead().is_none_or(|last| at >= last);
        Some(Moment { at, expires_at: session.expires_at, pressing })
    }

    /// Puts off what the other machine puts off, if both are of the same session.
    pub fn snooze_like(&mut self, other: &Self) {
        let end = |session: &Self| session.current.as_ref().map(|session| session.expires_at);
        if end(self) == end(other) {
            self.snoozed = other.snoozed;
        }
    }

    /// When the user is told: at the leads and the expiry, in order. Those that were put off come together when the
    /// time for that is over, which is never after the last lead.
    fn moments<'a>(&'a self, session: &'a Issued) -> impl Iterator<Item = DateTime<Utc>> + 'a {
        let later = move |moment: &DateTime<Utc>| self.snoozed.is_none_or(|until| *moment > until);
        self.snoozed.into_iter().chain(self.leads(session).chain([session.expires_at]).filter(later))
    }

    fn last_lead(&self) -> Option<DateTime<Utc>> {
        self.current.as_ref().and_then(|session| self.leads(session).last())
    }

    /// Another session, with which nothing was put off.
    fn replace(&mut self, session: Option<Issued>) {
        if self.current.as_ref().map(|session| session.expires_at)
            != session.as_ref().map(|session| session.expires_at)
        {
            self.snoozed = None;
        }
        self.current = session;
    }

    /// The leads that apply, in order. One not shorter than the session's whole life is skipped: its moment lies before
    /// the session was issued.
    fn leads<'a>(&'a self, session: &'a Issued) -> impl Iterator<Item = DateTime<Utc>> + 'a {
        let applies = |moment: &DateTime<Utc>| session.issued_at.is_none_or(|issued| *moment > issued);
        let leads = self.leads.iter().filter_map(|lead| {
            let lead = TimeDelta::from_std(*lead).ok()?;
            session.expires_at.checked_sub_signed(lead)
        });
        leads.filter(applies).filter(|lead| *lead < session.expires_at)
    }

    fn go(&mut self, step: Step, effect: Effect) -> Vec<Effect> {
        self.step = step;
        vec![effect]
    }
}

#[cfg(test)]
mod tests;
