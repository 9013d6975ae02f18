//! What another program does in the very moment of the replacement is not buried.

use std::fs::OpenOptions;
use std::io::Write as _;

use rustix::io::Errno;

use super::super::replacement::{How, Replaced, rename};
use super::super::snapshot::Snapshot;
use super::super::target::Target;
use super::super::temporary::Temporary;
use super::*;

const OURS: &str = "[work]\nours = 1\n";
const THEIRS: &str = "[theirs]\nx = 1\n";

/// Replaces the file while another program acts before the renames that it chooses, the first being 0.
fn replace(path: &Path, mut meanwhile: impl FnMut(usize)) -> Result<Replaced, StoreError> {
    let target = Target::resolve(path)?.unwrap();
    let known = Snapshot::take(&target, None)?;
    let mut temporary = Temporary::create(&target)?;
    temporary.fill(OURS.as_bytes())?;
    let mut renames = 0..;
    temporary.replace(&target, &known, OURS.as_bytes(), &mut |from, to, how| {
        // A name of our own changes nothing for others.
        if to == target.file {
            meanwhile(renames.next().unwrap());
        }
        rename(from, to, how)
    })
}

/// Puts a file in the place, as editors and the better tools do.
fn put_in_place(path: &Path, content: &str) {
    let other = path.with_file_name("other");
    fs::write(&other, content).unwrap();
    fs::rename(other, path).unwrap();
}

/// Asserts that the other program's text is in the place, and nothing of ours anywhere.
#[track_caller]
fn check_theirs(result: Result<Replaced, StoreError>, path: &Path, expected: &str) {
    assert!(matches!(result, Ok(Replaced::Changed(_))), "{result:?}");
    drop(result);
    assert_eq!(text(path), expected);
    assert_eq!(names(path.parent().unwrap()), ["credentials"]);
}

#[test]
fn an_undisturbed_replacement_leaves_nothing_of_the_old_file() {
    let (root, path) = aws(BEFORE);
    assert!(matches!(replace(&path, |_| {}), Ok(Replaced::Done(_))));
    assert_eq!((text(&path).as_str(), names(root.path())), (OURS, vec!["credentials".to_owned()]));
}

#[test]
fn a_file_that_appears_where_none_was_is_kept() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("credentials");
    check_theirs(replace(&path, |_| fs::write(&path, THEIRS).unwrap()), &path, THEIRS);
}

#[test]
fn a_file_that_is_put_in_place_before_ours_is_kept() {
    let (_root, path) = aws(BEFORE);
    let result = replace(&path, |renames| {
        if renames == 0 {
            put_in_place(&path, THEIRS);
        }
    });
    check_theirs(result, &path, THEIRS);
}

#[test]
fn a_change_in_place_is_kept_and_its_writer_can_go_on() {
    let (_root, path) = aws(BEFORE);
    let mut writer = OpenOptions::new().append(true).open(&path).unwrap();
    let result = replace(&path, |renames| {
        if renames == 0 {
            writer.write_all(THEIRS.as_bytes()).unwrap();
        }
    });
    writer.write_all(b"# more\n").unwrap();
    check_theirs(result, &path, &format!("{BEFORE}{THEIRS}# more\n"));
}

#[test]
fn a_change_within_the_time_stamp_is_kept() {
    let (_root, path) = aws(BEFORE);
    let changed = BEFORE.replace("mine", "MINE");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let result = replace(&path, |renames| {
        if renames == 0 {
            let mut writer = OpenOptions::new().write(true).open(&path).unwrap();
            writer.write_all(changed.as_bytes()).unwrap();
            writer.set_modified(modified).unwrap();
        }
    });
    check_theirs(result, &path, &changed);
}

#[test]
fn what_is_no_file_any_more_is_put_back() {
    let (root, path) = aws(BEFORE);
    let result = replace(&path, |renames| {
        if renames == 0 {
            fs::rename(&path, root.path().join("moved")).unwrap();
            std::os::unix::fs::symlink("moved", &path).unwrap();
        }
    });
    assert!(matches!(result, Ok(Replaced::Changed(_))), "{result:?}");
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    assert_eq!((text(&path).as_str(), names(root.path()).len()), (BEFORE, 2));
}

#[test]
fn of_two_files_put_in_place_the_last_wins_and_the_first_is_kept_beside() {
    let (root, path) = aws(BEFORE);
    let last = "[last]\n";
    let result = replace(&path, |renames| match renames {
        0 => put_in_place(&path, THEIRS),
        1 => put_in_place(&path, last),
        _ => {}
    });
    assert!(matches!(result, Ok(Replaced::Changed(None))), "{result:?}");
    assert_eq!(text(&path), last);
    let kept = names(root.path()).remove(0);
    assert!(kept.starts_with(".credentials.stsd-swap-"), "{kept}");
    assert_eq!(text(&root.path().join(&kept)), THEIRS);
    // Not even the next write takes it away.
    make_old(&root.path().join(&kept), Duration::from_mins(10));
    make_old(&path, Duration::from_secs(5));
    put(&path, &["work"], "ONE").unwrap();
    assert_eq!(names(root.path()), [kept, "credentials".to_owned()]);
}

#[test]
fn our_own_file_rewritten_in_the_moment_of_giving_back_is_the_newest() {
    let (root, path) = aws(BEFORE);
    let result = replace(&path, |renames| match renames {
        0 => put_in_place(&path, THEIRS),
        1 => fs::write(&path, "[rewritten]\n").unwrap(),
        _ => {}
    });
    assert!(matches!(result, Ok(Replaced::Changed(None))), "{result:?}");
    assert_eq!(text(&path), "[rewritten]\n");
    assert_eq!(text(&root.path().join(names(root.path()).remove(0))), THEIRS);
}

#[test]
fn a_file_deleted_in_the_moment_of_giving_back_is_there_again() {
    let (_root, path) = aws(BEFORE);
    let result = replace(&path, |renames| match renames {
        0 => put_in_place(&path, THEIRS),
        1 => fs::remove_file(&path).unwrap(),
        _ => {}
    });
    check_theirs(result, &path, THEIRS);
}

#[test]
fn a_race_without_end_ends_with_every_byte_somewhere() {
    let (root, path) = aws(BEFORE);
    let mut round = 0;
    let result = replace(&path, |_| {
        round += 1;
        put_in_place(&path, &format!("# {round}\n"));
    });
    let error = result.unwrap_err();
    assert!(error.changed(), "{error}");
    let names = names(root.path());
    assert!(error.to_string().contains(&names[0]), "{error}");
    let texts: Vec<_> = names.iter().map(|name| text(&root.path().join(name))).collect();
    assert!(texts.contains(&format!("# {round}\n")), "{texts:?}");
}

#[test]
fn a_file_system_without_exchange_gets_a_plain_rename() {
    for error in [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP, Errno::PERM] {
        for before in [Some(BEFORE), None] {
            let root = tempfile::tempdir().unwrap();
            let path = root.path().join("credentials");
            before.inspect(|before| write_old(&path, before.as_bytes()));
            let target = Target::resolve(&path).unwrap().unwrap();
            let known = Snapshot::take(&target, None).unwrap();
            let mut temporary = Temporary::create(&target).unwrap();
            temporary.fill(OURS.as_bytes()).unwrap();
            let replaced =
                temporary.replace(&target, &known, OURS.as_bytes(), &mut |from, to, how| match how {
                    How::Over => rename(from, to, how),
                    How::IfAbsent | How::Exchange => Err(error),
                });
            assert!(matches!(replaced, Ok(Replaced::Done(_))), "{replaced:?}");
            assert_eq!((text(&path).as_str(), names(root.path())), (OURS, vec!["credentials".to_owned()]));
        }
    }
}

#[test]
fn a_process_killed_after_the_exchange_leaves_what_was_there_before() {
    let old = format!("{BEFORE}\n[work]\n{}", lines("OLD"));
    let new = format!("{BEFORE}\n[work]\n{}", lines("NEW"));
    let check = |left: &str, stays: bool| {
        let (root, path) = aws(&new);
        write_old(&root.path().join(".credentials.stsd-swap-abcdefgh"), left.as_bytes());
        put(&path, &["work"], "THREE").unwrap();
        assert_eq!(names(root.path()).len(), if stays { 2 } else { 1 }, "{left}");
    };
    // The session of before, and ours that never came in place: both can be had again.
    check(&old, false);
    check(&new, false);
    check(BEFORE, false);
    check(&format!("{new}\n[fresh]\n{}", lines("FRESH")), false);
    // What another program had just written.
    check(&format!("{old}{THEIRS}"), true);
    check(&old.replace("mine", "MINE"), true);
    check(&old.replace("AKIA", "AKIB"), true);
    check("[work]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = s\n", true);
}

#[test]
fn two_files_in_one_directory_keep_out_of_each_others_way() {
    let (root, path) = aws(BEFORE);
    let other = root.path().join("other");
    write_old(&other, b"[other]\n");
    let leftover = root.path().join(".credentials.stsd-swap-abcdefgh");
    write_old(&leftover, BEFORE.as_bytes());
    put(&other, &["work"], "ONE").unwrap();
    assert!(leftover.exists(), "only the holder of its target's lock may judge it");
    put(&path, &["work"], "ONE").unwrap();
    assert!(!leftover.exists());
}
