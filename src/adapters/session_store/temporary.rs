//! The temporary file that becomes the credentials file.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::errors::io;
use super::snapshot::Moment;
use super::target::Target;
use crate::ports::session_store::StoreError;

const PREFIX: &str = ".credentials.stsd-";
const ALPHABET: [char; 32] = [
    'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u',
    'v', 'w', 'x', 'y', 'z', '2', '3', '4', '5', '6', '7',
];
const SUFFIX_LENGTH: usize = 8;
/// Leftovers of killed processes are removed when they are as old as this, in seconds.
const OLD: i64 = 60;

/// A temporary file beside the target, 0600 from its first moment, removed when dropped.
///
/// It is locked while in use: what carries the name but no lock belongs to a process that was killed.
#[derive(Debug)]
pub(super) struct Temporary {
    file: File,
    path: PathBuf,
    /// False once the file has another name.
    pending: bool,
}

impl Temporary {
    /// Creates the file, empty.
    pub(super) fn create(target: &Target) -> Result<Self, StoreError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        loop {
            let path = target.directory.join(name()?);
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

    /// Puts the file in the target's place and keeps it open.
    pub(super) fn replace(mut self, target: &Target) -> Result<File, StoreError> {
        let file = self.file.try_clone().map_err(io(&self.path, "keep it open"))?;
        rustix::fs::rename(&self.path, &target.file).map_err(io(&target.file, "replace it"))?;
        self.pending = false;
        // The lock was the temporary file's; a tool that locks the credentials file itself must not find it.
        if let Err(error) = rustix::fs::flock(&file, FlockOperation::Unlock) {
            tracing::debug!(%error, "new file not unlocked");
        }
        Ok(file)
    }

    /// Removes what killed processes left behind; what cannot be removed stays.
    pub(super) fn remove_leftovers(&self, target: &Target) {
        let Ok(now) = self.file.metadata().map(|metadata| metadata.mtime()) else { return };
        let Ok(entries) = fs::read_dir(&target.directory) else { return };
        let leftovers = entries.flatten().filter(|entry| is_our_name(&entry.file_name().to_string_lossy()));
        for path in leftovers.map(|entry| entry.path()) {
            if path != self.path && is_leftover(&path, now) && fs::remove_file(&path).is_ok() {
                tracing::info!(path = %path.display(), "temporary file of a killed process removed");
            }
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.pending
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::warn!(path = %self.path.display(), %error, "temporary file not removed");
        }
    }
}

fn name() -> Result<String, StoreError> {
    let mut random = [0; SUFFIX_LENGTH];
    getrandom::fill(&mut random).map_err(|error| StoreError::Io {
        path: PathBuf::from(PREFIX),
        action: "name a temporary file",
        reason: error.to_string(),
    })?;
    let letter = |byte: &u8| ALPHABET.get(usize::from(byte % 32)).copied().unwrap_or('a');
    Ok(PREFIX.chars().chain(random.iter().map(letter)).collect())
}

fn is_our_name(name: &str) -> bool {
    let suffix = name.strip_prefix(PREFIX);
    suffix.is_some_and(|suffix| {
        suffix.len() == SUFFIX_LENGTH && suffix.chars().all(|letter| ALPHABET.contains(&letter))
    })
}

/// True for a regular file of ours, older than a minute, that nobody holds.
fn is_leftover(path: &Path, now: i64) -> bool {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let Ok(file) = rustix::fs::open(path, flags, Mode::empty()).map(File::from) else { return false };
    let ours = file.metadata().is_ok_and(|metadata| {
        metadata.is_file()
            && metadata.uid() == rustix::process::geteuid().as_raw()
            && now.saturating_sub(metadata.mtime()) > OLD
    });
    ours && rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
}
