//! What is not edited: the file stays byte for byte, and no file of ours is left.

use std::os::unix::fs::{chown, symlink};
use std::process::Command;

use super::disk_full::SmallDisk;
use super::*;

/// Asserts that `prepare` and `check` fail with these words, and that `kept` stays as it is.
#[track_caller]
fn check(path: &Path, kept: Option<&Path>, expected: &str) {
    let before = kept.map(|kept| fs::read(kept).unwrap());
    let listed = path.parent().map(names);
    let store = FileStore::new(path.to_owned());
    let prepared = run(store.prepare(&targets(&["work"]))).map(|_| ()).unwrap_err().to_string();
    let checked = run(store.check(&targets(&["work"]))).unwrap_err().to_string();
    assert!(prepared.ends_with(expected), "{prepared}");
    assert!(checked.ends_with(expected), "{checked}");
    assert_eq!(kept.map(|kept| fs::read(kept).unwrap()), before);
    assert_eq!(path.parent().map(names), listed);
}

#[test]
fn a_dangling_link_and_a_loop_of_links() {
    let (root, _path) = aws(BEFORE);
    let link = root.path().join("link");
    symlink("nowhere", &link).unwrap();
    check(&link, None, "link: is a symbolic link to a file that does not exist");
    assert!(!root.path().join("nowhere").exists());
    let ring = root.path().join("ring");
    symlink("ring", &ring).unwrap();
    let error = run(FileStore::new(ring).prepare(&targets(&["work"]))).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("ring: cannot follow the symbolic link: "), "{error}");
}

#[test]
fn what_is_no_regular_file() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("credentials");
    fs::create_dir(&path).unwrap();
    check(&path, None, "credentials: is a directory");
    fs::remove_dir(&path).unwrap();
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    check(&path, None, "credentials: is a named pipe");
    assert!(run(FileStore::new(path).read()).is_err(), "and reading it does not hang");
}

#[test]
fn a_file_or_directory_that_is_not_plainly_ours() {
    let (root, path) = aws(BEFORE);
    set_mode(&path, 0o400);
    check(&path, Some(&path), "credentials: is read-only");
    set_mode(&path, 0o600);
    fs::hard_link(&path, root.path().join("second")).unwrap();
    check(&path, Some(&path), "credentials: has other hard links, which a replacement would leave behind");
    fs::remove_file(root.path().join("second")).unwrap();
    set_mode(root.path(), 0o1777);
    check(&path, Some(&path), ": is a directory that everybody may write");
    set_mode(root.path(), 0o700);
    if rustix::process::geteuid().is_root() {
        chown(&path, Some(12345), None).unwrap();
        check(&path, Some(&path), "credentials: belongs to another user");
        chown(&path, Some(0), None).unwrap();
        chown(root.path(), Some(12345), None).unwrap();
        let error = "let AWS_SHARED_CREDENTIALS_FILE name a file in a directory of your own";
        check(&path, Some(&path), error);
        assert!(run(FileStore::new(path.clone()).remove(&targets(&["work"]))).is_err());
        chown(root.path(), Some(0), None).unwrap();
        put(&path, &["work"], "ONE").unwrap();
    } else {
        stsd_test_support::not_run("another user's credentials file or directory: needs root");
    }
}

#[test]
fn a_directory_that_cannot_be_written() {
    if rustix::process::geteuid().is_root() {
        // Root writes everywhere but on a file system that is mounted read-only.
        let Some(disk) = SmallDisk::mount() else { return };
        let path = disk.path().join("credentials");
        write_old(&path, BEFORE.as_bytes());
        disk.make_read_only();
        check(&path, Some(&path), "(os error 30)");
    } else {
        let (root, path) = aws(BEFORE);
        set_mode(root.path(), 0o500);
        check(&path, Some(&path), "(os error 13)");
        set_mode(root.path(), 0o700);
    }
}

#[test]
fn a_file_that_is_a_mount_of_its_own() {
    let (root, path) = aws(BEFORE);
    let other = root.path().join("other");
    write_old(&other, b"[b]\n");
    let prepared = run(FileStore::new(path.clone()).prepare(&targets(&["work"])));
    let mounted = cfg!(target_os = "linux")
        && Command::new("mount").arg("--bind").args([&other, &path]).output().unwrap().status.success();
    if !mounted {
        return stsd_test_support::not_run("a credentials file that is a bind mount: needs root");
    }
    check(&path, Some(&path), "credentials: is a mount of its own, which cannot be replaced");
    assert!(run(prepared.unwrap().write(&session("ONE"))).is_err());
    assert_eq!(text(&path), "[b]\n");
    assert!(Command::new("umount").arg(&path).status().unwrap().success());
    assert_eq!((text(&path).as_str(), names(root.path()).len()), (BEFORE, 2));
}

#[test]
fn a_file_too_large_or_not_of_text() {
    let (_root, path) = aws(BEFORE);
    fs::File::options().write(true).open(&path).unwrap().set_len((16 << 20) + 1).unwrap();
    check(&path, None, "credentials: is larger than 16 MiB");
    write_old(&path, b"[a]\n# caf\xe9\n");
    check(
        &path,
        Some(&path),
        "credentials: line 2: the file is not UTF-8: the AWS CLI refuses it, and the Rust SDK reads it as empty",
    );
}

#[test]
fn a_section_that_cannot_be_edited_is_refused_before_a_code_is_spent() {
    let (_root, path) = aws("[work]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = s\n");
    check(
        &path,
        Some(&path),
        "credentials: line 1: the section [work] holds a long-term key, which may exist nowhere else",
    );
}

#[test]
fn a_lock_that_is_a_symbolic_link_is_not_followed() {
    let (root, path) = aws(BEFORE);
    symlink("elsewhere", root.path().join("credentials.lock")).unwrap();
    check(&path, Some(&path), "credentials.lock: is a symbolic link in the place of the lock");
    assert!(!root.path().join("elsewhere").exists());
}

#[test]
fn a_session_that_cannot_be_written_leaves_all_as_it_was_and_the_next_one_is_written() {
    let (root, path) = aws(BEFORE);
    run(async {
        let store = FileStore::new(path.clone());
        let mut prepared = store.prepare(&targets(&["work"])).await.unwrap();
        let mut bad = session("ONE");
        bad.token = "x\n[evil]".to_owned().into();
        assert!(prepared.write(&bad).await.is_err());
        assert_eq!(text(&path), BEFORE);
        prepared.write(&session("ONE")).await.unwrap();
        prepared.settle().await.unwrap();
    });
    assert!(text(&path).ends_with(&lines("ONE")));
    assert_eq!(names(root.path()), ["credentials"]);
}

#[test]
fn a_link_that_leads_elsewhere_meanwhile_is_noticed() {
    let (root, _real) = aws(BEFORE);
    let link = root.path().join("link");
    write_old(&root.path().join("second"), b"[b]\n");
    symlink("credentials", &link).unwrap();
    run(async {
        let store = FileStore::new(link.clone());
        let mut prepared = store.prepare(&targets(&["work"])).await.unwrap();
        fs::remove_file(&link).unwrap();
        symlink("second", &link).unwrap();
        let error = prepared.write(&session("ONE")).await.unwrap_err();
        assert!(error.to_string().ends_with("link: leads to another file than before"), "{error}");
    });
    assert_eq!((text(&link).as_str(), names(root.path()).len()), ("[b]\n", 3));
}
