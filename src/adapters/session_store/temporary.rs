//! The temporary file that becomes the credentials file.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use rustix::fs::{FallocateFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::errors::io;
use super::replacement::{How, Rename, is_unsupported};
use super::snapshot::Moment;
use super::target::Target;
use crate::ports::session_store::StoreError;

/// In the name of a file that changes places with the target.
const EXCHANGE: &[u8] = b"swap-";
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const SUFFIX_LENGTH: usize = 8;

/// What lies under a temporary name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// `.credentials.stsd-abcdefgh`: our text, whole or not, which nobody has seen.
    Text,
    /// `.credentials.stsd-swap-abcdefgh`: our text before the exchange, the file of before after it.
    Exchange,
}

/// A temporary file beside the target, 0600 from its first moment, removed when dropped.
///
/// The credentials file has this mode ever after, whatever it had before: 0640 becomes 0600, and so does the odd 0700. A
/// file that even its owner may not write is refused before. Its group, access control lists and extended attributes are
/// not carried over: under 0600 none of them lets anybody in, and what others may read is no place for a session. (A
/// default list of the directory gives nothing either: the mode of creation masks it.)
///
/// It is locked while in use: what carries the name but no lock belongs to a process that was killed.
#[derive(Debug)]
pub(super) struct Temporary {
    pub(super) file: File,
    pub(super) path: PathBuf,
    /// False once what lies at the path is not ours to remove.
    pub(super) pending: bool,
}

impl Temporary {
    /// Creates the file, empty.
    pub(super) fn create(target: &Target) -> Result<Self, StoreError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        loop {
            let path = target.directory.join(Name::Text.make(target)?);
            match rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR) {
                Ok(file) => {
                    let temporary = Self { file: file.into(), path, pending: true };
                    // A file system without locks only loses the help against leftovers.
                    let locked = rustix::fs::flock(&temporary.file, FlockOperation::NonBlockingLockExclusive);
                    if let Err(error) = locked {
                        tracing::debug!(%error, "temporary file not locked");
                    }
                    return Ok(temporary);
                }
                Err(Errno::EXIST | Errno::INTR) => {}
                Err(error) => return Err(io(&target.directory, "create a temporary file in it")(error)),
            }
        }
    }

    /// When the file was created, by the clock that stamps its neighbours too.
    pub(super) fn born(&self) -> Result<Moment, StoreError> {
        self.file.metadata().map(|metadata| Moment::modified(&metadata)).map_err(io(&self.path, "look at it"))
    }

    /// Sets `bytes` of the disk aside, so that a disk that fills later does not matter.
    pub(super) fn reserve(&mut self, bytes: u64) -> Result<(), StoreError> {
        let action = "set space aside for a temporary file";
        match rustix::fs::fallocate(&self.file, FallocateFlags::empty(), 0, bytes) {
            Ok(()) => return Ok(()),
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {}
            Err(error) => return Err(io(&self.path, action)(error)),
        }
        // No such call on this file system: written zeros take the space as well.
        let zeros = [0; 8192];
        let mut left = bytes;
        while left > 0 {
            let chunk = usize::try_from(left).unwrap_or(usize::MAX).min(zeros.len());
            let written = self.file.write(zeros.get(..chunk).unwrap_or_default());
            let written = written.map_err(io(&self.path, action))?;
            left = left.saturating_sub(u64::try_from(written).unwrap_or(left));
        }
        Ok(())
    }

    /// Gives the file its content, durable on the disk.
    pub(super) fn fill(&mut self, content: &[u8]) -> Result<(), StoreError> {
        let action = "write a temporary file";
        let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
        self.file.seek(SeekFrom::Start(0)).map_err(io(&self.path, action))?;
        self.file.write_all(content).map_err(io(&self.path, action))?;
        self.file.set_len(length).map_err(io(&self.path, action))?;
        self.file.sync_all().map_err(io(&self.path, "bring a temporary file to the disk"))
    }

    /// The open file once more; both share one position.
    pub(super) fn another_handle(&self) -> Result<File, StoreError> {
        self.file.try_clone().map_err(io(&self.path, "keep it open"))
    }

    /// Takes the name under which the file of before may lie; false if the file system cannot exchange files.
    pub(super) fn announce_exchange(
        &mut self,
        target: &Target,
        rename: Rename<'_>,
    ) -> Result<bool, StoreError> {
        if Name::of(self.path.file_name().unwrap_or_default(), target) == Some(Name::Exchange) {
            return Ok(true);
        }
        loop {
            let path = target.directory.join(Name::Exchange.make(target)?);
            match rename(&self.path, &path, How::IfAbsent) {
                Ok(()) => {
                    self.path = path;
                    return Ok(true);
                }
                Err(Errno::EXIST | Errno::INTR) => {}
                Err(error) if is_unsupported(error) => return Ok(false),
                Err(error) => return Err(io(&self.path, "rename a temporary file")(error)),
            }
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.pending
            && let Err(error) = fs::remove_file(&self.path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "temporary file not removed");
        }
    }
}

impl Name {
    /// What a name means for that target; `None` for a name that is not of our making.
    pub(super) fn of(name: &OsStr, target: &Target) -> Option<Self> {
        let suffix = name.as_bytes().strip_prefix(prefix(target).as_bytes())?;
        let (kind, random) = match suffix.strip_prefix(EXCHANGE) {
            Some(random) => (Self::Exchange, random),
            None => (Self::Text, suffix),
        };
        (random.len() == SUFFIX_LENGTH && random.iter().all(|letter| ALPHABET.contains(letter)))
            .then_some(kind)
    }

    /// A new name.
    fn make(self, target: &Target) -> Result<OsString, StoreError> {
        let mut random = [0; SUFFIX_LENGTH];
        getrandom::fill(&mut random).map_err(|error| StoreError::Io {
            path: target.file.clone(),
            action: "name a temporary file beside it",
            reason: error.to_string(),
            changed: false,
        })?;
        let letter = |byte: &u8| ALPHABET.get(usize::from(byte % 32)).copied().unwrap_or(b'a');
        let mut name = prefix(target).into_vec();
        match self {
            Self::Text => {}
            Self::Exchange => name.extend(EXCHANGE),
        }
        name.extend(random.iter().map(letter));
        Ok(OsString::from_vec(name))
    }
}

/// Each target has names of its own, as it has a lock of its own: `.credentials.stsd-`.
fn prefix(target: &Target) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(target.file.file_name().unwrap_or_default());
    prefix.push(".stsd-");
    prefix
}
