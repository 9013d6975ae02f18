//! `add --import` where there is no keychain: what stands in the section is looked at first, and nothing changes.

use crate::home::{CREDENTIALS, Home};

const ID: &str = "AKIAY34FZKBOKMUTVV7A";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

fn lines(id: &str, secret: &str) -> String {
    format!("aws_access_key_id = {id}\naws_secret_access_key = {secret}\n")
}

/// The import is refused, nothing of the key is shown, and nothing changes.
#[track_caller]
fn check(file: &str, line: &str, code: i32, words: &[&str]) {
    let home = Home::new();
    home.write(CREDENTIALS, file);
    let ran = home.run_with(&line.split(' ').collect::<Vec<_>>(), b"never read\n");
    ran.failed_with(code, words);
    for part in [SECRET, ID, "wJalr"] {
        ran.hides(part);
    }
    assert_eq!(std::fs::read_to_string(home.path(CREDENTIALS)).unwrap(), file);
    assert_eq!(home.sts.requests(), [], "AWS was called");
    assert!(!home.path(".config").exists(), "a configuration was written");
}

#[test]
fn the_flags_are_told_from_each_other() {
    let file = format!("[work]\n{}", lines(ID, SECRET));
    check(
        &file,
        "add work --import work --access-key-id AKIAQNZGKIQY56JQ7WML",
        2,
        &["--import <SECTION> cannot go together with --access-key-id"],
    );
    check(&file, "add work --keep-file", 2, &["--import <SECTION> is missing"]);
    check(&file, "add work --import wo[rk", 2, &["--import: ", "U+005B"]);
    check(&file, "add work --import", 2, &["--import <SECTION> needs a value"]);
}

#[test]
fn a_section_without_a_key_is_3() {
    let file = format!("[default]\nregion = x\n[work]\n{}", lines(ID, SECRET));
    check(&file, "add work --import wrok", 3, &["there is no section [wrok]", "stsd add work --import work"]);
    check(&file, "add work --import zzz", 3, &["there is no section [zzz]", "grep -n"]);
    check(&file, "add work --import default", 3, &["[default] holds no key"]);
    let session = format!("[work]\n{}aws_session_token = t\n", lines("ASIAY34FZKBOKMUTVV7A", SECRET));
    check(&session, "add work --import work", 3, &["[work] holds temporary credentials"]);
    check(
        &format!("{session}[work-long-term]\n{}", lines(ID, SECRET)),
        "add work --import work",
        3,
        &["stsd add work --import work-long-term"],
    );
}

#[test]
fn a_key_that_cannot_be_read_safely_is_8_with_its_line() {
    let check = |body: &str, words: &[&str]| {
        check(&format!("# mine\n[work]\n{body}"), "add work --import work", 8, words);
    };
    check(&lines(ID, &format!("\"{SECRET}\"")), &["line 4", "character 1 is U+0022 (quote)", "+4 "]);
    check(&lines(ID, &format!("{SECRET}\u{200b}")), &["line 4", "U+200B (zero-width space)"]);
    check(&lines(SECRET, ID), &["line 3", "swapped"]);
    check(&format!("{}  joined\n", lines(ID, SECRET)), &["line 5", "continuation"]);
    check(&format!("{}[work]\n", lines(ID, SECRET)), &["line 5", "stands twice"]);
    check(&format!("aws_access_key_id = {ID}\n"), &["line 2", "no aws_secret_access_key"]);
}

#[test]
fn without_a_keychain_it_is_7() {
    let file = format!("[work]\n{}", lines(ID, SECRET));
    check(&file, "add work --import work", 7, &["no keychain"]);
    check(&file, "add work --import work --keep-file --no-verify", 7, &["no keychain"]);
}
