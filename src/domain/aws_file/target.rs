//! The section that an edit is about, read with the strictest eyes.

use std::collections::HashMap;
use std::ops::Range;

use chrono::SecondsFormat;

use super::document::{Document, Span};
use super::line::{self, Kind, Line};
use super::names::{WRITTEN, is_foreign_mark, managed};
use super::refusal::{Refusal, RefusalReason};
use super::value;

/// A line with a managed key.
pub(super) struct ManagedLine<'a> {
    /// The key in lower case.
    pub(super) key: &'static str,
    /// The key as it is spelt.
    pub(super) spelt: &'a str,
    /// The value without outer blanks.
    pub(super) value: &'a str,
    /// The bytes without the line end.
    pub(super) content: Range<usize>,
    /// The bytes with the line end.
    pub(super) whole: Range<usize>,
}

/// A section that can be edited.
pub(super) struct Target<'a> {
    /// Its managed lines, in the order of the file.
    pub(super) managed: Vec<ManagedLine<'a>>,
    /// The end of its last line that is neither blank nor a comment.
    pub(super) content_end: usize,
    /// True if it holds nothing but its bare header, managed lines and blank lines. A comment behind its last key and an
    /// empty line is not counted: it is about what follows.
    pub(super) only_managed: bool,
}

impl<'a> Target<'a> {
    /// Reads a section and refuses what parsers read differently in it.
    pub(super) fn read(document: &'a Document, span: &Span) -> Result<Self, Refusal> {
        let header = document.slice(span.start..span.body).trim_end_matches(['\r', '\n']);
        let mut target =
            Self { managed: Vec::new(), content_end: span.body, only_managed: header.ends_with(']') };
        let mut keys = HashMap::new();
        // The key above, and whether its value is empty, so that a nested block may follow.
        let mut above: Option<(&str, bool)> = None;
        // Whether an empty line stands behind the last key, and a comment behind that.
        let (mut gap, mut apart) = (false, false);
        for line in document.body(span) {
            match line::kind(line.content) {
                Kind::Blank => {
                    gap = true;
                    continue;
                }
                Kind::Comment => {
                    target.only_managed &= gap;
                    apart = true;
                    continue;
                }
                Kind::Indented(text) => {
                    check_indented(&line, text, above)?;
                    target.only_managed = false;
                }
                Kind::Property { key, value } => {
                    check_property(&line, key, &mut keys)?;
                    above = Some((key, value.is_empty() || value.starts_with(line::is_comment_start)));
                    match managed(key) {
                        Some(managed) => target.managed.push(ManagedLine {
                            key: managed,
                            spelt: key,
                            value,
                            content: line.content_range(),
                            whole: line.whole.clone(),
                        }),
                        None => target.only_managed = false,
                    }
                }
                Kind::Other if line.content.contains(':') => {
                    return Err(Refusal::at(line.number, RefusalReason::Colon));
                }
                // A header cannot be here: it would have ended the section.
                Kind::Other | Kind::Header(_) => {
                    return Err(Refusal::at(line.number, RefusalReason::NotAProperty));
                }
            }
            target.content_end = line.whole.end;
            target.only_managed &= !apart;
            gap = false;
        }
        Ok(target)
    }

    /// True if the session stands there exactly as stsd writes one, and no other tool left its mark: the four lines in
    /// their order, one behind the other, with no managed key besides and the moment in our format.
    pub(super) fn is_of_our_hand(&self, document: &Document, span: &Span) -> bool {
        let exact = |(line, key): (&ManagedLine<'_>, &str)| {
            let after_key = document.slice(line.content.clone()).strip_prefix(key);
            after_key.and_then(|rest| rest.strip_prefix(" = ")) == Some(line.value)
        };
        let in_a_row = |pair: &[ManagedLine<'_>]| match pair {
            [above, below] => above.whole.end == below.whole.start,
            _ => false,
        };
        let our_moment = |line: &ManagedLine<'_>| {
            value::moment(line.value)
                .is_some_and(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true) == line.value)
        };
        let marked = document.body(span).any(|line| match line::kind(line.content) {
            Kind::Property { key, .. } => is_foreign_mark(key),
            Kind::Blank | Kind::Comment | Kind::Indented(_) | Kind::Header(_) | Kind::Other => false,
        });
        self.managed.len() == WRITTEN.len()
            && self.managed.iter().zip(WRITTEN).all(exact)
            && self.managed.windows(2).all(in_a_row)
            && self.managed.last().is_some_and(our_moment)
            && !marked
    }
}

fn check_indented(line: &Line<'_>, text: &str, above: Option<(&str, bool)>) -> Result<(), Refusal> {
    let reason = if text.starts_with('[') {
        RefusalReason::IndentedHeader
    } else if text.starts_with(line::is_comment_start) {
        RefusalReason::IndentedComment
    } else {
        match above {
            None => RefusalReason::IndentedWithoutKey,
            Some((_, false)) => RefusalReason::Continuation,
            Some((key, true)) => match managed(key) {
                Some(key) => RefusalReason::NestedUnderManaged { key },
                None => return Ok(()),
            },
        }
    };
    Err(Refusal::at(line.number, reason))
}

fn check_property(line: &Line<'_>, key: &str, keys: &mut HashMap<String, usize>) -> Result<(), Refusal> {
    if !line::is_key(key) {
        let reason = if key.contains(':') { RefusalReason::Colon } else { RefusalReason::NotAProperty };
        return Err(Refusal::at(line.number, reason));
    }
    if let Some(first) = keys.insert(key.to_ascii_lowercase(), line.number) {
        // What looks like a key may be a pasted secret with its padding: only a certain key is named.
        let certain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let name = managed(key).or_else(|| (key.len() <= 64 && key.chars().all(certain)).then_some(key));
        return Err(Refusal::at(
            line.number,
            RefusalReason::DuplicateKey { key: name.map(str::to_owned), first },
        ));
    }
    Ok(())
}
