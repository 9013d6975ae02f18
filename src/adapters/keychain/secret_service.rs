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

use super::SERVICE;
use super::bus::OpenSecrets;
use super::failure::{failure, text};
use super::thread::{Wanted, no_answer};
use crate::domain::profile::ProfileName;
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

    pub(super) fn check_item(&self, profile: &ProfileName) -> Result<(), KeychainError> {
        self.find().and_then(|open| exists(&open, profile))
    }

    pub(super) fn read(
        &mut self,
        profile: &ProfileName,
        wanted: Wanted<'_>,
    ) -> Result<SecretString, KeychainError> {
        let bytes = self.on_item(profile, None, wanted, exists, Entry::get_secret)?;
        text(bytes)
    }

    pub(super) fn write(
        &mut self,
        profile: &ProfileName,
        label: &str,
        item: &SecretString,
        wanted: Wanted<'_>,
    ) -> Result<(), KeychainError> {
        let is_unique = |open: &OpenSecrets, profile: &ProfileName| open.item(profile).map(|_item| ());
        let bytes = item.expose_secret().as_bytes();
        let same = self.on_item(profile, Some(label), wanted, is_unique, |entry| {
            entry.set_secret(bytes)?;
            Ok(*Zeroizing::new(entry.get_secret()?) == bytes)
        })?;
        if !same {
            return Err(KeychainError::Platform("the item read back is not the one written".to_owned()));
        }
        // The key is safe, so this is no failure of the write. Nor may an old item be deleted for the sake of its
        // label: a crash before the new one is there would lose the key.
        if let Err(error) = self.relabel(profile, label) {
            warn!(%profile, %error, "keychain item kept its old label");
        }
        Ok(())
    }

    pub(super) fn delete(&mut self, profile: &ProfileName, wanted: Wanted<'_>) -> Result<(), KeychainError> {
        self.on_item(profile, None, wanted, exists, Entry::delete_credential)
    }

    fn relabel(&self, profile: &ProfileName, label: &str) -> Result<(), KeychainError> {
        let open = self.find()?;
        match open.item(profile)? {
            Some(item) => open.label(&item, label),
            None => Err(KeychainError::Missing(profile.clone())),
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
        profile: &ProfileName,
        label: Option<&str>,
        wanted: Wanted<'_>,
        precondition: impl Fn(&OpenSecrets, &ProfileName) -> Result<(), KeychainError>,
        action: impl Fn(&Entry) -> Result<T, Error>,
    ) -> Result<T, KeychainError> {
        let mut again = true;
        loop {
            precondition(&self.find()?, profile)?;
            if !wanted() {
                return Err(no_answer(self.deadline));
            }
            match self.entry(profile, label).and_then(|entry| action(&entry)) {
                Err(Error::PlatformFailure(_)) if again => {
                    self.store = None;
                    again = false;
                }
                answer => return answer.map_err(|error| failure(error, profile)),
            }
        }
    }

    fn entry(&mut self, profile: &ProfileName, label: Option<&str>) -> Result<Entry, Error> {
        let store = match self.store.take() {
            Some(store) => store,
            None => Store::new()?,
        };
        let modifiers = label.map(|label| HashMap::from([("label", label)]));
        let entry = store.build(SERVICE, profile.as_str(), modifiers.as_ref());
        self.store = Some(store);
        entry
    }
}

fn exists(open: &OpenSecrets, profile: &ProfileName) -> Result<(), KeychainError> {
    match open.item(profile)? {
        Some(_item) => Ok(()),
        None => Err(KeychainError::Missing(profile.clone())),
    }
}
