//! Failures of the operating system as the port's errors.

use std::io;
use std::path::Path;

use rustix::io::Errno;

use crate::domain::aws_file::Refusal;
use crate::ports::session_store::StoreError;

/// An error that names the path and what was tried.
pub(super) fn io<E: Into<io::Error>>(path: &Path, action: &'static str) -> impl FnOnce(E) -> StoreError {
    move |error| {
        let error = error.into();
        let busy = error.raw_os_error() == Some(Errno::BUSY.raw_os_error());
        let hint = if busy { "; it is a mount of its own and cannot be replaced" } else { "" };
        StoreError::Io { path: path.to_owned(), action, reason: format!("{error}{hint}"), changed: false }
    }
}

/// The same failure of a step that came after a replacement of the file.
pub(super) fn changed(error: StoreError) -> StoreError {
    match error {
        StoreError::Io { path, action, reason, changed: _ } => {
            StoreError::Io { path, action, reason, changed: true }
        }
        StoreError::Unsafe { path, reason } => {
            StoreError::Io { path, action: "look after it once it was replaced", reason, changed: true }
        }
        // These never say what state the file is in.
        error @ (StoreError::Refused { .. } | StoreError::Locked { .. } | StoreError::Busy { .. }) => error,
    }
}

pub(super) fn unsafe_because(path: &Path, reason: impl Into<String>) -> StoreError {
    StoreError::Unsafe { path: path.to_owned(), reason: reason.into() }
}

pub(super) fn refused(path: &Path) -> impl FnOnce(Refusal) -> StoreError {
    move |refusal| StoreError::Refused { path: path.to_owned(), refusal }
}

/// `None` for a path at which nothing is.
pub(super) fn unless_absent<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
