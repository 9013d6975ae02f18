//! `config.toml` on disk. It will name commands to run, so nobody but its user (and root) may have a say in it.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::lock;
use super::replace::replace;
use crate::ports::Answer;
use crate::ports::config_store::{ConfigFileError, ConfigStore, OTHERS_FILE, OTHERS_MAY_WRITE};

/// The largest configuration read, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// The configuration file at a path.
#[derive(Debug)]
pub struct ConfigFile {
    path: PathBuf,
}

impl ConfigFile {
    /// The file at `path`, which need not exist.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The file behind symbolic links (dotfile managers make the configuration one), or the path where it will be.
    fn target(&self) -> PathBuf {
        fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone())
    }

    fn replace(&self, before: &str, text: &str) -> Result<(), ConfigFileError> {
        let failed = |error: io::Error| self.failed("written", &error);
        let target = self.target();
        let directory = target.parent().unwrap_or(Path::new("/"));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        let _lock = lock::take(&lock::beside(&target)).map_err(failed)?;
        if self.read()? != before {
            return Err(ConfigFileError::Changed(self.path.clone()));
        }
        let mode = fs::metadata(&target).map_or(0o600, |old| old.mode() & 0o644);
        replace(
            &target,
            &directory.join(format!(".config.stsd-{}", std::process::id())),
            mode,
            text.as_bytes(),
        )
        .map_err(failed)
    }

    fn failed(&self, action: &'static str, error: &io::Error) -> ConfigFileError {
        ConfigFileError::Io { path: self.path.clone(), action, reason: error.to_string() }
    }
}

impl ConfigStore for ConfigFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn read(&self) -> Result<String, ConfigFileError> {
        let unsafe_ = |reason| Err(ConfigFileError::Unsafe { path: self.path.clone(), reason });
        let failed = |error: io::Error| self.failed("read", &error);
        // A FIFO in its place must not make the command wait.
        let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
        let file = match OpenOptions::new().read(true).custom_flags(nonblocking).open(&self.path) {
            Ok(file) => file,
            // A link that leads nowhere is a mistake; the file that would replace it is not where its user looks.
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.path.is_symlink() => {
                return unsafe_("is a symbolic link to a file that does not exist");
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
            Err(error) => return Err(failed(error)),
        };
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return unsafe_("is no regular file");
        }
        // Root can do everything anyway; NixOS links configurations into a store that root owns.
        if metadata.uid() != 0 && metadata.uid() != rustix::process::geteuid().as_raw() {
            return unsafe_(OTHERS_FILE);
        }
        if metadata.mode() & 0o022 != 0 {
            return unsafe_(OTHERS_MAY_WRITE);
        }
        if metadata.len() > LARGEST {
            return unsafe_("is larger than 1 MiB");
        }
        let mut text = String::new();
        file.take(LARGEST).read_to_string(&mut text).map_err(failed)?;
        Ok(text)
    }

    fn write<'a>(&'a self, before: &'a str, text: &'a str) -> Answer<'a, Result<(), ConfigFileError>> {
        // A file of a few lines, at the end of a command: not worth a thread.
        Box::pin(async move { self.replace(before, text) })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn written(directory: &Path, text: &str) -> ConfigFile {
        let path = directory.join("config.toml");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        ConfigFile::new(path)
    }

    fn write(file: &ConfigFile, before: &str, text: &str) -> Result<(), ConfigFileError> {
        file.replace(before, text)
    }

    #[test]
    fn an_absent_file_is_empty_and_is_made_for_its_user_only() {
        let directory = tempfile::tempdir().unwrap();
        let file = ConfigFile::new(directory.path().join("new/config.toml"));
        assert_eq!(file.read(), Ok(String::new()));
        write(&file, "", "a = 1\n").unwrap();
        assert_eq!(file.read(), Ok("a = 1\n".to_owned()));
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&directory.path().join("new")), 0o700);
        assert_eq!(mode(file.path()), 0o600);
        let names =
            fs::read_dir(directory.path().join("new")).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.collect();
        names.sort();
        assert_eq!(names, ["config.toml", "config.toml.lock"], "no leftovers");
    }

    #[test]
    fn a_file_that_others_may_write_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let file = written(directory.path(), "");
        for mode in [0o666, 0o660, 0o646] {
            fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(file.read(), Err(ConfigFileError::Unsafe { .. })), "{mode:o}");
        }
    }

    #[test]
    fn another_users_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let file = written(directory.path(), "");
        if std::os::unix::fs::chown(file.path(), Some(12_345), None).is_err() {
            stsd_test_support::not_run("another user's configuration: needs root");
            return;
        }
        let refused = file.read().map_err(|error| error.to_string()).unwrap_err();
        assert!(refused.ends_with("belongs to another user"), "{refused}");
    }

    #[test]
    fn a_link_that_leads_nowhere_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let file = ConfigFile::new(directory.path().join("config.toml"));
        symlink("nowhere.toml", file.path()).unwrap();
        assert!(matches!(file.read(), Err(ConfigFileError::Unsafe { .. })));
        assert!(write(&file, "", "a = 1\n").is_err());
        assert!(fs::symlink_metadata(file.path()).unwrap().is_symlink());
    }

    #[test]
    fn a_directory_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let file = ConfigFile::new(directory.path().to_owned());
        assert!(matches!(file.read(), Err(ConfigFileError::Unsafe { reason: "is no regular file", .. })));
    }

    #[test]
    fn a_link_stays_a_link() {
        let directory = tempfile::tempdir().unwrap();
        let real = written(directory.path(), "old = 1\n");
        let link = ConfigFile::new(directory.path().join("link.toml"));
        symlink(real.path(), link.path()).unwrap();
        write(&link, "old = 1\n", "new = 1\n").unwrap();
        assert!(fs::symlink_metadata(link.path()).unwrap().is_symlink());
        assert_eq!(real.read(), Ok("new = 1\n".to_owned()));
        assert_eq!(fs::metadata(real.path()).unwrap().mode() & 0o777, 0o644, "the mode is kept");
    }

    #[test]
    fn a_change_by_another_program_is_not_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let file = written(directory.path(), "theirs = 1\n");
        assert!(write(&file, "ours = 1\n", "ours = 2\n").is_err());
        assert_eq!(file.read(), Ok("theirs = 1\n".to_owned()));
    }
}
