//! `state.json`: what is remembered between runs.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use serde::Deserialize;

use super::lock;
use super::replace::replace;
use crate::domain::record::{State, VERSION};
use crate::ports::Answer;
use crate::ports::state::{StateChange, StateError, StateStore};

/// The largest state that is read, in bytes; a profile takes about 600.
const LARGEST: u64 = 4 << 20;

/// The state file at a path, 0600, replaced as a whole; `PATH.lock` beside it makes processes take turns.
///
/// A file that cannot be understood counts as empty, and the next change moves it to `PATH.broken` rather than
/// overwriting it. A file of a later version of this program counts as empty too and is never overwritten.
///
/// Its futures need a tokio runtime, of any kind.
#[derive(Clone, Debug)]
pub struct StateFile {
    path: PathBuf,
}

impl StateFile {
    /// The file at `path`; neither it nor its directory need exist.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

impl StateStore for StateFile {
    fn load(&self) -> Answer<'_, State> {
        let path = self.path.clone();
        Box::pin(async move {
            let loaded = tokio::task::spawn_blocking(move || load(&path)).await;
            loaded.unwrap_or_else(|error| {
                tracing::error!(panicked = error.is_panic(), "state file not read");
                State::default()
            })
        })
    }

    fn update(&self, change: StateChange) -> Answer<'_, Result<(), StateError>> {
        let path = self.path.clone();
        Box::pin(async move {
            let failed = |reason: String| StateError { path: self.path.display().to_string(), reason };
            match tokio::task::spawn_blocking(move || update(&path, change)).await {
                Ok(result) => result.map_err(|error| failed(error.to_string())),
                Err(_stopped) => Err(failed("a bug, or the program is ending".to_owned())),
            }
        })
    }
}

/// What was found at the path.
enum Found {
    Nothing,
    State(State),
    /// Text that is no state.
    Broken(serde_json::Error),
    /// A state of this later version.
    Later(u32),
}

fn load(path: &Path) -> State {
    match read(path) {
        Ok(Found::Nothing) => State::default(),
        Ok(Found::State(state)) => state,
        Ok(Found::Broken(error)) => {
            // Place and kind only: the error's own words quote the file.
            let (line, kind) = (error.line(), error.classify());
            tracing::warn!(path = %path.display(), line, ?kind, "state file not understood, taken as empty");
            State::default()
        }
        Ok(Found::Later(version)) => {
            tracing::warn!(path = %path.display(), version, "state file of a later version, taken as empty");
            State::default()
        }
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "state file not read, taken as empty");
            State::default()
        }
    }
}

fn update(path: &Path, change: StateChange) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let _lock = lock::take(&lock::beside(path))?;
    let mut state = match read(path)? {
        Found::Nothing => State::default(),
        Found::State(state) => state,
        Found::Broken(_) => {
            let broken = beside(path, ".broken");
            fs::rename(path, &broken)?;
            tracing::warn!(path = %path.display(), kept = %broken.display(), "broken state file put aside");
            State::default()
        }
        Found::Later(version) => {
            return Err(io::Error::other(format!(
                "it is of version {version}, written by a later stsd; this one knows version {VERSION}"
            )));
        }
    };
    let before = state.clone();
    change(&mut state);
    if state == before && path.exists() {
        return Ok(());
    }
    state.version = VERSION;
    // One name is enough: only the holder of the lock uses it.
    replace(path, &beside(path, ".new"), 0o600, &serde_json::to_vec(&state)?)
}

fn read(path: &Path) -> io::Result<Found> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Ok(Found::Nothing),
        Err(error) => return Err(error.into()),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other("it belongs to another user"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes)?;
    // The version first: a later one may have changed everything else.
    Ok(match serde_json::from_slice::<Version>(&bytes) {
        Ok(Version { version }) if version > VERSION => Found::Later(version),
        Ok(_) => serde_json::from_slice(&bytes).map_or_else(Found::Broken, Found::State),
        Err(error) => Found::Broken(error),
    })
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::domain::failure::FailureClass;
    use crate::domain::profile::ProfileName;
    use crate::domain::record::LastError;

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    fn note(message: &str) -> StateChange {
        let message = message.to_owned();
        Box::new(move |state| {
            let at = chrono::DateTime::UNIX_EPOCH;
            let name = ProfileName::parse(&message).unwrap();
            state.of_mut(&name).last_error = Some(LastError::new(FailureClass::Keychain, &message, at));
        })
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_lock_that_is_never_given_back_is_an_error_and_no_hang() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.json");
        let _held = lock::take(&lock::beside(&path)).unwrap();
        let error = update(&path, Box::new(|_| {})).unwrap_err();
        assert!(error.to_string().contains("holds its lock"), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn what_is_noted_is_read_back_from_a_private_file() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("deep/stsd/state.json");
        let store = StateFile::new(path.clone());
        assert_eq!(run(store.load()), State::default());
        run(store.update(note("one"))).unwrap();
        run(store.update(note("two"))).unwrap();
        let state = run(StateFile::new(path.clone()).load());
        assert_eq!(state.profiles.keys().collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert_eq!(names(path.parent().unwrap()), ["state.json", "state.json.lock"]);
    }

    #[test]
    fn a_change_that_changes_nothing_writes_nothing() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("state.json");
        let store = StateFile::new(path.clone());
        run(store.update(note("one"))).unwrap();
        let before = fs::metadata(&path).unwrap().ino();
        run(store.update(note("one"))).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().ino(), before);
    }

    #[test]
    fn a_broken_file_is_put_aside_and_not_lost() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("state.json");
        for broken in [&b"{\"version\":1,"[..], b"", b"[]", b"{\"version\":1,\"profiles\":3}", b"\xff"] {
            fs::write(&path, broken).unwrap();
            let store = StateFile::new(path.clone());
            assert_eq!(run(store.load()), State::default());
            assert_eq!(fs::read(&path).unwrap(), broken, "a look changes nothing");
            run(store.update(note("one"))).unwrap();
            assert_eq!(fs::read(root.path().join("state.json.broken")).unwrap(), broken);
            assert_eq!(run(store.load()).profiles.len(), 1);
        }
    }

    #[test]
    fn a_file_of_a_later_version_is_never_overwritten() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("state.json");
        let later = br#"{"version":2,"profiles":"moved elsewhere"}"#;
        fs::write(&path, later).unwrap();
        let store = StateFile::new(path.clone());
        assert_eq!(run(store.load()), State::default());
        let error = run(store.update(note("one"))).unwrap_err();
        assert!(error.to_string().ends_with("written by a later stsd; this one knows version 1"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), later);
        assert_eq!(names(root.path()), ["state.json", "state.json.lock"]);
    }

    #[test]
    fn writers_at_the_same_time_lose_nothing() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("state.json");
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let store = StateFile::new(path.clone());
                scope.spawn(move || run(store.update(note(&format!("writer{writer}")))).unwrap());
            }
        });
        assert_eq!(run(StateFile::new(path).load()).profiles.len(), 8);
    }

    #[test]
    fn a_directory_in_the_files_place_is_an_error_and_stays() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("state.json");
        fs::create_dir(&path).unwrap();
        let store = StateFile::new(path.clone());
        assert_eq!(run(store.load()), State::default());
        assert!(run(store.update(note("one"))).is_err());
        assert!(path.is_dir());
    }
}
