//! A credentials file that cannot be edited safely: class 8, no code sent, not a byte changed.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use stsd::domain::failure::{Failure, FailureClass};

use crate::world::World;

/// Everything below a folder: names, kinds, contents.
fn picture(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(folder).unwrap().display().to_string();
        // The lock file is never taken away, so that two programs can never hold two locks.
        if name == "credentials.lock" {
            continue;
        }
        let content = match fs::symlink_metadata(&path).unwrap() {
            link if link.is_symlink() => fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
            file if file.is_file() => fs::read(&path).unwrap(),
            _ => Vec::new(),
        };
        entries.push((name, content));
    }
    entries.sort();
    entries
}

fn refused(world: &World, words: &str) -> Failure {
    let before = picture(&world.path(".aws"));
    let failure = world.refresh("work", &world.sts.unused_code(&world.sts.alice().serial)).unwrap_err();
    assert_eq!(failure.class, FailureClass::CredentialsFile, "{failure}");
    assert!(failure.to_string().contains(words), "{failure}");
    assert_eq!(picture(&world.path(".aws")), before);
    assert!(world.sts.requests().is_empty(), "a code was sent although: {failure}");
    failure
}

#[test]
fn content_that_forbids_the_edit() {
    let world = World::with_work();
    let check = |content: &[u8], words: &str| {
        world.write(".aws/credentials", content);
        refused(&world, words);
    };
    check(b"[default]\n# caf\xe9\n", "UTF-8");
    check(b"\xef\xbb\xbf[default]\n", "byte order mark");
    check(b"[work]\na = b\n[work]\nc = d\n", "line 3");
    check(b"[other]\na = b\n[other]\nc = d\n", "line 3");
    check(b"[ work ]\n", "line 1");
    check(b"[work]\n  indented = 1\n", "line 2");
    let key = b"[work]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI\n";
    check(key, "[work]");
    let left_over = [key.as_slice(), b"aws_session_token = left-over\n"].concat();
    check(&left_over, "[work]");
    assert!(!refused(&world, "long-term").to_string().contains("wJalr"));
}

#[test]
fn a_place_that_forbids_the_edit() {
    let world = World::with_work();
    let file = world.path(".aws/credentials");
    fs::create_dir_all(world.path(".aws")).unwrap();
    fs::create_dir(&file).unwrap();
    refused(&world, "directory");
    fs::remove_dir(&file).unwrap();
    symlink("nowhere", &file).unwrap();
    refused(&world, "link");
    fs::remove_file(&file).unwrap();
    world.write(".aws/credentials", "[default]\n");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    refused(&world, "read-only");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(world.path(".aws"), fs::Permissions::from_mode(0o777)).unwrap();
    refused(&world, "");
    fs::set_permissions(world.path(".aws"), fs::Permissions::from_mode(0o700)).unwrap();
    if std::os::unix::fs::chown(&file, Some(12_345), None).is_ok() {
        refused(&world, "another user");
    }
}

#[test]
fn a_link_is_followed_and_stays() {
    let world = World::with_work();
    world.write("dotfiles/aws-credentials", "[default]\nregion = x\n");
    fs::create_dir_all(world.path(".aws")).unwrap();
    symlink("../dotfiles/aws-credentials", world.path(".aws/credentials")).unwrap();
    world.refresh("work", &world.sts.unused_code(&world.sts.alice().serial)).unwrap();
    assert!(fs::symlink_metadata(world.path(".aws/credentials")).unwrap().is_symlink());
    assert!(fs::read_to_string(world.path("dotfiles/aws-credentials")).unwrap().contains("[work]"));
}

#[test]
fn a_new_file_is_for_its_user_only() {
    let world = World::with_work();
    world.refresh("work", &world.sts.unused_code(&world.sts.alice().serial)).unwrap();
    let mode = |path: &str| fs::metadata(world.path(path)).unwrap().mode() & 0o777;
    assert_eq!((mode(".aws"), mode(".aws/credentials")), (0o700, 0o600));
    assert_eq!((mode(".local/state/stsd"), mode(".local/state/stsd/state.json")), (0o700, 0o600));
}
