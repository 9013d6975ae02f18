//! The notification server, as it is found on the bus.
//!
//! Whoever owns the well-known name may go and another may come, and the numbers of bubbles mean nothing to the next
//! one. So every call goes to the unique name of one server, and what was learnt of it is kept only with that name.

use serde::Serialize;
use serde::de::DeserializeOwned;
use zbus::connection::{Builder, Connection};
use zbus::names::{BusName, OwnedUniqueName};
use zbus::zvariant::{DynamicType, Type};

use crate::ports::notifier::NotifierError;

const BUS: &str = "org.freedesktop.DBus";
const BUS_PATH: &str = "/org/freedesktop/DBus";
const NOTIFICATIONS: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

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

/// One server, on a connection that is kept for as long as the bus lives.
#[derive(Clone, Debug)]
pub(super) struct Server {
    connection: Connection,
    /// Who it is: a name that no other will ever have on this bus.
    name: OwnedUniqueName,
    /// True if it reads a notice's body as markup.
    pub(super) body_markup: bool,
}

impl Server {
    /// The server of the moment; the bus starts one if it knows how. `known` is the one before, and its connection is
    /// used again if that still stands; `address` is that of a bus other than the session's.
    ///
    /// # Errors
    ///
    /// [`NotifierError::NoServer`] without a bus or a server.
    pub(super) async fn find(known: Option<&Self>, address: Option<&str>) -> Result<Self, NotifierError> {
        let known = known.filter(|server| !server.connection.is_closed());
        let connection = match known {
            Some(server) => server.connection.clone(),
            None => connect(address).await?,
        };
        let name = owner(&connection).await?;
        if let Some(server) = known.filter(|server| server.name == name) {
            return Ok(server.clone());
        }
        let mut server = Self { connection, name, body_markup: false };
        let capabilities: Vec<String> = server.call("GetCapabilities", &()).await?;
        server.body_markup = capabilities.iter().any(|capability| capability == "body-markup");
        Ok(server)
    }

    /// True if both are one and the same process on one and the same bus; a new bus gives out the same names again.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.name == other.name && self.connection.server_guid() == other.connection.server_guid()
    }

    /// Calls a method of the server.
    ///
    /// # Errors
    ///
    /// [`NotifierError::NoServer`] if it is gone or goes; [`NotifierError::Failed`] if it refuses.
    pub(super) async fn call<B, R>(&self, method: &str, arguments: &B) -> Result<R, NotifierError>
    where
        B: Serialize + DynamicType + Sync,
        R: DeserializeOwned + Type,
    {
        let to = Peer { name: self.name.as_ref().into(), path: PATH, interface: NOTIFICATIONS };
        call(&self.connection, to, method, arguments).await.map_err(failure)
    }
}

struct Peer<'a> {
    name: BusName<'a>,
    path: &'a str,
    interface: &'a str,
}

async fn connect(address: Option<&str>) -> Result<Connection, NotifierError> {
    let builder = match address {
        Some(address) => Builder::address(address),
        None => Builder::session(),
    };
    let no_bus = |error: zbus::Error| NotifierError::NoServer(format!("no session bus: {error}"));
    builder.map_err(no_bus)?.build().await.map_err(no_bus)
}

/// Who owns the name of the notification server; the bus is asked to start it if nobody does.
async fn owner(connection: &Connection) -> Result<OwnedUniqueName, NotifierError> {
    let bus = || -> Result<Peer<'_>, NotifierError> {
        let name = BusName::try_from(BUS).map_err(|error| failure(error.into()))?;
        Ok(Peer { name, path: BUS_PATH, interface: BUS })
    };
    match call(connection, bus()?, "GetNameOwner", &NOTIFICATIONS).await {
        Err(zbus::Error::MethodError(name, ..)) if name.as_str() == NO_OWNER => {}
        answer => return answer.map_err(failure),
    }
    let started = call::<_, u32>(connection, bus()?, "StartServiceByName", &(NOTIFICATIONS, 0_u32)).await;
    started.map_err(failure)?;
    call(connection, bus()?, "GetNameOwner", &NOTIFICATIONS).await.map_err(failure)
}

async fn call<B, R>(connection: &Connection, to: Peer<'_>, method: &str, arguments: &B) -> zbus::Result<R>
where
    B: Serialize + DynamicType + Sync,
    R: DeserializeOwned + Type,
{
    let reply = connection.call_method(Some(to.name), to.path, Some(to.interface), method, arguments).await?;
    reply.body().deserialize()
}

/// An error in the port's words. Of what a peer says only the error's name is taken over: its text could be anything.
fn failure(error: zbus::Error) -> NotifierError {
    if let zbus::Error::InputOutput(error) = error {
        return NotifierError::NoServer(format!("the session bus is gone: {error}"));
    }
    let zbus::Error::MethodError(name, ..) = error else {
        return NotifierError::Failed(error.to_string());
    };
    if GONE.contains(&name.as_str()) {
        NotifierError::NoServer("no notification server is running".to_owned())
    } else if name.starts_with(NOT_STARTED) {
        NotifierError::NoServer(format!("the notification server did not start: {name}"))
    } else {
        NotifierError::Failed(name.to_string())
    }
}
