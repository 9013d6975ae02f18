//! Bytes of a text replaced: what every edit comes down to.

use std::ops::Range;

use zeroize::Zeroizing;

use super::document::Document;

/// A replacement of bytes of the old text.
pub(super) struct Splice<'a> {
    pub(super) range: Range<usize>,
    pub(super) pieces: Vec<&'a str>,
    /// True for whole new lines: the text before them is brought to a line end first.
    pub(super) at_line_start: bool,
}

impl Splice<'_> {
    /// Takes bytes out.
    pub(super) fn removal(range: Range<usize>) -> Self {
        Self { range, pieces: Vec::new(), at_line_start: false }
    }
}

impl Document {
    /// The text with the splices done; they are in order and do not overlap.
    pub(super) fn spliced(&self, splices: &[Splice<'_>], end: &str) -> Self {
        let added = splices.iter().flat_map(|s| &s.pieces).map(|piece| piece.len()).sum::<usize>();
        // Enough from the start: a text that grows leaves copies of its secrets in freed memory.
        let room = self.text().len() + added + end.len() * splices.len();
        let mut text = Zeroizing::new(String::with_capacity(room));
        let mut done = 0;
        for splice in splices {
            text.push_str(self.slice(done..splice.range.start));
            if splice.at_line_start && !text.is_empty() && !text.ends_with('\n') {
                text.push_str(end);
            }
            for piece in &splice.pieces {
                text.push_str(piece);
            }
            done = splice.range.end;
        }
        text.push_str(self.slice(done..self.text().len()));
        Self::parse(text, self.grammar())
    }
}
