//! One edit of the file, in its steps: prepare, commit, settle.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use chrono::DateTime;

use super::errors::{changed, refused, unsafe_because};
use super::leftovers;
use super::lock::{self, Lock};
use super::replacement::{Replaced, rename};
use super::snapshot::{self, Snapshot, Stamp, sync_directory};
use super::target::Target;
use super::temporary::Temporary;
use crate::domain::aws_file::{Document, Edit, Removal};
use crate::domain::keys::{AccessKeyId, LongTermKey, SessionCredentials};
use crate::ports::session_store::{SectionTarget, StoreError};

/// Space set aside for each target beyond the file's size, in bytes. STS's tokens are below 4 KiB today, and AWS
/// warns that they may grow.
const ROOM_PER_TARGET: u64 = 32 << 10;

/// What is done to the targets.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Put(SessionCredentials),
    /// Into targets that have lost it, and only as long as they have.
    PutBack(SessionCredentials),
    Take,
    /// Somebody has this key elsewhere.
    TakeKey(LongTermKey),
}

/// What a change does to a text.
#[derive(Default)]
pub(super) struct Outcome {
    /// The new text; `None` if it is the old one.
    pub(super) document: Option<Document>,
    /// For each target, whether its section had to be made.
    pub(super) created: Vec<bool>,
    /// For each target, what was taken out of it.
    pub(super) removals: Vec<Removal>,
}

/// An edit that has its lock.
#[derive(Debug)]
pub(super) struct Job {
    path: PathBuf,
    pub(super) target: Target,
    targets: Vec<SectionTarget>,
    /// The file as we know it.
    pub(super) snapshot: Snapshot,
    temporary: Option<Temporary>,
    /// The file that we replaced last.
    pub(super) replaced: Option<Snapshot>,
    /// True while a rename may not be on the disk yet.
    unsynced: bool,
    /// Sections that this job made, also by a write that failed later.
    created: Vec<bool>,
    /// Released last: fields are dropped in their order.
    _lock: Option<Lock>,
}

impl Job {
    /// Does all that can fail before a code is spent.
    pub(super) fn prepare(path: &Path, targets: Vec<SectionTarget>) -> Result<Self, StoreError> {
        let target = Target::resolve_or_create(path)?;
        let lock = Lock::take(&Lock::path(&target), lock::PATIENCE)?;
        Self::rehearsed(path, target, targets, Some(lock), rehearsal().as_ref())
    }

    /// Makes the checks of [`Job::prepare`] and leaves nothing behind: a lock file is taken only if there is one.
    pub(super) fn check(path: &Path, targets: Vec<SectionTarget>) -> Result<(), StoreError> {
        Self::check_change(path, targets, rehearsal().as_ref())
    }

    /// The same for any change.
    pub(super) fn check_change(
        path: &Path,
        targets: Vec<SectionTarget>,
        change: Option<&Change>,
    ) -> Result<(), StoreError> {
        let Some(target) = Target::resolve(path)? else {
            return Target::check_creatable(path);
        };
        let lock_path = Lock::path(&target);
        let lock = lock_path.symlink_metadata().is_ok().then(|| Lock::take(&lock_path, lock::PATIENCE));
        Self::rehearsed(path, target, targets, lock.transpose()?, change).map(drop)
    }

    /// Opens the file for a removal; `None` if there is no file. What a killed process left of a session goes too, and
    /// of a key that is `safe` elsewhere.
    pub(super) fn open(
        path: &Path,
        targets: Vec<SectionTarget>,
        safe: Option<&LongTermKey>,
    ) -> Result<Option<Self>, StoreError> {
        let Some(target) = Target::resolve(path)? else { return Ok(None) };
        // Where nothing is, not even a lock file is made.
        if target.metadata()?.is_none() && !leftovers::are_there(&target) {
            return Ok(None);
        }
        let lock = Lock::take(&Lock::path(&target), lock::PATIENCE)?;
        leftovers::remove(&target, None, safe);
        if target.metadata()?.is_none() {
            return Ok(None);
        }
        let snapshot = Snapshot::take(&target, None)?;
        Ok(Some(Self::new(path, target, targets, snapshot, None, Some(lock))))
    }

    fn new(
        path: &Path,
        target: Target,
        targets: Vec<SectionTarget>,
        snapshot: Snapshot,
        temporary: Option<Temporary>,
        lock: Option<Lock>,
    ) -> Self {
        let created = vec![false; targets.len()];
        let path = path.to_owned();
        Self {
            path,
            target,
            targets,
            snapshot,
            temporary,
            replaced: None,
            unsynced: false,
            created,
            _lock: lock,
        }
    }

    fn rehearsed(
        path: &Path,
        target: Target,
        targets: Vec<SectionTarget>,
        lock: Option<Lock>,
        rehearsal: Option<&Change>,
    ) -> Result<Self, StoreError> {
        let mut temporary = Temporary::create(&target)?;
        if lock.is_some() {
            leftovers::remove(&target, Some(&temporary), None);
        }
        let snapshot = Snapshot::take(&target, Some(temporary.born()?))?;
        let mut job = Self::new(path, target, targets, snapshot, None, lock);
        if let Some(rehearsal) = rehearsal {
            job.apply(&job.snapshot.document, rehearsal)?;
        }
        temporary.reserve(job.room())?;
        job.temporary = Some(temporary);
        Ok(job)
    }

    /// What the change makes of a text.
    pub(super) fn apply(&self, document: &Document, change: &Change) -> Result<Outcome, StoreError> {
        let mut outcome = Outcome::default();
        let refused = |refusal| refused(&self.target.file)(refusal);
        match change {
            Change::Put(session) => {
                for SectionTarget { section, written, .. } in &self.targets {
                    let text = outcome.document.as_ref().unwrap_or(document);
                    let edit = text.put_session(section, session, written.as_ref()).map_err(refused)?;
                    outcome.created.push(edit.created);
                    outcome.advance(edit);
                }
            }
            Change::PutBack(session) => {
                for SectionTarget { section, written, earlier, .. } in &self.targets {
                    let text = outcome.document.as_ref().unwrap_or(document);
                    let Some(written) = written else {
                        outcome.created.push(false);
                        continue;
                    };
                    let edit = text.put_session_back(section, session, written, earlier.as_ref());
                    let edit = edit.map_err(refused)?;
                    outcome.created.push(edit.created);
                    outcome.advance(edit);
                }
            }
            Change::Take => {
                // From the last to the first: each section finds the text as it was when it was put there.
                for SectionTarget { section, written, created, .. } in self.targets.iter().rev() {
                    let text = outcome.document.as_ref().unwrap_or(document);
                    let taken = text.take_session(section, *created, written.as_ref());
                    let (edit, removal) = taken.map_err(refused)?;
                    outcome.removals.push(removal);
                    outcome.advance(edit);
                }
                outcome.removals.reverse();
            }
            Change::TakeKey(key) => {
                for SectionTarget { section, .. } in &self.targets {
                    let text = outcome.document.as_ref().unwrap_or(document);
                    let (edit, removal) = text.take_key(section, key).map_err(refused)?;
                    outcome.removals.push(removal);
                    outcome.advance(edit);
                }
            }
        }
        Ok(outcome)
    }

    /// Replaces the file by what the change makes of its present content; durable when this returns.
    ///
    /// After an error the file is as it was, unless only the last step failed, which the next call repeats.
    pub(super) fn commit(&mut self, change: &Change) -> Result<Outcome, StoreError> {
        if Target::resolve(&self.path)?.as_ref() != Some(&self.target) {
            return Err(unsafe_because(&self.path, "leads to another file than before"));
        }
        let started = Instant::now();
        loop {
            if Stamp::at(&self.target)? != self.snapshot.stamp {
                self.snapshot = Snapshot::take(&self.target, None)?;
            }
            let mut outcome = self.apply(&self.snapshot.document, change)?;
            let done = match outcome.document.take() {
                None => true,
                Some(document) => self.replace(document, &outcome.created)?,
            };
            if done {
                self.sync()?;
                outcome.created.clone_from(&self.created);
                return Ok(outcome);
            }
            // Changed within its time stamp: what was read is no longer to be trusted.
            self.snapshot = Snapshot::take(&self.target, None)?;
            if started.elapsed() > snapshot::PATIENCE {
                return Err(StoreError::Busy { path: self.target.file.clone() });
            }
        }
    }

    /// Puts a text in the file's place; false if the file is no longer the one that was read.
    pub(super) fn replace(&mut self, document: Document, created: &[bool]) -> Result<bool, StoreError> {
        let Some(file) = self.replace_bytes(document.text().as_bytes())? else { return Ok(false) };
        for (sticky, created) in self.created.iter_mut().zip(created) {
            *sticky |= created;
        }
        let ours = Snapshot::ours(file, document, &self.target.file).map_err(changed)?;
        self.replaced = Some(std::mem::replace(&mut self.snapshot, ours));
        Ok(true)
    }

    /// Puts bytes in the file's place, not yet durable; `None` if the file is no longer the one that was read.
    pub(super) fn replace_bytes(&mut self, bytes: &[u8]) -> Result<Option<File>, StoreError> {
        let mut temporary = match self.temporary.take() {
            Some(temporary) => temporary,
            None => Temporary::create(&self.target)?,
        };
        temporary.fill(bytes)?;
        if !self.snapshot.is_current(&self.target)? {
            self.temporary = Some(temporary);
            return Ok(None);
        }
        match temporary.replace(&self.target, &self.snapshot, bytes, &mut rename)? {
            Replaced::Done(file) => {
                self.unsynced = true;
                Ok(Some(file))
            }
            Replaced::Changed(temporary) => {
                self.temporary = temporary;
                Ok(None)
            }
        }
    }

    /// Makes the last replacement durable.
    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        if self.unsynced {
            sync_directory(&self.target).map_err(changed)?;
            self.unsynced = false;
        }
        Ok(())
    }

    /// Bytes that the new text may need.
    fn room(&self) -> u64 {
        let size = u64::try_from(self.snapshot.document.text().len()).unwrap_or(u64::MAX);
        let targets = u64::try_from(self.targets.len()).unwrap_or(u64::MAX);
        size.saturating_add(ROOM_PER_TARGET.saturating_mul(targets))
    }
}

impl Outcome {
    fn advance(&mut self, edit: Edit) {
        if edit.changed {
            self.document = Some(edit.document);
        }
    }
}

/// A session such as STS might give, to see whether it could be written.
fn rehearsal() -> Option<Change> {
    Some(Change::Put(SessionCredentials {
        id: AccessKeyId::parse("ASIAXXXXXXXXXXXXXXXX").ok()?,
        secret: "X".repeat(40).into(),
        token: "X".repeat(1024).into(),
        expires_at: DateTime::UNIX_EPOCH,
    }))
}
