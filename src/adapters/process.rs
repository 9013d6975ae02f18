//! This process, as the kernel sees it.

use rustix::process::{Resource, Rlimit, setrlimit};

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
