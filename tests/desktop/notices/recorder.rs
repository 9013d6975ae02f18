//! A notification server that shows nothing and tells what it was asked for.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use zbus::blocking::Connection;
use zbus::blocking::connection::Builder;
use zbus::fdo;
use zbus::zvariant::OwnedValue;

use crate::display::NOTIFICATIONS;

/// What the server was asked for.
#[derive(Debug, PartialEq)]
pub(crate) enum Asked {
    Show(Shown),
    Close(u32),
}

/// The arguments of `Notify`.
#[derive(Debug, PartialEq)]
pub(crate) struct Shown {
    pub(crate) app: String,
    pub(crate) replaces: u32,
    pub(crate) icon: String,
    pub(crate) summary: String,
    pub(crate) body: String,
    pub(crate) actions: Vec<String>,
    pub(crate) urgency: u8,
    pub(crate) category: String,
    pub(crate) entry: String,
    pub(crate) expires: i32,
}

/// How the server behaves.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Manner {
    Answers,
    /// It knows no bubble that is to be closed, and refuses every notice.
    Refuses,
    /// It never answers a notice.
    Hangs,
}

struct Recorder {
    capabilities: &'static [&'static str],
    manner: Manner,
    next: u32,
    asked: Sender<Asked>,
}

/// A server on the bus, until it is dropped.
pub(crate) struct Server {
    connection: Option<Connection>,
    asked: Receiver<Asked>,
}

impl Server {
    /// A server whose bubbles are numbered from `first`.
    pub(crate) fn start(
        bus: Builder<'static>,
        capabilities: &'static [&'static str],
        manner: Manner,
        first: u32,
    ) -> Self {
        let (sender, asked) = channel();
        let recorder = Recorder { capabilities, manner, next: first, asked: sender };
        let connection = bus
            .serve_at("/org/freedesktop/Notifications", recorder)
            .and_then(|builder| builder.name(NOTIFICATIONS))
            .and_then(Builder::build)
            .unwrap();
        Self { connection: Some(connection), asked }
    }

    /// What it was asked for next.
    pub(crate) fn asked(&self) -> Asked {
        self.asked.recv_timeout(Duration::from_secs(10)).expect("the server was not asked for anything")
    }

    /// The notice that it was asked for next.
    pub(crate) fn shown(&self) -> Shown {
        match self.asked() {
            Asked::Show(shown) => shown,
            Asked::Close(id) => panic!("asked to close {id}"),
        }
    }

    /// Nothing, if it was asked for nothing so far.
    pub(crate) fn idle(&self) -> bool {
        self.asked.try_recv().is_err()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            // On a bus that is gone there is nothing to close.
            drop(connection.close());
        }
    }
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Recorder {
    fn get_capabilities(&self) -> &[&str] {
        self.capabilities
    }

    #[expect(clippy::too_many_arguments, reason = "so many has the method of the specification")]
    async fn notify(
        &mut self,
        app: String,
        replaces: u32,
        icon: String,
        summary: String,
        body: String,
        actions: Vec<String>,
        hints: HashMap<String, OwnedValue>,
        expires: i32,
    ) -> fdo::Result<u32> {
        let text =
            |name: &str| hints.get(name).and_then(|v| <&str>::try_from(v).ok()).unwrap_or("").to_owned();
        let urgency = hints.get("urgency").and_then(|value| u8::try_from(value).ok()).unwrap();
        let (category, entry) = (text("category"), text("desktop-entry"));
        assert_eq!(hints.len(), 3, "{hints:?}");
        let shown = Shown { app, replaces, icon, summary, body, actions, urgency, category, entry, expires };
        self.asked.send(Asked::Show(shown)).unwrap();
        match self.manner {
            Manner::Refuses => return Err(fdo::Error::LimitsExceeded("work: no more bubbles".to_owned())),
            Manner::Hangs => std::future::pending::<()>().await,
            Manner::Answers => {}
        }
        if replaces != 0 {
            return Ok(replaces);
        }
        self.next += 1;
        Ok(self.next - 1)
    }

    fn close_notification(&self, id: u32) -> fdo::Result<()> {
        self.asked.send(Asked::Close(id)).unwrap();
        match self.manner {
            Manner::Refuses => Err(fdo::Error::Failed(String::new())),
            Manner::Answers | Manner::Hangs => Ok(()),
        }
    }
}
