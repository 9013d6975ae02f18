//! One connection, and the task that reads all that comes over it.
//!
//! zbus stops reading a connection while anybody's queue of its messages is full. So this task always reads, and never
//! waits for whoever is told. It sleeps while nothing comes: the bus sends what the notification server says, and
//! when that changes, and nothing else.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_core::Stream as _;
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::task::coop::consume_budget;
use zbus::MessageStream;
use zbus::connection::Connection;
use zbus::message::{Flags, Message};
use zbus::names::OwnedUniqueName;
use zbus::zvariant::DynamicType;

use super::bus::{connect, failure, no_server, owner, subscribe};
use super::happenings::Happenings;
use super::heard::Heard;
use super::{BUS, NOTIFICATIONS, PATH};
use crate::ports::notifier::{Bubble, NotifierError};

/// A connection that is read until the value is dropped.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) connection: Connection,
    heard: Arc<Mutex<Heard>>,
    reader: JoinHandle<()>,
}

impl Line {
    /// Connects, and hears from then on whenever the notification server goes.
    ///
    /// # Errors
    ///
    /// [`NotifierError::NoServer`] without a bus.
    pub(super) async fn open(
        address: Option<&str>,
        happenings: Arc<Happenings>,
    ) -> Result<Self, NotifierError> {
        let connection = connect(address).await?;
        let heard = Arc::new(Mutex::new(Heard::new(happenings)));
        let messages = MessageStream::from(&connection);
        let reader = tokio::spawn(read(messages, connection.clone(), Arc::clone(&heard)));
        let line = Self { connection, heard, reader };
        let changes = format!(
            "type='signal',sender='{BUS}',interface='{BUS}',member='NameOwnerChanged',arg0='{NOTIFICATIONS}'"
        );
        subscribe(&line.connection, &changes).await?;
        Ok(line)
    }

    /// True if nothing comes any more: the bus is gone, or the runtime in which it was read.
    pub(super) fn is_dead(&self) -> bool {
        self.connection.is_closed() || self.reader.is_finished()
    }

    /// The server of the moment.
    ///
    /// # Errors
    ///
    /// As [`owner`].
    pub(super) async fn server(&self) -> Result<OwnedUniqueName, NotifierError> {
        owner(&self.connection).await
    }

    /// Hears a server, and from then on no other.
    ///
    /// # Errors
    ///
    /// [`NotifierError::Failed`] if the bus does not let us.
    pub(super) async fn hear(&self, server: &OwnedUniqueName) -> Result<(), NotifierError> {
        // The bus drops these rules when that server has left it.
        for signal in ["ActionInvoked", "NotificationClosed"] {
            let rule =
                format!("type='signal',sender='{server}',interface='{NOTIFICATIONS}',member='{signal}'");
            subscribe(&self.connection, &rule).await?;
        }
        self.heard().serve(server);
        Ok(())
    }

    /// What has been heard so far.
    pub(super) fn heard(&self) -> MutexGuard<'_, Heard> {
        lock(&self.heard)
    }

    /// Shows a notice on the server. A call that is dropped after it was sent has its bubble taken off.
    ///
    /// # Errors
    ///
    /// As [`failure`].
    pub(super) async fn notify<B: Serialize + DynamicType>(
        &self,
        server: &OwnedUniqueName,
        replaces: Option<u32>,
        arguments: &B,
    ) -> Result<Bubble, NotifierError> {
        let message = call_to(server, "Notify").and_then(|call| call.build(arguments)).map_err(failure)?;
        let (sender, answer) = oneshot::channel();
        let call = message.primary_header().serial_num();
        // Before the call: its answer may be there before `send` returns.
        self.heard().ask(call, replaces, sender);
        let mut unsent = Unsent { heard: &self.heard, sent: false, call };
        self.connection.send(&message).await.map_err(failure)?;
        unsent.sent = true;
        // Nobody will answer if the server is gone, or the bus.
        answer.await.map_or_else(|_gone| Err(no_server()), |answer| answer.map_err(failure))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // The task holds the connection; without it that ends too.
        self.reader.abort();
    }
}

/// Takes back the expectation of an answer to a call that was not sent.
struct Unsent<'a> {
    heard: &'a Mutex<Heard>,
    sent: bool,
    call: std::num::NonZeroU32,
}

impl Drop for Unsent<'_> {
    fn drop(&mut self) {
        if !self.sent {
            lock(self.heard).not_sent(self.call);
        }
    }
}

async fn read(mut messages: MessageStream, connection: Connection, heard: Arc<Mutex<Heard>>) {
    while let Some(Ok(message)) = poll_fn(|context| Pin::new(&mut messages).poll_next(context)).await {
        let unwanted = lock(&heard).hear(&message);
        if let (Some(number), Some(server)) = (unwanted, message.header().sender()) {
            tracing::debug!("a notice came too late and is taken off");
            let close = call_to(&server.to_owned().into(), "CloseNotification");
            if let Ok(close) = close.and_then(|call| call.with_flags(Flags::NoReplyExpected)?.build(&number))
            {
                drop(connection.send(&close).await);
            }
        }
        // However much comes, the other tasks have their turn.
        consume_budget().await;
    }
    lock(&heard).gone();
}

fn call_to<'a>(server: &OwnedUniqueName, method: &'a str) -> zbus::Result<zbus::message::Builder<'a>> {
    Message::method_call(PATH, method)?.destination(server.to_owned())?.interface(NOTIFICATIONS)
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}
