//! What became of a session after it was delivered: other programs write the same file.

use chrono::{DateTime, Utc};

use super::aws_file::{Document, Fate};
use super::keys::SessionCredentials;
use super::profile::SectionName;
use super::record::{Record, SectionRecord};

impl SectionRecord {
    /// What became of this section.
    #[must_use]
    pub fn fate(&self, document: &Document) -> Fate {
        match SectionName::parse(&self.name) {
            Ok(name) => document.fate(&name, &self.written, self.earlier.as_ref()),
            Err(_unusable) => Fate::Replaced,
        }
    }

    /// True if this is the session that was written here.
    #[must_use]
    pub fn is_of(&self, session: &SessionCredentials) -> bool {
        self.written.matches(session.id.as_str(), &session.secret, &session.token)
    }

    /// The session, if the section still holds it and its expiry is known.
    fn session_in(&self, document: &Document) -> Option<SessionCredentials> {
        let occupant = document.occupant(&SectionName::parse(&self.name).ok()?)?;
        if occupant.is(&self.written) { occupant.session(self.expires_at?) } else { None }
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
        let disturbed = |name: &SectionName| {
            let lives = |section: &&SectionRecord| section.expires_at.is_some_and(|at| at > now);
            let section = self.section(name).filter(|section| !section.given_up).filter(lives)?;
            let fate = section.fate(document);
            (fate != Fate::Kept).then(|| (name.clone(), fate))
        };
        configured.iter().filter_map(disturbed).collect()
    }

    /// The sessions that the sections still hold, each once.
    #[must_use]
    pub fn sessions_in(&self, document: &Document) -> Vec<SessionCredentials> {
        let mut sessions: Vec<SessionCredentials> = Vec::new();
        for session in self.sections.iter().filter_map(|section| section.session_in(document)) {
            if !sessions.iter().any(|other| other.id == session.id) {
                sessions.push(session);
            }
        }
        sessions
    }

    /// The sections whose session has ended by `now`.
    pub fn ended(&self, now: DateTime<Utc>) -> impl Iterator<Item = &SectionRecord> {
        self.sections.iter().filter(move |section| section.expires_at.is_some_and(|at| at <= now))
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
                session("ASIAPRESENTPRESENT00").expires_at,
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
        for source in ["credential_process = x", "role_arn = x", "SSO_session = x", "source_profile = y"] {
            check(&parse(&format!("[work]\n{source}\n")), Fate::Replaced);
        }
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
    fn each_section_has_its_own_session() {
        let (mut record, present) = (record(), session("ASIAPRESENTPRESENT00"));
        let found = record.sessions_in(&holding("ASIAPRESENTPRESENT00"));
        assert_eq!((&found[0].id, found[0].expires_at, found.len()), (&present.id, present.expires_at, 1));
        assert!(record.sections[0].is_of(&found[0]));
        assert!(!record.sections[0].is_of(&session("ASIAEARLIEREARLIER00")));
        assert!(record.sessions_in(&holding("ASIAEARLIEREARLIER00")).is_empty());

        // A section that is no longer configured holds an older session, with its own end.
        let other = SectionName::parse("other").unwrap();
        let older = SessionCredentials {
            expires_at: present.expires_at - chrono::TimeDelta::hours(1),
            ..session("ASIAEARLIEREARLIER00")
        };
        let written = Fingerprint::of(&older, [3; SALT_BYTES]);
        record.sections.insert(0, SectionRecord::new(&other, true, written, older.expires_at));
        let both = holding("ASIAPRESENTPRESENT00").put_session(&other, &older, None).unwrap().document;
        let found: Vec<_> =
            record.sessions_in(&both).into_iter().map(|one| (one.id, one.expires_at)).collect();
        assert_eq!(found, [(older.id.clone(), older.expires_at), (present.id, present.expires_at)]);
        assert!(!record.sections[1].is_of(&older));
        let ended: Vec<_> = record.ended(older.expires_at).map(|section| section.name.as_str()).collect();
        assert_eq!(ended, ["other"]);
    }
}
