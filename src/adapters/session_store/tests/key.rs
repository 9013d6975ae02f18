//! A long-term key taken out of the file, and the places where it still stands.

use std::os::unix::fs::MetadataExt as _;
use std::time::Instant;

use super::super::job::{Change, Job};
use super::super::snapshot::QUIET;
use super::*;
use crate::domain::keys::LongTermKey;
use crate::ports::session_store::{KeyPlace, Removal};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const KEY_LINES: &str = "aws_access_key_id = AKIAY34FZKBOKMUTVV7A\n\
    aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n";

fn key() -> LongTermKey {
    LongTermKey { id: AccessKeyId::parse("AKIAY34FZKBOKMUTVV7A").unwrap(), secret: SECRET.to_owned().into() }
}

fn section(name: &str) -> SectionName {
    SectionName::parse(name).unwrap()
}

fn take(path: &Path) -> Result<Removal, StoreError> {
    run(FileStore::new(path.to_owned()).remove_key(&section("work"), &key()))
}

/// Looks for the key, and gives the file names with the places.
fn copies(path: &Path) -> Vec<(String, KeyPlace)> {
    let config = path.with_file_name("config");
    let found = run(FileStore::new(path.to_owned()).with_config(config).copies(&key()));
    let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    found.into_iter().map(|copy| (name(copy.path), copy.place)).collect()
}

#[test]
fn a_key_leaves_the_file_and_nothing_of_it_stays_in_the_directory() {
    let (root, path) = aws(&format!("{BEFORE}[work] # mine\n{KEY_LINES}region = x\n"));
    set_mode(&path, 0o640);
    run(FileStore::new(path.clone()).check_remove_key(&section("work"), &key())).unwrap();
    assert_eq!(names(root.path()), ["credentials"], "the check left something");
    assert!(text(&path).contains(SECRET));
    assert_eq!(take(&path).unwrap(), Removal::Removed);
    assert_eq!(text(&path), format!("{BEFORE}[work] # mine\nregion = x\n"));
    assert_eq!((names(root.path()), mode(&path)), (vec!["credentials".to_owned()], 0o600));
    let inode = fs::metadata(&path).unwrap().ino();
    assert_eq!(take(&path).unwrap(), Removal::Absent);
    assert_eq!(fs::metadata(&path).unwrap().ino(), inode, "replaced for nothing");
}

#[test]
fn another_key_and_a_file_that_cannot_be_edited_are_left_as_they_are() {
    let check = |content: &str, expected: Option<Removal>| {
        let (root, path) = aws(content);
        assert_eq!(take(&path).ok(), expected);
        assert_eq!(text(&path), content);
        assert_eq!(names(root.path()), ["credentials"]);
    };
    check(&format!("[work]\n{}", KEY_LINES.replace("VV7A", "VV7B")), Some(Removal::Foreign));
    check(&format!("[work]\n{KEY_LINES}  more\n"), None);
    let root = tempfile::tempdir().unwrap();
    assert_eq!(take(&root.path().join("credentials")).unwrap(), Removal::Absent);
    assert_eq!(names(root.path()), Vec::<String>::new());
}

#[test]
fn a_key_that_another_program_writes_back_leaves_again() {
    let before = format!("{BEFORE}[work]\n{KEY_LINES}");
    let (root, path) = aws(&before);
    // What `remove_key` does, with the other program between its two steps.
    let change = Change::TakeKey(key());
    let mut job = Job::open(&path, targets(&["work"]), Some(&key())).unwrap().unwrap();
    assert_eq!(job.commit(&change).unwrap().removals, [Removal::Removed]);
    assert_eq!(text(&path), format!("{BEFORE}[work]\n"));
    // It read the file before us, and truncates and writes it now.
    fs::write(&path, format!("{before}[added]\n")).unwrap();
    job.settle(&change).unwrap();
    assert_eq!(text(&path), format!("{BEFORE}[work]\n[added]\n"));
    assert_eq!(names(root.path()), ["credentials"]);
}

#[test]
fn after_the_removal_of_a_key_other_writers_are_watched_for() {
    let (_root, path) = aws(&format!("{BEFORE}[work]\n{KEY_LINES}"));
    let started = Instant::now();
    assert_eq!(take(&path).unwrap(), Removal::Removed);
    // Once until the file is quiet, and once for those who come late.
    assert!(started.elapsed() >= QUIET * 2, "not watched: {:?}", started.elapsed());
}

#[test]
fn the_old_file_of_a_killed_import_goes_unless_it_holds_more() {
    let (root, path) = aws(&format!("{BEFORE}[work]\n"));
    let left = root.path().join(".credentials.stsd-swap-abcdefgh");
    fs::write(&left, format!("{BEFORE}[work]\n{KEY_LINES}")).unwrap();
    // Whoever does not know that the key is safe keeps it.
    run(FileStore::new(path.clone()).remove(&targets(&["work"]))).unwrap();
    assert!(left.exists());
    assert!(copies(&path).iter().any(|(name, _)| name == ".credentials.stsd-swap-abcdefgh"));
    assert_eq!(take(&path).unwrap(), Removal::Absent);
    assert_eq!(names(root.path()), ["credentials"]);
    fs::write(&left, format!("{BEFORE}[work]\n{KEY_LINES}[more]\nx = 1\n")).unwrap();
    assert_eq!(take(&path).unwrap(), Removal::Absent);
    assert!(left.exists(), "lines that stand nowhere else were lost");
}

#[test]
fn copies_in_both_files_and_beside_them_are_found() {
    let content = format!("{BEFORE}[work-long-term]\n{KEY_LINES}");
    let (root, path) = aws(&content);
    let write = |name: &str, content: &str| fs::write(root.path().join(name), content).unwrap();
    write("config", &format!("[default]\nregion = x\n{KEY_LINES}"));
    write("credentials.bkp", &format!("[work]\n{KEY_LINES}[only-here]\nx = 1\n"));
    write("credentials.1", &format!("{BEFORE}[work-long-term]\n{KEY_LINES}"));
    write("credentials~", "[work]\n");
    write(".credentials.swp", &format!("\u{0}{SECRET}"));
    write("credentials.csv", "User,AKIAY34FZKBOKMUTVV7A\n");
    write("notes", KEY_LINES);
    write("credentials.lock", "");
    fs::create_dir(root.path().join("credentials.d")).unwrap();
    std::os::unix::fs::symlink(root.path().join("notes"), root.path().join("credentials.link")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, root.path().join("credentials.pipe"), 0o600.into()).unwrap();
    let trace = |line, secret| crate::domain::aws_file::Trace { line, secret };
    let backup = |line, secret, kept| KeyPlace::Backup { trace: trace(line, secret), kept };
    let expected = [
        ("credentials", KeyPlace::Section { section: section("work-long-term"), line: 5 }),
        ("config", KeyPlace::Line(trace(3, false))),
        ("config", KeyPlace::Line(trace(4, true))),
        (".credentials.swp", backup(1, true, false)),
        ("credentials.1", backup(7, true, true)),
        ("credentials.bkp", backup(3, true, false)),
        ("credentials.csv", backup(1, false, false)),
    ];
    assert_eq!(copies(&path), expected.map(|(name, place)| (name.to_owned(), place)));
    assert_eq!(text(&path), content, "looking changed something");
}

#[test]
fn behind_a_symbolic_link_both_directories_are_looked_at() {
    let (root, path) = aws("[work]\n");
    let links = root.path().join("aws");
    fs::create_dir(&links).unwrap();
    let link = links.join("credentials");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    fs::write(links.join("credentials.bkp"), KEY_LINES).unwrap();
    fs::write(root.path().join("credentials.old"), KEY_LINES).unwrap();
    let mut found: Vec<_> = copies(&link).into_iter().map(|(name, _)| name).collect();
    found.sort();
    assert_eq!(found, ["credentials.bkp", "credentials.old"]);
}
