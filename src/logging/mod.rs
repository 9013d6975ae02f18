//! Log lines of this crate only: the SDK's own lines may contain requests.
//!
//! They go to stderr. Where stderr is systemd's journal, they go there as entries with fields; where it is a file that
//! launchd appends to, they keep that file small.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::sync::Mutex;

use tracing::Level;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

mod file;
#[cfg(target_os = "linux")]
mod journal;

use file::SmallFile;

/// Starts logging: warnings; with `verbose` 1 every change of state, with 2 what happens between; `quiet` only errors.
/// `log` is the file that the service manager appends stderr to, on a platform without a journal.
pub fn start(verbose: u8, quiet: bool, color: bool, log: Option<&Path>) {
    let level = match (quiet, verbose) {
        (true, _) => Level::ERROR,
        (false, 0) => Level::WARN,
        (false, 1) => Level::INFO,
        (false, _) => Level::DEBUG,
    };
    let ours = Targets::new().with_target(env!("CARGO_CRATE_NAME"), level);
    // A second start, in a test, keeps the first.
    if tracing_subscriber::registry().with(sink(color, log)).with(ours).try_init().is_err() {
        tracing::debug!("logging was started before");
    }
}

/// Where lines go.
fn sink<S>(color: bool, log: Option<&Path>) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
{
    #[cfg(target_os = "linux")]
    if journal::takes_stderr()
        && let Ok(journal) = journal::Journal::at(Path::new(journal::SOCKET))
    {
        return Box::new(journal);
    }
    let lines = tracing_subscriber::fmt::layer().with_ansi(color).with_target(false).compact();
    match log.and_then(small_file) {
        Some(file) => Box::new(lines.with_writer(Mutex::new(file))),
        None => Box::new(lines.with_writer(std::io::stderr)),
    }
}

/// The log, if it is what stderr leads to.
fn small_file(path: &Path) -> Option<SmallFile> {
    let stderr = File::from(std::io::stderr().as_fd().try_clone_to_owned().ok()?);
    // What else writes to stderr, a panic for one, follows into the new file.
    SmallFile::new(path, stderr, |new| rustix::stdio::dup2_stderr(new).map_err(Into::into))
}
