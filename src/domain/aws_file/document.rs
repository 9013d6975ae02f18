//! The text and where its sections lie.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;

use zeroize::Zeroizing;

use super::line::{self, Kind, Line};
use super::reading;
use super::refusal::{Refusal, RefusalReason};
use super::value;
use crate::domain::profile::SectionName;

/// Which of AWS's two files a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grammar {
    /// `~/.aws/credentials`: `[work]` is the profile `work`.
    Credentials,
    /// `~/.aws/config`: `[profile work]` is the profile `work`, and `[default]` the default one.
    Config,
}

/// A section's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SectionHead<'a> {
    /// The text between the brackets.
    pub title: &'a str,
    /// The line of the header, counted from 1.
    pub line: usize,
}

/// A section by its place in the text.
#[derive(Clone, Debug)]
pub(super) struct Span {
    /// The bytes of the name; `None` for a header that parsers read differently.
    pub(super) title: Option<Range<usize>>,
    /// The line of the header, counted from 1.
    pub(super) line: usize,
    /// Where the header's line begins.
    pub(super) start: usize,
    /// Where the line after the header begins.
    pub(super) body: usize,
    /// Where the next header begins, or the end of the text.
    pub(super) end: usize,
}

/// The text of one of AWS's files, byte for byte, with its sections found.
///
/// It holds secrets: the text is zeroized when dropped and is no part of `Debug`.
#[derive(Clone)]
pub struct Document {
    text: Zeroizing<String>,
    grammar: Grammar,
    /// Found when they are first asked for: the text that an edit made is mostly only written.
    spans: OnceLock<Vec<Span>>,
}

impl Document {
    /// Finds the sections of a text. Any text is a document; whether it may be edited is [`Document::check`]'s answer.
    #[must_use]
    pub fn parse(text: impl Into<Zeroizing<String>>, grammar: Grammar) -> Self {
        Self { text: text.into(), grammar, spans: OnceLock::new() }
    }

    /// Takes the bytes of a file.
    ///
    /// # Errors
    ///
    /// [`RefusalReason::Utf16`] and [`RefusalReason::NotUtf8`], the latter with the line of the first bad byte.
    pub fn from_bytes(mut bytes: Zeroizing<Vec<u8>>, grammar: Grammar) -> Result<Self, Refusal> {
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            return Err(Refusal::at(1, RefusalReason::Utf16));
        }
        match String::from_utf8(std::mem::take(&mut *bytes)) {
            Ok(text) => Ok(Self::parse(Zeroizing::new(text), grammar)),
            Err(error) => {
                let good = error.utf8_error().valid_up_to();
                let bytes = Zeroizing::new(error.into_bytes());
                let line = 1 + bytes.iter().take(good).filter(|byte| **byte == b'\n').count();
                Err(Refusal::at(line, RefusalReason::NotUtf8))
            }
        }
    }

    /// The text, byte for byte as it was given. It holds secrets.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Which file it is.
    #[must_use]
    pub fn grammar(&self) -> Grammar {
        self.grammar
    }

    /// The headers that every parser reads alike, in the order of the file.
    pub fn sections(&self) -> impl Iterator<Item = SectionHead<'_>> {
        self.spans().iter().filter_map(|span| Some(SectionHead { title: self.title(span)?, line: span.line }))
    }

    /// The value of a profile's key as the common grammar reads it; an empty one is none.
    ///
    /// `section` is the profile: in the config file `work` finds `[profile work]`. Keys are compared without regard
    /// to case. Of two the last counts, as in the SDKs that accept two. Lines of a nested block are no keys.
    #[must_use]
    pub fn get(&self, section: &str, key: &str) -> Option<&str> {
        let properties = self.profile_spans(section).flat_map(|span| self.properties(span));
        properties.filter(|(found, _)| found.eq_ignore_ascii_case(key)).map(|(_, value)| value).last()
    }

    /// The keys of a profile as they are spelt; lines of a nested block are none.
    pub(super) fn keys<'a>(&'a self, section: &'a str) -> impl Iterator<Item = &'a str> {
        self.profile_spans(section).flat_map(|span| self.written(span)).map(|(key, _)| key)
    }

    /// True if the file has the profile's section.
    #[must_use]
    pub fn contains(&self, section: &str) -> bool {
        self.profile_spans(section).next().is_some()
    }

    /// Looks for what forbids any edit of the file, wherever it stands.
    ///
    /// # Errors
    ///
    /// The first reason: a byte order mark, a NUL, a bare carriage return, a section that stands twice, a header
    /// that parsers read differently, `[__proto__]`, `[profile __proto__]`.
    pub fn check(&self) -> Result<(), Refusal> {
        let line_of = |at: usize| 1 + self.slice(0..at).matches('\n').count();
        if self.text.starts_with('\u{feff}') {
            return Err(Refusal::at(1, RefusalReason::ByteOrderMark));
        }
        if let Some(at) = self.text.find('\0') {
            return Err(Refusal::at(line_of(at), RefusalReason::Nul));
        }
        let bare = |at: &usize| !self.slice(*at..self.text.len()).starts_with("\r\n");
        if let Some(at) = self.text.match_indices('\r').map(|(at, _)| at).find(bare) {
            return Err(Refusal::at(line_of(at), RefusalReason::BareCarriageReturn));
        }
        let mut seen = HashMap::with_capacity(self.spans().len());
        for span in self.spans() {
            let Some(title) = self.title(span) else {
                return Err(Refusal::at(span.line, RefusalReason::AmbiguousHeader));
            };
            if reading::FORBIDDEN.contains(&title) {
                return Err(Refusal::at(span.line, RefusalReason::ProtoSection));
            }
            if let Some(first) = seen.insert(title, span.line) {
                let name = SectionName::parse(title).ok().map(|name| name.to_string());
                return Err(Refusal::at(span.line, RefusalReason::DuplicateSection { name, first }));
            }
        }
        Ok(())
    }

    /// The one section of that name, for an edit of a [`Document::check`]ed file.
    pub(super) fn find(&self, section: &SectionName) -> Option<&Span> {
        self.spans().iter().find(|span| self.title(span) == Some(section.as_str()))
    }

    /// All sections, in the order of the file.
    pub(super) fn spans(&self) -> &[Span] {
        self.spans.get_or_init(|| spans(&self.text))
    }

    /// The lines of a section, without its header.
    pub(super) fn body(&self, span: &Span) -> impl Iterator<Item = Line<'_>> {
        line::lines(self.slice(span.body..span.end), span.body, span.line + 1)
    }

    /// A section's keys with the values that the common grammar reads; empty ones are none.
    pub(super) fn properties(&self, span: &Span) -> impl Iterator<Item = (&str, &str)> {
        self.written(span).filter_map(|(key, value)| Some((key, value::read(value)?)))
    }

    /// A section's keys with all that is written behind the equals sign; lines of a nested block are none.
    pub(super) fn written(&self, span: &Span) -> impl Iterator<Item = (&str, &str)> {
        self.body(span).filter_map(|line| match line::kind(line.content) {
            Kind::Property { key, value } => Some((key, value)),
            Kind::Blank | Kind::Comment | Kind::Indented(_) | Kind::Header(_) | Kind::Other => None,
        })
    }

    /// The bytes of a range; nothing where the range is none of this text.
    pub(super) fn slice(&self, range: Range<usize>) -> &str {
        self.text.get(range).unwrap_or_default()
    }

    /// How the file ends its lines; of both ways the more frequent.
    pub(super) fn line_end(&self) -> &'static str {
        if !self.text.contains('\r') {
            return "\n";
        }
        let (crlf, lf) = (self.text.matches("\r\n").count(), self.text.matches('\n').count());
        if crlf > 0 && crlf * 2 >= lf { "\r\n" } else { "\n" }
    }

    /// The name of a section; `None` for a header that parsers read differently.
    pub(super) fn title(&self, span: &Span) -> Option<&str> {
        self.text.get(span.title.clone()?)
    }

    /// The sections of a profile: one, unless the file is broken. In the config file `[profile default]` hides
    /// `[default]`.
    pub(super) fn profile_spans<'a>(&'a self, profile: &'a str) -> impl Iterator<Item = &'a Span> {
        let prefixed = |title: &str| {
            let name = title.strip_prefix("profile").filter(|rest| rest.starts_with(line::is_blank));
            name.map(|rest| rest.trim_matches(line::is_blank)) == Some(profile)
        };
        let plain = match self.grammar {
            Grammar::Credentials => true,
            Grammar::Config => {
                profile == "default" && !self.spans().iter().filter_map(|s| self.title(s)).any(prefixed)
            }
        };
        self.spans().iter().filter(move |span| {
            let matches = |title: &str| if plain { title == profile } else { prefixed(title) };
            self.title(span).is_some_and(matches)
        })
    }
}

fn spans(text: &str) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    // A byte order mark hides the first header from some parsers only; such a file is read but never edited.
    let mark = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let starts = memchr::memchr_iter(b'\n', text.as_bytes()).map(|end| end + 1);
    for (number, start) in (1..).zip(std::iter::once(mark).chain(starts)) {
        let Some(rest) = text.get(start..).filter(|rest| rest.starts_with('[')) else { continue };
        let Some(line) = line::lines(rest, start, number).next() else { continue };
        let Kind::Header(name) = line::kind(line.content) else { continue };
        if let Some(previous) = spans.last_mut() {
            previous.end = line.whole.start;
        }
        let title = name.map(|name| line.whole.start + 1..line.whole.start + 1 + name.len());
        let Range { start, end: body } = line.whole;
        spans.push(Span { title, line: line.number, start, body, end: text.len() });
    }
    spans
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document")
            .field("grammar", &self.grammar)
            .field("bytes", &self.text.len())
            .field("sections", &self.spans().len())
            .finish_non_exhaustive()
    }
}
