//! A notice as the freedesktop.org notification server takes it (Desktop Notifications Specification 1.3).

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::time::timeout;
use zbus::zvariant::Value;

use super::action::actions;
use super::happenings::Happenings;
use super::icon;
use super::server::Server;
use super::{APP_NAME, DEADLINE};
use crate::domain::notice::{Notice, Urgency};
use crate::ports::Answer;
use crate::ports::notifier::{Bubble, Happening, Notifier, NotifierError};

/// An icon that every icon theme has, for servers that draw no icon of ours.
const ICON: &str = "dialog-password";
/// What this is about, for servers that treat kinds of notices differently; vendors' own begin with `x-`.
const CATEGORY: &str = "x-stsd.session.expiry";
/// The server decides how long the bubble is there.
const AS_IT_LIKES: i32 = -1;
/// The bubble is there until somebody takes it away.
const FOR_EVER: i32 = 0;

/// The notification server of the session bus.
///
/// It touches nothing before the first call, and works in any runtime whose timers are on; one task there reads the
/// connection until the notifier is dropped. A server that is gone is looked for again at the next call. A bubble of an
/// earlier server counts as gone: its number there may be another program's bubble by now.
pub struct DesktopNotifier {
    address: Option<String>,
    known: Mutex<Option<Server>>,
    happenings: Arc<Happenings>,
}

impl DesktopNotifier {
    /// The server on the session bus of the environment.
    #[must_use]
    pub fn new() -> Self {
        Self { address: None, known: Mutex::new(None), happenings: Arc::default() }
    }

    /// The server on the bus at a D-Bus address, such as `unix:path=/run/user/1000/bus`.
    #[must_use]
    pub fn on_bus(address: String) -> Self {
        Self { address: Some(address), known: Mutex::new(None), happenings: Arc::default() }
    }

    async fn show_notice(&self, notice: &Notice, replaces: Option<Bubble>) -> Result<Bubble, NotifierError> {
        let server = self.server().await?;
        let clicks = server.actions && !notice.offers.is_empty();
        let body = if server.actions { &notice.body } else { &notice.unclickable_body };
        let body = if server.body_markup { escaped(body) } else { body.clone() };
        let urgency: u8 = match notice.urgency {
            Urgency::Normal => 1,
            Urgency::Critical => 2,
        };
        let hints = HashMap::from([
            ("urgency", Value::U8(urgency)),
            ("category", Value::from(CATEGORY)),
            ("desktop-entry", Value::from(APP_NAME)),
            ("image-data", icon::image_data()),
        ]);
        let actions = if clicks { actions(&notice.offers) } else { Vec::new() };
        let expires = if notice.stays { FOR_EVER } else { AS_IT_LIKES };
        let summary = notice.summary.as_str();
        let arguments =
            |replaces: u32| (APP_NAME, replaces, ICON, summary, body.as_str(), actions, hints, expires);
        server.notify(replaces, arguments).await
    }

    async fn close(&self, bubble: Bubble) -> Result<(), NotifierError> {
        // Without a server there is no bubble, and none is started to close one.
        let Some(server) = self.known.lock().await.clone() else { return Ok(()) };
        match server.close(bubble).await {
            // The specification lets a server answer with an error if the bubble is gone; it is with its server, too.
            Err(NotifierError::Failed(_) | NotifierError::NoServer(_)) => Ok(()),
            answer => answer,
        }
    }

    /// The server of the moment. One looks for it at a time, so that there is one connection.
    async fn server(&self) -> Result<Server, NotifierError> {
        let mut known = self.known.lock().await;
        let server = Server::find(known.as_ref(), self.address.as_deref(), &self.happenings).await?;
        *known = Some(server.clone());
        Ok(server)
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

    fn next(&self) -> Answer<'_, Happening> {
        Box::pin(self.happenings.next())
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
        assert_eq!(escaped("run: stsd refresh work"), "run: stsd refresh work");
    }
}
