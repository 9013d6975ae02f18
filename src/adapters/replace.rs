//! Puts a file in the place of another so that no reader and no crash ever sees half of it. For our own small files; the
//! shared credentials file, whose other writers are not ours, has a store of its own.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Writes `content` to `temporary`, a name in the directory of `target` that only its caller uses, and renames it over
/// `target`; durable when this returns.
///
/// # Errors
///
/// What the operating system says; the target is then as it was and the temporary file is gone.
pub(super) fn replace(target: &Path, temporary: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    // A process that was killed may have left one.
    match fs::remove_file(temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    // `create_new` follows no link.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(temporary)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    if let Err(error) = written.and_then(|()| fs::rename(temporary, target)) {
        if let Err(left) = fs::remove_file(temporary) {
            tracing::debug!(error = %left, "temporary file not removed");
        }
        return Err(error);
    }
    File::open(target.parent().unwrap_or(Path::new("/")))?.sync_all()
}
