//! Names of profiles and of sections of AWS's files.

use std::fmt;

use thiserror::Error;

/// The longest name accepted, in characters: far above what people type, far below what a path or a label can hold.
const LONGEST: usize = 128;

/// Names that some parser of AWS's files gives a meaning of its own: Python's configparser lets the keys of
/// `[DEFAULT]` leak into every section, the JavaScript SDK reads a file with `[__proto__]` as empty, and
/// `[profile]` is a half-written header of the config file.
const RESERVED: [&str; 3] = ["DEFAULT", "__proto__", "profile"];

/// Why a text is no name of a profile or section.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// Nothing, or more than 128 characters.
    #[error("the name has {0} characters, a name has 1 to {LONGEST}")]
    Length(usize),
    /// A character outside the alphabet that all parsers of AWS's files share.
    #[error("{0} in the name; letters, digits and _-/.%@:+ are read by all AWS tools")]
    Character(super::text::Misplaced),
    /// A name with a meaning of its own in some parser.
    #[error("the name is one of {RESERVED:?}, which some AWS tools read in their own way")]
    Reserved,
    /// A leading `-` reads as an option on every command line.
    #[error("the name begins with '-'")]
    LeadingDash,
}

/// A profile of stsd: the name the user types, the keychain item's user, the table `[profiles.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProfileName(String);

/// A section `[NAME]` of `~/.aws/credentials`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SectionName(String);

impl ProfileName {
    /// Parses a name out of `[A-Za-z0-9_-/.%@:+]`, 1 to 128 characters.
    ///
    /// # Errors
    ///
    /// [`NameError`] says which rule the text breaks.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check(text).map(|()| Self(text.to_owned()))
    }

    /// The name as typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The section that a profile writes unless the configuration names others: its own name.
    #[must_use]
    pub fn own_section(&self) -> SectionName {
        SectionName(self.0.clone())
    }
}

impl SectionName {
    /// Parses a section name; the rules are those of [`ProfileName::parse`].
    ///
    /// # Errors
    ///
    /// [`NameError`] says which rule the text breaks.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        check(text).map(|()| Self(text.to_owned()))
    }

    /// The name without its brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for SectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check(text: &str) -> Result<(), NameError> {
    let length = text.chars().count();
    if length == 0 || length > LONGEST {
        return Err(NameError::Length(length));
    }
    if let Some(misplaced) =
        super::text::first_misplaced(text, |c| c.is_ascii_alphanumeric() || "_-/.%@:+".contains(c))
    {
        return Err(NameError::Character(misplaced));
    }
    if RESERVED.contains(&text) {
        return Err(NameError::Reserved);
    }
    if text.starts_with('-') {
        return Err(NameError::LeadingDash);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_every_parser_reads() {
        let good =
            |text: &str| assert_eq!(ProfileName::parse(text).map(|n| n.to_string()), Ok(text.to_owned()));
        good("work");
        good("default");
        good("a.b/c%d@e:f+g-h_i");
        good(&"x".repeat(128));
        let bad = |text: &str, expected: &str| {
            assert_eq!(SectionName::parse(text).map_err(|e| e.to_string()), Err(expected.to_owned()));
        };
        bad("", "the name has 0 characters, a name has 1 to 128");
        bad(
            "my work",
            "character 3 is U+0020 (space) in the name; letters, digits and _-/.%@:+ are read by all AWS tools",
        );
        bad(
            "prüfung",
            "character 3 is U+00FC in the name; letters, digits and _-/.%@:+ are read by all AWS tools",
        );
        for reserved in RESERVED {
            assert_eq!(ProfileName::parse(reserved), Err(NameError::Reserved));
        }
        assert_eq!(ProfileName::parse("-v"), Err(NameError::LeadingDash));
        assert_eq!(ProfileName::parse(&"x".repeat(129)), Err(NameError::Length(129)));
    }
}
