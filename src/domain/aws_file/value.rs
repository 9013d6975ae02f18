//! Values: which may be written, and how one is read.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDateTime, Utc};

use super::line::{is_blank, is_comment_start};

/// Where a comment begins within a value, to every parser but Python's.
const INLINE_COMMENTS: [&str; 4] = [" #", " ;", "\t#", "\t;"];

/// True for a value that every parser reads as it is written: printable ASCII, not empty, without outer blanks,
/// without the start of a comment and without a quote at either end.
pub(super) fn is_plain(value: &str) -> bool {
    let quote = |c: char| c == '"' || c == '\'';
    !value.is_empty()
        && value.chars().all(|c| c == ' ' || c.is_ascii_graphic())
        && !value.starts_with(is_blank)
        && !value.ends_with(is_blank)
        && !value.starts_with(is_comment_start)
        && !value.starts_with(quote)
        && !value.ends_with(quote)
        && !INLINE_COMMENTS.iter().any(|start| value.contains(start))
}

/// The value as it is read: without outer white space and without a comment behind a blank.
///
/// A value that begins with `#` is kept, as Python keeps it: most SDKs read nothing there, but it may be the only
/// copy of a key that its owner put out of use.
pub(super) fn read(value: &str) -> Option<&str> {
    let space = |c: char| is_blank(c) || matches!(c, '\r' | '\u{b}' | '\u{c}');
    let comment = INLINE_COMMENTS.iter().filter_map(|start| value.find(start)).min();
    let read = comment.and_then(|at| value.get(..at)).unwrap_or(value).trim_matches(space);
    (!read.is_empty()).then_some(read)
}

/// The moment that an expiry key of any known tool names; one without a zone is taken as UTC.
///
/// Seen: RFC 3339 with any offset, the same with a blank for the `T`, and `2026-11-22 03:04:05` (aws-mfa in UTC,
/// awsume in local time).
pub(super) fn moment(value: &str) -> Option<DateTime<Utc>> {
    let value = value.strip_suffix(" UTC").unwrap_or(value);
    let value: Cow<'_, str> = match value.split_once(' ') {
        Some((date, time)) => format!("{date}T{}", time.trim_start()).into(),
        None => value.into(),
    };
    let zoned = || {
        let exact = DateTime::parse_from_rfc3339(&value);
        let parsed = exact.or_else(|_| DateTime::parse_from_str(&value, "%Y-%m-%dT%H:%M:%S%.f%#z"));
        Some(parsed.ok()?.to_utc())
    };
    let zoneless = || Some(NaiveDateTime::parse_from_str(&value, "%Y-%m-%dT%H:%M:%S%.f").ok()?.and_utc());
    zoned().or_else(zoneless)
}
