//! Looking at pasted text without ever showing it.

use std::fmt;

/// One character that has no place in a pasted value, named so that the value itself stays unseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misplaced {
    /// Counted in characters, from 1.
    pub position: usize,
    /// The Unicode scalar value.
    pub code_point: u32,
}

impl fmt::Display for Misplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "character {} is U+{:04X}", self.position, self.code_point)?;
        match name_of(self.code_point) {
            Some(name) => write!(f, " ({name})"),
            None => Ok(()),
        }
    }
}

/// The first character of `text` that `allowed` refuses.
pub fn first_misplaced(text: &str, allowed: impl Fn(char) -> bool) -> Option<Misplaced> {
    text.chars()
        .zip(1..)
        .find(|(character, _)| !allowed(*character))
        .map(|(character, position)| Misplaced { position, code_point: u32::from(character) })
}

/// The candidate that looks most like `text`, if any looks like it at all: for "did you mean".
pub fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = candidates.into_iter().map(|candidate| (strsim::jaro_winkler(text, candidate), candidate));
    scored
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// Names of the characters that come along when a key is copied from a page, a chat or a spreadsheet.
fn name_of(code_point: u32) -> Option<&'static str> {
    Some(match code_point {
        0x09 => "tab",
        0x0A => "line feed",
        0x0D => "carriage return",
        0x20 => "space",
        0x22 | 0x27 => "quote",
        0xA0 => "no-break space",
        0xAD => "soft hyphen",
        0x200B => "zero-width space",
        0x200C | 0x200D => "zero-width joiner",
        0x2018 | 0x2019 | 0x201C | 0x201D => "curly quote",
        0x202A..=0x202E | 0x2066..=0x2069 => "text direction mark",
        0x2060 => "word joiner",
        0xFEFF => "byte order mark",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misplaced_character_is_named_by_position_and_code_point() {
        let check = |text: &str, expected: Option<&str>| {
            let found = first_misplaced(text, |c| c.is_ascii_graphic() && c != '"');
            assert_eq!(found.map(|m| m.to_string()).as_deref(), expected);
        };
        check("abc", None);
        check("ab\u{200B}c", Some("character 3 is U+200B (zero-width space)"));
        check("äb", Some("character 1 is U+00E4"));
        check("ab\"", Some("character 3 is U+0022 (quote)"));
        check("ab\r", Some("character 3 is U+000D (carriage return)"));
    }
}
