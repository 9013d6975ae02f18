//! The Rust SDK: the literal parser of `aws-runtime`, then its rules for names.

use std::collections::HashMap;

use zeroize::Zeroizing;

use super::super::Grammar;
use super::block::{self, Lines, Value};
use super::excerpt::Excerpt;
use super::parser::Unreadable;
use super::profiles::{Profiles, Section};

/// A section as it stands; equal titles are one.
struct Draft<'a> {
    title: &'a str,
    line: usize,
    keys: HashMap<Excerpt<'a>, usize>,
    values: Vec<Lines<'a>>,
}

#[derive(Default)]
struct Scan<'a> {
    drafts: Vec<Draft<'a>>,
    titles: HashMap<&'a str, usize>,
    section: Option<usize>,
    /// Whether the last key of the section takes indented lines, and whether these must be `key = value`.
    above: Option<Above>,
}

#[derive(Clone, Copy)]
enum Above {
    Value,
    Block,
}

/// A section's title in two parts.
#[derive(Clone, Copy)]
enum Title<'a> {
    /// `[name]`.
    Plain(&'a str),
    /// `[word name]`.
    Prefixed(&'a str, &'a str),
}

pub(super) fn read(text: &str, grammar: Grammar) -> Result<Profiles<'_>, Unreadable> {
    let mut scan = Scan::default();
    for (index, line) in text.lines().enumerate() {
        scan.line(index + 1, line).ok_or(Unreadable::refused(index + 1))?;
    }
    Ok(profiles(scan.drafts, grammar))
}

fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

impl<'a> Scan<'a> {
    /// `None` for a line that makes the whole file an error.
    fn line(&mut self, number: usize, line: &'a str) -> Option<()> {
        if line.trim_matches(is_blank).is_empty() || line.starts_with(['#', ';']) {
            return Some(());
        }
        if line.starts_with('[') {
            let title = without_comment(line, false).strip_prefix('[')?.strip_suffix(']')?;
            self.header(number, title);
            return Some(());
        }
        let draft = self.drafts.get_mut(self.section?)?;
        if line.starts_with(is_blank) {
            if let Above::Block = self.above? {
                let _sub = property(line)?;
            }
            // With its comment, and also if it is nothing but a comment.
            draft.values.last_mut()?.pieces.push((number, line.trim_matches(is_blank)));
            return Some(());
        }
        let (key, value) = property(line)?;
        self.above = Some(if value.is_empty() { Above::Block } else { Above::Value });
        let _replaced = draft.keys.insert(lower(key), draft.values.len());
        draft.values.push(Lines::new(number, value));
        Some(())
    }

    fn header(&mut self, line: usize, title: &'a str) {
        let section = *self.titles.entry(title).or_insert(self.drafts.len());
        if section == self.drafts.len() {
            self.drafts.push(Draft { title, line, keys: HashMap::new(), values: Vec::new() });
        }
        self.section = Some(section);
        self.above = None;
    }
}

/// A key and its value without comment.
fn property(line: &str) -> Option<(&str, &str)> {
    let (key, value) = without_comment(line, true).split_once('=')?;
    let key = key.trim_matches(is_blank);
    (!key.is_empty()).then(|| (key, value.trim_matches(is_blank)))
}

/// The line without outer blanks and without its comment, which begins anywhere in a header and behind white space in a
/// property.
fn without_comment(line: &str, behind_space: bool) -> &str {
    let line = line.trim_matches(is_blank);
    let mut space = false;
    let comment = line.char_indices().find(|(_, c)| {
        let begins = matches!(c, '#' | ';') && (space || !behind_space);
        space = c.is_whitespace();
        begins
    });
    comment.and_then(|(at, _)| line.get(..at)).unwrap_or(line).trim_matches(is_blank)
}

fn lower(key: &str) -> Excerpt<'_> {
    if key.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Excerpt::copy(Zeroizing::new(key.to_ascii_lowercase()))
    } else {
        Excerpt::of(key)
    }
}

fn profiles(drafts: Vec<Draft<'_>>, grammar: Grammar) -> Profiles<'_> {
    let prefixed_default =
        drafts.iter().any(|draft| matches!(Title::parse(draft.title), Title::Prefixed("profile", "default")));
    let mut profiles = Profiles::default();
    for draft in drafts {
        let title = Title::parse(draft.title);
        if grammar == Grammar::Config && prefixed_default && matches!(title, Title::Plain("default")) {
            continue;
        }
        let Some(name) = title.profile(grammar) else { continue };
        let read = section(&draft);
        match profiles.sections.get_mut(name) {
            Some(merged) => merge(merged, read),
            None => {
                let _new = profiles.sections.insert(Excerpt::of(name), read);
            }
        }
    }
    profiles
}

fn section<'a>(draft: &Draft<'a>) -> Section<'a> {
    let mut section = Section::at(draft.line);
    for (key, lines) in block::in_order(&draft.keys, &draft.values) {
        if !is_identifier(key.expose_secret()) {
            continue;
        }
        match lines.value() {
            Value::Joined(value) => section.put(key.clone(), lines.line, value),
            Value::Block(pieces) => {
                let pairs = pieces.into_iter().filter_map(|(line, piece)| {
                    let (key, value) = piece.split_once('=')?;
                    Some((line, key.trim_matches(is_blank), value.trim_matches(is_blank)))
                });
                section.put_block(key.clone(), lines.line, pairs.collect());
            }
        }
    }
    section
}

/// Two titles of one profile, as `[profile a]` and `[profile  a]`, are merged in the order of a hash table.
fn merge<'a>(merged: &mut Section<'a>, read: Section<'a>) {
    for (key, mut entry) in read.entries {
        let differs = |old: &super::Entry<'a>| old.unsettled || old.value != entry.value;
        entry.unsettled = merged.entries.get(&key).is_some_and(differs);
        merged.insert(key, entry);
    }
}

impl<'a> Title<'a> {
    fn parse(title: &'a str) -> Self {
        let title = title.trim_matches(is_blank);
        match title.split_once(is_blank) {
            Some((word, name)) => Self::Prefixed(word.trim(), name.trim()),
            None => Self::Plain(title.trim()),
        }
    }

    fn profile(self, grammar: Grammar) -> Option<&'a str> {
        let name = match (grammar, self) {
            (Grammar::Credentials, Self::Plain(name))
            | (Grammar::Config, Self::Prefixed("profile", name)) => name,
            (Grammar::Config, Self::Plain("default")) => "default",
            (Grammar::Credentials, Self::Prefixed(_, _))
            | (Grammar::Config, Self::Plain(_) | Self::Prefixed(_, _)) => return None,
        };
        is_identifier(name).then_some(name)
    }
}

/// What may be a name of a profile or a key; an empty one may.
fn is_identifier(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "_-/.%@:+".contains(c))
}
