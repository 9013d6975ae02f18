//! The desktop's notifications: the freedesktop.org server on Linux, the Notification Center on macOS.
//!
//! On Linux `desktop` says what a notice looks like and holds each call to its deadline (with `action` for its buttons
//! and `icon`); `server` finds whoever shows notifications at the moment, over the one `line`: a connection that
//! subscribes before it notifies. `heard` makes sense of what comes over it, and leaves what happened to our bubbles in
//! `happenings` until the daemon asks; `bus` is plain calls. All is asynchronous: a server that hangs costs no thread,
//! a call that is given up leaves nothing behind, and what the server says is read whatever the daemon does.

#[cfg(target_os = "linux")]
mod action;
#[cfg(target_os = "linux")]
mod bus;
#[cfg(target_os = "linux")]
mod desktop;
#[cfg(target_os = "linux")]
mod happenings;
#[cfg(target_os = "linux")]
mod heard;
#[cfg(target_os = "linux")]
mod icon;
#[cfg(target_os = "linux")]
mod line;
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

/// The bus itself, as a peer and as an interface.
#[cfg(target_os = "linux")]
const BUS: &str = "org.freedesktop.DBus";
/// The notification server's well-known name, and its interface.
#[cfg(target_os = "linux")]
const NOTIFICATIONS: &str = "org.freedesktop.Notifications";
#[cfg(target_os = "linux")]
const PATH: &str = "/org/freedesktop/Notifications";
