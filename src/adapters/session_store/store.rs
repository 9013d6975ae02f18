//! The port's implementation: every step runs on a thread where blocking is allowed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::errors::changed;
use super::job::{Change, Job};
use super::snapshot::read_for_a_look;
use crate::domain::aws_file::{Document, Removal};
use crate::domain::keys::SessionCredentials;
use crate::ports::Answer;
use crate::ports::session_store::{PreparedWrite, SectionTarget, SectionWritten, SessionStore, StoreError};

/// The shared credentials file at a path.
///
/// Its futures need a tokio runtime, of any kind.
#[derive(Clone, Debug)]
pub struct FileStore {
    path: PathBuf,
}

impl FileStore {
    /// The file at `path`, which may not exist yet, nor its directory.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
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
                Prepared { path: self.path.clone(), sections, job: Arc::new(Mutex::new(job)), written: None };
            let prepared: Box<dyn PreparedWrite> = Box::new(prepared);
            Ok(prepared)
        })
    }

    fn remove<'a>(&'a self, targets: &'a [SectionTarget]) -> Answer<'a, Result<Vec<Removal>, StoreError>> {
        let targets = targets.to_vec();
        self.blocking(move |path| {
            let absent = vec![Removal::Absent; targets.len()];
            let Some(mut job) = Job::open(&path, targets)? else { return Ok(absent) };
            let outcome = job.commit(&Change::Take)?;
            job.settle(&Change::Take).map_err(changed)?;
            Ok(outcome.removals)
        })
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

/// A [`Job`] that may outlive the future that waits for it: a caller that goes away in the middle of a write leaves
/// the write to its end.
struct Prepared {
    path: PathBuf,
    sections: Vec<crate::domain::profile::SectionName>,
    job: Arc<Mutex<Job>>,
    written: Option<SessionCredentials>,
}

impl PreparedWrite for Prepared {
    fn write<'a>(
        &'a mut self,
        session: &'a SessionCredentials,
    ) -> Answer<'a, Result<Vec<SectionWritten>, StoreError>> {
        Box::pin(async move {
            self.written = Some(session.clone());
            let (job, change) = (Arc::clone(&self.job), Change::Put(session.clone()));
            let outcome = blocking(&self.path, move || lock(&job).commit(&change)).await?;
            let sections = self.sections.iter().cloned().zip(outcome.created);
            Ok(sections.map(|(section, created)| SectionWritten { section, created }).collect())
        })
    }

    fn settle(self: Box<Self>) -> Answer<'static, Result<(), StoreError>> {
        let Self { path, sections: _, job, written } = *self;
        blocking(&path, move || match written {
            Some(session) => lock(&job).settle(&Change::Put(session)).map_err(changed),
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
