//! What the operating system refuses: exit code 8, a file that is byte for byte as it was, nothing beside it, and no code
//! spent where it can be known before.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use crate::machine::Machine;
use crate::ran::Ran;
use crate::{directory_names, has_desktop, strace};

/// What stands in the file: a session that the program wrote, and what is not its own.
const FOREIGN: &str =
    "; mine\r\n[default]\naws_access_key_id=AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x \n\n";

/// How many seconds a refresh waits for one process that holds the lock.
const PATIENCE: u64 = 10;

/// The names in AWS's directory, and of the file its bytes, inode, mode and time.
type Picture = (Vec<String>, Vec<u8>, u64, u32, i64, i64);

fn picture(machine: &Machine) -> Picture {
    let file = machine.path(".aws/credentials");
    let metadata = fs::metadata(&file).unwrap();
    let (inode, mode) = (metadata.ino(), metadata.mode());
    let bytes = fs::read(&file).unwrap();
    (directory_names(&machine.path(".aws")), bytes, inode, mode, metadata.mtime(), metadata.mtime_nsec())
}

/// A machine with a session of `work` in the file.
fn machine() -> Machine {
    let machine = Machine::with_work();
    fill(&machine);
    machine
}

fn fill(machine: &Machine) {
    machine.write(".aws/credentials", FOREIGN);
    machine.run(&["refresh", "work", "--code", &machine.code()]).succeeded();
    machine.sts.clear_requests();
}

/// When a failure can be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Before,
    AfterTheCode,
}

/// Runs `refresh` in a way in which it must fail, `around` being the words before the program's name.
#[track_caller]
fn check(machine: &Machine, around: &[&str], known: Known, words: &[&str]) -> Ran {
    let (before, code) = (picture(machine), machine.code());
    let ran = run(machine, around, &["refresh", "work", "--code", &code]);
    ran.failed_with(8, words);
    ran.hides(&code);
    assert_eq!(picture(machine), before, "{around:?}: {ran:#?}");
    let expected = usize::from(known == Known::AfterTheCode);
    assert_eq!(machine.sts.requests().len(), expected, "{around:?}: {ran:#?}");
    machine.sts.clear_requests();
    ran
}

/// The same for `forget`.
#[track_caller]
fn check_forget(machine: &Machine, around: &[&str], words: &[&str]) {
    let before = picture(machine);
    let ran = run(machine, around, &["forget", "work"]);
    ran.failed_with(8, words);
    assert_eq!(picture(machine), before, "{around:?}: {ran:#?}");
}

/// The program in other words around it, without the log of its further tries.
fn run(machine: &Machine, around: &[&str], arguments: &[&str]) -> Ran {
    let program = env!("CARGO_BIN_EXE_stsd");
    let line: Vec<&str> = around.iter().copied().chain([program]).chain(arguments.iter().copied()).collect();
    let mut ran = Ran::of(machine.command(line[0]).args(&line[1..]), b"");
    let words = ran.stderr.split_inclusive('\n').filter(|line| !line.contains("Z  WARN "));
    ran.stderr = words.collect();
    ran
}

/// Something mounted, until it is dropped.
struct Mounted(PathBuf);

impl Mounted {
    /// `None`, and said so, where mounting is not allowed.
    fn new(arguments: &[&str], at: PathBuf) -> Option<Self> {
        let mounted = Command::new("mount").args(arguments).arg(&at).output();
        let mounted = mounted.is_ok_and(|output| output.status.success());
        if !mounted {
            stsd_test_support::not_run(
                "the program on a file system of its own: mounting needs root, or a name space",
            );
        }
        mounted.then(|| Self(at))
    }

    /// A small file system of its own for AWS's directory.
    fn small_disk(machine: &Machine) -> Option<Self> {
        fs::create_dir_all(machine.path(".aws")).unwrap();
        Self::new(&["-t", "tmpfs", "-o", "size=1m,mode=0700", "stsd-test"], machine.path(".aws"))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()));
    }
}

#[test]
fn a_full_disk() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let Some(disk) = Mounted::small_disk(&machine) else { return };
    fill(&machine);
    let mut filler = File::create(disk.path().join("filler")).unwrap();
    for size in [4096, 1] {
        while filler.write_all(&vec![1; size]).is_ok() {}
    }
    check(&machine, &[], Known::Before, &["No space left on device"]);
    // With room again the same command does its work.
    drop(filler);
    fs::remove_file(disk.path().join("filler")).unwrap();
    machine.run(&["refresh", "work", "--code", &machine.code()]).succeeded();
}

#[test]
fn a_file_system_that_is_read_only() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let Some(disk) = Mounted::small_disk(&machine) else { return };
    fill(&machine);
    let remounted = Command::new("mount").args(["-o", "remount,ro"]).arg(disk.path()).status().unwrap();
    assert!(remounted.success());
    check(&machine, &[], Known::Before, &["Read-only file system"]);
    check_forget(&machine, &[], &["Read-only file system"]);
}

#[test]
fn a_file_that_is_a_mount_of_its_own() {
    if !has_desktop() {
        return;
    }
    let machine = machine();
    machine.write("other", FOREIGN);
    let other = machine.path("other").display().to_string();
    let Some(_mounted) = Mounted::new(&["--bind", &other], machine.path(".aws/credentials")) else { return };
    check(&machine, &[], Known::Before, &["is a mount of its own"]);
    check_forget(&machine, &[], &["is a mount of its own"]);
    assert_eq!(fs::read_to_string(other).unwrap(), FOREIGN);
}

#[test]
fn permissions_that_forbid_it() {
    if !has_desktop() {
        return;
    }
    let machine = machine();
    // Root may everything, unless it gives that up.
    let mut around = Vec::new();
    if rustix::process::geteuid().is_root() {
        around = vec!["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner", "--"];
    }
    let set_mode = |name: &str, mode: u32| {
        fs::set_permissions(machine.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    // The lock's file is there and can be taken; what must fail is the temporary file.
    set_mode(".aws", 0o500);
    check(&machine, &around, Known::Before, &["Permission denied"]);
    check_forget(&machine, &around, &["Permission denied"]);
    set_mode(".aws", 0o700);
    set_mode(".aws/credentials", 0o400);
    check(&machine, &around, Known::Before, &["is read-only"]);
    check_forget(&machine, &around, &["is read-only"]);
    set_mode(".aws/credentials", 0o600);
    run(&machine, &around, &["refresh", "work", "--code", &machine.code()]).succeeded();
}

#[test]
fn calls_that_fail() {
    if !has_desktop() || !strace::is_there() {
        return;
    }
    let machine = machine();
    let fail = |call: &str, error: &str, known: Known, words: &[&str]| {
        let (trace, inject) = (format!("trace={call}"), format!("inject={call}:error={error}"));
        let around = ["strace", "-f", "-o", "/dev/null", "-e", &trace, "-e", &inject];
        check(&machine, &around, known, words);
    };
    fail("fallocate", "ENOSPC", Known::Before, &["No space left on device"]);
    fail("fallocate", "EDQUOT", Known::Before, &["quota"]);
    fail("flock", "ENOLCK", Known::Before, &["No locks available"]);
    for (call, error, words) in [
        ("ftruncate", "EIO", "Input/output error"),
        ("fsync", "EIO", "Input/output error"),
        ("renameat2", "EBUSY", "Device or resource busy"),
        ("renameat2", "EACCES", "Permission denied"),
        ("renameat2", "EIO", "Input/output error"),
        ("renameat2", "EROFS", "Read-only file system"),
    ] {
        fail(call, error, Known::AfterTheCode, &["the session was obtained but not written", words]);
    }
}

#[test]
fn a_system_without_an_exchange_of_files_still_writes() {
    if !has_desktop() || !strace::is_there() {
        return;
    }
    let machine = machine();
    for error in ["ENOSYS", "EPERM", "EINVAL"] {
        let before = machine.credentials();
        let (log, inject) =
            (machine.path("log").display().to_string(), format!("inject=renameat2:error={error}"));
        let around = ["strace", "-f", "-o", &log, "-e", "trace=renameat2", "-e", &inject];
        run(&machine, &around, &["refresh", "work", "--code", &machine.code()]).succeeded();
        assert!(fs::read_to_string(&log).unwrap().contains("(INJECTED)"));
        let after = machine.credentials();
        assert!(after != before && after.starts_with(FOREIGN), "{error}: {after}");
        assert_eq!(directory_names(&machine.path(".aws")), ["credentials", "credentials.lock"], "{error}");
    }
}

#[test]
fn a_lock_that_is_never_released() {
    if !has_desktop() {
        return;
    }
    let machine = machine();
    let lock = File::options().read(true).write(true).open(machine.path(".aws/credentials.lock")).unwrap();
    flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
    let words = format!("locked by another program (pid {}) for more than ", std::process::id());
    let ran = check(&machine, &[], Known::Before, &[&words]);
    // On a busy machine it is more.
    let seconds = ran.stderr.split_once(&words).unwrap().1.split_once(" s").unwrap().0;
    assert!((PATIENCE..2 * PATIENCE).contains(&seconds.parse().unwrap()), "{ran:#?}");
    drop(lock);
    let ran = machine.run(&["refresh", "work", "--code", &machine.code()]).succeeded();
    assert!(ran.took < Duration::from_secs(PATIENCE), "it waited for nobody: {ran:#?}");
}
