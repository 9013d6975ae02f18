//! What became of a session that was put into a section: other programs write the same file.

use super::document::Document;
use super::edit::Edit;
use super::occupant::OccupantKind;
use super::refusal::Refusal;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::keys::SessionCredentials;
use crate::domain::profile::SectionName;

/// Keys by which a section gets its credentials from elsewhere; all of `sso_…` too.
const SOURCES: [&str; 6] = [
    "credential_process",
    "credential_source",
    "login_session",
    "role_arn",
    "source_profile",
    "web_identity_token_file",
];

/// What a section holds of a session that was put there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The very session.
    Kept,
    /// No credentials at all, or the session before this one: another program wrote back a copy that it had read
    /// earlier. Putting ours back takes nothing from anybody.
    Lost,
    /// Credentials that somebody else put there, or where to get some. They are not ours to replace unasked.
    Replaced,
}

impl Document {
    /// What became of the session `written` in a section, which held the session `earlier` before that.
    #[must_use]
    pub fn fate(&self, section: &SectionName, written: &Fingerprint, earlier: Option<&Fingerprint>) -> Fate {
        let Some(occupant) = self.occupant(section) else { return Fate::Lost };
        if occupant.is(written) {
            Fate::Kept
        } else if occupant.kind() == OccupantKind::Empty {
            if self.has_source(section) { Fate::Replaced } else { Fate::Lost }
        } else if earlier.is_some_and(|earlier| occupant.is(earlier)) {
            Fate::Lost
        } else {
            Fate::Replaced
        }
    }

    /// Puts the session `written` back into a section that has lost it; changes nothing in any other.
    ///
    /// # Errors
    ///
    /// As [`Document::put_session`].
    pub fn put_session_back(
        &self,
        section: &SectionName,
        session: &SessionCredentials,
        written: &Fingerprint,
        earlier: Option<&Fingerprint>,
    ) -> Result<Edit, Refusal> {
        match self.fate(section, written, earlier) {
            Fate::Lost => self.put_session(section, session, Some(written)),
            Fate::Kept | Fate::Replaced => {
                Ok(Edit { document: self.clone(), created: false, changed: false })
            }
        }
    }

    fn has_source(&self, section: &SectionName) -> bool {
        let is_source = |key: &str| SOURCES.contains(&key) || key.starts_with("sso_");
        self.keys(section.as_str()).any(|key| is_source(&key.to_ascii_lowercase()))
    }
}
