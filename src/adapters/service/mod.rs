//! The service manager of this platform: systemd's user manager on Linux, launchd on macOS.
//!
//! Both write files and run the program that steers the manager; what they write and what they understand are pure
//! functions with tests that run everywhere.

mod child;
mod files;
// Its tests run everywhere; only there is it used.
#[cfg(any(target_os = "macos", test))]
mod launchd;
mod program;
#[cfg(any(not(target_os = "macos"), test))]
mod systemd;
mod user;

#[cfg(any(target_os = "macos", test))]
pub use launchd::Launchd;
pub use program::{NoProgram, program};
#[cfg(not(target_os = "macos"))]
pub use systemd::Systemd;
