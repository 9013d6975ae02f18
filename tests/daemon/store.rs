//! The credentials file, with a count of those who wanted to write it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use stsd::domain::aws_file::Document;
use stsd::domain::keys::LongTermKey;
use stsd::domain::profile::SectionName;
use stsd::ports::Answer;
use stsd::ports::session_store::{KeyCopy, PreparedWrite, Removal, SectionTarget, SessionStore, StoreError};

/// The real store, which counts.
pub(crate) struct Counted {
    store: Arc<dyn SessionStore>,
    prepares: AtomicUsize,
}

impl Counted {
    /// Nothing is counted yet.
    pub(crate) fn new(store: Arc<dyn SessionStore>) -> Self {
        Self { store, prepares: AtomicUsize::new(0) }
    }

    /// How many writes were begun: each has looked at the file, and wants the lock.
    pub(crate) fn prepares(&self) -> usize {
        self.prepares.load(Ordering::SeqCst)
    }
}

impl SessionStore for Counted {
    fn path(&self) -> &Path {
        self.store.path()
    }

    fn read(&self) -> Answer<'_, Result<Document, StoreError>> {
        self.store.read()
    }

    fn check<'a>(&'a self, targets: &'a [SectionTarget]) -> Answer<'a, Result<(), StoreError>> {
        self.store.check(targets)
    }

    fn prepare<'a>(
        &'a self,
        targets: &'a [SectionTarget],
    ) -> Answer<'a, Result<Box<dyn PreparedWrite>, StoreError>> {
        self.prepares.fetch_add(1, Ordering::SeqCst);
        self.store.prepare(targets)
    }

    fn remove<'a>(&'a self, targets: &'a [SectionTarget]) -> Answer<'a, Result<Vec<Removal>, StoreError>> {
        self.store.remove(targets)
    }

    fn check_remove_key<'a>(
        &'a self,
        section: &'a SectionName,
        key: &'a LongTermKey,
    ) -> Answer<'a, Result<(), StoreError>> {
        self.store.check_remove_key(section, key)
    }

    fn remove_key<'a>(
        &'a self,
        section: &'a SectionName,
        key: &'a LongTermKey,
    ) -> Answer<'a, Result<Removal, StoreError>> {
        self.store.remove_key(section, key)
    }

    fn copies<'a>(&'a self, key: &'a LongTermKey) -> Answer<'a, Vec<KeyCopy>> {
        self.store.copies(key)
    }
}
