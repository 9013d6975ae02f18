//! A disk that is full: a real, small file system.

use std::fs::File;
use std::io::Write as _;
use std::process::Command;

use super::*;

/// A tmpfs of 1 MiB, unmounted when dropped.
pub(super) struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None` where mounting is not allowed.
    pub(super) fn mount() -> Option<Self> {
        let root = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m,mode=0700", "stsd-test"]).arg(root.path());
        let mounted = cfg!(target_os = "linux") && mount.output().is_ok_and(|output| output.status.success());
        if !mounted {
            stsd_test_support::not_run(
                "a credentials file on a small file system of its own: mounting a tmpfs needs root",
            );
        }
        mounted.then(|| Self(root))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn make_read_only(&self) {
        let remounted = Command::new("mount").args(["-o", "remount,ro"]).arg(self.path()).status();
        assert!(remounted.unwrap().success());
    }

    /// Writes until nothing more fits.
    fn fill(&self) {
        let mut file = File::create(self.path().join("filler")).unwrap();
        while file.write_all(&[1; 4096]).is_ok() {}
        while file.write_all(&[1]).is_ok() {}
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()));
    }
}

fn credentials(disk: &SmallDisk) -> (PathBuf, String) {
    let path = disk.path().join("credentials");
    // Several pages, so that the space matters.
    let text = format!("{BEFORE}# {}\n", "x".repeat(50_000));
    write_old(&path, text.as_bytes());
    (path, text)
}

#[test]
fn a_disk_that_fills_after_the_preparation_does_not_matter() {
    let Some(disk) = SmallDisk::mount() else { return };
    let (path, before) = credentials(&disk);
    let mut prepared = run(FileStore::new(path.clone()).prepare(&targets(&["work", "too"]))).unwrap();
    disk.fill();
    run(prepared.write(&session("ONE"))).unwrap();
    run(prepared.settle()).unwrap();
    assert_eq!(text(&path), format!("{before}\n[work]\n{}\n[too]\n{}", lines("ONE"), lines("ONE")));
}

#[test]
fn a_full_disk_is_told_before_a_code_is_spent() {
    let Some(disk) = SmallDisk::mount() else { return };
    let (path, before) = credentials(&disk);
    disk.fill();
    let store = FileStore::new(path.clone());
    let error = run(store.prepare(&targets(&["work"]))).map(|_| ()).unwrap_err();
    assert!(error.to_string().ends_with("No space left on device (os error 28)"), "{error}");
    assert!(run(store.check(&targets(&["work"]))).is_err());
    assert_eq!((text(&path), names(disk.path())), (before, vec!["credentials".into(), "filler".into()]));
}

#[test]
fn a_write_that_failed_for_want_of_space_can_be_repeated() {
    let Some(disk) = SmallDisk::mount() else { return };
    let (path, before) = credentials(&disk);
    let mut prepared = run(FileStore::new(path.clone()).prepare(&targets(&["work"]))).unwrap();
    disk.fill();
    let mut large = session("ONE");
    large.token = "x".repeat(200_000).into();
    assert!(run(prepared.write(&large)).is_err());
    assert_eq!((text(&path), names(disk.path())), (before, vec!["credentials".into(), "filler".into()]));
    fs::remove_file(disk.path().join("filler")).unwrap();
    let written = run(prepared.write(&large)).unwrap();
    assert!(written[0].created && text(&path).contains(&"x".repeat(200_000)));
}
