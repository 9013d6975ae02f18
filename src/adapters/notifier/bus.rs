//! Calls over the session bus, and their errors in the port's words.

use serde::Serialize;
use serde::de::DeserializeOwned;
use zbus::connection::{Builder, Connection};
use zbus::names::{BusName, OwnedUniqueName};
use zbus::zvariant::{DynamicType, Type};

use super::{BUS, NOTIFICATIONS};
use crate::ports::notifier::NotifierError;

const BUS_PATH: &str = "/org/freedesktop/DBus";

/// What the bus answers when a peer is not there, could not be found, or went away before it answered.
const GONE: [&str; 5] = [
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.DBus.Error.NameHasNoOwner",
    "org.freedesktop.DBus.Error.NoReply",
    "org.freedesktop.DBus.Error.TimedOut",
    "org.freedesktop.DBus.Error.Disconnected",
];
/// The family of errors of a service that the bus could not start.
const NOT_STARTED: &str = "org.freedesktop.DBus.Error.Spawn.";
const NO_OWNER: &str = "org.freedesktop.DBus.Error.NameHasNoOwner";

/// An object of somebody on the bus.
pub(super) struct Peer<'a> {
    pub(super) name: BusName<'a>,
    pub(super) path: &'a str,
    pub(super) interface: &'a str,
}

/// A connection to the bus at an address, or to the session's.
///
/// # Errors
///
/// [`NotifierError::NoServer`] without such a bus.
pub(super) async fn connect(address: Option<&str>) -> Result<Connection, NotifierError> {
    let builder = match address {
        Some(address) => Builder::address(address),
        None => Builder::session(),
    };
    let no_bus = |error: zbus::Error| NotifierError::NoServer(format!("no session bus: {error}"));
    builder.map_err(no_bus)?.build().await.map_err(no_bus)
}

/// Who owns the name of the notification server; the bus is asked to start it if nobody does.
///
/// # Errors
///
/// [`NotifierError::NoServer`] if nobody does then.
pub(super) async fn owner(connection: &Connection) -> Result<OwnedUniqueName, NotifierError> {
    match call(connection, bus()?, "GetNameOwner", &NOTIFICATIONS).await {
        Err(zbus::Error::MethodError(name, ..)) if name.as_str() == NO_OWNER => {}
        answer => return answer.map_err(failure),
    }
    let started = call::<_, u32>(connection, bus()?, "StartServiceByName", &(NOTIFICATIONS, 0_u32)).await;
    started.map_err(failure)?;
    call(connection, bus()?, "GetNameOwner", &NOTIFICATIONS).await.map_err(failure)
}

/// Has the bus send the messages that a match rule describes. When this returns, none of them is missed any more.
///
/// # Errors
///
/// [`NotifierError::Failed`] if the bus refuses.
pub(super) async fn subscribe(connection: &Connection, rule: &str) -> Result<(), NotifierError> {
    call(connection, bus()?, "AddMatch", &rule).await.map_err(failure)
}

/// Calls a method.
///
/// # Errors
///
/// What zbus or the peer says; [`failure`] puts it into the port's words.
pub(super) async fn call<B, R>(
    connection: &Connection,
    to: Peer<'_>,
    method: &str,
    arguments: &B,
) -> zbus::Result<R>
where
    B: Serialize + DynamicType + Sync,
    R: DeserializeOwned + Type,
{
    let reply = connection.call_method(Some(to.name), to.path, Some(to.interface), method, arguments).await?;
    reply.body().deserialize()
}

/// An error in the port's words. Of what a peer says only the error's name is taken over: its text could be anything.
pub(super) fn failure(error: zbus::Error) -> NotifierError {
    if let zbus::Error::InputOutput(error) = error {
        return NotifierError::NoServer(format!("the session bus is gone: {error}"));
    }
    let zbus::Error::MethodError(name, ..) = error else {
        return NotifierError::Failed(error.to_string());
    };
    if GONE.contains(&name.as_str()) {
        no_server()
    } else if name.starts_with(NOT_STARTED) {
        NotifierError::NoServer(format!("the notification server did not start: {name}"))
    } else {
        NotifierError::Failed(name.to_string())
    }
}

pub(super) fn no_server() -> NotifierError {
    NotifierError::NoServer("no notification server is running".to_owned())
}

fn bus<'a>() -> Result<Peer<'a>, NotifierError> {
    let name = BusName::try_from(BUS).map_err(|error| failure(error.into()))?;
    Ok(Peer { name, path: BUS_PATH, interface: BUS })
}
