//! What to watch in order to hear of changes to files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The longest chain of links that is followed; the kernel's own limit (`path_resolution(7)`).
const MAX_LINKS: usize = 40;

/// Directories that are there, and the entries of them that matter. Their paths are real: no link leads through them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) directories: BTreeSet<PathBuf>,
    pub(super) entries: BTreeSet<PathBuf>,
}

impl Plan {
    /// The plan for files that may or may not be there, as the file system is now.
    ///
    /// Each file is an entry of its directory. Where it is a link, its target is another. Where a directory is missing,
    /// the first one on the way that is missing is an entry of the last one that is there.
    pub(super) fn of(files: &[PathBuf]) -> Self {
        let mut plan = Self::default();
        for file in files {
            plan.add(file);
        }
        plan
    }

    fn add(&mut self, file: &Path) {
        let mut file = file.to_owned();
        for _ in 0..=MAX_LINKS {
            let Some((directory, entry)) = place(&file) else { return };
            let target = fs::read_link(&entry);
            // A target is relative to the directory in which its link really is.
            let next = target.map(|target| directory.join(target));
            self.directories.insert(directory);
            self.entries.insert(entry);
            match next {
                Ok(next) => file = next,
                // No link, or not there.
                Err(_no_link) => return,
            }
        }
    }
}

/// The nearest directory above `path` that is there, and the entry of it through which the way to `path` leads.
fn place(path: &Path) -> Option<(PathBuf, PathBuf)> {
    let path = std::path::absolute(path).ok()?;
    let mut entry = path.as_path();
    while let (Some(parent), Some(name)) = (entry.parent(), entry.file_name()) {
        if let Ok(directory) = fs::canonicalize(parent)
            && directory.is_dir()
        {
            let entry = directory.join(name);
            return Some((directory, entry));
        }
        entry = parent;
    }
    None
}
