//! Items in the Secret Service: the store behind its pre-flight.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use keyring_core::api::CredentialStoreApi as _;
use keyring_core::{Entry, Error};
use secrecy::{ExposeSecret as _, SecretString};
use tracing::warn;
use zbus_secret_service_keyring_store::Store;
use zeroize::Zeroizing;

use super::Place;
use super::bus::OpenSecrets;
use super::failure::{failure, text};
use super::thread::{Wanted, no_answer};
use crate::ports::keychain::KeychainError;

/// The longest that one call of the pre-flight may take.
const LONGEST_CALL: Duration = Duration::from_secs(5);

/// The items, on the thread that owns them.
pub(super) struct Vault {
    deadline: Duration,
    /// Kept, because opening one costs a key exchange.
    store: Option<Arc<Store>>,
}

impl Vault {
    /// A vault whose operations are waited for until `deadline`; it opens its store when it needs it.
    pub(super) fn new(deadline: Duration) -> Self {
        Self { deadline, store: None }
    }

    pub(super) fn check(&self) -> Result<(), KeychainError> {
        self.find().map(|_open| ())
    }

    pub(super) fn check_item(&self, place: &Place) -> Result<(), KeychainError> {
        self.find().and_then(|open| exists(&open, place))
    }

    pub(super) fn read(&mut self, place: &Place, wanted: Wanted<'_>) -> Result<SecretString, KeychainError> {
        let bytes = self.on_item(place, None, wanted, exists, Entry::get_secret)?;
        text(bytes)
    }

    pub(super) fn write(
        &mut self,
        place: &Place,
        label: &str,
        item: &SecretString,
        wanted: Wanted<'_>,
    ) -> Result<(), KeychainError> {
        let is_unique = |open: &OpenSecrets, place: &Place| open.item(place).map(|_item| ());
        let bytes = item.expose_secret().as_bytes();
        let same = self.on_item(place, Some(label), wanted, is_unique, |entry| {
            entry.set_secret(bytes)?;
            Ok(*Zeroizing::new(entry.get_secret()?) == bytes)
        })?;
        if !same {
            return Err(KeychainError::Platform("the item read back is not the one written".to_owned()));
        }
        // The key is safe, so this is no failure of the write. Nor may an old item be deleted for the sake of its
        // label: a crash before the new one is there would lose the key.
        if let Err(error) = self.relabel(place, label) {
            warn!(profile = %place.profile, %error, "keychain item kept its old label");
        }
        Ok(())
    }

    pub(super) fn delete(&mut self, place: &Place, wanted: Wanted<'_>) -> Result<(), KeychainError> {
        self.on_item(place, None, wanted, exists, Entry::delete_credential)
    }

    fn relabel(&self, place: &Place, label: &str) -> Result<(), KeychainError> {
        let open = self.find()?;
        match open.item(place)? {
            Some(item) => open.label(&item, label),
            None => Err(KeychainError::Missing(place.profile.clone())),
        }
    }

    /// The pre-flight. One call of it takes at most half the deadline, so that of a service that hangs this thread is
    /// back before it is given up.
    fn find(&self) -> Result<OpenSecrets, KeychainError> {
        OpenSecrets::find((self.deadline / 2).min(LONGEST_CALL))
    }

    /// Does `action` on the profile's entry if the pre-flight and `precondition` allow it.
    ///
    /// A keyring daemon that was restarted does not know the store's session any more: on the platform's failure the
    /// store is opened anew, once, after another pre-flight, which then names the cause.
    fn on_item<T>(
        &mut self,
        place: &Place,
        label: Option<&str>,
        wanted: Wanted<'_>,
        precondition: impl Fn(&OpenSecrets, &Place) -> Result<(), KeychainError>,
        action: impl Fn(&Entry) -> Result<T, Error>,
    ) -> Result<T, KeychainError> {
        let mut again = true;
        loop {
            precondition(&self.find()?, place)?;
            if !wanted() {
                return Err(no_answer(self.deadline));
            }
            match self.entry(place, label).and_then(|entry| action(&entry)) {
                Err(Error::PlatformFailure(_)) if again => {
                    self.store = None;
                    again = false;
                }
                answer => return answer.map_err(|error| failure(error, &place.profile)),
            }
        }
    }

    fn entry(&mut self, place: &Place, label: Option<&str>) -> Result<Entry, Error> {
        let store = match self.store.take() {
            Some(store) => store,
            None => Store::new()?,
        };
        let modifiers = label.map(|label| HashMap::from([("label", label)]));
        let entry = store.build(place.service, place.profile.as_str(), modifiers.as_ref());
        self.store = Some(store);
        entry
    }
}

fn exists(open: &OpenSecrets, place: &Place) -> Result<(), KeychainError> {
    match open.item(place)? {
        Some(_item) => Ok(()),
        None => Err(KeychainError::Missing(place.profile.clone())),
    }
}
