//! What a write does where nothing is in its way.

use std::os::unix::fs::{MetadataExt as _, symlink};
use std::time::Instant;

use super::super::job::{Change, Job};
use super::super::lock::Lock;
use super::*;
use crate::domain::aws_file::Removal;
use crate::domain::fingerprint::{Fingerprint, SALT_BYTES};

#[test]
fn a_session_is_written_and_forgotten_without_a_trace() {
    let (root, path) = aws(BEFORE);
    let written = put(&path, &["work", "other-too"], "ONE").unwrap();
    assert!(written.iter().all(|section| section.created));
    let (work, too) = (lines("ONE"), lines("ONE"));
    assert_eq!(text(&path), format!("{BEFORE}\n[work]\n{work}\n[other-too]\n{too}"));
    assert_eq!(mode(&path), 0o600);
    assert_eq!(names(root.path()), ["credentials"]);

    make_old(&path, Duration::from_secs(5));
    let again = put(&path, &["work", "other-too"], "TWO").unwrap();
    assert!(again.iter().all(|section| !section.created));
    let removals =
        run(FileStore::new(path.clone()).remove(&targets(&["work", "gone", "other-too", "other"])));
    let expected = [Removal::Removed, Removal::Absent, Removal::Removed, Removal::Foreign];
    assert_eq!(removals.unwrap(), expected);
    assert_eq!(text(&path), BEFORE);
    assert_eq!(names(root.path()), ["credentials"]);
}

#[test]
fn several_sections_go_in_and_out_by_one_replacement_each() {
    let (_root, path) = aws(BEFORE);
    let names = targets(&["work", "second", "third"]);
    let mut job = Job::prepare(&path, names.clone()).unwrap();
    job.commit(&Change::Put(session("ONE"))).unwrap();
    // A second one would have replaced a text of our own.
    assert_eq!(job.replaced.as_ref().unwrap().document.text(), BEFORE);
    let (with, sections) = (text(&path), text(&path).matches('[').count());
    assert_eq!(sections, 1 + names.len());
    drop(job);
    let mut job = Job::open(&path, names, None).unwrap().unwrap();
    job.commit(&Change::Take).unwrap();
    assert_eq!(job.replaced.as_ref().unwrap().document.text(), with);
    assert_eq!(text(&path), BEFORE);
}

#[test]
fn a_missing_file_and_directory_are_made_private() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join(".aws");
    let path = directory.join("credentials");
    let store = FileStore::new(path.clone());
    assert_eq!(run(store.read()).unwrap().text(), "");
    run(store.check(&targets(&["work"]))).unwrap();
    assert_eq!(run(store.remove(&targets(&["work"]))).unwrap(), [Removal::Absent]);
    assert!(!directory.exists(), "a look makes nothing");
    put(&path, &["work"], "ONE").unwrap();
    assert_eq!(text(&path), format!("[work]\n{}", lines("ONE")));
    assert_eq!((mode(&directory), mode(&path)), (0o700, 0o600));
    assert_eq!(mode(&directory.join("credentials.lock")), 0o600);
}

#[test]
fn whatever_the_old_files_mode_and_group_the_new_one_is_private() {
    for old in [0o644, 0o640, 0o660, 0o4777, 0o600, 0o700] {
        let (_root, path) = aws(BEFORE);
        let own = fs::metadata(&path).unwrap().gid();
        let foreign_group = std::os::unix::fs::chown(&path, None, Some(12345)).is_ok();
        set_mode(&path, old);
        put(&path, &["work"], "ONE").unwrap();
        assert_eq!(mode(&path), 0o600, "{old:o}");
        assert!(!foreign_group || fs::metadata(&path).unwrap().gid() == own);
    }
}

#[test]
fn a_chain_of_symbolic_links_stays_and_the_last_file_is_replaced() {
    let (root, real) = aws(BEFORE);
    let home = root.path().join("home");
    fs::create_dir_all(home.join("dotfiles")).unwrap();
    symlink("../../credentials", home.join("dotfiles/aws")).unwrap();
    symlink("dotfiles/aws", home.join("credentials")).unwrap();
    put(&home.join("credentials"), &["work"], "ONE").unwrap();
    assert!(text(&real).ends_with(&lines("ONE")));
    for link in [home.join("credentials"), home.join("dotfiles/aws")] {
        assert!(fs::symlink_metadata(link).unwrap().is_symlink());
    }
    assert!(root.path().join("credentials.lock").exists(), "the lock is beside the real file");
    assert_eq!(names(&home), ["credentials", "dotfiles"]);
}

#[test]
fn the_same_session_again_writes_nothing() {
    let (_root, path) = aws(BEFORE);
    put(&path, &["work"], "ONE").unwrap();
    let before = fs::metadata(&path).unwrap();
    put(&path, &["work"], "ONE").unwrap();
    // Nor does a removal where there is nothing to remove.
    let removals = run(FileStore::new(path.clone()).remove(&targets(&["gone", "other"]))).unwrap();
    assert_eq!(removals, [Removal::Absent, Removal::Foreign]);
    let after = fs::metadata(&path).unwrap();
    assert_eq!((before.ino(), before.mtime_nsec()), (after.ino(), after.mtime_nsec()));
}

#[test]
fn a_prepared_write_that_is_dropped_leaves_the_file_and_gives_up_the_lock() {
    let (root, path) = aws(BEFORE);
    let store = FileStore::new(path.clone());
    let prepared = run(store.prepare(&targets(&["work"]))).unwrap();
    assert_eq!(names(root.path()).len(), 2, "space is set aside");
    drop(prepared);
    assert_eq!((text(&path).as_str(), names(root.path()).len()), (BEFORE, 1));
    assert!(Lock::take(&root.path().join("credentials.lock"), Duration::ZERO).is_ok());
}

#[test]
fn a_check_leaves_no_trace_and_holds_no_lock() {
    let (root, path) = aws(BEFORE);
    run(FileStore::new(path).check(&targets(&["work"]))).unwrap();
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
}

#[test]
fn the_lock_is_waited_for_and_its_holder_is_named() {
    let (root, _path) = aws(BEFORE);
    let path = root.path().join("credentials.lock");
    let held = Lock::take(&path, Duration::ZERO).unwrap();
    let started = Instant::now();
    let error = Lock::take(&path, Duration::from_millis(60)).unwrap_err();
    assert!(started.elapsed() >= Duration::from_millis(60));
    if cfg!(target_os = "linux") {
        let words = format!("locked by another program (pid {}) for more than 0 s", std::process::id());
        assert!(error.to_string().ends_with(&words), "{error}");
    }
    let waiter = std::thread::spawn(move || Lock::take(&path, Duration::from_secs(10)).is_ok());
    drop(held);
    assert!(waiter.join().unwrap());
}

#[test]
fn two_stores_at_once_lose_nothing() {
    let (root, path) = aws(BEFORE);
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = &path;
            scope.spawn(move || {
                for _round in 0..3 {
                    put(path, &[&format!("section{writer}")], &format!("W{writer}")).unwrap();
                }
            });
        }
    });
    let found = text(&path);
    assert!(found.starts_with(BEFORE));
    for writer in 0..4 {
        let expected = format!("[section{writer}]\n{}", lines(&format!("W{writer}")));
        assert_eq!(found.matches(&expected).count(), 1, "{found}");
    }
    assert_eq!(names(root.path()), ["credentials"]);
}

#[test]
fn what_a_killed_process_left_is_removed_and_what_a_living_one_uses_is_not() {
    let (root, path) = aws(BEFORE);
    let at = |name: &str| root.path().join(name);
    let make = |name: &str| fs::write(at(name), "x").unwrap();
    make(".credentials.stsd-abcdefgh");
    make(".credentials.stsd-ijklmnop");
    make(".credentials.stsd-ABCDEFGH");
    make(".credentials.stsd-abc");
    symlink("credentials", at(".credentials.stsd-linklink")).unwrap();
    let _living = Lock::take(&at(".credentials.stsd-ijklmnop"), Duration::ZERO).unwrap();
    put(&path, &["work"], "ONE").unwrap();
    assert_eq!(
        names(root.path()),
        [
            ".credentials.stsd-ABCDEFGH",
            ".credentials.stsd-abc",
            ".credentials.stsd-ijklmnop",
            ".credentials.stsd-linklink",
            "credentials",
        ]
    );
}

#[test]
fn a_session_is_forgotten_where_a_killed_process_left_it_too() {
    let (root, path) = aws(BEFORE);
    let remove = || run(FileStore::new(path.clone()).remove(&targets(&["work"]))).unwrap();
    for name in [".credentials.stsd-abcdefgh", ".credentials.stsd-swap-abcdefgh"] {
        let text = format!("{BEFORE}\n[work]\n{}", lines("ONE"));
        fs::write(root.path().join(name), text).unwrap();
        assert_eq!(remove(), [Removal::Absent]);
        assert_eq!(names(root.path()), ["credentials"]);
    }
    fs::remove_file(&path).unwrap();
    fs::write(root.path().join(".credentials.stsd-abcdefgh"), "x").unwrap();
    assert_eq!(remove(), [Removal::Absent]);
    assert!(names(root.path()).is_empty());
}

#[test]
fn only_what_was_written_is_forgotten() {
    let (_root, path) = aws(BEFORE);
    put(&path, &["work"], "ONE").unwrap();
    let remove = |tag: &str| {
        let mut targets = targets(&["work"]);
        targets[0].written = Some(Fingerprint::of(&session(tag), [1; SALT_BYTES]));
        run(FileStore::new(path.clone()).remove(&targets)).unwrap()
    };
    let before = text(&path);
    assert_eq!(remove("TWO"), [Removal::Foreign]);
    assert_eq!(text(&path), before);
    assert_eq!(remove("ONE"), [Removal::Removed]);
    assert_eq!(text(&path), BEFORE);
}
