//! A notice as the freedesktop.org notification server takes it (Desktop Notifications Specification 1.3).

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use tokio::time::timeout;
use zbus::zvariant::Value;

use super::server::Server;
use super::{APP_NAME, DEADLINE};
use crate::domain::notice::{Notice, Urgency};
use crate::ports::Answer;
use crate::ports::notifier::{Bubble, Notifier, NotifierError};

/// An icon that every icon theme has.
const ICON: &str = "dialog-password";
/// What this is about, for servers that treat kinds of notices differently; vendors' own begin with `x-`.
const CATEGORY: &str = "x-stsd.session.expiry";
/// The server decides how long the bubble is there.
const AS_IT_LIKES: i32 = -1;
/// The bubble is there until somebody takes it away.
const FOR_EVER: i32 = 0;

/// The notification server of the session bus.
///
/// It touches nothing before the first call, and works in any runtime whose timers are on. A server that is gone is
/// looked for again at the next call. A bubble of an earlier server, or of an earlier process, counts as gone: its
/// number may be another program's bubble by now.
pub struct DesktopNotifier {
    address: Option<String>,
    known: Mutex<Option<Server>>,
}

impl DesktopNotifier {
    /// The server on the session bus of the environment.
    #[must_use]
    pub fn new() -> Self {
        Self { address: None, known: Mutex::new(None) }
    }

    /// The server on the bus at a D-Bus address, such as `unix:path=/run/user/1000/bus`.
    #[must_use]
    pub fn on_bus(address: String) -> Self {
        Self { address: Some(address), known: Mutex::new(None) }
    }

    async fn show_notice(&self, notice: &Notice, replaces: Option<Bubble>) -> Result<Bubble, NotifierError> {
        let (server, same) = self.server().await?;
        let replaces = replaces.filter(|_bubble| same).map_or(0, |Bubble(id)| id);
        let body = if server.body_markup { escaped(&notice.body) } else { notice.body.clone() };
        let urgency: u8 = match notice.urgency {
            Urgency::Normal => 1,
            Urgency::Critical => 2,
        };
        let hints = HashMap::from([
            ("urgency", Value::U8(urgency)),
            ("category", Value::from(CATEGORY)),
            ("desktop-entry", Value::from(APP_NAME)),
        ]);
        let actions: &[&str] = &[];
        let expires = if notice.stays { FOR_EVER } else { AS_IT_LIKES };
        let summary = notice.summary.as_str();
        let arguments = (APP_NAME, replaces, ICON, summary, body.as_str(), actions, hints, expires);
        Ok(Bubble(server.call("Notify", &arguments).await?))
    }

    async fn close(&self, bubble: Bubble) -> Result<(), NotifierError> {
        // Without a server there is no bubble, and none is started to close one.
        if self.known().is_none() {
            return Ok(());
        }
        let (server, same) = self.server().await?;
        if !same {
            return Ok(());
        }
        match server.call("CloseNotification", &bubble.0).await {
            // The specification lets a server answer with an error if the bubble is gone.
            Err(NotifierError::Failed(_unknown)) => Ok(()),
            answer => answer,
        }
    }

    /// The server of the moment, and whether it is the one that was there before.
    async fn server(&self) -> Result<(Server, bool), NotifierError> {
        let known = self.known();
        let server = Server::find(known.as_ref(), self.address.as_deref()).await?;
        let same = known.is_some_and(|known| known.is(&server));
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(server.clone());
        Ok((server, same))
    }

    fn known(&self) -> Option<Server> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Notifier for DesktopNotifier {
    fn show<'a>(
        &'a self,
        notice: &'a Notice,
        replaces: Option<Bubble>,
    ) -> Answer<'a, Result<Bubble, NotifierError>> {
        Box::pin(in_time(self.show_notice(notice, replaces)))
    }

    fn withdraw(&self, bubble: Bubble) -> Answer<'_, Result<(), NotifierError>> {
        Box::pin(in_time(self.close(bubble)))
    }
}

impl Default for DesktopNotifier {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for DesktopNotifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DesktopNotifier").field("address", &self.address).finish_non_exhaustive()
    }
}

/// The call's answer, or that there was none in time. What is given up is dropped, wherever it hangs.
async fn in_time<T>(call: impl Future<Output = Result<T, NotifierError>>) -> Result<T, NotifierError> {
    match timeout(DEADLINE, call).await {
        Ok(answer) => answer,
        Err(_elapsed) => Err(NotifierError::NoAnswer(DEADLINE.as_secs())),
    }
}

/// The text as markup that shows it: only the three characters that begin something in markup are replaced, since not
/// every server knows more entities than these.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_shown_and_not_obeyed() {
        assert_eq!(escaped("a <b>&amp; 'c\""), "a &lt;b&gt;&amp;amp; 'c\"");
        assert_eq!(escaped("Run: stsd refresh work"), "Run: stsd refresh work");
    }
}
