//! Bytes that may be no text.

use zeroize::Zeroizing;

use super::super::Grammar;
use super::divergence::Readings;
use super::parser::{Parser, Unreadable, read};
use super::profiles::Profiles;

/// A file's bytes as the parsers take them.
///
/// Where they are no UTF-8, Python refuses the file, the Rust SDK takes it as empty, and the JavaScript SDK goes on with
/// a replacement character in the place of what is none. UTF-16 is a case of this. `Debug` shows the length only.
pub struct FileBytes {
    /// The text with its replacement characters.
    text: Zeroizing<String>,
    /// The line of the first byte that is no UTF-8.
    broken: Option<usize>,
}

impl FileBytes {
    /// Takes a file's bytes, whatever they are.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let broken = std::str::from_utf8(bytes).err().map(|error| {
            let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
            good.split(|byte| *byte == b'\n').count()
        });
        let replaced = |bad: &[u8]| if bad.is_empty() { "" } else { "\u{fffd}" };
        let pieces = || bytes.utf8_chunks().flat_map(|chunk| [chunk.valid(), replaced(chunk.invalid())]);
        let mut text = Zeroizing::new(String::with_capacity(pieces().map(str::len).sum()));
        text.extend(pieces());
        Self { text, broken }
    }

    /// Reads the file as one parser does.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] if this parser gives nothing of the file, with the line.
    pub fn read(&self, parser: Parser, grammar: Grammar) -> Result<Profiles<'_>, Unreadable> {
        match (self.broken, parser) {
            (Some(line), Parser::Botocore) => Err(Unreadable::refused(line)),
            (Some(line), Parser::Rust) => Err(Unreadable::silent(line)),
            (Some(_), Parser::JavaScript) | (None, _) => read(parser, &self.text, grammar),
        }
    }

    /// Reads the file as all parsers do.
    #[must_use]
    pub fn readings(&self, grammar: Grammar) -> Readings<'_> {
        Readings::of_each(|parser| self.read(parser, grammar))
    }
}

impl std::fmt::Debug for FileBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileBytes").field("bytes", &self.text.len()).finish_non_exhaustive()
    }
}
