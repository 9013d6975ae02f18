//! Failures after the replacement do not claim that nothing was changed; those before it do.

use std::os::unix::fs::MetadataExt as _;
use std::thread::{sleep, spawn};
use std::time::Instant;

use super::super::job::Job;
use super::*;
use crate::domain::aws_file::{Document, Grammar};

#[test]
fn a_replacement_that_is_not_durable_yet_says_so_and_the_next_try_makes_it() {
    let (root, path) = aws(BEFORE);
    let mut job = Job::prepare(&path, targets(&["work"])).unwrap();
    let ours = Document::parse("[ours]\n".to_owned(), Grammar::Credentials);
    assert!(job.replace(ours, &[true]).unwrap());
    let directory = std::mem::replace(&mut job.target.directory, root.path().join("gone"));
    let error = job.sync().unwrap_err();
    assert!(error.changed(), "{error}");
    job.target.directory = directory;
    job.sync().unwrap();
    assert_eq!(text(&path), "[ours]\n");
}

#[test]
fn a_removal_whose_aftermath_fails_does_not_claim_that_nothing_was_changed() {
    let (_root, path) = aws(&format!("{BEFORE}\n[work]\n{}", lines("ONE")));
    let before = fs::metadata(&path).unwrap().ino();
    let place = path.clone();
    let other = spawn(move || {
        let deadline = Instant::now() + Duration::from_secs(10);
        while fs::metadata(&place).unwrap().ino() == before {
            assert!(Instant::now() < deadline, "not replaced");
            sleep(Duration::from_millis(1));
        }
        fs::rename(&place, place.with_file_name("moved")).unwrap();
        fs::create_dir(&place).unwrap();
    });
    let error = run(FileStore::new(path.clone()).remove(&targets(&["work"]))).unwrap_err();
    other.join().unwrap();
    assert!(error.changed(), "{error}");
    assert!(
        error.to_string().ends_with("cannot look after it once it was replaced: is a directory"),
        "{error}"
    );
    assert_eq!(text(&path.with_file_name("moved")), BEFORE);
}

#[test]
fn a_failure_before_the_replacement_changed_nothing() {
    let (_root, path) = aws(BEFORE);
    set_mode(&path, 0o400);
    let error = run(FileStore::new(path.clone()).remove(&targets(&["work"]))).unwrap_err();
    assert!(!error.changed(), "{error}");
    let error = run(FileStore::new(path.join("x")).remove(&targets(&["work"]))).unwrap_err();
    assert!(!error.changed(), "{error}");
    assert_eq!(text(&path), BEFORE);
}
