//! What is remembered of each profile between runs. No secrets: times, names and salted hashes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::failure::FailureClass;
use super::fingerprint::Fingerprint;
use super::profile::{ProfileName, SectionName};
use super::spent::SpentCode;

/// The version of the state file that this program writes.
pub const VERSION: u32 = 1;

/// The state of all profiles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The version of the format.
    pub version: u32,
    /// By profile name.
    #[serde(default)]
    pub profiles: BTreeMap<String, Record>,
    /// Codes that were used a moment ago.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spent: Vec<SpentCode>,
}

impl Default for State {
    fn default() -> Self {
        Self { version: VERSION, profiles: BTreeMap::new(), spent: Vec::new() }
    }
}

impl State {
    /// What is remembered of a profile; nothing is an empty record.
    #[must_use]
    pub fn of(&self, profile: &ProfileName) -> Record {
        self.profiles.get(profile.as_str()).cloned().unwrap_or_default()
    }

    /// Remembers a code that was used at `now`, and forgets those that AWS has forgotten.
    pub fn spend(&mut self, code: SpentCode, now: DateTime<Utc>) {
        self.spent.retain(|spent| spent.counts(now) && *spent != code);
        self.spent.push(code);
    }

    /// The record of a profile, made if need be.
    pub fn of_mut(&mut self, profile: &ProfileName) -> &mut Record {
        self.profiles.entry(profile.as_str().to_owned()).or_default()
    }
}

/// What is remembered of one profile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When the session was issued, by this machine's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<DateTime<Utc>>,
    /// When STS said it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// The sections that hold it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<SectionRecord>,
    /// The last lead or expiry of this session of which the user was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<DateTime<Utc>>,
    /// The last failure since the last success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<LastError>,
}

/// A section that we wrote.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SectionRecord {
    /// The section's name.
    pub name: String,
    /// True if the section was not there before we first wrote it.
    pub created: bool,
    /// What we wrote.
    pub written: Fingerprint,
    /// When that expires; sections may hold different sessions, if the configuration has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// What we wrote before that: who finds it there looks at somebody's old copy of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<Fingerprint>,
    /// True once the session was lost to another program and written again.
    #[serde(default, skip_serializing_if = "is_false")]
    pub redone: bool,
    /// True once the session was lost for good, and the user told; also while it is being forgotten.
    #[serde(default, skip_serializing_if = "is_false")]
    pub given_up: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !value
}

impl SectionRecord {
    /// A section right after it was written.
    #[must_use]
    pub fn new(name: &SectionName, created: bool, written: Fingerprint, expires_at: DateTime<Utc>) -> Self {
        Self {
            name: name.to_string(),
            created,
            written,
            expires_at: Some(expires_at),
            earlier: None,
            redone: false,
            given_up: false,
        }
    }
}

/// A failure as `status` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    /// The name of its [`FailureClass`].
    pub class: String,
    /// One line for people.
    pub message: String,
    /// When.
    pub at: DateTime<Utc>,
}

impl LastError {
    /// A failure of a class, now.
    #[must_use]
    pub fn new(class: FailureClass, message: &str, at: DateTime<Utc>) -> Self {
        // A path may hold control characters; whoever shows the message should not have to care.
        let message = message.chars().filter(|character| !character.is_control()).collect();
        Self { class: class.name().to_owned(), message, at }
    }
}

impl Record {
    /// Takes over the sections of an earlier record that this one does not know, and that we made one that it knows:
    /// two refreshes at once both find their section, and only one of them has made it.
    pub fn keep_sections(&mut self, earlier: Vec<SectionRecord>) {
        for section in earlier {
            match self.sections.iter_mut().find(|known| known.name == section.name) {
                Some(known) => known.created |= section.created,
                None => self.sections.push(section),
            }
        }
    }

    /// True if both remember the same sessions in the same sections.
    #[must_use]
    pub fn wrote_the_same(&self, other: &Self) -> bool {
        let of = |record: &Self| {
            record
                .sections
                .iter()
                .map(|section| (section.name.clone(), section.written.clone()))
                .collect::<Vec<_>>()
        };
        of(self) == of(other)
    }

    /// What is remembered of a section, to be changed.
    pub fn section_mut(&mut self, name: &SectionName) -> Option<&mut SectionRecord> {
        self.sections.iter_mut().find(|section| section.name == name.as_str())
    }

    /// What is remembered of a section.
    #[must_use]
    pub fn section(&self, name: &SectionName) -> Option<&SectionRecord> {
        self.sections.iter().find(|section| section.name == name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_file_with_keys_of_a_later_version_is_still_read() {
        let text = r#"{"version":1,"later":true,"profiles":{"work":{"issued_at":"2026-11-21T10:00:00Z",
            "expires_at":"2026-11-21T22:00:00Z","later":1,
            "last_error":{"class":"mfa-refused","message":"no","at":"2026-11-21T09:00:00Z"}}}}"#;
        let state: State = serde_json::from_str(text).unwrap();
        let record = state.of(&ProfileName::parse("work").unwrap());
        assert_eq!(record.expires_at.unwrap().to_rfc3339(), "2026-11-21T22:00:00+00:00");
        assert_eq!(record.last_error.unwrap().class, "mfa-refused");
        assert_eq!(state.of(&ProfileName::parse("other").unwrap()), Record::default());
    }
}
