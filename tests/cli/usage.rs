//! Wrong command lines: exit 2, before anything is read, asked or called.

use crate::home::{Home, WORK};

const ID: &str = "AKIAY34FZKBOKMUTVV7A";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// The command line is refused with these words, and nothing happens.
#[track_caller]
fn check(line: &str, words: &[&str]) {
    check_with(line, b"", words);
}

#[track_caller]
fn check_with(line: &str, input: &[u8], words: &[&str]) {
    let home = Home::with(WORK);
    let ran = home.run_with(&line.split(' ').collect::<Vec<_>>(), input);
    ran.failed_with(2, words);
    assert_eq!(home.sts.requests(), [], "AWS was called: {line}");
}

#[test]
fn a_command_line_that_is_wrong_says_what_is() {
    check("refersh", &["there is no such command", "did you mean refresh?"]);
    check("--verbos status", &["unknown option --verbos", "did you mean --verbose?"]);
    check("service", &["a command is missing", "stsd service --help"]);
    check("service restrat", &["did you mean restart?", "stsd service --help"]);
    check("add", &["<PROFILE> is missing"]);
    check("remove", &["<PROFILE> is missing"]);
    check("forget work --all", &["cannot go together with --all"]);
    check("status --color blue", &["auto, always, never"]);
    check("completions tcsh", &["bash"]);
    check("refresh work --code", &["--code"]);
    let home = Home::new();
    home.run(&[]).failed_with(2, &["a command is missing", "stsd --help"]);
}

#[test]
fn a_stray_word_is_not_shown_because_it_may_be_a_secret() {
    let home = Home::with(WORK);
    let check = |line: &[&str]| {
        let ran = home.run(line);
        ran.failed(2);
        ran.hides(SECRET);
        ran.hides("123456");
    };
    check(&["add", "work", SECRET]);
    check(&["add", "work", "--access-key-id", ID, SECRET]);
    check(&[SECRET]);
    check(&["remove", "work", SECRET]);
    check(&["completions", SECRET]);
    check(&["add", "work", "--secret", SECRET]);
    check(&["add", "work", &format!("--secret-access-key={SECRET}")]);
    check(&["refresh", "work", "--cod=123456"]);
    check(&["--color", SECRET, "status"]);
    check(&["status", SECRET.replace('+', " ").as_str(), "--min", "123456"]);
}

#[test]
fn a_name_that_no_section_can_have_is_refused() {
    check("status wo[rk", &["PROFILE", "U+005B"]);
    check("refresh DEFAULT", &["PROFILE"]);
    check("forget profile", &["PROFILE"]);
    check("add __proto__ --access-key-id AKIAY34FZKBOKMUTVV7A", &["PROFILE"]);
}

#[test]
fn a_code_of_the_wrong_shape_is_refused_before_any_call() {
    let home = Home::with(WORK);
    let check = |code: &str| {
        let ran = home.run(&["refresh", "work", "--code", code]);
        ran.failed_with(2, &["--code", "six digits"]);
        assert_eq!(home.sts.requests(), []);
    };
    for code in
        ["", "12345", "1234567", "12 345", "12345a", "-12345", "١٢٣٤٥٦", "１２３４５６", "12345\u{200b}6"]
    {
        check(code);
    }
}

#[test]
fn a_code_of_the_wrong_shape_on_stdin_is_refused_before_any_call() {
    let check = |input: &[u8], words: &[&str]| check_with("refresh work --code -", input, words);
    check(b"", &["stdin is empty"]);
    check(b"\n", &["stdin is empty"]);
    check(b"12345\n", &["six digits"]);
    check(b"123456\n654321\n", &["more than one line"]);
    check(b"123456\n\n", &["more than one line"]);
    check(b"\xff\xfe1234", &["not UTF-8"]);
    check(&[b'1'; 10_000], &["longer than any"]);
}

#[test]
fn an_id_that_is_no_long_term_keys_is_refused_and_not_shown() {
    let home = Home::new();
    let check = |id: &str, words: &[&str]| {
        let ran = home.run_with(&["add", "work", "--access-key-id", id], SECRET.as_bytes());
        ran.failed_with(2, &[&["--access-key-id"], words].concat());
        if !id.is_empty() {
            ran.hides(id);
        }
        ran.hides(SECRET);
        assert!(!home.path(".config").exists(), "a configuration was written for {id}");
    };
    check("ASIAY34FZKBOKMUTVV7A", &["ASIA", "temporary session"]);
    check("AIDAY34FZKBOKMUTVV7A", &["AIDA", "IAM user"]);
    check("AROAY34FZKBOKMUTVV7A", &["AROA", "role"]);
    check(SECRET, &["looks like the secret", "swapped"]);
    check("AKIAY34FZKBO\u{200b}MUTVV7A", &["character 13", "U+200B"]);
    check("\"AKIAY34FZKBOKMUTVV7A\"", &["character 1", "U+0022"]);
    check("AKIA", &["4 characters"]);
    check("", &["0 characters"]);
}

#[test]
fn a_serial_that_sts_cannot_use_is_refused_with_the_reason() {
    let home = Home::new();
    let check = |serial: &str, words: &[&str]| {
        let ran =
            home.run_with(&["add", "work", "--access-key-id", ID, "--mfa-serial", serial], SECRET.as_bytes());
        ran.failed_with(2, &[&["--mfa-serial"], words].concat());
    };
    check("arn:aws:iam::123456789012:u2f/user/alice/key-ABC", &["FIDO", "authenticator app"]);
    check("arn:aws:iam::123456789012:user/alice", &["ARN of the user", "mfa/"]);
    check("arn:aws:iam::123456789012:role/admin", &["no MFA device"]);
    check("arn:aws:iam::123456789012:mfa/al ice", &["U+0020"]);
    check("GAHT", &["9 to 256"]);
}

#[test]
fn a_duration_that_sts_does_not_grant_is_refused() {
    for (text, words) in [
        ("14m59s", "15m to 36h"),
        ("36h1s", "15m to 36h"),
        ("0s", "15m to 36h"),
        ("12", "not a duration"),
        ("1h-2m", "not a duration"),
        ("30m1h", "not a duration"),
        ("", "not a duration"),
        ("99999999999999999999h", "too long"),
    ] {
        let home = Home::with(WORK);
        let check = |line: &[&str]| {
            home.run_with(line, SECRET.as_bytes()).failed_with(2, &["--duration", words]);
            assert_eq!(home.sts.requests(), []);
        };
        check(&["refresh", "work", "--code", "123456", "--duration", text]);
        check(&["add", "work", "--access-key-id", ID, "--duration", text]);
    }
}

#[test]
fn a_region_that_is_no_name_of_a_region_is_refused() {
    check("add work --access-key-id AKIAY34FZKBOKMUTVV7A --region eu-west-1.evil.example", &["--region"]);
    check("add work --access-key-id AKIAY34FZKBOKMUTVV7A --region EU", &["--region"]);
}

#[test]
fn add_without_an_id_asks_nobody_where_there_is_no_terminal() {
    let home = Home::new();
    let ran = home.run_with(&["add", "work"], SECRET.as_bytes());
    ran.failed_with(2, &["--access-key-id is missing", "stsd add work --access-key-id"]);
    ran.hides(SECRET);
}
