//! A notification server that shows nothing and tells what it was asked for.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Semaphore;
use zbus::blocking::Connection;
use zbus::blocking::connection::Builder;
use zbus::fdo;
use zbus::message::Header;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::{DynamicType, OwnedValue};

use crate::display::NOTIFICATIONS;

pub(crate) const PATH: &str = "/org/freedesktop/Notifications";

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
    /// Width, height and bytes of the icon's pixels.
    pub(crate) pixels: (i32, i32, usize),
}

/// How the server behaves.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Manner {
    Answers,
    /// It refuses every notice.
    Refuses,
    /// It knows no bubble that is to be closed.
    Forgets,
    /// It never answers a notice.
    Hangs,
    /// It answers a notice when it is told to.
    Late,
    /// Its user is so quick that the click is told of before the notice is answered, between others' bubbles.
    ClicksFirst,
}

struct Recorder {
    capabilities: &'static [&'static str],
    manner: Manner,
    next: u32,
    asked: Sender<Asked>,
    client: Arc<Mutex<String>>,
    answers: Arc<Semaphore>,
}

/// A server on the bus, until it is dropped.
pub(crate) struct Server {
    connection: Option<Connection>,
    asked: Receiver<Asked>,
    client: Arc<Mutex<String>>,
    answers: Arc<Semaphore>,
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
        let (client, answers) = (Arc::<Mutex<String>>::default(), Arc::new(Semaphore::new(0)));
        let recorder = Recorder {
            capabilities,
            manner,
            next: first,
            asked: sender,
            client: Arc::clone(&client),
            answers: Arc::clone(&answers),
        };
        let connection = bus
            .serve_at(PATH, recorder)
            .and_then(|builder| builder.name(NOTIFICATIONS))
            .and_then(Builder::build)
            .unwrap();
        Self { connection: Some(connection), asked, client, answers }
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

    /// Who showed the last notice: a unique name on the bus.
    pub(crate) fn client(&self) -> String {
        self.client.lock().unwrap().clone()
    }

    /// Answers one notice that waits for it.
    pub(crate) fn answer(&self) {
        self.answers.add_permits(1);
    }

    /// Tells everybody that an action of a bubble was invoked.
    pub(crate) fn click(&self, id: u32, key: &str) {
        self.emit("ActionInvoked", &(id, key));
    }

    /// Tells everybody that a bubble is gone, as if its user had dismissed it.
    pub(crate) fn dismiss(&self, id: u32) {
        self.emit("NotificationClosed", &(id, 2_u32));
    }

    /// Tells everybody whatever it may be.
    pub(crate) fn emit<B: Serialize + DynamicType>(&self, member: &str, body: &B) {
        emit(self.connection.as_ref().unwrap(), None, member, body);
    }

    /// Leaves its name to another, and lives on.
    pub(crate) fn give_up_name(&self) {
        self.connection.as_ref().unwrap().release_name(NOTIFICATIONS).unwrap();
    }

    /// Takes its name again.
    pub(crate) fn take_name(&self) {
        self.connection.as_ref().unwrap().request_name(NOTIFICATIONS).unwrap();
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

/// Sends a signal of the notification server's kind, to everybody or to one.
pub(crate) fn emit<B: Serialize + DynamicType>(from: &Connection, to: Option<&str>, member: &str, body: &B) {
    from.emit_signal(to, PATH, NOTIFICATIONS, member, body).unwrap();
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
        #[zbus(header)] header: Header<'_>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) -> fdo::Result<u32> {
        let text =
            |name: &str| hints.get(name).and_then(|v| <&str>::try_from(v).ok()).unwrap_or("").to_owned();
        let urgency = hints.get("urgency").and_then(|value| u8::try_from(value).ok()).unwrap();
        let (category, entry) = (text("category"), text("desktop-entry"));
        assert_eq!(hints.len(), 4, "{:?}", hints.keys());
        let image = hints.get("image-data").unwrap().try_clone().unwrap();
        let (width, height, row, opacity, bits, channels, bytes): (i32, i32, i32, bool, i32, i32, Vec<u8>) =
            image.try_into().unwrap();
        assert_eq!((row, opacity, bits, channels), (width * 4, true, 8, 4));
        let pixels = (width, height, bytes.len());
        let shown =
            Shown { app, replaces, icon, summary, body, actions, urgency, category, entry, expires, pixels };
        *self.client.lock().unwrap() = header.sender().unwrap().to_string();
        self.asked.send(Asked::Show(shown)).unwrap();
        let id = if replaces == 0 { self.next } else { replaces };
        match self.manner {
            Manner::Refuses => return Err(fdo::Error::LimitsExceeded("work: no more bubbles".to_owned())),
            Manner::Hangs => std::future::pending::<()>().await,
            Manner::Late => self.answers.acquire().await.unwrap().forget(),
            Manner::ClicksFirst => {
                for other in 1000..1050 {
                    Self::action_invoked(&emitter, other, "enter-code").await.unwrap();
                }
                Self::action_invoked(&emitter, id, "snooze").await.unwrap();
                Self::notification_closed(&emitter, id, 2).await.unwrap();
                for other in 1000..1050 {
                    Self::notification_closed(&emitter, other, 2).await.unwrap();
                }
            }
            Manner::Answers | Manner::Forgets => {}
        }
        self.next = self.next.max(id + 1);
        Ok(id)
    }

    #[zbus(signal)]
    async fn action_invoked(emitter: &SignalEmitter<'_>, id: u32, key: &str) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn notification_closed(emitter: &SignalEmitter<'_>, id: u32, reason: u32) -> zbus::Result<()>;

    fn close_notification(&self, id: u32) -> fdo::Result<()> {
        self.asked.send(Asked::Close(id)).unwrap();
        match self.manner {
            Manner::Forgets => Err(fdo::Error::Failed(String::new())),
            Manner::Answers | Manner::Refuses | Manner::Hangs | Manner::Late | Manner::ClicksFirst => Ok(()),
        }
    }
}
