//! Where the parsers read one file differently.

use std::cmp::Ordering;

use super::super::{Document, Grammar};
use super::botocore;
use super::excerpt::Excerpt;
use super::parser::{Parser, Unreadable, read};
use super::profiles::{Entry, Profiles, Section};

/// It is no section to the parser that spreads its keys.
const DEFAULTS: &Excerpt<'static> = &Excerpt::of(botocore::DEFAULTS);

/// One file as each parser reads it.
#[derive(Clone, Debug)]
pub struct Readings<'a> {
    /// In the order of [`Parser::ALL`].
    each: [Result<Profiles<'a>, Unreadable>; 3],
}

/// Something that is read differently.
#[derive(Clone, Debug)]
pub struct Divergence<'r> {
    /// Where it begins, counted from 1.
    pub line: usize,
    /// What.
    pub subject: Subject<'r>,
    /// How, in the order of [`Parser::ALL`].
    pub readings: [Seen<'r>; 3],
}

/// What is read differently.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'r> {
    /// The whole file.
    File,
    /// A profile, which some have and some have not.
    Section(&'r Excerpt<'r>),
    /// A key of a profile that all have.
    Key {
        /// The profile.
        section: &'r Excerpt<'r>,
        /// The key.
        key: &'r Excerpt<'r>,
    },
}

/// How a parser reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen<'r> {
    /// The parser gives nothing of the file.
    Unreadable(Unreadable),
    /// The file can be read, or the profile is there.
    Present,
    /// The keys of this section are keys of every profile that has none of that name.
    Everywhere,
    /// The profile or the key is not there.
    Absent,
    /// The key has this value.
    Value(&'r Excerpt<'r>),
    /// The key has one of several values by chance.
    Unsettled,
}

impl<'a> Readings<'a> {
    /// Reads a text as all parsers do.
    #[must_use]
    pub fn new(text: &'a str, grammar: Grammar) -> Self {
        Self::of_each(|parser| read(parser, text, grammar))
    }

    pub(super) fn of_each(read: impl FnMut(Parser) -> Result<Profiles<'a>, Unreadable>) -> Self {
        Self { each: Parser::ALL.map(read) }
    }

    /// What one parser reads.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] if this parser gives nothing of the file.
    pub fn of(&self, parser: Parser) -> Result<&Profiles<'a>, Unreadable> {
        let [botocore, rust, javascript] = &self.each;
        let reading = match parser {
            Parser::Botocore => botocore,
            Parser::Rust => rust,
            Parser::JavaScript => javascript,
        };
        reading.as_ref().map_err(|unreadable| *unreadable)
    }

    /// True if every parser can read the file and gives the same values for these keys of a profile, or none; so for
    /// `["aws_access_key_id", "aws_secret_access_key", "aws_session_token"]`: the same credentials.
    #[must_use]
    pub fn alike(&self, profile: &str, keys: &[&str]) -> bool {
        let profiles: Vec<_> = self.each.iter().flatten().collect();
        let same = |key: &&str| alike(profiles.iter().map(|profiles| profiles.get(profile, key)));
        profiles.len() == self.each.len() && keys.iter().all(same)
    }

    /// Everything that is read differently, in the order of the file; empty if all parsers read the same.
    #[must_use]
    pub fn divergences(&self) -> Vec<Divergence<'_>> {
        let mut found = Vec::new();
        found.extend(self.file());
        found.extend(self.everywhere());
        let readable = self.each.iter().flatten();
        for (place, profiles) in readable.clone().enumerate() {
            for (name, section) in &profiles.sections {
                let known = readable.clone().take(place).any(|earlier| own(earlier, name).is_some());
                if section.has_values() && !known {
                    self.section(name, &mut found);
                }
            }
        }
        found.sort_by(|a, b| a.line.cmp(&b.line).then_with(|| a.subject.order(&b.subject)));
        // Without regard to case one key of one line: the upper-case spelling, which sorts behind, says nothing new.
        found.dedup_by(|later, earlier| {
            later.line == earlier.line && later.subject.respells(&earlier.subject)
        });
        found
    }

    fn file(&self) -> Option<Divergence<'_>> {
        let line = self.each.iter().filter_map(|reading| Some(reading.as_ref().err()?.line)).min()?;
        let refuses = |reading: &Result<Profiles<'_>, Unreadable>| matches!(reading, Err(u) if !u.silent);
        let empty = |reading: &Result<Profiles<'_>, Unreadable>| match reading {
            Ok(profiles) => profiles.names().next().is_none(),
            Err(unreadable) => unreadable.silent,
        };
        if self.each.iter().all(refuses) || self.each.iter().all(empty) {
            return None;
        }
        Some(Divergence { line, subject: Subject::File, readings: self.seen(|_| Seen::Present) })
    }

    /// `[DEFAULT]`, if it is more than a section's name to some.
    fn everywhere(&self) -> Option<Divergence<'_>> {
        let readable = || self.each.iter().flatten();
        let leaking = readable().find(|profiles| profiles.leaks())?;
        let seen = |profiles| match own(profiles, DEFAULTS) {
            _ if profiles.leaks() => Seen::Everywhere,
            Some(_) => Seen::Present,
            None => Seen::Absent,
        };
        let others = readable().any(|profiles| !profiles.leaks());
        let line = leaking.everywhere.line;
        others.then(|| Divergence { line, subject: Subject::Section(DEFAULTS), readings: self.seen(seen) })
    }

    fn section<'r>(&'r self, name: &'r Excerpt<'r>, found: &mut Vec<Divergence<'r>>) {
        let readable: Vec<&'r Profiles<'a>> = self.each.iter().flatten().collect();
        let sections: Vec<_> = readable.iter().filter_map(|profiles| own(profiles, name)).collect();
        let Some(line) = sections.iter().map(|section| section.line).min() else { return };
        if sections.len() < readable.len() {
            // Said already where the keys go everywhere instead.
            if name == DEFAULTS && readable.iter().any(|profiles| profiles.leaks()) {
                return;
            }
            let seen = |profiles| own(profiles, name).map_or(Seen::Absent, |_| Seen::Present);
            found.push(Divergence { line, subject: Subject::Section(name), readings: self.seen(seen) });
            return;
        }
        for (place, section) in sections.iter().enumerate() {
            for (key, _) in section.values() {
                let known = |earlier: &&Section<'_>| earlier.entries.get(key).is_some_and(Entry::counts);
                if !sections.iter().take(place).any(known) {
                    found.extend(self.key(name, key));
                }
            }
        }
    }

    fn key<'r>(&'r self, section: &'r Excerpt<'r>, key: &'r Excerpt<'r>) -> Option<Divergence<'r>> {
        let get = |profiles: &'r Profiles<'a>| profiles.get(section.expose_secret(), key.expose_secret());
        let entries = || self.each.iter().flatten().map(get);
        if alike(entries()) {
            return None;
        }
        let line = entries().flatten().map(|entry| entry.line).min()?;
        let seen = |profiles| match get(profiles) {
            Some(entry) if entry.unsettled => Seen::Unsettled,
            Some(entry) => Seen::Value(&entry.value),
            None => Seen::Absent,
        };
        Some(Divergence { line, subject: Subject::Key { section, key }, readings: self.seen(seen) })
    }

    fn seen<'r>(&'r self, of: impl Fn(&'r Profiles<'a>) -> Seen<'r>) -> [Seen<'r>; 3] {
        self.each.each_ref().map(|reading| match reading {
            Ok(profiles) => of(profiles),
            Err(unreadable) => Seen::Unreadable(*unreadable),
        })
    }
}

impl Document {
    /// The text as each parser reads it; [`Readings::divergences`] says where they differ.
    #[must_use]
    pub fn readings(&self) -> Readings<'_> {
        Readings::new(self.text(), self.grammar())
    }
}

impl<'r> Subject<'r> {
    /// The section's name and the key, for the order within a line.
    fn words(&self) -> Option<(&'r str, Option<&'r str>)> {
        match self {
            Self::File => None,
            Self::Section(name) => Some((name.expose_secret(), None)),
            Self::Key { section, key } => Some((section.expose_secret(), Some(key.expose_secret()))),
        }
    }

    fn order(&self, other: &Self) -> Ordering {
        match (self.words(), other.words()) {
            (Some((section, key)), Some((other, spelt))) => section.cmp(other).then_with(|| spelt.cmp(&key)),
            (mine, others) => mine.cmp(&others),
        }
    }

    fn respells(&self, other: &Self) -> bool {
        match (self.words(), other.words()) {
            (Some((section, Some(key))), Some((other, Some(spelt)))) => {
                section == other && key.eq_ignore_ascii_case(spelt)
            }
            (_, _) => false,
        }
    }
}

/// A profile's own keys, if it has any with a value.
fn own<'r, 'a>(profiles: &'r Profiles<'a>, name: &Excerpt<'_>) -> Option<&'r Section<'a>> {
    profiles.sections.get(name.expose_secret()).filter(|section| section.has_values())
}

fn alike<'r, 'a: 'r>(mut entries: impl Iterator<Item = Option<&'r Entry<'a>>>) -> bool {
    let Some(first) = entries.next() else { return true };
    let settled = |entry: Option<&Entry<'a>>| entry.is_none_or(|entry| !entry.unsettled);
    let value = |entry: Option<&'r Entry<'a>>| entry.map(|entry| entry.value.expose_secret());
    settled(first) && entries.all(|entry| settled(entry) && value(entry) == value(first))
}
