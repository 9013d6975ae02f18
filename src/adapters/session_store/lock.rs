//! The lock that takes turns: `flock` on a file beside the target.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::errors::{io, unsafe_because};
use super::target::Target;
use crate::ports::session_store::StoreError;

/// How long is waited for one who holds the lock. (Also the figure in the words of the port's `Locked`.)
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How many times that is waited where the lock is seen to pass from hand to hand, as in a crowd of refreshes.
const TURNS: u32 = 3;
const NAP: Duration = Duration::from_millis(20);
/// How many naps lie between two looks at who holds the lock.
const NAPS_PER_LOOK: u32 = 50;

/// The lock, held until dropped. Its file stays: whoever unlinks a lock file gives two processes two locks.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Where the lock of a target is: the target's name and `.lock`.
    pub(super) fn path(target: &Target) -> PathBuf {
        let mut path = target.file.clone().into_os_string();
        path.push(".lock");
        path.into()
    }

    /// Takes the lock, waiting at most `patience` for one process that holds it, and three times that for several.
    ///
    /// Several can be told from one only where the kernel names the holder, which only Linux does, and there not across
    /// containers or a network file system. Everywhere else the whole wait is `patience`, however often the lock changes
    /// hands meanwhile.
    pub(super) fn take(path: &Path, patience: Duration) -> Result<Self, StoreError> {
        Self::take_where(path, patience, is_at, holder)
    }

    fn take_where(
        path: &Path,
        patience: Duration,
        is_at: impl Fn(&File, &Path) -> bool,
        holder: impl Fn(&File) -> Option<i32>,
    ) -> Result<Self, StoreError> {
        let started = Instant::now();
        loop {
            let file = open(path)?;
            let mut wait = Wait::new(started, patience);
            loop {
                match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
                    Ok(()) => break,
                    Err(Errno::INTR) => {}
                    Err(Errno::WOULDBLOCK) if wait.goes_on(Instant::now(), || holder(&file)) => sleep(NAP),
                    Err(Errno::WOULDBLOCK) => {
                        return Err(StoreError::Locked {
                            path: path.to_owned(),
                            holder: holder(&file),
                            seconds: started.elapsed().as_secs(),
                        });
                    }
                    Err(error) => return Err(io(path, "lock it")(error)),
                }
            }
            // If somebody unlinked the file meanwhile, the lock is on a file that nobody else will find.
            if is_at(&file, path) {
                return Ok(Self { _file: file });
            }
            // There are file systems on which an open file and its name never agree.
            if started.elapsed() >= patience {
                return Err(io(path, "lock it")(std::io::Error::other("it does not stay at its place")));
            }
            sleep(NAP);
        }
    }
}

/// The patience of somebody who waits.
struct Wait {
    started: Instant,
    patience: Duration,
    /// Who held the lock when it was looked at last, and since when.
    holder: Option<i32>,
    since: Instant,
    naps: u32,
}

impl Wait {
    fn new(started: Instant, patience: Duration) -> Self {
        Self { started, patience, holder: None, since: started, naps: 0 }
    }

    /// False once one process has held the lock for too long, or all of them together.
    fn goes_on(&mut self, now: Instant, holder: impl FnOnce() -> Option<i32>) -> bool {
        if self.naps.is_multiple_of(NAPS_PER_LOOK) {
            let found = holder();
            // Where the kernel tells nothing it counts as one.
            if found.is_some() && self.holder.is_some() && found != self.holder {
                self.since = now;
            }
            self.holder = found.or(self.holder);
        }
        self.naps += 1;
        now.duration_since(self.since) < self.patience
            && now.duration_since(self.started) < self.patience * TURNS
    }
}

fn open(path: &Path) -> Result<File, StoreError> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = match rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR) {
        Ok(file) => File::from(file),
        Err(Errno::LOOP) => return Err(unsafe_because(path, "is a symbolic link in the place of the lock")),
        Err(error) => return Err(io(path, "open the lock")(error)),
    };
    let metadata = file.metadata().map_err(io(path, "look at it"))?;
    if !metadata.is_file() || metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(unsafe_because(path, "is in the place of the lock but not a file of this user"));
    }
    Ok(file)
}

fn is_at(file: &File, path: &Path) -> bool {
    let place = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(held), Ok(found)) => place(held) == place(found),
        (_, _) => false,
    }
}

/// The process that holds the lock; only Linux tells.
#[cfg(not(target_os = "linux"))]
fn holder(_file: &File) -> Option<i32> {
    None
}

/// The process that holds the lock, as Linux tells in `/proc/locks`.
#[cfg(target_os = "linux")]
fn holder(file: &File) -> Option<i32> {
    let metadata = file.metadata().ok()?;
    let (major, minor) = (rustix::fs::major(metadata.dev()), rustix::fs::minor(metadata.dev()));
    let place = format!("{major:02x}:{minor:02x}:{}", metadata.ino());
    fs::read_to_string("/proc/locks").ok()?.lines().find_map(|line| holder_in(line, &place))
}

/// The process in a line such as `1: FLOCK  ADVISORY  WRITE 4711 fe:00:123 0 EOF`; a line of somebody who waits has
/// `->` in the second place.
#[cfg(target_os = "linux")]
fn holder_in(line: &str, place: &str) -> Option<i32> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    match words.as_slice() {
        [_, "FLOCK", _, _, pid, found, ..] if *found == place => pid.parse().ok().filter(|pid| *pid > 0),
        _ => None,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_holder_is_told_from_those_who_wait() {
        let check = |line: &str, expected| assert_eq!(holder_in(line, "fe:00:123"), expected, "{line}");
        check("1: FLOCK  ADVISORY  WRITE 4711 fe:00:123 0 EOF", Some(4711));
        check("1: -> FLOCK  ADVISORY  WRITE 4712 fe:00:123 0 EOF", None);
        check("1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF", None);
        check("1: POSIX  ADVISORY  WRITE 4711 fe:00:123 0 EOF", None);
        check("1: FLOCK  ADVISORY  WRITE 0 fe:00:123 0 EOF", None);
        check("", None);
    }

    #[test]
    fn a_lock_file_that_was_unlinked_is_not_taken_for_the_one_at_its_place() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("credentials.lock");
        let first = open(&path).unwrap();
        assert!(is_at(&first, &path));
        fs::remove_file(&path).unwrap();
        assert!(!is_at(&first, &path));
        let second = open(&path).unwrap();
        assert!(is_at(&second, &path) && !is_at(&first, &path));
    }

    #[test]
    fn a_lock_file_that_is_never_at_its_place_is_given_up() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("credentials.lock");
        let tries = std::cell::Cell::new(0);
        let never = |_: &File, _: &Path| {
            tries.set(tries.get() + 1);
            assert!(tries.get() < 1000, "no end to it");
            false
        };
        let error = Lock::take_where(&path, NAP * 3, never, holder).unwrap_err();
        assert!(error.to_string().ends_with("cannot lock it: it does not stay at its place"), "{error}");
        // One that comes back is taken.
        assert!(Lock::take_where(&path, NAP * 3, |_, _| tries.replace(0) == 0, holder).is_ok());
    }

    #[test]
    fn patience_counts_for_each_holder_and_ends_for_all_of_them() {
        // Naps that take exactly their time; there is a look each second, the first at once.
        let check = |holder: &dyn Fn(usize) -> Option<i32>, expected: u64| {
            let started = Instant::now();
            let (mut wait, mut now, mut looks) = (Wait::new(started, PATIENCE), started, 0..);
            while wait.goes_on(now, || holder(looks.next().unwrap())) {
                now += NAP;
            }
            let looked = u64::try_from(looks.next().unwrap()).unwrap();
            assert_eq!((now - started, looked), (Duration::from_secs(expected), expected + 1));
        };
        check(&|_| Some(7), 10);
        check(&|_| None, 10);
        check(&|look| Some(if look < 4 { 7 } else { 8 }), 14);
        check(&|look| (look % 2 == 0).then_some(7), 10);
        // Seen again after a look at which nobody was seen, it is another one all the same.
        check(&|look| [Some(7), None, Some(8)].get(look).copied().unwrap_or(Some(8)), 12);
        check(&|look| Some(i32::try_from(look).unwrap()), 30);
    }

    #[test]
    fn a_pause_of_the_machine_costs_patience_and_nothing_else() {
        let started = Instant::now();
        let mut wait = Wait::new(started, PATIENCE);
        assert!(wait.goes_on(started, || Some(7)));
        assert!(wait.goes_on(started + NAP * 499, || Some(7)));
        assert!(!wait.goes_on(started + PATIENCE, || Some(7)));
    }
}
