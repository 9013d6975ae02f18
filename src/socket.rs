//! The socket between a client and the daemon: where it is, and who may be at its other end.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};
use thiserror::Error;

/// The longest path of a socket, in bytes, its terminator left out (Linux `sun_path` has 108, macOS 104).
const LONGEST_PATH: usize = if cfg!(target_os = "macos") { 103 } else { 107 };

/// Why the socket is not used.
#[derive(Debug, Error)]
pub enum SocketError {
    /// A path that the kernel cannot take.
    #[error("{}: the path of the socket is longer than {LONGEST_PATH} bytes", .0.display())]
    TooLong(PathBuf),
    /// The directory or the socket could be somebody else's doing.
    #[error("{}: {reason}", path.display())]
    Unsafe {
        /// The directory or the socket.
        path: PathBuf,
        /// Why, as a fragment.
        reason: &'static str,
    },
    /// Another daemon of this user is there.
    #[error("the daemon is running already{}", match .0 { Some(pid) => format!(" (pid {pid})"), None => String::new() })]
    Running(Option<u32>),
    /// An operation of the operating system failed.
    #[error("{}: cannot {action}: {error}", path.display())]
    Io {
        /// The directory, the lock or the socket.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// The cause.
        error: io::Error,
    },
}

/// This process's user.
#[must_use]
pub fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The lock that makes a daemon the only one of its user; released with the process.
#[derive(Debug)]
pub struct Only {
    _file: File,
}

/// Makes this process the only daemon at `socket`.
///
/// # Errors
///
/// [`SocketError::Running`] with the other's pid; `Unsafe` if the directory is not ours alone.
pub fn claim(socket: &Path) -> Result<Only, SocketError> {
    let directory = directory_of(socket)?;
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(failed(directory, "create the directory"))?;
    check_directory(directory)?;
    let mut path = socket.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let nofollow = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or_default();
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(nofollow)
        .open(&path)
        .map_err(failed(&path, "open the lock"))?;
    let taken = flock(&file, FlockOperation::NonBlockingLockExclusive);
    if let Err(error) = taken
        && error != rustix::io::Errno::WOULDBLOCK
    {
        return Err(failed(&path, "take the lock")(error));
    }
    if taken.is_err() {
        let mut holder = String::new();
        // A pid has at most ten digits.
        drop((&file).take(16).read_to_string(&mut holder));
        return Err(SocketError::Running(holder.trim().parse().ok()));
    }
    let mut note = || {
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())
    };
    note().map_err(failed(&path, "write the lock"))?;
    Ok(Only { _file: file })
}

/// Binds the socket, in place of one that a dead daemon left; `_only` is the proof that no daemon lives.
///
/// The socket is 0600.
///
/// # Errors
///
/// [`SocketError`] if something else than a socket is in its place, or it cannot be bound.
pub fn bind(socket: &Path, _only: &Only) -> Result<UnixListener, SocketError> {
    match fs::symlink_metadata(socket) {
        Ok(found) if found.file_type().is_socket() => {
            fs::remove_file(socket).map_err(failed(socket, "remove the socket of a dead daemon"))?;
        }
        Ok(_) => return Err(SocketError::Unsafe { path: socket.to_owned(), reason: "is no socket" }),
        Err(_) => {}
    }
    let listener = UnixListener::bind(socket).map_err(failed(socket, "bind the socket"))?;
    // Nobody else could reach it meanwhile: its directory is 0700.
    let private = fs::Permissions::from_mode(0o600);
    fs::set_permissions(socket, private).map_err(failed(socket, "make the socket private"))?;
    Ok(listener)
}

/// Checks a socket before a client trusts it: its directory and itself are ours and nobody else's. False if there is
/// none.
///
/// # Errors
///
/// [`SocketError::Unsafe`]: a code sent there could go to somebody else.
pub fn is_there(socket: &Path) -> Result<bool, SocketError> {
    let Ok(found) = fs::symlink_metadata(socket) else { return Ok(false) };
    check_directory(directory_of(socket)?)?;
    let refuse = |reason| Err(SocketError::Unsafe { path: socket.to_owned(), reason });
    if !found.file_type().is_socket() {
        return refuse("is no socket");
    }
    if found.uid() != own_uid() {
        return refuse("belongs to another user");
    }
    if found.mode() & 0o077 != 0 {
        return refuse("is open to other users");
    }
    Ok(true)
}

fn directory_of(socket: &Path) -> Result<&Path, SocketError> {
    if socket.as_os_str().len() > LONGEST_PATH {
        return Err(SocketError::TooLong(socket.to_owned()));
    }
    socket.parent().ok_or(SocketError::Unsafe { path: socket.to_owned(), reason: "is no path of a socket" })
}

fn check_directory(directory: &Path) -> Result<(), SocketError> {
    let found = fs::symlink_metadata(directory).map_err(failed(directory, "look at it"))?;
    let refuse = |reason| Err(SocketError::Unsafe { path: directory.to_owned(), reason });
    if !found.is_dir() {
        return refuse("is no directory");
    }
    if found.uid() != own_uid() {
        return refuse("belongs to another user");
    }
    if found.mode() & 0o077 != 0 {
        return refuse("is open to other users; it must be 0700");
    }
    Ok(())
}

fn failed<E: Into<io::Error>>(path: &Path, action: &'static str) -> impl FnOnce(E) -> SocketError {
    move |error| SocketError::Io { path: path.to_owned(), action, error: error.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("stsd/stsd.sock");
        (directory, socket)
    }

    fn allow(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_second_daemon_learns_the_pid_of_the_first() {
        let (_directory, socket) = place();
        let only = claim(&socket).unwrap();
        match claim(&socket) {
            Err(SocketError::Running(pid)) => assert_eq!(pid, Some(std::process::id())),
            other => panic!("{other:?}"),
        }
        drop(only);
        assert!(claim(&socket).is_ok(), "released with its holder");
    }

    #[test]
    fn the_socket_of_a_dead_daemon_is_replaced_and_nothing_else_is() {
        let (_directory, socket) = place();
        let only = claim(&socket).unwrap();
        drop(bind(&socket, &only).unwrap());
        assert_eq!(fs::metadata(&socket).unwrap().mode() & 0o777, 0o600);
        assert!(bind(&socket, &only).is_ok(), "left behind by a dead daemon");
        fs::remove_file(&socket).unwrap();
        fs::write(&socket, "mine").unwrap();
        assert!(matches!(bind(&socket, &only), Err(SocketError::Unsafe { reason: "is no socket", .. })));
        assert_eq!(fs::read_to_string(&socket).unwrap(), "mine");
    }

    #[test]
    fn a_place_that_others_can_reach_is_refused() {
        let (_directory, socket) = place();
        assert!(!is_there(&socket).unwrap());
        let only = claim(&socket).unwrap();
        let _listener = bind(&socket, &only).unwrap();
        allow(&socket, 0o600);
        assert!(is_there(&socket).unwrap());
        allow(&socket, 0o666);
        assert!(matches!(is_there(&socket), Err(SocketError::Unsafe { .. })));
        allow(&socket, 0o600);
        allow(socket.parent().unwrap(), 0o755);
        assert!(matches!(is_there(&socket), Err(SocketError::Unsafe { .. })));
        assert!(matches!(claim(&socket), Err(SocketError::Unsafe { .. })));
        allow(socket.parent().unwrap(), 0o700);
        if std::os::unix::fs::chown(socket.parent().unwrap(), Some(12_345), None).is_ok() {
            assert!(matches!(is_there(&socket), Err(SocketError::Unsafe { .. })));
        } else {
            stsd_test_support::not_run("another user's socket directory: needs root");
        }
    }

    #[test]
    fn a_path_that_the_kernel_cannot_take_is_refused() {
        let long = PathBuf::from(format!("/{}/stsd.sock", "x".repeat(LONGEST_PATH)));
        assert!(matches!(claim(&long), Err(SocketError::TooLong(_))));
    }
}
