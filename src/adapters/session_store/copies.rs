//! Where a key still stands: in AWS's two files, and in what other tools left beside them.
//!
//! Only looked for, in the two files and in the files beside them that are named after them (`credentials.bkp`,
//! `credentials.1`, `config~`, `.credentials.swp`), each of sane size and ours. What cannot be read is passed over; what is
//! passed over for its size or number is told, since its owner would take it for clean.

use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use zeroize::Zeroizing;

use super::snapshot::{read_all, read_for_a_look};
use super::target::LARGEST;
use crate::domain::aws_file::{Document, Grammar, Sighting, first_trace};
use crate::domain::keys::LongTermKey;
use crate::ports::session_store::{KeyCopy, KeyPlace};

/// The most files that are looked into: a directory of backups must not take minutes.
const MOST: usize = 200;

/// Looks for the key in the credentials file at `path`, in AWS's config file, and beside both.
pub(super) fn find(path: &Path, config: Option<&Path>, key: &LongTermKey) -> Vec<KeyCopy> {
    let present = read_for_a_look(path).ok();
    let mut copies = present.as_ref().map(|document| seen(path, document, key)).unwrap_or_default();
    if let Some(config) = config
        && let Some(bytes) = open(config, OFlags::empty())
        && let Ok(document) = Document::from_bytes(bytes, Grammar::Config)
    {
        copies.extend(seen(config, &document, key));
    }
    let mut siblings = siblings(path, config);
    let too_many = siblings.split_off(siblings.len().min(MOST));
    if let Some(first) = too_many.first() {
        tracing::warn!(
            first = %first.display(), files = too_many.len(),
            "too many files beside the credentials file: those from here on were not searched for copies of the key"
        );
    }
    for file in siblings {
        let Some(bytes) = open(&file, OFlags::NOFOLLOW) else { continue };
        if let Some(trace) = first_trace(&bytes, key) {
            let kept = Document::from_bytes(bytes, Grammar::Credentials)
                .is_ok_and(|copy| present.as_ref().is_some_and(|present| present.keeps_all_but(&copy, key)));
            copies.push(KeyCopy { path: file, place: KeyPlace::Backup { trace, kept } });
        }
    }
    copies
}

fn seen(path: &Path, document: &Document, key: &LongTermKey) -> Vec<KeyCopy> {
    let place = |sighting| match sighting {
        Sighting::Section { section, line } => KeyPlace::Section { section, line },
        Sighting::Line(trace) => KeyPlace::Line(trace),
    };
    let seen = document.sightings(key).into_iter();
    seen.map(|sighting| KeyCopy { path: path.to_owned(), place: place(sighting) }).collect()
}

/// The files named after one of the two, beside it; where a symbolic link leads, beside its end too.
fn siblings(path: &Path, config: Option<&Path>) -> Vec<PathBuf> {
    let mut originals: Vec<PathBuf> = Vec::new();
    for original in [Some(path), config].into_iter().flatten() {
        let end = fs::canonicalize(original).ok();
        let parent = original.parent().and_then(|parent| fs::canonicalize(parent).ok());
        let here = parent.zip(original.file_name()).map(|(parent, name)| parent.join(name));
        originals.extend([here, end].into_iter().flatten());
    }
    originals.sort();
    originals.dedup();
    let mut found = Vec::new();
    for original in &originals {
        let (Some(directory), Some(name)) = (original.parent(), original.file_name()) else { continue };
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        found.extend(
            entries.filter(|entry| is_named_after(&entry.file_name(), name)).map(|entry| entry.path()),
        );
    }
    found.retain(|file| !originals.contains(file));
    found.sort();
    found.dedup();
    found
}

/// `credentials.bkp`, `credentials~`, `.credentials.swp`, `#credentials#` are named after `credentials`.
fn is_named_after(name: &std::ffi::OsStr, original: &std::ffi::OsStr) -> bool {
    let name = name.as_bytes();
    [b"".as_slice(), b".", b"#", b".#"]
        .iter()
        .any(|mark| name.strip_prefix(*mark).is_some_and(|rest| rest.starts_with(original.as_bytes())))
}

/// The content of a regular file of this user, of sane size; of another size, that is told.
fn open(path: &Path, flags: OFlags) -> Option<Zeroizing<Vec<u8>>> {
    let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let mut file = File::from(rustix::fs::open(path, flags, Mode::empty()).ok()?);
    let metadata = file.metadata().ok()?;
    let ours = metadata.is_file() && metadata.uid() == rustix::process::geteuid().as_raw();
    if ours && metadata.len() > LARGEST {
        tracing::warn!(path = %path.display(), "file larger than 16 MiB not searched for copies of the key");
        return None;
    }
    ours.then(|| read_all(&mut file, path).ok())?
}
