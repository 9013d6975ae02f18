//! The file as it was read, and whether it still is that.

use std::fs::{File, Metadata};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::errors::{io, refused, unless_absent, unsafe_because};
use super::target::{LARGEST, Target, check_file, check_readable};
use crate::domain::aws_file::{Document, Grammar};
use crate::ports::session_store::StoreError;

/// A file that nobody touched for so long has no writer at work: one that truncates writes its text within a few
/// milliseconds.
pub(super) const QUIET: Duration = Duration::from_millis(100);
/// The same for an empty file: it may be truncated by a writer that is slow, and to take its word for nothing would
/// lose all that it is about to write.
const QUIET_WHEN_EMPTY: Duration = Duration::from_secs(1);
/// How long is waited for such a moment.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);
pub(super) const NAP: Duration = Duration::from_millis(10);
const CHUNK: usize = 64 << 10;

/// A time stamp of the file system, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment(i128);

impl Moment {
    pub(super) fn modified(metadata: &Metadata) -> Self {
        Self(i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec()))
    }

    fn is_after(self, earlier: Self, quiet: Duration) -> bool {
        u128::try_from(self.0 - earlier.0).is_ok_and(|age| age >= quiet.as_nanos())
    }
}

/// What tells one state of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: Moment,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: Moment::modified(metadata),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// How long the file has to stay as it is before it is believed.
    fn quiet(&self) -> Duration {
        if self.is_empty() { QUIET_WHEN_EMPTY } else { QUIET }
    }

    /// The stamp of what is at the target's place.
    pub(super) fn at(target: &Target) -> Result<Option<Self>, StoreError> {
        Ok(target.metadata()?.as_ref().map(Self::of))
    }

    /// The stamp of an open file, which may have no name any more.
    pub(super) fn of_open(file: &File, path: &Path) -> Result<Self, StoreError> {
        file.metadata().map(|metadata| Self::of(&metadata)).map_err(io(path, "look at it"))
    }
}

/// The file's content at a moment when nobody wrote it.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// The open file, so that what happens to it after its replacement can be seen; `None` if there was none.
    pub(super) file: Option<File>,
    pub(super) stamp: Option<Stamp>,
    pub(super) document: Document,
}

impl Snapshot {
    /// Reads the target once it is quiet. `now` spares the wait if the file is known to be old.
    pub(super) fn take(target: &Target, now: Option<Moment>) -> Result<Self, StoreError> {
        let started = Instant::now();
        loop {
            let stamp = await_quiet(target, now)?;
            let snapshot = Self::read(target)?;
            // Unchanged by its own stamp both before and after it was read: no half of a rewrite.
            if snapshot.stamp == stamp && Stamp::at(target)? == stamp {
                return Ok(snapshot);
            }
            if started.elapsed() > PATIENCE {
                return Err(StoreError::Busy { path: target.file.clone() });
            }
        }
    }

    /// The state right after our own replacement.
    pub(super) fn ours(file: File, document: Document, path: &Path) -> Result<Self, StoreError> {
        let stamp = Stamp::of_open(&file, path)?;
        Ok(Self { file: Some(file), stamp: Some(stamp), document })
    }

    /// True if the target is, byte for byte, what was read.
    pub(super) fn is_current(&self, target: &Target) -> Result<bool, StoreError> {
        self.is_at(&target.file)
    }

    /// True if what was read lies at `path` and is still, byte for byte, what it was.
    pub(super) fn is_at(&self, path: &Path) -> Result<bool, StoreError> {
        let Some(mut file) = open(path, OFlags::NOFOLLOW)? else {
            return Ok(self.stamp.is_none());
        };
        let metadata = file.metadata().map_err(io(path, "look at it"))?;
        check_file(path, &metadata)?;
        if self.stamp != Some(Stamp::of(&metadata)) {
            return Ok(false);
        }
        holds(&mut file, self.document.text().as_bytes()).map_err(io(path, "read it"))
    }

    fn read(target: &Target) -> Result<Self, StoreError> {
        let path = &target.file;
        let Some(mut file) = open(path, OFlags::NOFOLLOW)? else {
            let document = Document::parse(String::new(), Grammar::Credentials);
            return Ok(Self { file: None, stamp: None, document });
        };
        let metadata = file.metadata().map_err(io(path, "look at it"))?;
        check_file(path, &metadata)?;
        let bytes = read_all(&mut file, path)?;
        let document = Document::from_bytes(bytes, Grammar::Credentials).map_err(refused(path))?;
        Ok(Self { file: Some(file), stamp: Some(Stamp::of(&metadata)), document })
    }
}

/// Reads the file for a look, without the checks of an edit; symbolic links are followed.
pub(super) fn read_for_a_look(path: &Path) -> Result<Document, StoreError> {
    let Some(mut file) = open(path, OFlags::empty())? else {
        return Ok(Document::parse(String::new(), Grammar::Credentials));
    };
    check_readable(path, &file.metadata().map_err(io(path, "look at it"))?)?;
    let bytes = read_all(&mut file, path)?;
    Document::from_bytes(bytes, Grammar::Credentials).map_err(refused(path))
}

/// Opens a file for reading; `None` if there is none. A named pipe does not block.
fn open(path: &Path, flags: OFlags) -> Result<Option<File>, StoreError> {
    let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Err(Errno::LOOP) => Err(unsafe_because(path, "has become a symbolic link")),
        result => {
            let opened = unless_absent(result.map_err(Into::into));
            opened.map(|file| file.map(File::from)).map_err(io(path, "open it"))
        }
    }
}

/// Waits until the target has not changed for 100 ms.
fn await_quiet(target: &Target, now: Option<Moment>) -> Result<Option<Stamp>, StoreError> {
    let stamp = Stamp::at(target)?;
    let old = |stamp: &Stamp| now.is_some_and(|now| now.is_after(stamp.modified, stamp.quiet()));
    if stamp.as_ref().is_none_or(old) {
        return Ok(stamp);
    }
    await_still(&target.file, || Stamp::at(target))
}

/// Waits until `look` has found the same file, unchanged, for as long as it takes to believe it; the file is busy if it
/// does not within 3 s.
pub(super) fn await_still(
    path: &Path,
    look: impl Fn() -> Result<Option<Stamp>, StoreError>,
) -> Result<Option<Stamp>, StoreError> {
    let started = Instant::now();
    let (mut seen, mut since) = (look()?, Instant::now());
    while since.elapsed() < seen.map_or(QUIET, |stamp| stamp.quiet()) {
        if started.elapsed() > PATIENCE {
            return Err(StoreError::Busy { path: path.to_owned() });
        }
        sleep(NAP);
        let now = look()?;
        if now != seen {
            (seen, since) = (now, Instant::now());
        }
    }
    Ok(seen)
}

/// Reads a file from its beginning into memory that is zeroized.
pub(super) fn read_all(file: &mut File, path: &Path) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let size = file.metadata().map_err(io(path, "look at it"))?.len();
    if size > LARGEST {
        return Err(unsafe_because(path, "is larger than 16 MiB"));
    }
    // One byte more than expected: a file that grows meanwhile is told from one that is read to its end.
    let room = usize::try_from(size).unwrap_or_default() + 1;
    let mut bytes = Zeroizing::new(vec![0; room]);
    file.seek(SeekFrom::Start(0)).map_err(io(path, "read it"))?;
    let read = fill(file, &mut bytes).map_err(io(path, "read it"))?;
    if read == room {
        return Err(StoreError::Busy { path: path.to_owned() });
    }
    bytes.truncate(read);
    Ok(bytes)
}

/// True if the file, from its beginning, holds exactly these bytes.
pub(super) fn holds(file: &mut File, expected: &[u8]) -> std::io::Result<bool> {
    file.seek(SeekFrom::Start(0))?;
    // No larger than it has to be (one byte more tells a longer file): its wiping costs more than the reading.
    let mut chunk = Zeroizing::new(vec![0; CHUNK.min(expected.len() + 1)]);
    let mut rest = expected;
    loop {
        let read = fill(file, &mut chunk)?;
        match (chunk.get(..read), rest.split_at_checked(read)) {
            (Some(found), Some((head, tail))) if found == head => rest = tail,
            (_, _) => return Ok(false),
        }
        if read < chunk.len() {
            return Ok(rest.is_empty());
        }
    }
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut File, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut done = 0;
    while let Some(free) = buffer.get_mut(done..).filter(|free| !free.is_empty()) {
        match file.read(free) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Brings the directory's entries to the disk, without which a rename may not survive a power cut.
pub(super) fn sync_directory(target: &Target) -> Result<(), StoreError> {
    let directory = &target.directory;
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(io(directory, "bring it to the disk"))
}
