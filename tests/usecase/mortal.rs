//! Ports that stop at a call of the test's choice: the world says no, or the program is killed before or after it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;

use stsd::domain::aws_file::Document;
use stsd::domain::endpoint::StsSite;
use stsd::domain::keys::{LongTermKey, SessionCredentials};
use stsd::domain::profile::{ProfileName, SectionName};
use stsd::domain::totp::TotpSeed;
use stsd::ports::Answer;
use stsd::ports::config_store::{ConfigFileError, ConfigStore};
use stsd::ports::keychain::{Keychain, KeychainError};
use stsd::ports::session_store::{KeyCopy, PreparedWrite, Removal, SectionTarget, SessionStore, StoreError};
use stsd::ports::sts::{CallerIdentity, SessionRequest, Sts, StsError};
use stsd::usecase::Ports;

/// How a call ends the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The call fails and does nothing.
    Fails,
    /// The call does its work and says that it failed.
    FailsAfter,
    /// The program is killed before the call.
    KilledBefore,
    /// The program is killed after the call.
    KilledAfter,
}

/// Counts the calls and ends the work at one of them.
#[derive(Debug)]
pub(crate) struct Fate {
    at: usize,
    end: End,
    calls: AtomicUsize,
    killed: AtomicBool,
}

impl Fate {
    /// Ends at the call of this number, the first being 0.
    pub(crate) fn new(at: usize, end: End) -> Arc<Self> {
        Arc::new(Self { at, end, calls: AtomicUsize::new(0), killed: AtomicBool::new(false) })
    }

    /// True if the call was reached.
    pub(crate) fn came(&self) -> bool {
        self.calls.load(Ordering::SeqCst) > self.at
    }

    /// The same world with this fate.
    pub(crate) fn over(self: &Arc<Self>, ports: &Ports) -> Ports {
        let fate = || Arc::clone(self);
        Ports {
            config: Arc::new(Mortal(fate(), Arc::clone(&ports.config))),
            keychain: Arc::new(Mortal(fate(), Arc::clone(&ports.keychain))),
            sts: Arc::new(Mortal(fate(), Arc::clone(&ports.sts))),
            store: Arc::new(Mortal(fate(), Arc::clone(&ports.store))),
            ..ports.clone()
        }
    }

    /// Runs a future until it ends or is killed.
    pub(crate) async fn live<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = std::pin::pin!(work);
        std::future::poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if self.killed.load(Ordering::SeqCst) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    async fn call<T, E>(&self, error: E, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        if self.calls.fetch_add(1, Ordering::SeqCst) != self.at {
            return work.await;
        }
        match self.end {
            End::Fails => return Err(error),
            End::FailsAfter => {
                drop(work.await);
                return Err(error);
            }
            End::KilledBefore => {}
            End::KilledAfter => drop(work.await),
        }
        self.killed.store(true, Ordering::SeqCst);
        std::future::pending().await
    }
}

struct Mortal<P: ?Sized>(Arc<Fate>, Arc<P>);

fn keychain_error() -> KeychainError {
    KeychainError::NoAnswer(10)
}

impl Keychain for Mortal<dyn Keychain> {
    fn check(&self) -> Answer<'_, Result<(), KeychainError>> {
        Box::pin(self.0.call(keychain_error(), self.1.check()))
    }

    fn check_item<'a>(&'a self, profile: &'a ProfileName) -> Answer<'a, Result<(), KeychainError>> {
        Box::pin(self.0.call(keychain_error(), self.1.check_item(profile)))
    }

    fn read<'a>(&'a self, profile: &'a ProfileName) -> Answer<'a, Result<LongTermKey, KeychainError>> {
        Box::pin(self.0.call(keychain_error(), self.1.read(profile)))
    }

    fn write<'a>(
        &'a self,
        profile: &'a ProfileName,
        key: &'a LongTermKey,
    ) -> Answer<'a, Result<(), KeychainError>> {
        Box::pin(self.0.call(keychain_error(), self.1.write(profile, key)))
    }

    fn delete<'a>(&'a self, profile: &'a ProfileName) -> Answer<'a, Result<(), KeychainError>> {
        Box::pin(self.0.call(keychain_error(), self.1.delete(profile)))
    }

    fn read_seed<'a>(&'a self, profile: &'a ProfileName) -> Answer<'a, Result<TotpSeed, KeychainError>> {
        Box::pin(self.0.call(keychain_error(), self.1.read_seed(profile)))
    }

    fn write_seed<'a>(
        &'a self,
        profile: &'a ProfileName,
        seed: &'a TotpSeed,
    ) -> Answer<'a, Result<(), KeychainError>> {
        Box::pin(self.0.call(keychain_error(), self.1.write_seed(profile, seed)))
    }

    fn delete_seed<'a>(&'a self, profile: &'a ProfileName) -> Answer<'a, Result<(), KeychainError>> {
        Box::pin(self.0.call(keychain_error(), self.1.delete_seed(profile)))
    }
}

impl Sts for Mortal<dyn Sts> {
    fn check<'a>(&'a self, site: &'a StsSite) -> Answer<'a, Result<(), StsError>> {
        Box::pin(self.0.call(StsError::Timeout(10), self.1.check(site)))
    }

    fn caller_identity<'a>(
        &'a self,
        site: &'a StsSite,
        key: &'a LongTermKey,
    ) -> Answer<'a, Result<CallerIdentity, StsError>> {
        Box::pin(self.0.call(StsError::Timeout(10), self.1.caller_identity(site, key)))
    }

    fn session_token<'a>(
        &'a self,
        site: &'a StsSite,
        key: &'a LongTermKey,
        request: &'a SessionRequest,
    ) -> Answer<'a, Result<SessionCredentials, StsError>> {
        self.1.session_token(site, key, request)
    }
}

impl ConfigStore for Mortal<dyn ConfigStore> {
    fn path(&self) -> &Path {
        self.1.path()
    }

    fn read(&self) -> Result<String, ConfigFileError> {
        self.1.read()
    }

    fn write<'a>(&'a self, before: &'a str, text: &'a str) -> Answer<'a, Result<(), ConfigFileError>> {
        let (path, reason) = (self.1.path().to_owned(), "no space".to_owned());
        let error = ConfigFileError::Io { path, action: "written", reason };
        Box::pin(self.0.call(error, self.1.write(before, text)))
    }
}

impl Mortal<dyn SessionStore> {
    fn error(&self) -> StoreError {
        let (path, reason) = (self.1.path().to_owned(), "no space".to_owned());
        StoreError::Io { path, action: "replace it", reason, changed: self.0.end == End::FailsAfter }
    }
}

impl SessionStore for Mortal<dyn SessionStore> {
    fn path(&self) -> &Path {
        self.1.path()
    }

    fn read(&self) -> Answer<'_, Result<Document, StoreError>> {
        Box::pin(self.0.call(self.error(), self.1.read()))
    }

    fn check<'a>(&'a self, targets: &'a [SectionTarget]) -> Answer<'a, Result<(), StoreError>> {
        self.1.check(targets)
    }

    fn prepare<'a>(
        &'a self,
        targets: &'a [SectionTarget],
    ) -> Answer<'a, Result<Box<dyn PreparedWrite>, StoreError>> {
        self.1.prepare(targets)
    }

    fn remove<'a>(&'a self, targets: &'a [SectionTarget]) -> Answer<'a, Result<Vec<Removal>, StoreError>> {
        self.1.remove(targets)
    }

    fn check_remove_key<'a>(
        &'a self,
        section: &'a SectionName,
        key: &'a LongTermKey,
    ) -> Answer<'a, Result<(), StoreError>> {
        Box::pin(self.0.call(self.error(), self.1.check_remove_key(section, key)))
    }

    fn remove_key<'a>(
        &'a self,
        section: &'a SectionName,
        key: &'a LongTermKey,
    ) -> Answer<'a, Result<Removal, StoreError>> {
        Box::pin(self.0.call(self.error(), self.1.remove_key(section, key)))
    }

    fn copies<'a>(&'a self, key: &'a LongTermKey) -> Answer<'a, Vec<KeyCopy>> {
        Box::pin(async { self.0.call((), async { Ok(self.1.copies(key).await) }).await.unwrap_or_default() })
    }
}
