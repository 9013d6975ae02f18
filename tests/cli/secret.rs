//! A secret on stdin that cannot be one: what is wrong is named by place and code point, the secret never.

use crate::home::Home;

const ID: &str = "AKIAY34FZKBOKMUTVV7A";

/// The input is refused; no run of four characters of it is shown.
#[track_caller]
fn check(input: &[u8], words: &[&str]) {
    let home = Home::new();
    let ran = home.run_with(&["add", "work", "--access-key-id", ID], input);
    ran.failed_with(2, words);
    for run in input.windows(4).filter(|run| run.iter().all(u8::is_ascii_alphanumeric)) {
        ran.hides(std::str::from_utf8(run).unwrap());
    }
    assert_eq!(home.sts.requests(), [], "AWS was called");
    assert!(!home.path(".config").exists(), "a configuration was written");
}

#[test]
fn a_character_that_came_along_is_named_by_place_and_code_point() {
    check("wJalrXUtn\u{200b}FEMI".as_bytes(), &["character 10", "U+200B", "zero-width space"]);
    check("\u{feff}wJalrXUtnFEMI".as_bytes(), &["character 1 ", "U+FEFF"]);
    check("wJalrXUtnFEMI\u{a0}\n".as_bytes(), &["character 14", "U+00A0", "no-break space"]);
    check(b"\"wJalrXUtnFEMI\"\n", &["character 1 ", "U+0022", "quote"]);
    check(b"'wJalrXUtnFEMI'\n", &["character 1 ", "U+0027", "quote"]);
    check("\u{201c}wJalrXUtnFEMI\u{201d}".as_bytes(), &["character 1 ", "U+201C"]);
    check(b"wJalrXUtnFEMI\r\n", &["character 14", "U+000D", "carriage return"]);
    check(b"wJalr XUtnFEMI\n", &["character 6", "U+0020", "space"]);
    check(b"wJalrXUtnFEMI\t\n", &["character 14", "U+0009", "tab"]);
    check(b"wJalr\x00XUtnFEMI\n", &["character 6", "U+0000"]);
}

#[test]
fn what_is_not_one_line_of_text_is_refused() {
    check(b"", &["stdin is empty"]);
    check(b"\n", &["stdin is empty"]);
    check(b"wJalrXUtnFEMI\nbPxRfiCY\n", &["more than one line"]);
    check(b"wJalrXUtnFEMI\n\n", &["more than one line"]);
    check(b"wJalrXUtn\xffFEMI\n", &["not UTF-8"]);
    check(&[b'x'; 600], &["600 characters"]);
    check(&vec![b'x'; 100_000], &["longer than any"]);
}

#[test]
fn an_id_in_the_secrets_place_is_refused() {
    check(b"AKIAQNZGKIQY56JQ7WML\n", &["access key id", "swapped"]);
}

#[test]
fn a_seed_on_the_command_line_is_refused_and_not_repeated() {
    const SEED: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
    let home = Home::new();
    for line in [
        &["add", "work", "--totp-seed", SEED][..],
        &["add", "work", &format!("--totp-seed={SEED}")],
        &["add", "work", "--totp-seed", &format!("otpauth://totp/a?secret={SEED}")],
    ] {
        let ran = home.run(line);
        ran.failed_with(
            2,
            &["--totp-seed", "not taken from the command line", "stsd add work --totp-seed -"],
        );
        ran.hides(SEED);
    }
    let ran = home.run(&["add", "work", "--totp-seed", "-", "--import", "work"]);
    ran.failed_with(2, &["--import"]);
    assert!(!home.path(".config").exists(), "a configuration was written");
}
