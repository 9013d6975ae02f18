//! The Secret Service over the bare session bus: the questions that must be answered before the store may be used.
//!
//! The store's crate unlocks what it finds locked, which opens a dialog and waits for it without a limit. The calls
//! here are those that never raise one (Secret Service API 0.2: only `Unlock`, `Delete`, `CreateItem` and
//! `CreateCollection` return prompts, and only `Prompt` shows them), and each has a time limit of its own.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zbus::blocking::Connection;
use zbus::blocking::connection::Builder;
use zbus::zvariant::{DynamicType, ObjectPath, OwnedObjectPath, OwnedValue, Type, Value};

use super::Place;
use super::thread::no_answer;
use crate::ports::keychain::KeychainError;

const BUS: Peer = Peer { name: "org.freedesktop.DBus", interface: "org.freedesktop.DBus" };
const SECRETS: Peer = Peer { name: "org.freedesktop.secrets", interface: "org.freedesktop.Secret.Service" };
const PROPERTIES: Peer =
    Peer { name: "org.freedesktop.secrets", interface: "org.freedesktop.DBus.Properties" };
const SECRETS_PATH: ObjectPath<'_> = ObjectPath::from_static_str_unchecked("/org/freedesktop/secrets");
const BUS_PATH: ObjectPath<'_> = ObjectPath::from_static_str_unchecked("/org/freedesktop/DBus");
const COLLECTION: &str = "org.freedesktop.Secret.Collection";
const ITEM: &str = "org.freedesktop.Secret.Item";

/// What the bus answers when a service is not there, could not be started, or went away before it answered.
const GONE: [&str; 5] = [
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.DBus.Error.NameHasNoOwner",
    "org.freedesktop.DBus.Error.NoReply",
    "org.freedesktop.DBus.Error.TimedOut",
    "org.freedesktop.DBus.Error.Disconnected",
];
/// The family of errors of a service that the bus could not start.
const NOT_STARTED: &str = "org.freedesktop.DBus.Error.Spawn.";

/// A connection to the session bus on which a Secret Service has an open default collection.
pub(super) struct OpenSecrets {
    connection: Connection,
    limit: Duration,
}

/// The path of an item. Paths are good for as long as the service runs: they are looked up, never kept.
pub(super) struct ItemPath(OwnedObjectPath);

#[derive(Clone, Copy)]
struct Peer {
    name: &'static str,
    interface: &'static str,
}

/// How long after "there is none" the keyring is asked again.
const PAUSE: Duration = Duration::from_millis(60);

impl OpenSecrets {
    /// Looks for a Secret Service whose default collection is there and open. Each call may take `limit`.
    ///
    /// # Errors
    ///
    /// `NoBus`, `NoService`, `NoDefaultCollection` or `Locked`, whichever comes first; `NoAnswer` of a service that
    /// takes longer than `limit` for one call.
    pub(super) fn find(limit: Duration) -> Result<Self, KeychainError> {
        let connection = Builder::session()
            .and_then(|builder| builder.method_timeout(limit).build())
            .map_err(|error| KeychainError::NoBus(error.to_string()))?;
        let secrets = Self { connection, limit };
        if !secrets.is_provided()? {
            return Err(KeychainError::NoService);
        }
        let collection = secrets.default_collection()?;
        let locked = secrets.property(&collection, COLLECTION, "Locked")?;
        match bool::try_from(locked) {
            Ok(false) => Ok(secrets),
            Ok(true) => Err(KeychainError::Locked),
            Err(_type) => Err(strange_answer()),
        }
    }

    /// The collection that new items go into. GNOME Keyring 42, busy with another program's write, was seen to have none
    /// for a moment: so it is asked again before that is taken for true.
    fn default_collection(&self) -> Result<OwnedObjectPath, KeychainError> {
        for pause in [Some(PAUSE), Some(PAUSE), None] {
            let found: OwnedObjectPath = self.call(SECRETS, &SECRETS_PATH, "ReadAlias", &"default")?;
            match pause {
                _ if found.as_str() != "/" => return Ok(found),
                Some(pause) => std::thread::sleep(pause),
                None => {}
            }
        }
        Err(KeychainError::NoDefaultCollection)
    }

    /// The item at a place, without its secret.
    ///
    /// The search goes through all collections, as the store's own does. An item in a locked one counts as locked even
    /// while the default collection is open: the store would unlock it, with a dialog.
    ///
    /// # Errors
    ///
    /// `Locked`, `Ambiguous`, or a failure of the service.
    pub(super) fn item(&self, place: &Place) -> Result<Option<ItemPath>, KeychainError> {
        let attributes = HashMap::from([("service", place.service), ("username", place.profile.as_str())]);
        let (mut open, locked): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) =
            self.call(SECRETS, &SECRETS_PATH, "SearchItems", &attributes)?;
        if !locked.is_empty() {
            return Err(KeychainError::Locked);
        }
        match open.len() {
            0 | 1 => Ok(open.pop().map(ItemPath)),
            several => Err(KeychainError::Ambiguous(several)),
        }
    }

    /// Gives an item a label, unless it has it already. The store only labels items that it creates.
    ///
    /// # Errors
    ///
    /// A failure of the service.
    pub(super) fn label(&self, item: &ItemPath, label: &str) -> Result<(), KeychainError> {
        let present = self.property(&item.0, ITEM, "Label")?;
        if <&str>::try_from(&present).is_ok_and(|present| present == label) {
            return Ok(());
        }
        self.call(PROPERTIES, &item.0, "Set", &(ITEM, "Label", Value::from(label)))
    }

    /// Whether somebody owns the service's name, or the bus knows whom to start for it.
    fn is_provided(&self) -> Result<bool, KeychainError> {
        if self.call(BUS, &BUS_PATH, "NameHasOwner", &SECRETS.name)? {
            return Ok(true);
        }
        let startable: Vec<String> = self.call(BUS, &BUS_PATH, "ListActivatableNames", &())?;
        Ok(startable.iter().any(|name| name == SECRETS.name))
    }

    fn property(
        &self,
        path: &OwnedObjectPath,
        interface: &str,
        name: &str,
    ) -> Result<OwnedValue, KeychainError> {
        self.call(PROPERTIES, path, "Get", &(interface, name))
    }

    fn call<B, R>(
        &self,
        peer: Peer,
        path: &ObjectPath<'_>,
        method: &str,
        arguments: &B,
    ) -> Result<R, KeychainError>
    where
        B: Serialize + DynamicType,
        R: DeserializeOwned + Type,
    {
        let reply = self
            .connection
            .call_method(Some(peer.name), path, Some(peer.interface), method, arguments)
            .map_err(|error| self.failure(error))?;
        reply.body().deserialize().map_err(|_type| strange_answer())
    }

    fn failure(&self, error: zbus::Error) -> KeychainError {
        if let zbus::Error::InputOutput(io) = error {
            let late = io.kind() == ErrorKind::TimedOut;
            return if late { no_answer(self.limit) } else { KeychainError::NoBus(io.to_string()) };
        }
        if let zbus::Error::MethodError(name, ..) = &error
            && (GONE.contains(&name.as_str()) || name.starts_with(NOT_STARTED))
        {
            return KeychainError::NoService;
        }
        KeychainError::Platform(error.to_string())
    }
}

fn strange_answer() -> KeychainError {
    KeychainError::Platform("its answer is not one of the Secret Service API".to_owned())
}
