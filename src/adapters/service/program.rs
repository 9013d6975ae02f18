//! Where the running program is, as a service manager can start it tomorrow too.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why the running program cannot be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoProgram {
    /// The operating system does not tell.
    #[error("its own path is unknown")]
    Unknown,
    /// It was replaced or deleted while it ran.
    #[error("its file was replaced or deleted while it ran; run the one that is there now")]
    Gone,
    /// Files of service managers are UTF-8.
    #[error("its path is not UTF-8")]
    NotUtf8,
}

/// The absolute path of the running program, as its user reaches it: `named` is the word by which it was started,
/// `search` the value of `PATH`.
///
/// A link that leads to it is kept: package managers (Homebrew, Nix) put each version into a directory of its own, which
/// the next upgrade deletes, and a link in a place that stays.
///
/// # Errors
///
/// [`NoProgram`].
pub fn program(named: Option<&OsStr>, search: Option<&OsStr>) -> Result<String, NoProgram> {
    let running = std::env::current_exe().map_err(|_hidden| NoProgram::Unknown)?;
    let path = stable(&running, named, search)?;
    path.into_os_string().into_string().map_err(|_hidden| NoProgram::NotUtf8)
}

fn stable(running: &Path, named: Option<&OsStr>, search: Option<&OsStr>) -> Result<PathBuf, NoProgram> {
    let real = fs::canonicalize(running).map_err(|_hidden| NoProgram::Gone)?;
    let is_it = |candidate: &PathBuf| {
        candidate.is_absolute() && fs::canonicalize(candidate).is_ok_and(|found| found == real)
    };
    let named = named.map(Path::new).filter(|named| !named.as_os_str().is_empty());
    let candidates: Vec<PathBuf> = match (named, search) {
        (Some(named), _) if named.components().count() > 1 => {
            std::path::absolute(named).into_iter().collect()
        }
        (Some(named), Some(search)) => {
            std::env::split_paths(search).map(|directory| directory.join(named)).collect()
        }
        (Some(_), None) | (None, _) => Vec::new(),
    };
    Ok(candidates.into_iter().find(is_it).unwrap_or(real))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_path_is_the_one_that_outlives_an_upgrade() {
        let directory = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(directory.path()).unwrap();
        let [bin, cellar, other] = ["bin", "cellar-1.0", "other"].map(|name| root.join(name));
        for directory in [&bin, &cellar, &other] {
            fs::create_dir(directory).unwrap();
        }
        let real = cellar.join("stsd");
        fs::write(&real, "").unwrap();
        fs::write(other.join("stsd"), "").unwrap();
        symlink(&real, bin.join("stsd")).unwrap();
        let search = std::env::join_paths([Path::new("relative"), &other, &bin, &cellar]).unwrap();
        let check = |named: Option<&str>, expected: &Path| {
            let found = stable(&real, named.map(OsStr::new), Some(&search)).unwrap();
            assert_eq!(found, expected, "{named:?}");
        };
        check(Some("stsd"), &bin.join("stsd"));
        check(bin.join("stsd").to_str(), &bin.join("stsd"));
        check(real.to_str(), &real);
        // Not the running program: another one, none, a word that a caller chose.
        check(other.join("stsd").to_str(), &real);
        check(Some("-bash"), &real);
        check(Some(""), &real);
        check(None, &real);
        check(bin.join("../bin/./stsd").to_str(), &bin.join("../bin/./stsd"));
    }

    #[test]
    fn a_program_that_was_replaced_is_not_named() {
        let gone = Path::new("/nonexistent/stsd (deleted)");
        assert_eq!(stable(gone, None, None), Err(NoProgram::Gone));
    }
}
