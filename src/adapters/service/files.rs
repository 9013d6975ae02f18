//! The files of a service: whose they are, written whole, removed.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::adapters::replace::replace;
use crate::domain::service::{self, Standing};
use crate::ports::service_manager::{ServiceError, ServiceFile};

/// The largest file that can be ours, in bytes.
const LARGEST: u64 = 64 * 1024;

/// Whose the file in the place of `file` is; `same` knows what stsd ships, copied by hand.
pub(super) fn standing(
    file: &ServiceFile,
    same: impl FnOnce(&str) -> bool,
) -> Result<Standing, ServiceError> {
    let path = &file.path;
    let failed = |error: io::Error| failed(path, "read", &error);
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Standing::Absent),
        Err(error) => return Err(failed(error)),
    };
    if !found.is_symlink() {
        return match text(path) {
            Ok(Some(text)) => Ok(service::standing(&text, &file.text, same)),
            Ok(None) => Ok(Standing::Foreign),
            Err(error) => Err(failed(error)),
        };
    }
    let target = fs::read_link(path).map_err(failed)?;
    if target == Path::new("/dev/null") {
        return Ok(Standing::Masked);
    }
    // What a link leads to is ours only if it says so: a copy of what stsd ships may be stsd's own source.
    match text(path).ok().flatten().map(|text| service::standing(&text, &file.text, |_| false)) {
        Some(Standing::Foreign | Standing::Absent) | None => Ok(Standing::Linked(target)),
        Some(standing) => Ok(standing),
    }
}

/// When the file at a path, or behind a link there, was written, in whole seconds.
pub(super) fn written_at(path: &Path) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(fs::metadata(path).ok()?.mtime(), 0)
}

/// Writes a file as a whole; a link stays one.
pub(super) fn write(file: &ServiceFile) -> Result<(), ServiceError> {
    let written = || {
        if let Some(directory) = file.path.parent() {
            fs::create_dir_all(directory)?;
        }
        let target = match fs::canonicalize(&file.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => file.path.clone(),
            target => target?,
        };
        let temporary = target.with_file_name(format!(".stsd-{}.tmp", std::process::id()));
        // Nothing in it is secret, and systemd complains of units that not everybody may read.
        replace(&target, &temporary, 0o644, file.text.as_bytes())
    };
    written().map_err(|error| failed(&file.path, "written", &error))
}

/// Removes a file, or the link in its place, and the directories above that are empty then, up to `top`.
pub(super) fn remove(path: &Path, top: &Path) -> Result<(), ServiceError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(path, "removed", &error)),
        Ok(()) | Err(_) => {}
    }
    let above = path.ancestors().skip(1).take_while(|above| *above != top && above.starts_with(top));
    for directory in above {
        // One that is not empty, or a link, is its user's.
        if fs::remove_dir(directory).is_err() {
            break;
        }
    }
    Ok(())
}

/// What a file holds; None for what is no small text file.
fn text(path: &Path) -> io::Result<Option<String>> {
    // A FIFO in its place must not make the command wait.
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() || found.len() > LARGEST {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8(bytes).ok())
}

fn failed(path: &Path, action: &'static str, error: &io::Error) -> ServiceError {
    let path: PathBuf = path.to_owned();
    ServiceError::File { path, action, reason: error.kind().to_string() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use tempfile::TempDir;

    use super::*;

    struct Place {
        top: TempDir,
    }

    impl Place {
        fn new() -> Self {
            Self { top: tempfile::tempdir().unwrap() }
        }

        fn directory(&self) -> PathBuf {
            self.top.path().join("systemd/user")
        }

        fn file(&self, line: &str) -> ServiceFile {
            let rest = format!("[Service]\n{line}\n");
            let text = format!("# {}\n{rest}", service::mark(&rest));
            ServiceFile { path: self.directory().join("stsd.service"), text }
        }

        fn standing(&self) -> Standing {
            standing(&self.file("new"), |text| text == "shipped").unwrap()
        }
    }

    #[test]
    fn what_is_written_is_ours_until_somebody_changes_it() {
        let place = Place::new();
        assert_eq!(place.standing(), Standing::Absent);
        write(&place.file("old")).unwrap();
        assert_eq!(place.standing(), Standing::Outdated);
        write(&place.file("new")).unwrap();
        assert_eq!(place.standing(), Standing::Current);
        let path = place.file("new").path;
        fs::write(&path, place.file("new").text + "Nice=5\n").unwrap();
        assert_eq!(place.standing(), Standing::Edited);
        fs::write(&path, "shipped").unwrap();
        assert_eq!(place.standing(), Standing::Outdated);
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert_eq!(place.standing(), Standing::Foreign);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(place.standing(), Standing::Foreign);
        let names: Vec<_> =
            fs::read_dir(place.directory()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["stsd.service"], "no leftovers");
    }

    #[test]
    fn a_link_is_its_owners_unless_it_leads_to_what_stsd_wrote() {
        let place = Place::new();
        let ServiceFile { path, text } = place.file("old");
        let real = place.top.path().join("dotfiles.service");
        fs::create_dir_all(place.directory()).unwrap();
        symlink(&real, &path).unwrap();
        assert_eq!(place.standing(), Standing::Linked(real.clone()), "it leads nowhere");
        fs::write(&real, "[Service]\n").unwrap();
        assert_eq!(place.standing(), Standing::Linked(real.clone()));
        // A link into a checkout of stsd: writing through it would change the source.
        fs::write(&real, "shipped").unwrap();
        assert_eq!(place.standing(), Standing::Linked(real.clone()));
        fs::write(&real, text).unwrap();
        assert_eq!(place.standing(), Standing::Outdated);
        write(&place.file("new")).unwrap();
        assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&real).unwrap(), place.file("new").text);
        remove(&path, place.top.path()).unwrap();
        assert!(real.exists() && !path.is_symlink(), "the link goes, what it leads to stays");
    }

    #[test]
    fn a_masked_unit_is_told_apart() {
        let place = Place::new();
        fs::create_dir_all(place.directory()).unwrap();
        symlink("/dev/null", place.file("").path).unwrap();
        assert_eq!(place.standing(), Standing::Masked);
    }

    #[test]
    fn directories_that_are_empty_without_it_go_too() {
        let place = Place::new();
        let path = place.file("new").path;
        write(&place.file("new")).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o133, 0);
        remove(&path, place.top.path()).unwrap();
        assert!(!place.top.path().join("systemd").exists() && place.top.path().exists());
        remove(&path, place.top.path()).unwrap();
        write(&place.file("new")).unwrap();
        fs::write(place.directory().join("other.service"), "").unwrap();
        remove(&path, place.top.path()).unwrap();
        assert!(place.directory().join("other.service").exists());
    }

    #[test]
    fn a_directory_behind_a_link_is_written_into_and_stays() {
        let place = Place::new();
        let real = place.top.path().join("dotfiles");
        fs::create_dir(&real).unwrap();
        fs::create_dir(place.top.path().join("systemd")).unwrap();
        symlink(&real, place.directory()).unwrap();
        write(&place.file("new")).unwrap();
        assert!(real.join("stsd.service").exists());
        assert_eq!(place.standing(), Standing::Current);
        remove(&place.file("new").path, place.top.path()).unwrap();
        assert!(real.exists() && place.directory().is_symlink() && !real.join("stsd.service").exists());
    }
}
