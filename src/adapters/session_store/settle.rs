//! The watch over a file that was replaced.
//!
//! A program that opened the file before our rename still writes, into the old file, which has no name any more: its
//! change would be lost. One that read before and opens after truncates our new file: our session would be lost.

use std::thread::sleep;
use std::time::Instant;

use zeroize::Zeroizing;

use super::errors::{io, refused};
use super::job::{Change, Job};
use super::snapshot::{NAP, QUIET, Snapshot, Stamp, await_still, holds, read_all};
use crate::domain::aws_file::{Document, Grammar};
use crate::ports::session_store::StoreError;

/// How often a foreign change is met before its writer is called busy.
const ROUNDS: usize = 3;

/// What a foreign writer did.
enum Foreign {
    Nothing,
    /// It wrote to the file that we replaced.
    Old(Snapshot),
    /// It wrote to our file or put its own in the place.
    New,
}

impl Job {
    /// Watches for 100 ms and brings together what came apart.
    pub(super) fn settle(&mut self, change: &Change) -> Result<(), StoreError> {
        for _ in 0..ROUNDS {
            let Some(old) = self.replaced.take() else { return Ok(()) };
            match self.watch(old)? {
                Foreign::Nothing => return Ok(()),
                Foreign::Old(old) => self.carry_over(old, change)?,
                Foreign::New => {
                    tracing::warn!(path = %self.target.file.display(), "another program rewrote the file");
                    self.snapshot = Snapshot::take(&self.target, None)?;
                    // Changes nothing if the rewrite kept our edit.
                    self.commit(change)?;
                }
            }
        }
        match self.replaced {
            None => Ok(()),
            Some(_) => Err(StoreError::Busy { path: self.target.file.clone() }),
        }
    }

    fn watch(&self, mut old: Snapshot) -> Result<Foreign, StoreError> {
        let path = &self.target.file;
        let started = Instant::now();
        loop {
            let last = started.elapsed() >= QUIET;
            if let Some(file) = &mut old.file {
                let same = Some(Stamp::of_open(file, path)?) == old.stamp
                    && (!last || holds(file, old.document.text().as_bytes()).map_err(io(path, "read it"))?);
                if !same {
                    return Ok(Foreign::Old(old));
                }
            }
            if Stamp::at(&self.target)? != self.snapshot.stamp {
                return Ok(Foreign::New);
            }
            if last {
                return Ok(Foreign::Nothing);
            }
            sleep(NAP);
        }
    }

    /// Makes our edit in what the foreign writer left in the old file, and puts that in place.
    fn carry_over(&mut self, old: Snapshot, change: &Change) -> Result<(), StoreError> {
        let path = self.target.file.clone();
        tracing::warn!(path = %path.display(), "another program wrote the file while it was replaced");
        let Some(mut file) = old.file else { return Ok(()) };
        let still = await_still(&path, || Stamp::of_open(&file, &path).map(Some))?;
        // A truncated file is half of a rewrite, never somebody's wish: our file has all that was in it.
        if still.is_none_or(|stamp| stamp.is_empty()) {
            return Err(StoreError::Busy { path });
        }
        let bytes = read_all(&mut file, &path)?;
        let copy = Zeroizing::new(bytes.to_vec());
        let read = Document::from_bytes(copy, Grammar::Credentials).map_err(refused(&path));
        let edited = read.and_then(|document| {
            let outcome = self.apply(&document, change)?;
            Ok(outcome.document.unwrap_or(document))
        });
        let (done, failure) = match edited {
            Ok(document) => (self.replace(document, &[])?, None),
            // Its writer's text may hold what exists nowhere else: it goes in place as it is, without our edit.
            Err(error) => (self.replace_bytes(&bytes)?.is_some(), Some(error)),
        };
        if !done {
            return Err(StoreError::Busy { path });
        }
        self.sync()?;
        failure.map_or(Ok(()), Err)
    }
}
