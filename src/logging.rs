//! Log lines on stderr, of this crate only: the SDK's own lines may contain requests.

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging: warnings; with `verbose` 1 every change of state, with 2 what happens between; `quiet` only errors.
pub fn start(verbose: u8, quiet: bool, color: bool) {
    let level = match (quiet, verbose) {
        (true, _) => Level::ERROR,
        (false, 0) => Level::WARN,
        (false, 1) => Level::INFO,
        (false, _) => Level::DEBUG,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(color)
        .with_target(false)
        .compact();
    let ours = Targets::new().with_target(env!("CARGO_CRATE_NAME"), level);
    // A second start, in a test, keeps the first.
    if tracing_subscriber::registry().with(lines).with(ours).try_init().is_err() {
        tracing::debug!("logging was started before");
    }
}
