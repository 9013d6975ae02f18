//! The section that an edit is about, read with the strictest eyes.

use std::collections::HashMap;
use std::ops::Range;

use super::document::{Document, Span};
use super::line::{self, Kind, Line};
use super::occupant::EXPIRY_KEYS;
use super::refusal::{Refusal, RefusalReason};

/// The keys that are written, in their order.
pub(super) const WRITTEN: [&str; 4] =
    ["aws_access_key_id", "aws_secret_access_key", "aws_session_token", "x_security_token_expires"];

/// A legacy token that Python's SDK prefers over `aws_session_token`: a stale one there makes the new session fail.
const LEGACY_TOKEN: &str = "aws_security_token";

/// The key of that name, if it is one that stsd writes or removes.
fn managed(key: &str) -> Option<&'static str> {
    let known = WRITTEN.into_iter().chain([LEGACY_TOKEN]).chain(EXPIRY_KEYS);
    known.into_iter().find(|known| known.eq_ignore_ascii_case(key))
}

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
    /// True if it holds nothing but its bare header, managed lines and blank lines.
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
        for line in document.body(span) {
            match line::kind(line.content) {
                Kind::Blank => continue,
                Kind::Comment => {
                    target.only_managed = false;
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
        }
        Ok(target)
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
