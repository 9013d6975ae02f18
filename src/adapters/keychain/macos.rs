//! Items in the login keychain of macOS.
//!
//! There is no pre-flight: macOS asks its user itself when an item is not the program's own, and what must not wait
//! for that is bounded by the deadline. Service and account are an item's key there, so no two can match; its name in
//! Keychain Access is the service, which the store offers no way to change.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use apple_native_keyring_store::keychain::Store;
use keyring_core::api::CredentialStoreApi as _;
use keyring_core::{Entry, Error};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::Place;
use super::failure::{failure, text};
use super::thread::{Wanted, no_answer};
use crate::ports::keychain::KeychainError;

/// The items, on the thread that owns them.
pub(super) struct Vault {
    deadline: Duration,
    store: Option<Arc<Store>>,
}

impl Vault {
    /// A vault whose operations are waited for until `deadline`; it opens its store when it needs it.
    pub(super) fn new(deadline: Duration) -> Self {
        Self { deadline, store: None }
    }

    /// There is nothing to ask of a keychain that could not open a dialog: whether it is open shows when it is read.
    pub(super) fn check(&mut self) -> Result<(), KeychainError> {
        match self.store() {
            Ok(_store) => Ok(()),
            Err(_reason) => Err(KeychainError::NoService),
        }
    }

    /// Searches by attributes; the store's own test for existence would read the secret.
    pub(super) fn check_item(&mut self, place: &Place) -> Result<(), KeychainError> {
        let attributes = HashMap::from([("service", place.service), ("user", place.profile.as_str())]);
        let found = self.store().and_then(|store| store.search(&attributes));
        match found.map_err(|error| failure(error, &place.profile))?.len() {
            0 => Err(KeychainError::Missing(place.profile.clone())),
            1 => Ok(()),
            several => Err(KeychainError::Ambiguous(several)),
        }
    }

    pub(super) fn read(&mut self, place: &Place, wanted: Wanted<'_>) -> Result<SecretString, KeychainError> {
        self.on_item(place, wanted, Entry::get_secret).and_then(text)
    }

    pub(super) fn write(
        &mut self,
        place: &Place,
        _label: &str,
        item: &SecretString,
        wanted: Wanted<'_>,
    ) -> Result<(), KeychainError> {
        let bytes = item.expose_secret().as_bytes();
        let same = self.on_item(place, wanted, |entry| {
            entry.set_secret(bytes)?;
            Ok(*Zeroizing::new(entry.get_secret()?) == bytes)
        })?;
        if same {
            Ok(())
        } else {
            Err(KeychainError::Platform("the item read back is not the one written".to_owned()))
        }
    }

    pub(super) fn delete(&mut self, place: &Place, wanted: Wanted<'_>) -> Result<(), KeychainError> {
        self.on_item(place, wanted, Entry::delete_credential)
    }

    fn on_item<T>(
        &mut self,
        place: &Place,
        wanted: Wanted<'_>,
        action: impl Fn(&Entry) -> Result<T, Error>,
    ) -> Result<T, KeychainError> {
        if !wanted() {
            return Err(no_answer(self.deadline));
        }
        self.store()
            .and_then(|store| store.build(place.service, place.profile.as_str(), None))
            .and_then(|entry| action(&entry))
            .map_err(|error| failure(error, &place.profile))
    }

    fn store(&mut self) -> Result<Arc<Store>, Error> {
        let store = match self.store.take() {
            Some(store) => store,
            None => Store::new()?,
        };
        self.store = Some(Arc::clone(&store));
        Ok(store)
    }
}
