//! Python: `CPython`'s strict `RawConfigParser`, and what botocore makes of its sections.

use std::collections::HashMap;

use zeroize::Zeroizing;

use super::super::Grammar;
use super::block::{self, Lines, Value};
use super::excerpt::Excerpt;
use super::parser::Unreadable;
use super::profiles::{Entry, Place, Profiles, Section};
use super::words;

/// The section whose keys all others inherit.
pub(in super::super) const DEFAULTS: &str = "DEFAULT";

/// A section while it is read.
struct Draft<'a> {
    title: &'a str,
    line: usize,
    /// Each key with its place in `values`.
    keys: HashMap<Excerpt<'a>, usize>,
    values: Vec<Lines<'a>>,
}

#[derive(Default)]
struct Scan<'a> {
    /// In the order of the file.
    drafts: Vec<Draft<'a>>,
    titles: HashMap<&'a str, usize>,
    /// The section that is being read.
    section: Option<usize>,
    /// True if its last key takes the lines that are indented deeper.
    joins: bool,
    /// The indentation of the last header or key, in characters.
    indent: usize,
    /// The first line that is none: Python reads on, for a worse one, before it gives up.
    bad: Option<usize>,
}

pub(super) fn read(text: &str, grammar: Grammar) -> Result<Profiles<'_>, Unreadable> {
    let mut scan = Scan::default();
    for (number, line) in lines(text) {
        scan.line(number, line)?;
    }
    match scan.bad {
        Some(line) => Err(Unreadable::refused(line)),
        None => profiles(&scan.drafts, grammar),
    }
}

/// Every way to end a line is one; the number counts line feeds only.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split('\n').enumerate().flat_map(|(index, line)| {
        line.strip_suffix('\r').unwrap_or(line).split('\r').map(move |line| (index + 1, line))
    })
}

/// Python's `str.isspace`.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

impl<'a> Scan<'a> {
    fn line(&mut self, number: usize, line: &'a str) -> Result<(), Unreadable> {
        let text = line.trim_matches(is_space);
        if text.starts_with(['#', ';']) {
            return Ok(());
        }
        if text.is_empty() {
            // Lines that come after it still belong to the value.
            if let Some(value) = self.joining() {
                value.pieces.push((number, ""));
            }
            return Ok(());
        }
        let indent = line.chars().take_while(|c| is_space(*c)).count();
        if indent > self.indent
            && let Some(value) = self.joining()
        {
            value.pieces.push((number, text));
            return Ok(());
        }
        self.indent = indent;
        let title = text.strip_prefix('[').and_then(|rest| rest.rsplit_once(']'));
        match title {
            Some((title, _)) if !title.is_empty() => self.header(number, title),
            _ => self.option(number, text),
        }
    }

    /// The lines of the key that takes what is indented deeper.
    fn joining(&mut self) -> Option<&mut Lines<'a>> {
        let section = self.section.filter(|_| self.joins)?;
        self.drafts.get_mut(section)?.values.last_mut()
    }

    fn header(&mut self, line: usize, title: &'a str) -> Result<(), Unreadable> {
        let known = self.titles.get(title).copied();
        if known.is_some() && title != DEFAULTS {
            return Err(Unreadable::refused(line));
        }
        let section = known.unwrap_or(self.drafts.len());
        if known.is_none() {
            self.drafts.push(Draft { title, line, keys: HashMap::new(), values: Vec::new() });
            let _new = self.titles.insert(title, section);
        }
        self.section = Some(section);
        self.joins = false;
        Ok(())
    }

    fn option(&mut self, line: usize, text: &'a str) -> Result<(), Unreadable> {
        let draft = self.section.and_then(|section| self.drafts.get_mut(section));
        let Some(draft) = draft else { return Err(Unreadable::refused(line)) };
        let Some((key, value)) = text.split_once(['=', ':']) else {
            self.bad.get_or_insert(line);
            return Ok(());
        };
        let key = lower(key.trim_end_matches(is_space));
        self.joins = !key.is_empty();
        if key.is_empty() {
            self.bad.get_or_insert(line);
        }
        if draft.keys.insert(key, draft.values.len()).is_some() {
            return Err(Unreadable::refused(line));
        }
        draft.values.push(Lines::new(line, value.trim_matches(is_space)));
        Ok(())
    }
}

fn lower(key: &str) -> Excerpt<'_> {
    if key.is_ascii() && !key.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Excerpt::of(key);
    }
    Excerpt::copy(Zeroizing::new(key.to_lowercase()))
}

fn profiles<'a>(drafts: &[Draft<'a>], grammar: Grammar) -> Result<Profiles<'a>, Unreadable> {
    let mut profiles = Profiles::default();
    for draft in drafts {
        let mut section = Section::at(draft.line);
        for (key, lines) in block::in_order(&draft.keys, &draft.values) {
            match lines.value() {
                Value::Joined(value) => section.put(key.clone(), lines.line, value),
                Value::Block(pieces) => match pairs(&pieces) {
                    Ok(block) => section.put_block(key.clone(), lines.line, block),
                    // A default is looked at only where a section has no key of that name.
                    Err(_) if draft.title == DEFAULTS && !is_inherited(key, drafts) => {
                        let entry = Entry::new(lines.line, Excerpt::of(""));
                        section.insert(key.clone(), Entry { place: Place::Unread, ..entry });
                    }
                    Err(line) => return Err(Unreadable::refused(line)),
                },
            }
        }
        if draft.title == DEFAULTS {
            profiles.everywhere = section;
        } else if let Some(name) = name(draft.title, grammar) {
            let _replaced = profiles.sections.insert(name, section);
        }
    }
    Ok(profiles)
}

/// The keys of a nested block, or the line that is none.
fn pairs<'a>(pieces: &[(usize, &'a str)]) -> Result<Vec<(usize, &'a str, &'a str)>, usize> {
    // Python's `str.splitlines` knows more ends of a line than its files do.
    let ends = |c: char| {
        matches!(c, '\u{b}' | '\u{c}' | '\u{1c}' | '\u{1d}' | '\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
    };
    let lines = pieces.iter().flat_map(|(number, piece)| piece.split(ends).map(|line| (*number, line)));
    let texts = lines.map(|(number, line)| (number, line.trim_matches(is_space)));
    let read = texts.filter(|(_, text)| !text.is_empty()).map(|(number, text)| {
        let (key, value) = text.split_once('=').ok_or(number)?;
        Ok((number, key.trim_matches(is_space), value.trim_matches(is_space)))
    });
    read.collect()
}

fn is_inherited(key: &Excerpt<'_>, drafts: &[Draft<'_>]) -> bool {
    drafts.iter().any(|draft| draft.title != DEFAULTS && !draft.keys.contains_key(key))
}

/// The profile that a section is; of two of one name the last counts, and only it.
fn name(title: &str, grammar: Grammar) -> Option<Excerpt<'_>> {
    match grammar {
        Grammar::Credentials => Some(Excerpt::of(title)),
        Grammar::Config if title == "default" => Some(Excerpt::of(title)),
        // Not the word, only its letters: `[profiles a]` is the profile `a`.
        Grammar::Config if title.starts_with("profile") => {
            let mut words = words::split(title)?;
            if words.len() == 2 { words.pop() } else { None }
        }
        Grammar::Config => None,
    }
}
