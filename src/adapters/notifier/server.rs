//! The notification server, as it is found on the bus.
//!
//! Whoever owns the well-known name may go and another may come, and the numbers of bubbles mean nothing to the next
//! one. So every call goes to the unique name of one server, and what was learnt of it is kept only with that name.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zbus::names::OwnedUniqueName;
use zbus::zvariant::{DynamicType, Type};

use super::bus::{Peer, call, failure};
use super::happenings::Happenings;
use super::line::Line;
use super::{NOTIFICATIONS, PATH};
use crate::ports::notifier::{Bubble, NotifierError};

/// One server, on a connection that is kept for as long as the bus lives.
#[derive(Clone, Debug)]
pub(super) struct Server {
    line: Arc<Line>,
    /// Who it is: a name that no other will ever have on this bus.
    name: OwnedUniqueName,
    /// True if it reads a notice's body as markup.
    pub(super) body_markup: bool,
    /// True if it lets its user click, and tells us.
    pub(super) actions: bool,
}

impl Server {
    /// The server of the moment; the bus starts one if it knows how. `known` is the one before, and its connection is
    /// used again if that still stands; `address` is that of a bus other than the session's.
    ///
    /// # Errors
    ///
    /// [`NotifierError::NoServer`] without a bus or a server.
    pub(super) async fn find(
        known: Option<&Self>,
        address: Option<&str>,
        happenings: &Arc<Happenings>,
    ) -> Result<Self, NotifierError> {
        if let Some(dead) = known.filter(|server| server.line.is_dead()) {
            dead.line.heard().gone();
        }
        let known = known.filter(|server| !server.line.is_dead());
        let line = match known {
            Some(server) => Arc::clone(&server.line),
            None => Arc::new(Line::open(address, Arc::clone(happenings)).await?),
        };
        let name = line.server().await?;
        if let Some(server) = known.filter(|server| server.name == name) {
            // It may have given up the name and taken it again.
            line.heard().serve(&name);
            return Ok(server.clone());
        }
        line.hear(&name).await?;
        let mut server = Self { line, name, body_markup: false, actions: false };
        let capabilities: Vec<String> = server.call("GetCapabilities", &()).await?;
        let can = |what: &str| capabilities.iter().any(|capability| capability == what);
        (server.body_markup, server.actions) = (can("body-markup"), can("actions"));
        Ok(server)
    }

    /// Shows a notice, in the place of another if that is still on the screen. `arguments` makes those of `Notify` for
    /// the number of the other; zero if there is none.
    ///
    /// # Errors
    ///
    /// As [`Self::call`].
    pub(super) async fn notify<B: Serialize + DynamicType>(
        &self,
        replaces: Option<Bubble>,
        arguments: impl FnOnce(u32) -> B,
    ) -> Result<Bubble, NotifierError> {
        let replaces = replaces.and_then(|bubble| self.line.heard().number(bubble));
        self.line.notify(&self.name, replaces, &arguments(replaces.unwrap_or_default())).await
    }

    /// Takes a bubble off the screen, if it is there.
    ///
    /// # Errors
    ///
    /// As [`Self::call`].
    pub(super) async fn close(&self, bubble: Bubble) -> Result<(), NotifierError> {
        let number = self.line.heard().withdraw(bubble);
        match number {
            Some(number) => self.call("CloseNotification", &number).await,
            None => Ok(()),
        }
    }

    /// Calls a method of the server.
    ///
    /// # Errors
    ///
    /// [`NotifierError::NoServer`] if it is gone or goes; [`NotifierError::Failed`] if it refuses.
    async fn call<B, R>(&self, method: &str, arguments: &B) -> Result<R, NotifierError>
    where
        B: Serialize + DynamicType + Sync,
        R: DeserializeOwned + Type,
    {
        let to = Peer { name: self.name.as_ref().into(), path: PATH, interface: NOTIFICATIONS };
        call(&self.line.connection, to, method, arguments).await.map_err(failure)
    }
}
