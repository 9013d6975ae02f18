//! The two edits for a session: put into a section, and taken out of it.

use chrono::SecondsFormat;
use secrecy::ExposeSecret as _;

use super::document::{Document, Grammar};
use super::line;
use super::names::WRITTEN;
use super::occupant::{Occupant, OccupantKind};
use super::refusal::{Refusal, RefusalReason};
use super::splice::Splice;
use super::target::{ManagedLine, Target};
use super::value;
use crate::domain::fingerprint::Fingerprint;
use crate::domain::keys::SessionCredentials;
use crate::domain::profile::SectionName;

/// The outcome of an edit.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The new text.
    pub document: Document,
    /// True if the section was not there before.
    pub created: bool,
    /// False if the new text is the old one.
    pub changed: bool,
}

/// What taking a session out of a section found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// The session was there and is gone.
    Removed,
    /// Nothing of a session was there.
    Absent,
    /// What stands there is not what was written, or is a long-term key; it was left alone.
    Foreign,
}

impl Document {
    /// Puts a session into a section, which is appended if there is none.
    ///
    /// Lines of managed keys are replaced in place, missing ones inserted behind the section's last key, and the
    /// legacy token and the expiry keys of other tools removed from this section. Every other byte stays. Values that
    /// stand there already leave the text as it is.
    ///
    /// A new section follows an empty line of its own. Where the text had no final line end, that line end takes
    /// the place of the empty line, so that [`Document::take_session`] can tell the two apart.
    ///
    /// # Errors
    ///
    /// What [`Document::check`] refuses; in the section itself whatever parsers read differently; elsewhere what a parser
    /// takes for a part of it; a long-term key that is not what was `written`; a value of the session that some parser
    /// would not read back.
    pub fn put_session(
        &self,
        section: &SectionName,
        session: &SessionCredentials,
        written: Option<&Fingerprint>,
    ) -> Result<Edit, Refusal> {
        self.check_editable()?;
        self.check_elsewhere(section)?;
        let expires = session.expires_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let values = WRITTEN.into_iter().zip([
            session.id.as_str(),
            session.secret.expose_secret(),
            session.token.expose_secret(),
            &expires,
        ]);
        let values: Vec<(&'static str, &str)> = values.collect();
        if let Some((key, _)) = values.iter().find(|(_, value)| !value::is_plain(value)) {
            return Err(Refusal::of(RefusalReason::UnwritableValue { key }));
        }
        let end = self.line_end();
        let Some(span) = self.find(section) else {
            return Ok(self.appended(section, &values, end));
        };
        let target = Target::read(self, span)?;
        let overwrites = |occupant: Occupant| {
            let kept = occupant.holds(session) || written.is_some_and(|written| occupant.is(written));
            occupant.kind() == OccupantKind::LongTerm && !kept
        };
        if overwrites(self.occupant_of([span])) {
            let reason = RefusalReason::LongTermKey { section: section.to_string() };
            return Err(Refusal::at(span.line, reason));
        }
        let mut splices: Vec<Splice<'_>> =
            target.managed.iter().filter_map(|line| replacement(line, &values)).collect();
        let missing: Vec<&str> = values
            .iter()
            .filter(|(key, _)| !target.managed.iter().any(|line| line.key == *key))
            .flat_map(|(key, value)| [*key, " = ", *value, end])
            .collect();
        if !missing.is_empty() {
            let at = target.content_end;
            splices.push(Splice { range: at..at, pieces: missing, at_line_start: true });
        }
        let changed = !splices.is_empty();
        let document = if changed { self.spliced(&splices, end) } else { self.clone() };
        Ok(Edit { document, created: false, changed })
    }

    /// Takes the session out of a section.
    ///
    /// With `written`, only the very values that were written are taken; without, only temporary credentials that look
    /// in every detail as [`Document::put_session`] writes them into a new section: another tool's session stays. A
    /// section that was `created` and holds nothing else any more goes with its header and the empty line (or the
    /// line end) that [`Document::put_session`] put before it; a comment behind its last key and an empty line stays, for
    /// it is about what follows. One exception to "as it was before": where the text ended in a comment without a line
    /// end, the line end stays.
    ///
    /// In a section that was there before only the lines of managed keys go. Every other byte is as it was before
    /// [`Document::put_session`]; an older session, which it replaced, does not come back, nor does a missing line end at
    /// the end of the text.
    ///
    /// # Errors
    ///
    /// What [`Document::check`] refuses; in the section itself whatever parsers read differently.
    pub fn take_session(
        &self,
        section: &SectionName,
        created: bool,
        written: Option<&Fingerprint>,
    ) -> Result<(Edit, Removal), Refusal> {
        self.check_editable()?;
        let unchanged = |removal| (Edit { document: self.clone(), created: false, changed: false }, removal);
        let Some(span) = self.find(section) else { return Ok(unchanged(Removal::Absent)) };
        let occupant = self.occupant_of([span]);
        let target = Target::read(self, span)?;
        let ours = match (occupant.kind(), written) {
            (OccupantKind::Empty, _) => return Ok(unchanged(Removal::Absent)),
            (OccupantKind::Temporary | OccupantKind::LongTerm, Some(written)) => occupant.is(written),
            (kind, None) => kind == OccupantKind::Temporary && target.is_of_our_hand(self, span),
        };
        if !ours {
            return Ok(unchanged(Removal::Foreign));
        }
        let splices = if created && target.only_managed {
            vec![Splice::removal(self.separator_start(span.start, target.content_end)..target.content_end)]
        } else {
            target.managed.iter().map(|line| Splice::removal(line.whole.clone())).collect()
        };
        let document = self.spliced(&splices, "");
        Ok((Edit { document, created: false, changed: true }, Removal::Removed))
    }

    /// What forbids any edit of the file, or any reading of a key in it.
    pub(super) fn check_editable(&self) -> Result<(), Refusal> {
        match self.grammar() {
            Grammar::Credentials => self.check(),
            Grammar::Config => Err(Refusal::of(RefusalReason::ConfigFile)),
        }
    }

    fn appended(&self, section: &SectionName, values: &[(&'static str, &str)], end: &str) -> Edit {
        let text = self.text();
        let mut pieces = Vec::with_capacity(5 + 4 * values.len());
        let last_line = text.rsplit('\n').next().unwrap_or_default();
        // An empty line, unless there is nothing to set apart. Behind a comment without a line end there is one too:
        // the comment could not be told from one that somebody put above our header.
        if text.ends_with('\n') || last_line.starts_with(line::is_comment_start) {
            pieces.push(end);
        }
        pieces.extend(["[", section.as_str(), "]", end]);
        pieces.extend(values.iter().flat_map(|(key, value)| [*key, " = ", *value, end]));
        let at = text.len();
        let splice = Splice { range: at..at, pieces, at_line_start: true };
        Edit { document: self.spliced(&[splice], end), created: true, changed: true }
    }

    /// Where the separator begins that [`Document::appended`] put before the section at `start..end`.
    fn separator_start(&self, start: usize, end: usize) -> usize {
        let before = self.slice(0..start);
        let without_end =
            |text: &str| text.strip_suffix('\n').map(|rest| rest.strip_suffix('\r').unwrap_or(rest).len());
        let Some(line_end) = without_end(before) else { return start };
        let line_start = self.slice(0..line_end).rfind('\n').map_or(0, |at| at + 1);
        let line = self.slice(line_start..line_end);
        // The empty line itself, or, at the end of the text, the line end that was missing.
        let was_missing = self.slice(end..self.text().len()).is_empty()
            && !line::lines(line, 0, 1).any(|line| line.content.starts_with(line::is_comment_start));
        if line.is_empty() || was_missing { line_end } else { start }
    }
}

/// What becomes of a managed line; `None` if it says already what it should.
fn replacement<'a>(line: &ManagedLine<'a>, values: &[(&'static str, &'a str)]) -> Option<Splice<'a>> {
    match values.iter().find(|(key, _)| *key == line.key) {
        Some((key, value)) if line.spelt == *key && line.value == *value => None,
        Some((key, value)) => Some(Splice {
            range: line.content.clone(),
            pieces: vec![key, " = ", value],
            at_line_start: false,
        }),
        None => Some(Splice::removal(line.whole.clone())),
    }
}
