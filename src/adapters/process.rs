//! This process, as the kernel sees it.

use std::os::unix::net::UnixListener;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};

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

/// Lets this process have the descriptors of a crowd of clients, where less is usual (macOS: 256) and more is allowed.
pub fn allow_many_files() {
    /// What is usual elsewhere, and the most that programs bear which we start.
    const FILES: u64 = 1024;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(FILES, |maximum| maximum.min(FILES));
    if current.is_some_and(|current| current < wanted)
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })
    {
        tracing::debug!(%error, "not more files allowed");
    }
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
