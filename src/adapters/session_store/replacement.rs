//! The moment of the replacement, in which another program may act too.
//!
//! Between the last look at the file and a plain rename another program can write the file or put its own in the place,
//! and the rename would bury that. So the two files change places in one step, and what came out is compared once more
//! with what was read: if it is anything else, it goes back. A killed process then leaves under the temporary name
//! either our text or the file that was there before: see `leftovers` for which of them may go.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::errors::{changed, io};
use super::snapshot::{Snapshot, holds};
use super::target::Target;
use super::temporary::Temporary;
use crate::ports::session_store::StoreError;

/// How often the files change places before a race is given up; each time but the first another program came between.
const EXCHANGES: usize = 8;

/// What became of an attempt.
#[derive(Debug)]
pub(super) enum Replaced {
    /// Our file is in place, and here it is.
    Done(File),
    /// The target is not what was read, and is as it was; the temporary file if nobody else can have seen it.
    Changed(Option<Temporary>),
}

/// The ways to rename.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Over,
    IfAbsent,
    Exchange,
}

/// The system's call, by which tests let another program act right before it.
pub(super) type Rename<'a> = &'a mut dyn FnMut(&Path, &Path, How) -> rustix::io::Result<()>;

/// The system's own.
pub(super) fn rename(from: &Path, to: &Path, how: How) -> rustix::io::Result<()> {
    match how {
        How::Over => rustix::fs::rename(from, to),
        How::IfAbsent | How::Exchange => rename_with(from, to, how),
    }
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn rename_with(from: &Path, to: &Path, how: How) -> rustix::io::Result<()> {
    use rustix::fs::{CWD, RenameFlags};

    let flags = if how == How::Exchange { RenameFlags::EXCHANGE } else { RenameFlags::NOREPLACE };
    rustix::fs::renameat_with(CWD, from, CWD, to, flags)
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn rename_with(_from: &Path, _to: &Path, _how: How) -> rustix::io::Result<()> {
    Err(Errno::NOSYS)
}

/// True where the file system or the kernel (or a container's filter: `EPERM`) has only the plain rename.
pub(super) fn is_unsupported(error: Errno) -> bool {
    [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP, Errno::PERM].contains(&error)
}

/// Which file it is, whatever it holds.
type Identity = (u64, u64);

/// What we put at the target's place last.
enum Put {
    Ours,
    Theirs(Identity),
}

impl Temporary {
    /// Puts the file, which holds `bytes`, in the place of the target as it was read in `known`.
    pub(super) fn replace(
        mut self,
        target: &Target,
        known: &Snapshot,
        bytes: &[u8],
        rename: Rename<'_>,
    ) -> Result<Replaced, StoreError> {
        let file = self.another_handle()?;
        let mut how = if known.stamp.is_some() { How::Exchange } else { How::IfAbsent };
        // Its name says from here on that it may be the file that was there before.
        if how == How::Exchange && !self.announce_exchange(target, rename)? {
            how = How::Over;
        }
        let mut renamed = rename(&self.path, &target.file, how);
        if how != How::Over && renamed.is_err_and(is_unsupported) {
            // The window between the last look and the rename stays open here: there is no other way.
            how = How::Over;
            renamed = rename(&self.path, &target.file, how);
        }
        match renamed {
            Ok(()) => self.pending = false,
            Err(Errno::EXIST) => return Ok(Replaced::Changed(Some(self))),
            // The target is gone, or our own file.
            Err(Errno::NOENT) => return Ok(Replaced::Changed(None)),
            Err(error) => return Err(io(&target.file, "replace it")(error)),
        }
        if how == How::Exchange {
            if !matches!(known.is_at(&self.path), Ok(true)) {
                self.give_back(target, bytes, rename)?;
                return Ok(Replaced::Changed(None));
            }
            // Its bytes are all in our file, and `known` holds it open for the watch over late writers.
            if let Err(error) = fs::remove_file(&self.path) {
                tracing::warn!(path = %self.path.display(), %error, "replaced file not removed");
            }
        }
        // The lock was the temporary file's; a tool that locks the credentials file itself must not find it.
        if let Err(error) = rustix::fs::flock(&file, FlockOperation::Unlock) {
            tracing::debug!(%error, "new file not unlocked");
        }
        Ok(Replaced::Done(file))
    }

    /// Puts the other program's file, which lies at our temporary name, in its place again.
    ///
    /// Our file was at that place for a moment: whoever opened it may still write there, so it is not used again.
    fn give_back(mut self, target: &Target, bytes: &[u8], rename: Rename<'_>) -> Result<(), StoreError> {
        tracing::debug!(path = %target.file.display(), "another program came first");
        let failed = |path: &Path, error: Errno| {
            changed(io(path, "put this file of another program in its place again")(error))
        };
        let mut put = Put::Ours;
        for _ in 0..EXCHANGES {
            let theirs = identity(&self.path).map_err(|error| failed(&self.path, error))?;
            match rename(&self.path, &target.file, How::Exchange) {
                Ok(()) => {}
                // What we had put there was deleted: nothing is in the way.
                Err(Errno::NOENT) => match rename(&self.path, &target.file, How::IfAbsent) {
                    Ok(()) => return Ok(()),
                    Err(Errno::EXIST) => continue,
                    Err(error) => return Err(failed(&self.path, error)),
                },
                Err(error) => return Err(failed(&self.path, error)),
            }
            let came_out = match put {
                Put::Ours => self.is_ours(bytes),
                Put::Theirs(theirs) => identity(&self.path).is_ok_and(|found| found == theirs),
            };
            if came_out {
                match put {
                    Put::Ours => self.pending = true,
                    // A third file is in the place, the newest; the one before it is nobody's but its owner's.
                    Put::Theirs(_) => {
                        tracing::warn!(path = %self.path.display(), "a replaced version of the file was kept here");
                    }
                }
                return Ok(());
            }
            put = Put::Theirs(theirs);
        }
        Err(failed(&self.path, Errno::BUSY))
    }

    /// True if our name leads to our file and nobody wrote to it.
    fn is_ours(&self, bytes: &[u8]) -> bool {
        let metadata = self.file.metadata();
        let same = metadata.is_ok_and(|ours| identity(&self.path) == Ok((ours.dev(), ours.ino())));
        same && self.another_handle().is_ok_and(|mut file| holds(&mut file, bytes).unwrap_or(false))
    }
}

fn identity(path: &Path) -> rustix::io::Result<Identity> {
    let found = fs::symlink_metadata(path);
    let found = found.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    Ok((found.dev(), found.ino()))
}
