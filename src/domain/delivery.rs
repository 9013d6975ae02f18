//! What became of a session after it was delivered: other programs write the same file.

use chrono::{DateTime, Utc};

use super::aws_file::{Document, OccupantKind};
use super::keys::SessionCredentials;
use super::profile::SectionName;
use super::record::{Record, SectionRecord};

/// What a section holds of what we wrote there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The very session.
    Kept,
    /// No credentials at all, or the session before this one: another program wrote back a copy that it had read
    /// earlier. Putting ours back takes nothing from anybody.
    Lost,
    /// Credentials that somebody else put there. They are not ours to replace unasked.
    Replaced,
}

impl SectionRecord {
    /// What became of this section.
    #[must_use]
    pub fn fate(&self, document: &Document) -> Fate {
        let occupant = SectionName::parse(&self.name).ok().and_then(|name| document.occupant(&name));
        let Some(occupant) = occupant else { return Fate::Lost };
        let is_earlier = || self.earlier.as_ref().is_some_and(|earlier| occupant.is(earlier));
        if occupant.is(&self.written) {
            Fate::Kept
        } else if occupant.kind() == OccupantKind::Empty || is_earlier() {
            Fate::Lost
        } else {
            Fate::Replaced
        }
    }
}

impl Record {
    /// The sections among `configured` whose session another program took away and of which nobody has been told yet,
    /// while that session lives.
    #[must_use]
    pub fn disturbed(
        &self,
        configured: &[SectionName],
        document: &Document,
        now: DateTime<Utc>,
    ) -> Vec<(SectionName, Fate)> {
        if self.expires_at.is_none_or(|expires_at| expires_at <= now) {
            return Vec::new();
        }
        let disturbed = |name: &SectionName| {
            let section = self.section(name).filter(|section| !section.given_up)?;
            let fate = section.fate(document);
            (fate != Fate::Kept).then(|| (name.clone(), fate))
        };
        configured.iter().filter_map(disturbed).collect()
    }

    /// The session as one of the sections still holds it.
    #[must_use]
    pub fn session_in(&self, document: &Document) -> Option<SessionCredentials> {
        let expires_at = self.expires_at?;
        self.sections.iter().find_map(|section| {
            let occupant = document.occupant(&SectionName::parse(&section.name).ok()?)?;
            if occupant.is(&section.written) { occupant.session(expires_at) } else { None }
        })
    }

    /// True if this is the session that was written to one of the sections.
    #[must_use]
    pub fn is_of(&self, session: &SessionCredentials) -> bool {
        let id = session.id.as_str();
        self.sections.iter().any(|section| section.written.matches(id, &session.secret, &session.token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::aws_file::Grammar;
    use crate::domain::fingerprint::{Fingerprint, SALT_BYTES};
    use crate::domain::keys::AccessKeyId;

    fn session(id: &str) -> SessionCredentials {
        SessionCredentials {
            id: AccessKeyId::parse(id).unwrap(),
            secret: format!("secret-of-{id}").into(),
            token: format!("token-of-{id}").into(),
            expires_at: DateTime::from_timestamp(2_000_000_000, 0).unwrap(),
        }
    }

    fn work() -> SectionName {
        SectionName::parse("work").unwrap()
    }

    fn record() -> Record {
        let section = SectionRecord {
            earlier: Some(Fingerprint::of(&session("ASIAEARLIEREARLIER00"), [1; SALT_BYTES])),
            ..SectionRecord::new(
                &work(),
                true,
                Fingerprint::of(&session("ASIAPRESENTPRESENT00"), [2; SALT_BYTES]),
            )
        };
        let expires_at = Some(session("ASIAPRESENTPRESENT00").expires_at);
        Record { expires_at, sections: vec![section], ..Record::default() }
    }

    fn holding(id: &str) -> Document {
        let empty = Document::parse(String::new(), Grammar::Credentials);
        empty.put_session(&work(), &session(id), None).unwrap().document
    }

    fn check(document: &Document, expected: Fate) {
        let found = record().sections[0].fate(document);
        assert_eq!(found, expected, "{}", document.text());
    }

    #[test]
    fn a_section_keeps_loses_or_changes_its_session() {
        let parse = |text: &str| Document::parse(text.to_owned(), Grammar::Credentials);
        check(&holding("ASIAPRESENTPRESENT00"), Fate::Kept);
        check(&parse(""), Fate::Lost);
        check(&parse("[other]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n"), Fate::Lost);
        check(&parse("[work]\nregion = eu-west-1\n"), Fate::Lost);
        check(&holding("ASIAEARLIEREARLIER00"), Fate::Lost);
        check(&holding("ASIASOMEBODYELSES000"), Fate::Replaced);
        let long_term = "[work]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = s\n";
        check(&parse(long_term), Fate::Replaced);
    }

    #[test]
    fn a_loss_is_told_once_and_only_while_the_session_lives() {
        let mut record = record();
        let (lost, expires_at) = (holding("ASIAEARLIEREARLIER00"), record.expires_at.unwrap());
        let before = expires_at - chrono::TimeDelta::seconds(1);
        assert_eq!(record.disturbed(&[work()], &lost, before), [(work(), Fate::Lost)]);
        assert_eq!(record.disturbed(&[work()], &lost, expires_at), []);
        assert_eq!(record.disturbed(&[], &lost, before), []);
        record.sections[0].given_up = true;
        assert_eq!(record.disturbed(&[work()], &lost, before), []);
    }

    #[test]
    fn the_session_is_found_where_it_is_and_known_again() {
        let (record, present) = (record(), session("ASIAPRESENTPRESENT00"));
        let found = record.session_in(&holding("ASIAPRESENTPRESENT00")).unwrap();
        assert_eq!((&found.id, found.expires_at), (&present.id, present.expires_at));
        assert!(record.is_of(&found) && !record.is_of(&session("ASIAEARLIEREARLIER00")));
        assert!(record.session_in(&holding("ASIAEARLIEREARLIER00")).is_none());
    }
}
