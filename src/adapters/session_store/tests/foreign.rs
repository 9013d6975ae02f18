//! Writers that take no lock, as the AWS CLI: they truncate the file and write it anew.

use std::fs::{File, OpenOptions};
use std::io::{Seek as _, Write as _};
use std::thread::{sleep, spawn};
use std::time::Instant;

use super::super::snapshot::{Stamp, await_still};
use super::super::target::Target;
use super::*;
use crate::ports::session_store::PreparedWrite;

const ADDED: &str = "[added]\nregion = x\n";

fn prepare(path: &Path) -> Box<dyn PreparedWrite> {
    run(FileStore::new(path.to_owned()).prepare(&targets(&["work"]))).unwrap()
}

fn open_truncated(path: &Path) -> File {
    OpenOptions::new().write(true).truncate(true).open(path).unwrap()
}

#[test]
fn a_file_just_written_is_waited_for() {
    let (_root, path) = aws(BEFORE);
    let mut file = open_truncated(&path);
    let writer = spawn(move || {
        sleep(Duration::from_millis(50));
        file.write_all(BEFORE.as_bytes()).unwrap();
        file.write_all(ADDED.as_bytes()).unwrap();
    });
    put(&path, &["work"], "ONE").unwrap();
    writer.join().unwrap();
    assert_eq!(text(&path), format!("{BEFORE}{ADDED}\n[work]\n{}", lines("ONE")));
}

#[test]
fn a_slow_writer_that_has_truncated_the_file_is_waited_for() {
    let (_root, path) = aws(BEFORE);
    let mut file = open_truncated(&path);
    let writer = spawn(move || {
        sleep(Duration::from_millis(400));
        file.write_all(format!("{BEFORE}{ADDED}").as_bytes()).unwrap();
    });
    put(&path, &["work"], "ONE").unwrap();
    writer.join().unwrap();
    assert_eq!(text(&path), format!("{BEFORE}{ADDED}\n[work]\n{}", lines("ONE")));
}

#[test]
fn an_old_file_costs_no_wait() {
    // The quickest of several: another process may take the processor at any time.
    let quickest = (0..5).map(|_| {
        let (_root, path) = aws(BEFORE);
        let started = Instant::now();
        let mut prepared = prepare(&path);
        run(prepared.write(&session("ONE"))).unwrap();
        started.elapsed()
    });
    let quickest = quickest.min().unwrap();
    assert!(quickest < Duration::from_millis(90), "{quickest:?}");
}

#[test]
fn a_file_that_is_written_without_pause_is_busy() {
    let (root, path) = aws(BEFORE);
    let file = File::open(&path).unwrap();
    let target = Target { directory: root.path().to_owned(), file: path.clone() };
    let age = std::cell::Cell::new(1000);
    // Whoever looks finds a change: no thread has to be fast enough.
    let stamp = await_still(&path, || {
        age.set(age.get() - 1);
        file.set_modified(SystemTime::now() - Duration::from_secs(age.get())).unwrap();
        Stamp::at(&target)
    });
    assert!(matches!(stamp, Err(StoreError::Busy { .. })), "{stamp:?}");
}

#[test]
fn a_change_between_preparation_and_write_is_kept() {
    let (_root, path) = aws(BEFORE);
    let mut prepared = prepare(&path);
    fs::write(&path, format!("{BEFORE}{ADDED}")).unwrap();
    run(prepared.write(&session("ONE"))).unwrap();
    assert_eq!(text(&path), format!("{BEFORE}{ADDED}\n[work]\n{}", lines("ONE")));
}

#[test]
fn a_change_within_the_time_stamp_is_noticed_by_its_bytes() {
    let (_root, path) = aws(BEFORE);
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let mut prepared = prepare(&path);
    let changed = BEFORE.replace("mine", "MINE");
    let mut file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all(changed.as_bytes()).unwrap();
    file.set_modified(modified).unwrap();
    run(prepared.write(&session("ONE"))).unwrap();
    assert!(text(&path).starts_with(&changed));
}

#[test]
fn a_writer_that_opened_the_file_before_it_was_replaced_loses_nothing() {
    let (root, path) = aws(BEFORE);
    let mut prepared = prepare(&path);
    let mut old = OpenOptions::new().write(true).open(&path).unwrap();
    run(prepared.write(&session("ONE"))).unwrap();
    old.set_len(0).unwrap();
    old.rewind().unwrap();
    let writer = spawn(move || {
        sleep(Duration::from_millis(30));
        old.write_all(format!("{BEFORE}{ADDED}").as_bytes()).unwrap();
    });
    run(prepared.settle()).unwrap();
    writer.join().unwrap();
    assert_eq!(text(&path), format!("{BEFORE}{ADDED}\n[work]\n{}", lines("ONE")));
    assert_eq!(names(root.path()), ["credentials"]);
}

#[test]
fn a_writer_that_truncates_our_file_does_not_take_the_session_with_it() {
    let (root, path) = aws(BEFORE);
    let mut prepared = prepare(&path);
    run(prepared.write(&session("ONE"))).unwrap();
    let mut file = open_truncated(&path);
    let writer = spawn(move || {
        sleep(Duration::from_millis(30));
        file.write_all(format!("{BEFORE}{ADDED}").as_bytes()).unwrap();
    });
    run(prepared.settle()).unwrap();
    writer.join().unwrap();
    assert_eq!(text(&path), format!("{BEFORE}{ADDED}\n[work]\n{}", lines("ONE")));
    assert_eq!(names(root.path()), ["credentials"]);
}

#[test]
fn a_change_of_the_replaced_file_within_its_time_stamp_is_carried_over() {
    let (_root, path) = aws(BEFORE);
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let mut prepared = prepare(&path);
    let mut old = OpenOptions::new().write(true).open(&path).unwrap();
    run(prepared.write(&session("ONE"))).unwrap();
    let changed = BEFORE.replace("mine", "MINE");
    old.write_all(changed.as_bytes()).unwrap();
    old.set_modified(modified).unwrap();
    run(prepared.settle()).unwrap();
    assert_eq!(text(&path), format!("{changed}\n[work]\n{}", lines("ONE")));
}

#[test]
fn a_file_of_another_program_in_our_files_place_gets_the_session_too() {
    let (root, path) = aws(BEFORE);
    let mut prepared = prepare(&path);
    run(prepared.write(&session("ONE"))).unwrap();
    let other = root.path().join("other");
    fs::write(&other, format!("{BEFORE}{ADDED}")).unwrap();
    fs::rename(&other, &path).unwrap();
    run(prepared.settle()).unwrap();
    assert_eq!(text(&path), format!("{BEFORE}{ADDED}\n[work]\n{}", lines("ONE")));
}

#[test]
fn a_long_term_key_that_was_written_meanwhile_is_put_in_place_and_told() {
    let (root, path) = aws(BEFORE);
    let mut prepared = prepare(&path);
    let mut old = OpenOptions::new().append(true).open(&path).unwrap();
    run(prepared.write(&session("ONE"))).unwrap();
    let key = "[work]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = nowhere-else\n";
    old.write_all(key.as_bytes()).unwrap();
    let error = run(prepared.settle()).unwrap_err();
    assert!(error.to_string().contains("the section [work] holds a long-term key"), "{error}");
    assert_eq!(text(&path), format!("{BEFORE}{key}"));
    assert_eq!(names(root.path()), ["credentials"]);
}

#[test]
fn bytes_that_are_no_text_are_put_in_place_as_they_are() {
    let (_root, path) = aws(BEFORE);
    let mut prepared = prepare(&path);
    let mut old = OpenOptions::new().append(true).open(&path).unwrap();
    run(prepared.write(&session("ONE"))).unwrap();
    old.write_all(b"# caf\xe9\n").unwrap();
    assert!(run(prepared.settle()).is_err());
    assert_eq!(fs::read(&path).unwrap(), [BEFORE.as_bytes(), b"# caf\xe9\n"].concat());
}

#[test]
fn a_writer_that_truncates_and_dies_takes_nothing_with_it() {
    let (_root, path) = aws(BEFORE);
    let mut prepared = prepare(&path);
    let old = OpenOptions::new().write(true).open(&path).unwrap();
    run(prepared.write(&session("ONE"))).unwrap();
    old.set_len(0).unwrap();
    let settled = run(prepared.settle());
    assert!(matches!(settled, Err(StoreError::Busy { .. })), "{settled:?}");
    assert_eq!(text(&path), format!("{BEFORE}\n[work]\n{}", lines("ONE")));
}

#[test]
fn settling_takes_about_a_tenth_of_a_second() {
    let (_root, path) = aws(BEFORE);
    let mut prepared = prepare(&path);
    run(prepared.write(&session("ONE"))).unwrap();
    let started = Instant::now();
    run(prepared.settle()).unwrap();
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(100) && took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn what_is_put_back_leaves_credentials_that_came_meanwhile() {
    use crate::domain::fingerprint::{Fingerprint, SALT_BYTES};

    let (_root, path) = aws(BEFORE);
    let written = Fingerprint::of(&session("OURS"), [1; SALT_BYTES]);
    let target = SectionTarget { written: Some(written), ..targets(&["work"]).remove(0) };
    let prepare = || run(FileStore::new(path.clone()).prepare(std::slice::from_ref(&target))).unwrap();
    let theirs = format!("{BEFORE}\n[work]\n{}", lines("THEIRS"));

    // Between the preparation and the write.
    let mut prepared = prepare();
    write_old(&path, theirs.as_bytes());
    run(prepared.put_back(&session("OURS"))).unwrap();
    run(prepared.settle()).unwrap();
    assert_eq!(text(&path), theirs);

    // Right after it, while it is watched over.
    write_old(&path, BEFORE.as_bytes());
    let mut prepared = prepare();
    run(prepared.put_back(&session("OURS"))).unwrap();
    assert_eq!(text(&path), format!("{BEFORE}\n[work]\n{}", lines("OURS")));
    fs::write(&path, &theirs).unwrap();
    run(prepared.settle()).unwrap();
    assert_eq!(text(&path), theirs);

    // Another drop at that moment is put right.
    write_old(&path, BEFORE.as_bytes());
    let mut prepared = prepare();
    run(prepared.put_back(&session("OURS"))).unwrap();
    fs::write(&path, BEFORE).unwrap();
    run(prepared.settle()).unwrap();
    assert_eq!(text(&path), format!("{BEFORE}\n[work]\n{}", lines("OURS")));
}
