//! The JavaScript SDK: `parseIni`, and `getConfigData` for the config file.

use std::collections::HashMap;

use zeroize::Zeroizing;

use super::super::Grammar;
use super::excerpt::Excerpt;
use super::parser::Unreadable;
use super::profiles::{Entry, Place, Profiles, Section};

/// The first words of a title that mean something; a section with another first word is none.
const WORDS: [&str; 3] = ["profile", "sso-session", "services"];

/// With one of these sections the whole file reads as empty.
pub(in super::super) const FORBIDDEN: [&str; 2] = ["__proto__", "profile __proto__"];

#[derive(Default)]
struct Scan<'a> {
    sections: Vec<Section<'a>>,
    names: HashMap<Excerpt<'a>, usize>,
    section: Option<usize>,
    /// The key without a value under which indented lines are nested.
    block: Option<&'a str>,
}

pub(super) fn read(text: &str, grammar: Grammar) -> Result<Profiles<'_>, Unreadable> {
    let mut scan = Scan::default();
    for (index, line) in text.split('\n').enumerate() {
        scan.line(index + 1, line).ok_or(Unreadable::silent(index + 1))?;
    }
    let Scan { sections, names, .. } = scan;
    let mut sections: Vec<Option<Section<'_>>> = sections.into_iter().map(Some).collect();
    let mut profiles = Profiles::default();
    let mut default = None;
    for (name, place) in names {
        let section =
            sections.get_mut(place).and_then(Option::take).filter(|section| !section.entries.is_empty());
        let Some(section) = section else { continue };
        let name = match grammar {
            Grammar::Credentials => name,
            Grammar::Config if name.expose_secret() == "default" => {
                default = Some((name, section));
                continue;
            }
            Grammar::Config => match name.expose_secret().strip_prefix("profile.") {
                // A prototype is no entry.
                None | Some("__proto__") => continue,
                Some(profile) => Excerpt::copy(Zeroizing::new(profile.to_owned())),
            },
        };
        let _new = profiles.sections.insert(name, section);
    }
    if let Some((name, section)) = default {
        // `[profile default]` comes before it.
        let _kept = profiles.sections.entry(name).or_insert(section);
    }
    Ok(profiles)
}

/// White space in JavaScript.
fn is_space(c: char) -> bool {
    (c.is_whitespace() && c != '\u{85}') || c == '\u{feff}'
}

impl<'a> Scan<'a> {
    /// `None` for a section that makes the whole file read as empty.
    fn line(&mut self, number: usize, line: &'a str) -> Option<()> {
        let text = without_comment(line).trim_matches(is_space);
        if let Some(title) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            if FORBIDDEN.contains(&title) {
                return None;
            }
            self.block = None;
            self.section = name(title).map(|name| self.section(number, name));
            return Some(());
        }
        let section = self.section.and_then(|section| self.sections.get_mut(section));
        let (Some(section), Some((key, value))) = (section, text.split_once('=')) else { return Some(()) };
        let (key, value) = (key.trim_matches(is_space), value.trim_matches(is_space));
        if key.is_empty() {
            return Some(());
        }
        if value.is_empty() {
            self.block = Some(key);
            return Some(());
        }
        if !line.starts_with(is_space) {
            self.block = None;
        }
        let entry = Entry::new(number, Excerpt::of(value));
        match self.block {
            Some(block) => {
                let entry = Entry { place: Place::Within(block.len()), ..entry };
                section.insert(Excerpt::join(&[block, key], "."), entry);
            }
            // What is set there is no entry.
            None if key == "__proto__" => {}
            None => section.insert(Excerpt::of(key), entry),
        }
        Some(())
    }

    fn section(&mut self, line: usize, name: Excerpt<'a>) -> usize {
        let section = *self.names.entry(name).or_insert(self.sections.len());
        if section == self.sections.len() {
            self.sections.push(Section::at(line));
        }
        section
    }
}

/// What stands before a `#` or `;` at the line's beginning or behind white space.
fn without_comment(line: &str) -> &str {
    let mut space = Some(0);
    for (at, c) in line.char_indices() {
        if matches!(c, '#' | ';')
            && let Some(start) = space
        {
            return line.get(..start).unwrap_or_default();
        }
        space = is_space(c).then_some(at);
    }
    line
}

/// The section's name; `None` if there is no section of that title.
pub(in super::super) fn name(title: &str) -> Option<Excerpt<'_>> {
    match prefixed(title) {
        Some((word, name)) if WORDS.contains(&word) => Some(Excerpt::join(&[word, name], ".")),
        Some(_) => None,
        None => (!title.is_empty()).then(|| Excerpt::of(title)),
    }
}

/// The two parts of `word name` and `word "name"`, with one white space between them.
fn prefixed(title: &str) -> Option<(&str, &str)> {
    let word_end = title.find(|c: char| !(is_word(c) || c == '-'))?;
    let (word, rest) = title.split_at_checked(word_end)?;
    let rest = rest.strip_prefix(is_space)?;
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
    let name = match quote {
        Some(quote) => rest.strip_prefix(quote)?.strip_suffix(quote)?,
        None => rest,
    };
    let good =
        !word.is_empty() && !name.is_empty() && name.chars().all(|c| is_word(c) || "-@+.%:/".contains(c));
    good.then_some((word, name))
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
