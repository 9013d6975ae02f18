//! Where a window of this command would appear.

use crate::protocol::message::Display;

/// The display of this environment; nothing if nobody would see a dialog.
pub(crate) fn here() -> Option<Display> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    // A window of macOS needs no variables, but somebody in front of the machine.
    if cfg!(target_os = "macos") {
        return variable("SSH_CONNECTION").is_none().then(Display::default);
    }
    let display = Display {
        x11: variable("DISPLAY"),
        wayland: variable("WAYLAND_DISPLAY"),
        xauthority: variable("XAUTHORITY"),
    };
    (display.x11.is_some() || display.wayland.is_some()).then_some(display)
}
