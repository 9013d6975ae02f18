//! The watch over real directories.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::timeout;

use super::PathWatch;
use super::watcher::{Message, Watches};
use crate::ports::file_watch::FileWatch as _;

/// No change takes longer to be told, on a busy machine too.
const LONG: Duration = Duration::from_secs(10);
/// After so long without a change the burst of the one before is over.
const QUIET: Duration = Duration::from_millis(200);

/// Two steps, and what must be told of the second: the first makes the scene.
struct Story {
    file: &'static str,
    before: fn(&Path),
    change: fn(&Path),
}

/// Plays a story in a directory of its own.
fn check(story: &Story) {
    let root = TempDir::new().unwrap();
    (story.before)(root.path());
    let watch = PathWatch::new(vec![root.path().join(story.file)]);
    run(async {
        assert!(timeout(QUIET, watch.changed()).await.is_err(), "told before anything happened");
        (story.change)(root.path());
        timeout(LONG, watch.changed()).await.expect("not told");
    });
}

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(test)
}

/// Waits until nothing is told any more.
async fn settle(watch: &PathWatch) {
    while timeout(QUIET, watch.changed()).await.is_ok() {}
}

fn make_file(root: &Path) {
    fs::write(root.join("file"), "old").unwrap();
}

fn nothing(_root: &Path) {}

#[test]
fn every_kind_of_change_is_told() {
    let write: fn(&Path) = |root| fs::write(root.join("file"), "new").unwrap();
    check(&Story { file: "file", before: make_file, change: write });
    check(&Story { file: "file", before: nothing, change: write });
    check(&Story {
        file: "file",
        before: make_file,
        change: |root| {
            fs::write(root.join(".file.tmp"), "new").unwrap();
            fs::rename(root.join(".file.tmp"), root.join("file")).unwrap();
        },
    });
    check(&Story {
        file: "file",
        before: make_file,
        change: |root| fs::remove_file(root.join("file")).unwrap(),
    });
    check(&Story {
        file: "file",
        before: make_file,
        change: |root| fs::rename(root.join("file"), root.join("file~")).unwrap(),
    });
    check(&Story {
        file: "file",
        before: make_file,
        change: |root| fs::set_permissions(root.join("file"), fs::Permissions::from_mode(0o600)).unwrap(),
    });
}

/// `link` -> `dotfiles/file`, which is there.
fn make_link(root: &Path) {
    fs::create_dir(root.join("dotfiles")).unwrap();
    make_file(&root.join("dotfiles"));
    symlink("dotfiles/file", root.join("link")).unwrap();
}

#[test]
fn a_link_is_followed_and_watched_itself() {
    check(&Story {
        file: "link",
        before: make_link,
        change: |root| fs::write(root.join("dotfiles/file"), "new").unwrap(),
    });
    check(&Story {
        file: "link",
        before: make_link,
        change: |root| {
            fs::write(root.join("dotfiles/new"), "new").unwrap();
            fs::rename(root.join("dotfiles/new"), root.join("dotfiles/file")).unwrap();
        },
    });
    check(&Story {
        file: "link",
        before: make_link,
        change: |root| {
            symlink("elsewhere", root.join("link2")).unwrap();
            fs::rename(root.join("link2"), root.join("link")).unwrap();
        },
    });
    check(&Story {
        file: "a",
        before: |root| {
            symlink("b", root.join("a")).unwrap();
            symlink("c/d", root.join("b")).unwrap();
        },
        change: |root| fs::create_dir(root.join("c")).unwrap(),
    });
}

#[test]
fn links_in_a_circle_are_watched_and_end() {
    check(&Story {
        file: "a",
        before: |root| {
            symlink("b", root.join("a")).unwrap();
            symlink("a", root.join("b")).unwrap();
        },
        change: |root| fs::remove_file(root.join("b")).unwrap(),
    });
}

#[test]
fn after_a_link_was_turned_its_new_target_is_watched_and_the_old_one_is_not() {
    let root = TempDir::new().unwrap();
    let root = root.path();
    make_link(root);
    fs::create_dir(root.join("other")).unwrap();
    make_file(&root.join("other"));
    let watch = PathWatch::new(vec![root.join("link")]);
    run(async {
        symlink("other/file", root.join("link2")).unwrap();
        fs::rename(root.join("link2"), root.join("link")).unwrap();
        settle(&watch).await;
        fs::write(root.join("dotfiles/file"), "nobody cares").unwrap();
        assert!(timeout(QUIET, watch.changed()).await.is_err(), "the old target is still watched");
        fs::write(root.join("other/file"), "new").unwrap();
        timeout(LONG, watch.changed()).await.expect("the new target is not watched");
    });
}

#[test]
fn a_directory_that_matters_no_more_costs_nothing() {
    let root = TempDir::new().unwrap();
    let root = root.path().canonicalize().unwrap();
    make_link(&root);
    fs::create_dir(root.join("other")).unwrap();
    let (sender, messages) = channel();
    let mut watches = Watches::start(vec![root.join("link")], sender).unwrap();
    // Handles events up to the first that is about `sentinel`, and returns what they were about.
    let mut until = |sentinel: &str| {
        let mut seen = Vec::new();
        loop {
            let Message::Event(Ok(event)) = messages.recv_timeout(LONG).unwrap() else { panic!("no event") };
            if watches.concerns(&event) {
                watches.arm();
            }
            seen.extend(event.paths);
            if seen.contains(&root.join(sentinel)) {
                return seen;
            }
        }
    };
    fs::remove_file(root.join("link")).unwrap();
    symlink("other/file", root.join("link")).unwrap();
    fs::write(root.join("sentinel"), "").unwrap();
    until("sentinel");
    fs::write(root.join("dotfiles/file"), "nobody cares").unwrap();
    fs::write(root.join("other/file"), "").unwrap();
    let seen = until("other/file");
    assert!(!seen.contains(&root.join("dotfiles/file")), "{seen:?}");
}

#[test]
fn a_file_in_directories_that_come_later_is_told() {
    let root = TempDir::new().unwrap();
    let directory = root.path().join("a/b/c");
    let watch = PathWatch::new(vec![directory.join("file")]);
    run(async {
        fs::create_dir_all(&directory).unwrap();
        settle(&watch).await;
        make_file(&directory);
        timeout(LONG, watch.changed()).await.expect("the directory that came later is not watched");
    });
}

#[test]
fn however_directories_and_file_come_the_last_write_is_told() {
    for round in 0..20 {
        let root = TempDir::new().unwrap();
        let directory = root.path().join("a/b/c");
        let watch = PathWatch::new(vec![directory.join("file")]);
        let mut so_far = root.path().to_owned();
        for name in ["a", "b", "c"] {
            so_far.push(name);
            fs::create_dir(&so_far).unwrap();
            // Another race each round: none, short, longer than the watch needs.
            std::thread::sleep(Duration::from_micros(round * 100));
        }
        run(async {
            if round % 2 == 0 {
                settle(&watch).await;
            }
            make_file(&directory);
            timeout(LONG, watch.changed()).await.unwrap_or_else(|_| panic!("round {round}: not told"));
        });
    }
}

#[test]
fn a_directory_that_is_deleted_or_moved_and_made_again_is_watched_again() {
    let gone: [fn(&Path); 2] = [
        |directory| fs::remove_dir_all(directory).unwrap(),
        |directory| {
            fs::rename(directory, directory.with_extension("old")).unwrap();
        },
    ];
    for go in gone {
        for settled in [true, false] {
            let root = TempDir::new().unwrap();
            let directory = root.path().join("dir");
            fs::create_dir(&directory).unwrap();
            make_file(&directory);
            let watch = PathWatch::new(vec![directory.join("file")]);
            run(async {
                go(&directory);
                if settled {
                    timeout(LONG, watch.changed()).await.expect("not told that it is gone");
                    settle(&watch).await;
                }
                fs::create_dir(&directory).unwrap();
                settle(&watch).await;
                make_file(&directory);
                timeout(LONG, watch.changed()).await.expect("the new directory is not watched");
            });
        }
    }
}

#[test]
fn a_burst_is_one_change() {
    let root = TempDir::new().unwrap();
    let file = root.path().join("file");
    let watch = PathWatch::new(vec![file.clone()]);
    run(async {
        for _ in 0..100 {
            fs::write(&file, "new").unwrap();
        }
        timeout(LONG, watch.changed()).await.unwrap();
        let mut more = 0;
        while timeout(QUIET, watch.changed()).await.is_ok() {
            more += 1;
        }
        assert!(more <= 1, "{more} more changes");
    });
}

#[test]
fn a_change_between_two_calls_or_in_a_dropped_one_is_not_lost() {
    let root = TempDir::new().unwrap();
    let watch = PathWatch::new(vec![root.path().join("file")]);
    run(async {
        make_file(root.path());
        // Long enough for the signal to be there, too short for the burst to be over.
        let dropped = timeout(Duration::from_millis(30), watch.changed()).await;
        assert!(dropped.is_err(), "a burst is over before its time");
        timeout(LONG, watch.changed()).await.expect("lost in the dropped call");
        settle(&watch).await;
        make_file(root.path());
        tokio::time::sleep(Duration::from_millis(100)).await;
        timeout(LONG, watch.changed()).await.expect("lost between two calls");
    });
}

/// The paths of those events, up to the first of `sentinel`, that concern `files`.
fn concerned(files: Vec<PathBuf>, sentinel: &Path, change: impl FnOnce()) -> Vec<PathBuf> {
    let (sender, messages) = channel();
    let mut watches = Watches::start(files, sender).unwrap();
    change();
    fs::write(sentinel, "last").unwrap();
    let mut found = Vec::new();
    loop {
        let Message::Event(Ok(event)) = messages.recv_timeout(LONG).unwrap() else { panic!("no event") };
        if watches.concerns(&event) {
            found.extend(event.paths.clone());
        }
        if event.paths.iter().any(|path| path == sentinel) {
            return found;
        }
    }
}

#[test]
fn other_files_and_readers_are_not_told() {
    let root = TempDir::new().unwrap();
    let root = root.path().canonicalize().unwrap();
    make_file(&root);
    fs::write(root.join("file2"), "").unwrap();
    let (file, sentinel) = (root.join("file"), root.join("sentinel"));
    let found = concerned(vec![file.clone(), sentinel.clone()], &sentinel, || {
        fs::write(root.join("file2"), "new").unwrap();
        fs::write(root.join("file3"), "new").unwrap();
        fs::rename(root.join("file3"), root.join("file2")).unwrap();
        fs::create_dir(root.join("directory")).unwrap();
        fs::remove_dir(root.join("directory")).unwrap();
        fs::read(&file).unwrap();
        fs::read_dir(&root).unwrap().count();
        fs::set_permissions(&root, fs::Permissions::from_mode(0o700)).unwrap();
    });
    assert_eq!(found, [sentinel]);
}

#[test]
fn what_happens_beside_a_missing_directory_is_not_told() {
    let root = TempDir::new().unwrap();
    let root = root.path().canonicalize().unwrap();
    let sentinel = root.join("sentinel");
    let found = concerned(vec![root.join("dir/file"), sentinel.clone()], &sentinel, || {
        fs::write(root.join("file"), "new").unwrap();
        fs::create_dir(root.join("dir2")).unwrap();
    });
    assert_eq!(found, [sentinel]);
}

#[test]
fn many_files_are_one_watch_and_no_file_is_none() {
    let root = TempDir::new().unwrap();
    let files: Vec<_> = ["a", "b", "missing/c"].map(|name| root.path().join(name)).to_vec();
    run(async {
        let watch = PathWatch::new(files.clone());
        for file in files {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            settle(&watch).await;
            fs::write(&file, "new").unwrap();
            timeout(LONG, watch.changed()).await.expect("not told");
            settle(&watch).await;
        }
        let none = PathWatch::new(Vec::new());
        assert!(timeout(QUIET, none.changed()).await.is_err());
    });
}
