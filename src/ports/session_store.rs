//! Where a session is delivered: sections of the shared credentials file.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::Answer;
use crate::domain::aws_file::{Document, Refusal};
pub use crate::domain::aws_file::{Removal, Trace};
use crate::domain::fingerprint::Fingerprint;
use crate::domain::keys::{LongTermKey, SessionCredentials};
use crate::domain::profile::SectionName;

/// Why the credentials file was left as it is, or ([`StoreError::changed`]) what failed after it was replaced.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file's content forbids the edit.
    #[error("{}: {refusal}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Line and reason.
        refusal: Refusal,
    },
    /// The file, its directory or what lies at its place forbids the edit.
    #[error("{}: {reason}", path.display())]
    Unsafe {
        /// The file or directory.
        path: PathBuf,
        /// Why, as a fragment: "is a directory", "belongs to another user".
        reason: String,
    },
    /// An operation of the operating system failed.
    #[error("{}: cannot {action}: {reason}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried, as a fragment: "create a temporary file".
        action: &'static str,
        /// The operating system's words.
        reason: String,
        /// True if the file may have been replaced before this failed: it is whole, but its last change may not be on
        /// the disk yet, or another program's change may have to be looked at.
        changed: bool,
    },
    /// Another program holds the lock, or several took turns on it.
    ///
    /// One is waited for 10 s. Where the kernel names the holder, so that several can be told from one, the wait starts
    /// anew with each of them and ends after 30 s in all; where it names none it ends after 10 s.
    #[error("{}: locked by another program{} for more than {seconds} s", path.display(), match holder { Some(pid) => format!(" (pid {pid})"), None => String::new() })]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// The process that holds it, where the kernel tells.
        holder: Option<i32>,
        /// How long was waited, in whole seconds: 10 to 30, or more if the machine was too busy to look.
        seconds: u64,
    },
    /// Another program writes the file without pause.
    #[error("{}: another program keeps changing it", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
}

impl StoreError {
    /// True if it must not be said that nothing was changed.
    #[must_use]
    pub fn changed(&self) -> bool {
        matches!(self, Self::Io { changed: true, .. })
    }
}

/// A section that a session goes to or comes from.
#[derive(Clone, Debug)]
pub struct SectionTarget {
    /// The section.
    pub section: SectionName,
    /// What we wrote there last, if we remember.
    pub written: Option<Fingerprint>,
    /// What we wrote there before that.
    pub earlier: Option<Fingerprint>,
    /// True if the section was not there before we first wrote it.
    pub created: bool,
}

/// What happened to a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionWritten {
    /// The section.
    pub section: SectionName,
    /// True if it was not there before.
    pub created: bool,
}

/// A place where a long-term key stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyCopy {
    /// The file.
    pub path: PathBuf,
    /// Where in it.
    pub place: KeyPlace,
}

/// Where in a file a long-term key stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// A section of the credentials file that holds exactly this key: [`SessionStore::remove_key`] can take it.
    Section {
        /// The section.
        section: SectionName,
        /// The line of its header.
        line: usize,
    },
    /// A line of one of AWS's two files.
    Line(Trace),
    /// A file that is named after one of the two: another tool's backup, an editor's.
    Backup {
        /// The first line with the secret, else with the id.
        trace: Trace,
        /// True if the credentials file has all that is in it, but for this key.
        kept: bool,
    },
}

/// The credentials file, edited only as a whole and only safely: a failure leaves it byte for byte as it was, unless
/// its [`StoreError::changed`] says that it came after the replacement, which is never half of one.
pub trait SessionStore: Send + Sync {
    /// The file, for messages.
    fn path(&self) -> &Path;

    /// Reads the file; an absent one is an empty document.
    fn read(&self) -> Answer<'_, Result<Document, StoreError>>;

    /// Makes every check of [`SessionStore::prepare`] and keeps nothing: no lock, no file.
    fn check<'a>(&'a self, targets: &'a [SectionTarget]) -> Answer<'a, Result<(), StoreError>>;

    /// Does all that can fail before a code is spent: takes the lock, waits until no foreign writer is at work,
    /// checks that each section can be edited, and sets the space for the new content aside on the disk.
    fn prepare<'a>(
        &'a self,
        targets: &'a [SectionTarget],
    ) -> Answer<'a, Result<Box<dyn PreparedWrite>, StoreError>>;

    /// Takes the session out of each section, in one replacement of the file. A section that was `created` goes
    /// whole if nothing else stands in it.
    ///
    /// It also looks after other programs' changes, as [`PreparedWrite::settle`] does: after a
    /// [`StoreError::Refused`] or [`StoreError::Busy`] the session may be out of the file already.
    /// Calling it again is right after every error.
    fn remove<'a>(&'a self, targets: &'a [SectionTarget]) -> Answer<'a, Result<Vec<Removal>, StoreError>>;

    /// Makes every check of [`SessionStore::remove_key`], sees that there is space, and keeps nothing: no lock, no file.
    fn check_remove_key<'a>(
        &'a self,
        section: &'a SectionName,
        key: &'a LongTermKey,
    ) -> Answer<'a, Result<(), StoreError>>;

    /// Takes a long-term key out of a section, if it holds exactly this one; for somebody who has it elsewhere. The
    /// section's header stays. What a killed process left of the file goes too if it holds no more than this key.
    ///
    /// Other programs' changes and errors are as with [`SessionStore::remove`].
    fn remove_key<'a>(
        &'a self,
        section: &'a SectionName,
        key: &'a LongTermKey,
    ) -> Answer<'a, Result<Removal, StoreError>>;

    /// Looks where the key still stands: in AWS's two files, and beside them in files that are named after them.
    /// What cannot be read is passed over.
    fn copies<'a>(&'a self, key: &'a LongTermKey) -> Answer<'a, Vec<KeyCopy>>;
}

/// A write that has its lock and its space. Dropping it leaves the file as it was.
pub trait PreparedWrite: Send {
    /// Puts the session into every target, durable when this returns; in the order of the targets.
    ///
    /// After an error it may be called again; one that has [`StoreError::changed`] says that the session may be in
    /// the file, but is not known to be durable.
    fn write<'a>(
        &'a mut self,
        session: &'a SessionCredentials,
    ) -> Answer<'a, Result<Vec<SectionWritten>, StoreError>>;

    /// Puts the session back into those targets that have lost it, durable when this returns; see [`Fate`]. What another
    /// program puts into a target at that moment stays.
    ///
    /// [`Fate`]: crate::domain::aws_file::Fate
    fn put_back<'a>(
        &'a mut self,
        session: &'a SessionCredentials,
    ) -> Answer<'a, Result<Vec<SectionWritten>, StoreError>>;

    /// Looks for a moment whether a program that opened the file before our replacement still writes to the old
    /// one, or over the new one, and brings both changes together. Then gives up the lock.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] if the other program's text forbids the edit: that text is in place then, without the
    /// session. [`StoreError::Busy`] if the other program does not come to rest within seconds.
    fn settle(self: Box<Self>) -> Answer<'static, Result<(), StoreError>>;
}
