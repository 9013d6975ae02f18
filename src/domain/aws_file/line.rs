//! One line at a time: what it is, without its neighbours.

use std::ops::Range;

/// A line of the text.
#[derive(Clone)]
pub(super) struct Line<'a> {
    /// Counted from 1.
    pub(super) number: usize,
    /// Its bytes with the line end.
    pub(super) whole: Range<usize>,
    /// Its text without the line end.
    pub(super) content: &'a str,
}

impl Line<'_> {
    /// The bytes of the content.
    pub(super) fn content_range(&self) -> Range<usize> {
        self.whole.start..self.whole.start + self.content.len()
    }
}

/// What a line is by itself.
pub(super) enum Kind<'a> {
    Blank,
    /// `#` or `;` at column 0.
    Comment,
    /// Begins with a blank; the text after it.
    Indented(&'a str),
    /// `[` at column 0: the name if every parser reads the same one.
    Header(Option<&'a str>),
    /// Has a `=`: what stands before it, and after it, both without outer blanks.
    Property {
        key: &'a str,
        value: &'a str,
    },
    Other,
}

/// The lines of `text`, which begins at byte `start` of the file with line `number`.
pub(super) fn lines(text: &str, start: usize, number: usize) -> impl Iterator<Item = Line<'_>> {
    text.split_inclusive('\n').scan((start, number), |(at, number), whole| {
        let line = Line { number: *number, whole: *at..*at + whole.len(), content: without_end(whole) };
        *at += whole.len();
        *number += 1;
        Some(line)
    })
}

fn without_end(line: &str) -> &str {
    line.strip_suffix('\n').map_or(line, |rest| rest.strip_suffix('\r').unwrap_or(rest))
}

/// True for the two characters that every parser takes as a blank.
pub(super) fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}

/// True for the two characters that begin a comment.
pub(super) fn is_comment_start(c: char) -> bool {
    c == '#' || c == ';'
}

/// Says what a line is.
pub(super) fn kind(content: &str) -> Kind<'_> {
    let trimmed = content.trim_matches(is_blank);
    if trimmed.is_empty() {
        return Kind::Blank;
    }
    if content.starts_with(is_blank) {
        return Kind::Indented(trimmed);
    }
    if content.starts_with(is_comment_start) {
        return Kind::Comment;
    }
    if content.starts_with('[') {
        return Kind::Header(header_name(content));
    }
    match content.split_once('=') {
        Some((key, value)) => {
            Kind::Property { key: key.trim_end_matches(is_blank), value: value.trim_matches(is_blank) }
        }
        None => Kind::Other,
    }
}

/// The name in a header, if no parser reads another one: `[ x ]`, `[x]#c`, `[x] y`, `[x` and `[x] # [y]` are
/// different things to different SDKs.
fn header_name(content: &str) -> Option<&str> {
    let (name, rest) = content.strip_prefix('[')?.split_once(']')?;
    let odd = |c: char| c == '[' || is_comment_start(c);
    if name.is_empty() || name.trim() != name || name.contains(odd) {
        return None;
    }
    let comment = rest.trim_start_matches(is_blank);
    let plain = comment.is_empty()
        || (rest.starts_with(is_blank)
            && comment.starts_with(is_comment_start)
            && !comment.contains(['[', ']']));
    plain.then_some(name)
}

/// True for a key that all parsers read as a key, in any case.
pub(super) fn is_key(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-/.%@+".contains(c))
}

/// True for what is a header of that name to some parsers, and to others the end of the value above it: so the same
/// section may stand twice to some.
pub(super) fn is_indented_header_of(content: &str, name: &str) -> bool {
    // White space to any of them: Python knows four characters more than Unicode does, and JavaScript one.
    let space = |c: char| c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}' | '\u{feff}');
    let text = content.trim_start_matches(space);
    let Some(rest) = text.strip_prefix('[').filter(|_| text.len() < content.len()) else { return false };
    // Python reads up to the last bracket, the others up to the first.
    let titles = [rest.split_once(']'), rest.rsplit_once(']')];
    titles.into_iter().flatten().any(|(title, _)| title.trim_matches(space) == name)
}
