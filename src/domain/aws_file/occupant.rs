//! What stands in a section of the credentials file.

use std::collections::HashMap;
use std::fmt;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret as _, SecretString};

use super::document::{Document, Span};
use super::line::is_comment_start;
use super::names::{EXPIRY_KEYS, ID, LEGACY_TOKEN, SECRET, TOKEN, managed};
use super::value;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::keys::{AccessKeyId, SessionCredentials};
use crate::domain::profile::SectionName;

/// The credentials in a section. `Debug` shows the last four characters of an id, and nothing of what is none.
#[derive(Clone)]
pub struct Occupant {
    /// `aws_access_key_id`, whatever its shape; not for showing.
    pub access_key_id: Option<String>,
    /// `aws_secret_access_key`.
    pub secret: Option<SecretString>,
    /// `aws_session_token`, else `aws_security_token`.
    pub token: Option<SecretString>,
    /// The earliest moment that an expiry key of any tool names. One without a zone counts as UTC; awsume writes
    /// local time there, which cannot be known here.
    pub expires_at: Option<DateTime<Utc>>,
    /// True if the line of the id has a long-term one anywhere, also in a comment, which to Python is a part of the value.
    mentions_long_term: bool,
}

/// What a section's credentials are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OccupantKind {
    /// Neither an id nor a secret.
    Empty,
    /// A token beside an id `ASIA…`, or beside an id of another service and a moment of expiry: it can be had again.
    Temporary,
    /// Everything else with an id or a secret, so also an id `AKIA…` beside a left-over token: it may exist nowhere
    /// else.
    LongTerm,
}

impl Occupant {
    /// What the credentials are worth, by their looks.
    ///
    /// In doubt they are long-term: a key that was overwritten is lost, a session is not. So where the id's line only
    /// contains `AKIA`, its owner quoted it, put it out of use with a `#`, or pasted it with an invisible character.
    #[must_use]
    pub fn kind(&self) -> OccupantKind {
        let Some(id) = self.access_key_id.as_deref() else {
            return if self.secret.is_some() { OccupantKind::LongTerm } else { OccupantKind::Empty };
        };
        let dated = id.starts_with("ASIA") || self.expires_at.is_some();
        let token = self.token.as_ref().is_some_and(|token| is_token(token.expose_secret()));
        if token && dated && !self.mentions_long_term {
            OccupantKind::Temporary
        } else {
            OccupantKind::LongTerm
        }
    }

    /// True if these are the very values that were written.
    #[must_use]
    pub fn is(&self, written: &Fingerprint) -> bool {
        match (&self.access_key_id, &self.secret, &self.token) {
            (Some(id), Some(secret), Some(token)) => written.matches(id, secret, token),
            (_, _, _) => false,
        }
    }

    /// True if these are the values of `session`.
    #[must_use]
    pub fn holds(&self, session: &SessionCredentials) -> bool {
        let same = |mine: &Option<SecretString>, theirs: &SecretString| {
            mine.as_ref().is_some_and(|mine| mine.expose_secret() == theirs.expose_secret())
        };
        self.access_key_id.as_deref() == Some(session.id.as_str())
            && same(&self.secret, &session.secret)
            && same(&self.token, &session.token)
    }

    /// The whole session, where a token stands beside id and secret.
    #[must_use]
    pub fn session(self, expires_at: DateTime<Utc>) -> Option<SessionCredentials> {
        Some(SessionCredentials { id: self.id()?, secret: self.secret?, token: self.token?, expires_at })
    }

    /// The id, if it has the shape of one.
    #[must_use]
    pub fn id(&self) -> Option<AccessKeyId> {
        AccessKeyId::parse(self.access_key_id.as_deref()?).ok()
    }
}

/// True for a token that is more than a place kept for one: `""` and `# none` are none.
fn is_token(value: &str) -> bool {
    let token =
        value.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\u{200b}' | '\u{feff}'));
    !token.is_empty() && !token.starts_with(is_comment_start)
}

impl fmt::Debug for Occupant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { access_key_id, secret, token, expires_at, mentions_long_term: _ } = self;
        let shown = access_key_id.as_ref().map(|text| match AccessKeyId::parse(text) {
            Ok(id) => id.last_four().to_string(),
            Err(_) => "[REDACTED]".to_owned(),
        });
        f.debug_struct("Occupant")
            .field("access_key_id", &shown)
            .field("secret", secret)
            .field("token", token)
            .field("expires_at", expires_at)
            .finish()
    }
}

impl Document {
    /// What stands in a section; `None` if there is no such section.
    #[must_use]
    pub fn occupant(&self, section: &SectionName) -> Option<Occupant> {
        let mut spans = self.profile_spans(section.as_str()).peekable();
        spans.peek().is_some().then(|| self.occupant_of(spans))
    }

    /// What stands in these sections, as [`Document::get`] reads it, in one pass over their lines.
    pub(super) fn occupant_of<'s>(&self, spans: impl IntoIterator<Item = &'s Span>) -> Occupant {
        let mut found = HashMap::new();
        let mut mentions_long_term = false;
        for (key, written) in spans.into_iter().flat_map(|span| self.written(span)) {
            let Some(key) = managed(key) else { continue };
            mentions_long_term |= key == ID && written.contains("AKIA");
            if let Some(value) = value::read(written) {
                found.insert(key, value);
            }
        }
        let secret = |key: &str| found.get(key).copied().map(SecretString::from);
        Occupant {
            access_key_id: found.get(ID).map(ToString::to_string),
            secret: secret(SECRET),
            token: secret(TOKEN).or_else(|| secret(LEGACY_TOKEN)),
            expires_at: EXPIRY_KEYS.iter().filter_map(|key| value::moment(found.get(key)?)).min(),
            mentions_long_term,
        }
    }
}
