//! Which file is replaced, and whether it may be.

use std::fs::{self, DirBuilder, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use super::errors::{io, unless_absent, unsafe_because};
use crate::ports::session_store::StoreError;

/// The largest file that is read, in bytes: 16 MiB, some 80,000 sections.
pub(super) const LARGEST: u64 = 16 << 20;

const OTHERS_DIRECTORY: &str = "is a directory of another user, who could replace the file: chown it to yourself, or let \
     AWS_SHARED_CREDENTIALS_FILE name a file in a directory of your own";

/// The file that is replaced: no symbolic link leads further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The directory, canonical.
    pub(super) directory: PathBuf,
    /// The file in it, which may not exist yet.
    pub(super) file: PathBuf,
}

impl Target {
    /// Follows symbolic links to the file and checks what is there.
    ///
    /// `Ok(None)` if its directory does not exist.
    pub(super) fn resolve(path: &Path) -> Result<Option<Self>, StoreError> {
        let found = unless_absent(fs::symlink_metadata(path)).map_err(io(path, "look at it"))?;
        let file = match found {
            Some(metadata) if metadata.is_symlink() => fs::canonicalize(path).map_err(|error| {
                if error.kind() == io::ErrorKind::NotFound {
                    unsafe_because(path, "is a symbolic link to a file that does not exist")
                } else {
                    io(path, "follow the symbolic link")(error)
                }
            })?,
            Some(_) | None => {
                let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
                    return Err(unsafe_because(path, "is no path of a file"));
                };
                // A bare name lies in the current directory.
                let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
                let canonical = unless_absent(fs::canonicalize(parent));
                let Some(parent) = canonical.map_err(io(parent, "look at it"))? else {
                    return Ok(None);
                };
                parent.join(name)
            }
        };
        let Some(directory) = file.parent().map(Path::to_owned) else {
            return Err(unsafe_because(path, "is no path of a file"));
        };
        let target = Self { directory, file };
        target.check_directory()?;
        if let Some(metadata) = target.metadata()? {
            check_file(&target.file, &metadata)?;
            if is_mount_point(&target.file) {
                return Err(unsafe_because(&target.file, "is a mount of its own, which cannot be replaced"));
            }
        }
        Ok(Some(target))
    }

    /// As [`Target::resolve`], but makes the missing directory, 0700.
    pub(super) fn resolve_or_create(path: &Path) -> Result<Self, StoreError> {
        if let Some(target) = Self::resolve(path)? {
            return Ok(target);
        }
        let parent = path.parent().unwrap_or(path);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(parent);
        made.map_err(io(parent, "create the directory"))?;
        Self::resolve(path)?.ok_or_else(|| unsafe_because(parent, "vanished"))
    }

    /// Checks that the missing directory of `path` could be made.
    pub(super) fn check_creatable(path: &Path) -> Result<(), StoreError> {
        let mut ancestors = path.ancestors().skip(1);
        let Some(existing) = ancestors.find(|ancestor| fs::symlink_metadata(ancestor).is_ok()) else {
            return Err(unsafe_because(path, "no directory above it exists"));
        };
        if !existing.is_dir() {
            return Err(unsafe_because(existing, "is not a directory"));
        }
        let writable = rustix::fs::access(existing, Access::WRITE_OK | Access::EXEC_OK);
        writable.map_err(io(existing, "create a directory in it"))
    }

    /// What is at the file's place now; a symbolic link is not followed.
    pub(super) fn metadata(&self) -> Result<Option<Metadata>, StoreError> {
        unless_absent(fs::symlink_metadata(&self.file)).map_err(io(&self.file, "look at it"))
    }

    fn check_directory(&self) -> Result<(), StoreError> {
        let directory = &self.directory;
        let metadata = fs::metadata(directory).map_err(io(directory, "look at it"))?;
        if !metadata.is_dir() {
            return Err(unsafe_because(directory, "is not a directory"));
        }
        // Its owner can exchange whatever is in it, or hold the lock for ever. Root's is refused too: where we may write
        // in it, so may a group or everybody.
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(unsafe_because(directory, OTHERS_DIRECTORY));
        }
        // Also with the sticky bit: others could put their own file or lock at a name that is still free.
        if metadata.mode() & 0o002 != 0 {
            return Err(unsafe_because(directory, "is a directory that everybody may write"));
        }
        Ok(())
    }
}

/// Checks that a file may be replaced: it is a regular file, ours, writable to us, under one name, of sane size.
pub(super) fn check_file(path: &Path, metadata: &Metadata) -> Result<(), StoreError> {
    check_readable(path, metadata)?;
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(unsafe_because(path, "belongs to another user"));
    }
    if metadata.mode() & 0o200 == 0 {
        return Err(unsafe_because(path, "is read-only"));
    }
    if metadata.nlink() > 1 {
        return Err(unsafe_because(path, "has other hard links, which a replacement would leave behind"));
    }
    Ok(())
}

/// Checks that a file can be read at all: it is a regular file of sane size.
pub(super) fn check_readable(path: &Path, metadata: &Metadata) -> Result<(), StoreError> {
    let kind = metadata.file_type();
    let reason = if kind.is_dir() {
        "is a directory"
    } else if kind.is_fifo() {
        "is a named pipe"
    } else if kind.is_symlink() {
        "has become a symbolic link"
    } else if !kind.is_file() {
        "is not a regular file"
    } else if metadata.len() > LARGEST {
        "is larger than 16 MiB"
    } else {
        return Ok(());
    };
    Err(unsafe_because(path, reason))
}

/// True for a file that something is mounted on, as container runtimes do with single files: a rename onto it fails.
/// Where the kernel does not tell, the rename does.
#[cfg(target_os = "linux")]
fn is_mount_point(path: &Path) -> bool {
    use rustix::fs::{AtFlags, CWD, StatxAttributes, StatxFlags};

    let found = rustix::fs::statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::empty());
    found.is_ok_and(|found| found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// True for a file that something is mounted on; only Linux mounts on files.
#[cfg(not(target_os = "linux"))]
fn is_mount_point(_path: &Path) -> bool {
    false
}
