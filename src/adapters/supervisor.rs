//! systemd, told through `NOTIFY_SOCKET`. Elsewhere nobody is told: launchd asks nothing.

use std::time::Duration;

use crate::ports::supervisor::Supervisor;

/// The service manager of this process, by its environment.
#[derive(Clone, Copy, Debug, Default)]
pub struct NotifySocket;

#[cfg(target_os = "linux")]
impl Supervisor for NotifySocket {
    fn ready(&self) {
        tell(&sd_notify::NotifyState::Ready);
    }

    fn status(&self, text: &str) {
        tell(&sd_notify::NotifyState::Status(text));
    }

    fn patience(&self) -> Option<Duration> {
        sd_notify::watchdog_enabled()
    }

    fn alive(&self) {
        tell(&sd_notify::NotifyState::Watchdog);
    }

    fn stopping(&self) {
        tell(&sd_notify::NotifyState::Stopping);
    }
}

#[cfg(not(target_os = "linux"))]
impl Supervisor for NotifySocket {
    fn ready(&self) {}

    fn status(&self, _text: &str) {}

    fn patience(&self) -> Option<Duration> {
        None
    }

    fn alive(&self) {}

    fn stopping(&self) {}
}

#[cfg(target_os = "linux")]
fn tell(state: &sd_notify::NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(std::slice::from_ref(state)) {
        tracing::warn!(%error, "the service manager was not told");
    }
}
