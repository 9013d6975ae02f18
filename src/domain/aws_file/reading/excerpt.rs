//! A piece of the file, of which nobody knows whether it is a secret.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};

use zeroize::Zeroizing;

/// A name, a key or a value as a parser reads it: a piece of the text itself, or a copy that is zeroized.
///
/// `Debug` shows nothing of it: also what looks like a key may be a secret that slipped into the wrong place.
#[derive(Clone)]
pub struct Excerpt<'a>(Piece<'a>);

#[derive(Clone)]
enum Piece<'a> {
    Text(&'a str),
    Copy(Zeroizing<String>),
}

impl<'a> Excerpt<'a> {
    /// The text of which this is the excerpt. It may be a secret, whatever it is called.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        match &self.0 {
            Piece::Text(text) => text,
            Piece::Copy(text) => text,
        }
    }

    pub(super) const fn of(text: &'a str) -> Self {
        Self(Piece::Text(text))
    }

    pub(super) fn copy(text: Zeroizing<String>) -> Self {
        Self(Piece::Copy(text))
    }

    /// The pieces with `separator` between them; one piece is borrowed.
    pub(super) fn join(pieces: &[&'a str], separator: &str) -> Self {
        match pieces {
            [] => Self::of(""),
            [piece] => Self::of(piece),
            [first, rest @ ..] => {
                let length = pieces.iter().map(|piece| piece.len() + separator.len()).sum();
                // Enough from the start: a text that grows leaves copies of itself in freed memory.
                let mut text = Zeroizing::new(String::with_capacity(length));
                text.push_str(first);
                for piece in rest {
                    text.push_str(separator);
                    text.push_str(piece);
                }
                Self::copy(text)
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.expose_secret().is_empty()
    }
}

impl PartialEq for Excerpt<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.expose_secret() == other.expose_secret()
    }
}

impl Eq for Excerpt<'_> {}

// As `str` does, so that a map is asked with a plain text.
impl Hash for Excerpt<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.expose_secret().hash(state);
    }
}

impl Borrow<str> for Excerpt<'_> {
    fn borrow(&self) -> &str {
        self.expose_secret()
    }
}

impl fmt::Debug for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}
