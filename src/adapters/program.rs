//! Programs, as PATH leads to them.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The program of this name in the directories of a PATH. Relative directories do not count: the daemon's own directory
/// means nothing.
pub(super) fn on_path(path: &OsStr, program: &str) -> Option<PathBuf> {
    std::env::split_paths(path)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(program))
        .find(|file| runs(file))
}

/// True for a file that may be started.
pub(super) fn runs(file: &Path) -> bool {
    file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_in_absolute_directories_and_only_if_they_run() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        std::fs::write(path.join("data"), "").unwrap();
        std::fs::create_dir(path.join("directory")).unwrap();
        std::fs::copy("/bin/sh", path.join("program")).unwrap();
        let found =
            |name: &str| on_path(OsStr::new(&format!("relative::.:/nonexistent:{}", path.display())), name);
        assert_eq!(found("program"), Some(path.join("program")));
        assert_eq!(found("data"), None);
        assert_eq!(found("directory"), None);
        assert_eq!(on_path(OsStr::new(""), "sh"), None);
    }
}
