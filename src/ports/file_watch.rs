//! Changes that other programs make to files.

use super::Answer;

/// A watch over a few files.
pub trait FileWatch: Send + Sync {
    /// Returns when one of the files may have changed; never, if nothing can be watched.
    ///
    /// Several changes at once are one. A change between two calls is not lost.
    fn changed(&self) -> Answer<'_, ()>;
}
