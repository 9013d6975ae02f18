//! This process, as the kernel sees it.

use std::os::unix::net::UnixListener;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, setrlimit, umask};

/// Keeps this process's memory to itself: no core file, and on Linux no tracer of the same user either.
///
/// What the kernel does not grant is only worth a word in the log: the program works all the same.
pub fn protect() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::debug!(%error, "core files not switched off");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
    {
        tracing::debug!(%error, "tracing not switched off");
    }
}

/// Makes all files and sockets that this process creates its user's only.
pub fn make_files_private() {
    umask(Mode::RWXG | Mode::RWXO);
}

/// The listener that a service manager has opened for this process, if one has.
#[must_use]
pub fn passed_listener() -> Option<UnixListener> {
    #[cfg(target_os = "linux")]
    match listenfd::ListenFd::from_env().take_unix_listener(0) {
        Ok(listener) => return listener,
        Err(error) => tracing::warn!(%error, "the passed socket cannot be used"),
    }
    None
}
