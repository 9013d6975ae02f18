//! A long-term key in a section: read with the strictest eyes, and taken out.

use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

use super::document::{Document, Span};
use super::edit::{Edit, Removal};
use super::names::{ID, LEGACY_TOKEN, SECRET, TOKEN};
use super::occupant::OccupantKind;
use super::refusal::Refusal;
use super::splice::Splice;
use super::target::Target;
use crate::domain::keys::{AccessKeyId, KeyIdError, KeyIdKind, LongTermKey, SecretKeyError, parse_secret};
use crate::domain::mfa::MfaSerial;
use crate::domain::profile::SectionName;
use crate::domain::text::nearest;

/// Keys in which tools note the MFA device beside a long-term key: aws-mfa's, and the one of AWS's config file.
const DEVICES: [&str; 2] = ["aws_mfa_device", "mfa_serial"];

/// A long-term key as it stands in a section.
#[derive(Clone, Debug)]
pub struct SectionKey {
    /// The key.
    pub key: LongTermKey,
    /// The ARN of the MFA device that stands beside it, if it is one that STS can use.
    pub device: Option<MfaSerial>,
}

/// Why no long-term key can be read from a section. No value is part of a message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SectionKeyError {
    /// No section of that name.
    #[error("there is no section [{section}]")]
    NoSection {
        /// The name.
        section: SectionName,
        /// The section that looks most like it.
        near: Option<String>,
    },
    /// A section with neither an id nor a secret.
    #[error("the section [{0}] holds no key")]
    NoKey(SectionName),
    /// A session, which ends by itself.
    #[error("the section [{0}] holds temporary credentials, which are no long-term key")]
    Temporary(SectionName),
    /// One half of a key.
    #[error("line {line}: the section [{section}] has no {missing}")]
    Half {
        /// The section.
        section: SectionName,
        /// The line of its header.
        line: usize,
        /// The key that is not there, or has no value.
        missing: &'static str,
    },
    /// The id is none of a long-term key.
    #[error("line {line}: {error}")]
    Id {
        /// Its line.
        line: usize,
        /// What is wrong.
        error: KeyIdError,
    },
    /// The secret is none.
    #[error("line {line}: {error}")]
    Secret {
        /// Its line.
        line: usize,
        /// What is wrong.
        error: SecretKeyError,
    },
    /// Not every AWS tool reads the same there.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl SectionKeyError {
    /// The line to look at, where it is one line.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::NoSection { .. } | Self::NoKey(_) | Self::Temporary(_) => None,
            Self::Half { line, .. } | Self::Id { line, .. } | Self::Secret { line, .. } => Some(*line),
            Self::Refused(refusal) => refusal.line,
        }
    }
}

impl Document {
    /// Reads the long-term key of a section that every AWS tool reads alike. A session token left over beside an id
    /// `AKIA…` does not matter; beside another id it may be what makes it work.
    ///
    /// # Errors
    ///
    /// What [`Document::check`] refuses, in the section itself whatever parsers read differently; values that are none of
    /// a long-term key as [`AccessKeyId::parse_long_term`] and [`parse_secret`] have it, also quoted ones.
    pub fn long_term_key(&self, section: &SectionName) -> Result<SectionKey, SectionKeyError> {
        self.check_editable()?;
        let Some(span) = self.find(section) else {
            let names =
                self.sections().map(|head| head.title).filter(|name| SectionName::parse(name).is_ok());
            let near = nearest(section.as_str(), names).map(ToOwned::to_owned);
            return Err(SectionKeyError::NoSection { section: section.clone(), near });
        };
        let target = Target::read(self, span)?;
        let kind = self.occupant_of([span]).kind();
        let half = |missing| SectionKeyError::Half { section: section.clone(), line: span.line, missing };
        let (id, secret) = match (kind, target.value(ID), target.value(SECRET)) {
            (OccupantKind::Empty, _, _) | (_, None, None) => {
                return Err(SectionKeyError::NoKey(section.clone()));
            }
            (OccupantKind::Temporary, _, _) => return Err(SectionKeyError::Temporary(section.clone())),
            (OccupantKind::LongTerm, Some(id), Some(secret)) => (id, secret),
            (OccupantKind::LongTerm, None, Some(_)) => return Err(half(ID)),
            (OccupantKind::LongTerm, Some(_), None) => return Err(half(SECRET)),
        };
        let line = |key| target.line_of(self, key).unwrap_or(span.line);
        let kind = AccessKeyId::parse(id).map(|id| id.kind());
        let token = [TOKEN, LEGACY_TOKEN].iter().any(|key| target.value(key).is_some());
        let of_a_session = match kind {
            Ok(KeyIdKind::Temporary) => true,
            Ok(KeyIdKind::Unknown | KeyIdKind::Other(..)) => token,
            Ok(KeyIdKind::LongTerm) | Err(_) => false,
        };
        if of_a_session {
            return Err(SectionKeyError::Temporary(section.clone()));
        }
        let id = AccessKeyId::parse_long_term(id)
            .map_err(|error| SectionKeyError::Id { line: line(ID), error })?;
        let secret = parse_secret(&SecretString::from(secret))
            .map_err(|error| SectionKeyError::Secret { line: line(SECRET), error })?;
        Ok(SectionKey { key: LongTermKey { id, secret }, device: self.device(section) })
    }

    /// Takes a long-term key out of a section, with a session token and expiry keys that are left over beside it. The
    /// header and every other byte stay.
    ///
    /// A section that holds anything else than exactly this id and this secret is left alone: [`Removal::Foreign`], or
    /// [`Removal::Absent`] if there is neither.
    ///
    /// # Errors
    ///
    /// What [`Document::check`] refuses; in the section itself whatever parsers read differently.
    pub fn take_key(&self, section: &SectionName, key: &LongTermKey) -> Result<(Edit, Removal), Refusal> {
        self.check_editable()?;
        let unchanged = |removal| (Edit { document: self.clone(), created: false, changed: false }, removal);
        let Some(span) = self.find(section) else { return Ok(unchanged(Removal::Absent)) };
        let target = Target::read(self, span)?;
        if !target.holds(key) {
            let empty = target.value(ID).is_none() && target.value(SECRET).is_none();
            return Ok(unchanged(if empty { Removal::Absent } else { Removal::Foreign }));
        }
        let lines = target.managed.iter().map(|line| Splice::removal(line.whole.clone()));
        let document = self.spliced(&lines.collect::<Vec<_>>(), "");
        Ok((Edit { document, created: false, changed: true }, Removal::Removed))
    }

    /// The device that is noted in a section.
    fn device(&self, section: &SectionName) -> Option<MfaSerial> {
        let text = DEVICES.iter().find_map(|key| self.get(section.as_str(), key))?;
        text.starts_with("arn:").then(|| MfaSerial::parse(text).ok()).flatten()
    }

    /// Where the lines of this key begin, in a section that holds exactly it; else nowhere.
    pub(super) fn key_lines(&self, span: &Span, key: &LongTermKey) -> Vec<usize> {
        match Target::read(self, span) {
            Ok(target) if target.holds(key) => target.managed.iter().map(|line| line.whole.start).collect(),
            Ok(_) | Err(_) => Vec::new(),
        }
    }
}

impl Target<'_> {
    /// A managed key's value as it stands there; an empty one is none.
    fn value(&self, key: &str) -> Option<&str> {
        let line = self.managed.iter().find(|line| line.key == key)?;
        (!line.value.is_empty()).then_some(line.value)
    }

    fn line_of(&self, document: &Document, key: &str) -> Option<usize> {
        let line = self.managed.iter().find(|line| line.key == key)?;
        Some(1 + document.slice(0..line.whole.start).matches('\n').count())
    }

    /// True if exactly this id and this secret stand there.
    fn holds(&self, key: &LongTermKey) -> bool {
        self.value(ID) == Some(key.id.as_str()) && self.value(SECRET) == Some(key.secret.expose_secret())
    }
}
