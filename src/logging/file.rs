//! A log that keeps itself small: at a bound it becomes the old one, and a new one is begun.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The size at which a log is put aside, in bytes. With the old one there are never more than two of it.
const LARGEST: u64 = 1024 * 1024;

/// An appended file that others may hold open too.
pub(super) struct SmallFile {
    path: PathBuf,
    file: File,
    /// Tells the others of the new file.
    changed: fn(&File) -> io::Result<()>,
}

impl SmallFile {
    /// The log at `path`, if `file` is that very file.
    pub(super) fn new(path: &Path, file: File, changed: fn(&File) -> io::Result<()>) -> Option<Self> {
        let (there, open) = (fs::symlink_metadata(path).ok()?, file.metadata().ok()?);
        if !there.is_file() || (there.dev(), there.ino()) != (open.dev(), open.ino()) {
            return None;
        }
        let mut log = Self { path: path.to_owned(), file, changed };
        // A program that cannot start says so without a log, again and again.
        log.keep_small(0);
        Some(log)
    }

    /// Puts the log aside if `more` would make it too large. What cannot be put aside is cut: a full disk is worse than
    /// lost lines.
    fn keep_small(&mut self, more: usize) {
        let size = self.file.metadata().map_or(0, |found| found.size());
        if size.saturating_add(more.try_into().unwrap_or(u64::MAX)) <= LARGEST {
            return;
        }
        if self.turn().is_err() && self.file.set_len(0).is_err() {
            // Nobody is left to be told.
        }
    }

    fn turn(&mut self) -> io::Result<()> {
        let mut old = self.path.clone().into_os_string();
        old.push(".1");
        fs::rename(&self.path, old)?;
        let new = OpenOptions::new().append(true).create_new(true).mode(0o600).open(&self.path)?;
        (self.changed)(&new)?;
        self.file = new;
        Ok(())
    }
}

impl Write for SmallFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.keep_small(line.len());
        self.file.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn append(path: &Path) -> File {
        OpenOptions::new().append(true).create(true).open(path).unwrap()
    }

    fn size(path: &Path) -> u64 {
        fs::metadata(path).map_or(0, |found| found.len())
    }

    #[test]
    fn a_log_stays_small_and_its_last_lines_are_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("stsd.log");
        let old = directory.path().join("stsd.log.1");
        let mut log = SmallFile::new(&path, append(&path), |_| Ok(())).unwrap();
        let line = [b'x'; 1000];
        for number in 0..3000 {
            write!(log, "{number} ").unwrap();
            log.write_all(&line).unwrap();
            assert!(size(&path) <= LARGEST && size(&old) <= LARGEST, "{number}");
        }
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("2999 ") && fs::read_to_string(&old).unwrap().contains("1500 "));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    }

    #[test]
    fn one_that_is_too_large_at_the_start_is_put_aside() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("stsd.log");
        fs::write(&path, vec![b'x'; 2_000_000]).unwrap();
        let log = SmallFile::new(&path, append(&path), |_| Ok(())).unwrap();
        assert_eq!(size(&path), 0);
        drop(log);
    }

    #[test]
    fn what_cannot_be_put_aside_is_cut() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("stsd.log");
        fs::create_dir_all(directory.path().join("stsd.log.1/full")).unwrap();
        fs::write(&path, vec![b'x'; 2_000_000]).unwrap();
        let mut log = SmallFile::new(&path, append(&path), |_| Ok(())).unwrap();
        log.write_all(b"line\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"line\n");
    }

    #[test]
    fn only_the_very_file_is_kept_small() {
        let directory = tempfile::tempdir().unwrap();
        let [path, other] = ["stsd.log", "other"].map(|name| directory.path().join(name));
        assert!(SmallFile::new(&path, append(&other), |_| Ok(())).is_none(), "there is none");
        fs::write(&path, "").unwrap();
        assert!(SmallFile::new(&path, append(&other), |_| Ok(())).is_none());
        std::os::unix::fs::symlink(&path, directory.path().join("link")).unwrap();
        assert!(SmallFile::new(&directory.path().join("link"), append(&path), |_| Ok(())).is_none());
    }
}
