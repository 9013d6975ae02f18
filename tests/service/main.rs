//! The units of systemd and the agent of launchd, as their own programs read them.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod launchd;
mod systemd;

use std::path::PathBuf;

/// A file of this project.
fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}
