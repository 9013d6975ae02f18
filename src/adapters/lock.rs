//! A lock beside a file of ours, by which processes of one user take turns. For our own small files; the shared
//! credentials file has a lock of its own, which tells who holds it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;

/// How long another process may hold a lock. It is held for one replacement; a stopped process holds it for ever.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks at the lock.
const NAP: Duration = Duration::from_millis(10);

/// The path of the lock of a file.
pub(super) fn beside(path: &Path) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(".lock");
    name.into()
}

/// Takes the lock at `path` and keeps it until the file is dropped; the lock's file stays.
///
/// # Errors
///
/// What the operating system says, or that another process has held it for 5 s.
pub(super) fn take(path: &Path) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?);
    let started = Instant::now();
    loop {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(Errno::WOULDBLOCK | Errno::INTR) if started.elapsed() < PATIENCE => std::thread::sleep(NAP),
            Err(Errno::WOULDBLOCK | Errno::INTR) => {
                let seconds = PATIENCE.as_secs();
                return Err(io::Error::other(format!(
                    "another stsd holds its lock for more than {seconds} s"
                )));
            }
            Err(error) => return Err(error.into()),
        }
    }
}
