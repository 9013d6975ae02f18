//! What a parser gives: profiles with their keys.

use std::collections::HashMap;
use std::fmt;

use super::excerpt::Excerpt;

/// The profiles that a parser finds in a file. `Debug` shows their number only.
#[derive(Clone, Default)]
pub struct Profiles<'a> {
    pub(super) sections: HashMap<Excerpt<'a>, Section<'a>>,
    /// `[DEFAULT]`, whose keys Python adds to every section that has none of that name.
    pub(super) everywhere: Section<'a>,
}

/// A profile's own keys.
#[derive(Clone, Default)]
pub(super) struct Section<'a> {
    /// The line of the first header.
    pub(super) line: usize,
    pub(super) entries: HashMap<Excerpt<'a>, Entry<'a>>,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// The line of the key, counted from 1.
    pub line: usize,
    /// The value; one that the parser puts together from several lines contains line feeds.
    pub value: Excerpt<'a>,
    pub(super) place: Place,
    /// True if the parser itself takes one of two values by chance.
    pub(super) unsettled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A key of the profile.
    Plain,
    /// The key above a nested block; it has no value of its own.
    Block,
    /// A key in a block whose own key has this many bytes.
    Within(usize),
    /// A key of `[DEFAULT]` whose block Python cannot read, which it notices only where a section inherits it.
    Unread,
}

impl<'a> Profiles<'a> {
    /// The value of a profile's key, spelt as the parser gives it; an empty one is none.
    #[must_use]
    pub fn get(&self, profile: &str, key: &str) -> Option<&Entry<'a>> {
        let section = self.sections.get(profile)?;
        let found = section.entries.get(key).or_else(|| {
            let entry = self.everywhere.entries.get(key)?;
            (!section.overrides(key, entry)).then_some(entry)
        });
        found.filter(|entry| entry.counts())
    }

    /// The names of the profiles that have a value, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let with_value = |name: &&str| self.keys(name).next().is_some();
        self.sections.keys().map(Excerpt::expose_secret).filter(with_value)
    }

    /// A profile's keys that have a value, in no order; of a nested block's `parent.key`.
    pub fn keys(&self, profile: &str) -> impl Iterator<Item = (&str, &Entry<'a>)> {
        let section = self.sections.get(profile);
        let own = section.into_iter().flat_map(Section::values);
        let added = section.into_iter().flat_map(|section| {
            self.everywhere.values().filter(|(key, entry)| !section.overrides(key.expose_secret(), entry))
        });
        own.chain(added).map(|(key, entry)| (key.expose_secret(), entry))
    }

    /// The line of a key, also one without a value, that each section inherits that has none of that name.
    pub(in super::super) fn line_everywhere(&self, key: &str) -> Option<usize> {
        Some(self.everywhere.entries.get(key)?.line)
    }

    /// The line of the first key that would make the file an error if another section inherited it.
    pub(in super::super) fn first_unread(&self) -> Option<usize> {
        let entries = self.everywhere.entries.values();
        entries.filter(|entry| entry.place == Place::Unread).map(|entry| entry.line).min()
    }

    /// True if a key of `[DEFAULT]` becomes one of another section.
    pub(super) fn leaks(&self) -> bool {
        let top = |(_, entry): &(&Excerpt<'a>, &Entry<'a>)| match entry.place {
            Place::Plain => !entry.value.is_empty(),
            Place::Block => true,
            Place::Within(_) | Place::Unread => false,
        };
        // Linear: each key that is looked at in vain is one of the section's own.
        let reaches = |section: &Section<'a>| {
            let mut top = self.everywhere.entries.iter().filter(top);
            top.any(|(key, _)| !section.entries.contains_key(key))
        };
        self.sections.values().any(reaches)
    }
}

impl<'a> Section<'a> {
    pub(super) fn at(line: usize) -> Self {
        Self { line, entries: HashMap::new() }
    }

    /// The keys that have a value.
    pub(super) fn values(&self) -> impl Iterator<Item = (&Excerpt<'a>, &Entry<'a>)> {
        self.entries.iter().filter(|(_, entry)| entry.counts())
    }

    pub(super) fn has_values(&self) -> bool {
        self.values().next().is_some()
    }

    /// True if a key of `[DEFAULT]`, or the block that it is in, is one of the section's own.
    fn overrides(&self, key: &str, entry: &Entry<'a>) -> bool {
        let top = match entry.place {
            Place::Plain | Place::Block | Place::Unread => key,
            Place::Within(length) => key.get(..length).unwrap_or(key),
        };
        self.entries.contains_key(key) || self.entries.contains_key(top)
    }
}

impl<'a> Entry<'a> {
    pub(super) fn new(line: usize, value: Excerpt<'a>) -> Self {
        Self { line, value, place: Place::Plain, unsettled: false }
    }

    /// True if there is a value, or by chance there may be one.
    pub(super) fn counts(&self) -> bool {
        self.unsettled || !self.value.is_empty()
    }

    /// True if the key is in a nested block.
    #[must_use]
    pub fn is_nested(&self) -> bool {
        matches!(self.place, Place::Within(_))
    }
}

impl fmt::Debug for Profiles<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profiles").field("sections", &self.sections.len()).finish_non_exhaustive()
    }
}
