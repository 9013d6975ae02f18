//! Bytes of the wire: one JSON object per line, at most 64 KiB.

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// The longest message, its line feed included, in bytes. A status of 500 profiles has some 200 KB, so answers may be
/// longer than requests.
pub const LONGEST_REQUEST: usize = 64 << 10;
/// The longest answer, its line feed included, in bytes.
pub const LONGEST_ANSWER: usize = 4 << 20;

/// Why bytes are no message. Nothing of the bytes is part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    /// Longer than the limit.
    #[error("a message longer than {0} bytes")]
    TooLong(usize),
    /// No JSON, or JSON of another shape.
    #[error("not a message of this protocol")]
    Shape,
}

/// A message as its line.
///
/// # Errors
///
/// [`FrameError::Shape`] if the message cannot be written as JSON, which no message of ours can cause.
pub fn encode(message: &impl Serialize) -> Result<Vec<u8>, FrameError> {
    let mut line = serde_json::to_vec(message).map_err(|_hidden| FrameError::Shape)?;
    line.push(b'\n');
    Ok(line)
}

/// A line as its message; the line feed may be there or not.
///
/// # Errors
///
/// [`FrameError::Shape`] for other bytes.
pub fn decode<T: DeserializeOwned>(line: &[u8]) -> Result<T, FrameError> {
    serde_json::from_slice(line.strip_suffix(b"\n").unwrap_or(line)).map_err(|_hidden| FrameError::Shape)
}

/// Collects bytes until a line is complete.
pub struct Lines {
    buffer: Vec<u8>,
    longest: usize,
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // What was received may hold a code.
        f.debug_struct("Lines").field("bytes", &self.buffer.len()).finish_non_exhaustive()
    }
}

impl Lines {
    /// An empty collection for lines of at most `longest` bytes.
    #[must_use]
    pub fn new(longest: usize) -> Self {
        Self { buffer: Vec::new(), longest }
    }

    /// Takes bytes as they come.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next complete line, if there is one.
    ///
    /// # Errors
    ///
    /// [`FrameError::TooLong`] if the limit is passed and no line has ended.
    pub fn next_line(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        match self.buffer.iter().position(|byte| *byte == b'\n') {
            Some(end) if end < self.longest => Ok(Some(self.buffer.drain(..=end).collect())),
            Some(_) => Err(FrameError::TooLong(self.longest)),
            None if self.buffer.len() >= self.longest => Err(FrameError::TooLong(self.longest)),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_line_however_it_arrives() {
        let mut lines = Lines::new(16);
        lines.push(b"ab");
        assert_eq!(lines.next_line(), Ok(None));
        lines.push(b"c\nd\n");
        assert_eq!(lines.next_line(), Ok(Some(b"abc\n".to_vec())));
        assert_eq!(lines.next_line(), Ok(Some(b"d\n".to_vec())));
        assert_eq!(lines.next_line(), Ok(None));
    }

    #[test]
    fn a_line_that_is_too_long_is_refused_before_it_ends() {
        let mut lines = Lines::new(8);
        lines.push(b"1234567\n");
        assert!(lines.next_line().unwrap().is_some());
        lines.push(b"12345678");
        assert_eq!(lines.next_line(), Err(FrameError::TooLong(8)));
        let mut lines = Lines::new(8);
        lines.push(b"12345678\n");
        assert_eq!(lines.next_line(), Err(FrameError::TooLong(8)));
    }
}
