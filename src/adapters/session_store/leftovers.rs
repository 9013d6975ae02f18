//! What killed processes left behind.
//!
//! Under a plain temporary name lies our own text, never put in place: it goes. Under the name of an exchange may lie
//! the file that was there before, even one that another program had just put there: it goes only if the present file
//! has all that is in it, sessions aside, which can be had again. Else it stays, and its owner is told.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags};

use super::snapshot::{read_all, read_for_a_look};
use super::target::Target;
use super::temporary::{Name, Temporary};
use crate::domain::aws_file::{Document, Grammar};
use crate::domain::keys::LongTermKey;

/// A file of ours that nobody uses.
struct Leftover {
    path: PathBuf,
    name: Name,
    file: File,
}

/// True if the target's directory holds a file under a temporary name of the target.
pub(super) fn are_there(target: &Target) -> bool {
    named(target).next().is_some()
}

/// Removes what killed processes left behind; what cannot be removed stays.
///
/// Only for the holder of the target's lock: what is not locked itself then belongs to no living process. (A check
/// without a lock makes a temporary file too; it misses nothing if that goes.)
///
/// `safe` is a key that the caller has elsewhere: that the present file lacks it is no reason to keep a leftover.
pub(super) fn remove(target: &Target, own: Option<&Temporary>, safe: Option<&LongTermKey>) {
    let others = named(target).filter(|(path, _)| own.is_none_or(|own| own.path != *path));
    // All found before any goes: a directory that changes while it is read may be read wrongly.
    let leftovers: Vec<Leftover> = others.filter_map(|(path, name)| abandoned(path, name)).collect();
    for Leftover { path, name, mut file } in leftovers {
        if name == Name::Exchange && !is_superseded(&mut file, &path, target, safe) {
            tracing::warn!(
                path = %path.display(), credentials = %target.file.display(),
                "a killed process left a version of the credentials file with lines that are no longer in it: \
                 it was kept; delete it if you need nothing of it"
            );
        } else if fs::remove_file(&path).is_ok() {
            tracing::info!(path = %path.display(), "temporary file of a killed process removed");
        }
    }
}

fn named(target: &Target) -> impl Iterator<Item = (PathBuf, Name)> {
    let entries = fs::read_dir(&target.directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.path(), Name::of(&entry.file_name(), target)?)))
}

/// The file at the path, if it is a regular file of ours that nobody holds.
fn abandoned(path: PathBuf, name: Name) -> Option<Leftover> {
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(&path, flags, Mode::empty()).ok()?);
    let metadata = file.metadata().ok()?;
    let ours = metadata.is_file() && metadata.uid() == rustix::process::geteuid().as_raw();
    let free = ours && rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
    free.then_some(Leftover { path, name, file })
}

/// True if the target has all that is in the file.
fn is_superseded(file: &mut File, path: &Path, target: &Target, safe: Option<&LongTermKey>) -> bool {
    let Ok(bytes) = read_all(file, path) else { return false };
    let Ok(left) = Document::from_bytes(bytes, Grammar::Credentials) else { return false };
    read_for_a_look(&target.file).is_ok_and(|present| match safe {
        Some(key) => present.keeps_all_but(&left, key),
        None => present.keeps_all_of(&left),
    })
}
