//! The desktop's notifications: the freedesktop.org server on Linux, the Notification Center on macOS.
//!
//! On Linux `desktop` says what a notice looks like and holds each call to its deadline; `server` is the connection
//! and finds whoever shows notifications at the moment. Both are asynchronous: a server that hangs costs no thread,
//! and a call that is given up leaves nothing behind.

#[cfg(target_os = "linux")]
mod desktop;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "linux")]
mod server;

#[cfg(target_os = "linux")]
pub use desktop::DesktopNotifier;
#[cfg(target_os = "macos")]
pub use macos::DesktopNotifier;

use std::time::Duration;

/// How long a call may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// The name under which notices appear.
const APP_NAME: &str = "stsd";
