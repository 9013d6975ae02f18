//! The port's implementation: every step runs on a thread where blocking is allowed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::copies;
use super::errors::changed;
use super::job::{Change, Job};
use super::snapshot::read_for_a_look;
use crate::domain::aws_file::{Document, Removal};
use crate::domain::keys::{LongTermKey, SessionCredentials};
use crate::domain::profile::SectionName;
use crate::ports::Answer;
use crate::ports::session_store::{
    KeyCopy, PreparedWrite, SectionTarget, SectionWritten, SessionStore, StoreError,
};

/// The shared credentials file at a path.
///
/// Its futures need a tokio runtime, of any kind.
#[derive(Clone, Debug)]
pub struct FileStore {
    path: PathBuf,
    /// AWS's config file, where a copy of a key may stand.
    config: Option<PathBuf>,
}

impl FileStore {
    /// The file at `path`, which may not exist yet, nor its directory.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, config: None }
    }

    /// The same, which also looks into AWS's config file when it looks for copies of a key.
    #[must_use]
    pub fn with_config(self, config: PathBuf) -> Self {
        Self { config: Some(config), ..self }
    }
}

impl SessionStore for FileStore {
    fn path(&self) -> &Path {
        &self.path
    }

    fn read(&self) -> Answer<'_, Result<Document, StoreError>> {
        self.blocking(|path| read_for_a_look(&path))
    }

    fn check<'a>(&'a self, targets: &'a [SectionTarget]) -> Answer<'a, Result<(), StoreError>> {
        let targets = targets.to_vec();
        self.blocking(|path| Job::check(&path, targets))
    }

    fn prepare<'a>(
        &'a self,
        targets: &'a [SectionTarget],
    ) -> Answer<'a, Result<Box<dyn PreparedWrite>, StoreError>> {
        let targets = targets.to_vec();
        Box::pin(async move {
            let sections = targets.iter().map(|target| target.section.clone()).collect();
            let job = self.blocking(|path| Job::prepare(&path, targets)).await?;
            let prepared =
                Prepared { path: self.path.clone(), sections, job: Arc::new(Mutex::new(job)), done: None };
            let prepared: Box<dyn PreparedWrite> = Box::new(prepared);
            Ok(prepared)
        })
    }

    fn remove<'a>(&'a self, targets: &'a [SectionTarget]) -> Answer<'a, Result<Vec<Removal>, StoreError>> {
        let targets = targets.to_vec();
        self.blocking(move |path| {
            let absent = vec![Removal::Absent; targets.len()];
            let Some(mut job) = Job::open(&path, targets, None)? else { return Ok(absent) };
            let outcome = job.commit(&Change::Take)?;
            job.settle(&Change::Take).map_err(changed)?;
            Ok(outcome.removals)
        })
    }

    fn check_remove_key<'a>(
        &'a self,
        section: &'a SectionName,
        key: &'a LongTermKey,
    ) -> Answer<'a, Result<(), StoreError>> {
        let (targets, change) = (key_target(section), Change::TakeKey(key.clone()));
        self.blocking(move |path| Job::check_change(&path, targets, Some(&change)))
    }

    fn remove_key<'a>(
        &'a self,
        section: &'a SectionName,
        key: &'a LongTermKey,
    ) -> Answer<'a, Result<Removal, StoreError>> {
        let (targets, key) = (key_target(section), key.clone());
        self.blocking(move |path| {
            // Whoever has the key elsewhere may have written it a moment ago: were the power cut now, it must be on the
            // disk there before it leaves the disk here.
            bring_to_disk(&path);
            let Some(mut job) = Job::open(&path, targets, Some(&key))? else { return Ok(Removal::Absent) };
            let change = Change::TakeKey(key);
            let outcome = job.commit(&change)?;
            job.settle(&change).map_err(changed)?;
            Ok(outcome.removals.first().copied().unwrap_or(Removal::Absent))
        })
    }

    fn copies<'a>(&'a self, key: &'a LongTermKey) -> Answer<'a, Vec<KeyCopy>> {
        let (key, config) = (key.clone(), self.config.clone());
        let found = self.blocking(move |path| Ok(copies::find(&path, config.as_deref(), &key)));
        Box::pin(async { found.await.unwrap_or_default() })
    }
}

impl FileStore {
    fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(PathBuf) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<'static, Result<T, StoreError>> {
        let path = self.path.clone();
        blocking(&self.path, move || work(path))
    }
}

/// Brings what is on the file's file system to the disk, which is where keychains are too, if they are files. Others may
/// hang: a network that is down must not hold this up.
fn bring_to_disk(path: &Path) {
    #[cfg(target_os = "linux")]
    if let Some(directory) = path.parent().and_then(|directory| std::fs::File::open(directory).ok())
        && rustix::fs::syncfs(&directory).is_ok()
    {
        return;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = path;
    rustix::fs::sync();
}

/// A section that a key is taken out of: it was there before us, whoever wrote what stands in it.
fn key_target(section: &SectionName) -> Vec<SectionTarget> {
    vec![SectionTarget { section: section.clone(), written: None, earlier: None, created: false }]
}

/// A [`Job`] that may outlive the future that waits for it: a caller that goes away in the middle of a write leaves
/// the write to its end.
struct Prepared {
    path: PathBuf,
    sections: Vec<SectionName>,
    job: Arc<Mutex<Job>>,
    done: Option<Change>,
}

impl Prepared {
    fn commit(&mut self, change: Change) -> Answer<'_, Result<Vec<SectionWritten>, StoreError>> {
        Box::pin(async move {
            self.done = Some(change.clone());
            let job = Arc::clone(&self.job);
            let outcome = blocking(&self.path, move || lock(&job).commit(&change)).await?;
            let sections = self.sections.iter().cloned().zip(outcome.created);
            Ok(sections.map(|(section, created)| SectionWritten { section, created }).collect())
        })
    }
}

impl PreparedWrite for Prepared {
    fn write<'a>(
        &'a mut self,
        session: &'a SessionCredentials,
    ) -> Answer<'a, Result<Vec<SectionWritten>, StoreError>> {
        self.commit(Change::Put(session.clone()))
    }

    fn put_back<'a>(
        &'a mut self,
        session: &'a SessionCredentials,
    ) -> Answer<'a, Result<Vec<SectionWritten>, StoreError>> {
        self.commit(Change::PutBack(session.clone()))
    }

    fn settle(self: Box<Self>) -> Answer<'static, Result<(), StoreError>> {
        let Self { path, sections: _, job, done } = *self;
        blocking(&path, move || match done {
            Some(change) => lock(&job).settle(&change).map_err(changed),
            None => Ok(()),
        })
    }
}

/// A job whose step panicked is still a job: its state changes only where a step succeeds.
fn lock(job: &Mutex<Job>) -> std::sync::MutexGuard<'_, Job> {
    job.lock().unwrap_or_else(PoisonError::into_inner)
}

fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Answer<'static, Result<T, StoreError>> {
    let path = path.to_owned();
    Box::pin(async move {
        match tokio::task::spawn_blocking(work).await {
            Ok(result) => result,
            // The words of a panic are not shown: they may quote what was being edited.
            Err(_stopped) => Err(StoreError::Io {
                path,
                action: "finish the work on it",
                reason: "a bug, or the program is ending".to_owned(),
                // Nobody knows how far it came.
                changed: true,
            }),
        }
    })
}
