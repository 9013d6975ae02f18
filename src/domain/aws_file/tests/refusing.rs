//! What is left alone, where and in which words.

use zeroize::Zeroizing;

use super::super::{Document, Grammar, RefusalReason};
use super::{document, put, section, session};

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(put(text, "work"), Err(expected.to_owned()));
    let taken = document(text).take_session(&section("work"), true, None);
    assert_eq!(taken.map(|_| ()).map_err(|refusal| refusal.to_string()), Err(expected.to_owned()));
}

#[test]
fn trouble_anywhere_in_the_file_forbids_the_edit() {
    check(
        "\u{feff}[a]\n",
        "line 1: the file begins with a byte order mark, with which the AWS CLI refuses it",
    );
    check("[a]\nx = \0\n", "line 2: a NUL character");
    let cr =
        "a carriage return without a line feed, which some AWS tools read as a line end and others do not";
    check("[a]\rx = 1\n", &format!("line 1: {cr}"));
    check("[a]\nx = 1\r\r\n", &format!("line 2: {cr}"));
    check("[a]\nx = 1\r", &format!("line 2: {cr}"));
    check("[work]\n[a]\n\n[work]\n", "line 4: the section [work] stands twice in the file (line 1)");
    check("[my key]\n[my key]\n", "line 2: a section stands twice in the file (line 1)");
    for header in ["[__proto__]", "[profile __proto__] # c"] {
        check(
            &format!("\n{header}\n"),
            "line 2: a section named __proto__, with which the JavaScript SDK reads the whole file as empty",
        );
    }
    let headers = [
        "[ a ]",
        "[a ]",
        "[a]#c",
        "[a] [b]",
        "[a] # [b]",
        "[a] x",
        "[a",
        "[]",
        "[[a]]",
        "[a#b]",
        "[\u{a0}a]",
    ];
    for header in headers {
        check(&format!("[x]\n{header}\n"), "line 2: a section header that AWS tools read differently");
    }
}

#[test]
fn what_a_parser_takes_for_a_part_of_the_target_forbids_the_edit() {
    // What is there can be taken out all the same: nothing new can mix with it.
    let check = |text: &str, expected: &str| {
        assert_eq!(put(text, "work"), Err(expected.to_owned()));
        document(text).take_session(&section("work"), true, None).unwrap();
    };
    // To Python it is a second `[work]` right under another header, to JavaScript anywhere.
    for header in [" [work]", "k = v\n\t[work] # c", "\u{a0}[work]", "\u{1c}[work]", "k = v\n  [ work ]"] {
        let line = 2 + header.matches('\n').count();
        let expected = "an indented section header, which some AWS tools join to the value above it";
        check(&format!("[x]\n{header}\n"), &format!("line {line}: {expected}"));
    }
    for header in ["  [__proto__]", "\t[profile __proto__] # c"] {
        let expected =
            "a section named __proto__, with which the JavaScript SDK reads the whole file as empty";
        check(&format!("[x]\nk = v\n{header}\n"), &format!("line 3: {expected}"));
    }
    let elsewhere = "[x]\nk = v\n  [y]\n";
    assert!(put(elsewhere, "work").unwrap().starts_with(elsewhere));
    // Python reads a token there in every spelling, also an empty one, and takes it for that of every section.
    let token = "the section [DEFAULT] has an aws_security_token, which the AWS CLI and boto3 prefer over the token of every other section";
    for (text, line) in [
        ("[x]\n[DEFAULT]\nAWS_SECURITY_TOKEN = t", 3),
        ("[DEFAULT]\nregion = x\n\naws_security_token: t", 4),
        ("[DEFAULT]\n\n  aws_security_token = t", 3),
        ("[DEFAULT]\n  region = x\n\taws_security_token : t", 3),
        ("[x]\n  [DEFAULT]\naws_security_token = t", 3),
        ("[DEFAULT]\naws_security_token =", 2),
        ("[DEFAULT]\naws_security_token =\n  a = b", 2),
        ("[DEFAULT]\naws_security_token =\n  junk", 2),
        // Where Python cannot read the file at all, it is the section that is named.
        ("[DEFAULT]\naws_security_token = t\n[x]\njunk", 1),
    ] {
        check(&format!("{text}\n"), &format!("line {line}: {token}"));
    }
    for text in
        ["# aws_security_token = t", "region = x\n  aws_security_token = t", "x_aws_security_token = t"]
    {
        put(&format!("[DEFAULT]\n{text}\n"), "work").unwrap();
    }
    // Nobody inherits it yet, so that Python can read the file now, and could not with one section more.
    let unread = "[DEFAULT]\nx = 1\ns3 =\n  junk\n";
    let words =
        "lines of the section [DEFAULT] with which the AWS CLI and boto3 could not read a new section";
    check(unread, &format!("line 3: {words}"));
    put(&format!("{unread}[work]\ns3 =\n  a = b\n"), "work").unwrap();
    let refusal = put("[profile x]\nregion = a\n", "profile.x").unwrap_err();
    assert_eq!(refusal, "line 1: a section header that AWS tools read differently");
    assert!(put("[profile \"x\"]\nregion = a\n", "profile.x").is_err());
    put("[profile x]\nregion = a\n", "x").unwrap();
}

#[test]
fn trouble_in_the_target_forbids_the_edit_and_elsewhere_does_not() {
    let check = |body: &str, line: usize, expected: &str| {
        check(&format!("[a]\n[work]\n{body}\n[b]\n"), &format!("line {line}: {expected}"));
        let elsewhere = format!("[a]\n{body}\n");
        assert!(put(&elsewhere, "work").unwrap().starts_with(&elsewhere), "{body}");
    };
    check("k = v\n  # c", 4, "an indented comment, which some AWS tools join to the value above it");
    check("k = v\n  more", 4, "a continuation line, which some AWS tools join to the value above it");
    check(" k = v", 3, "an indented line without a key above it");
    check("k: v", 3, "a colon in the place of the equals sign, which few AWS tools accept");
    check("k:l = v", 3, "a colon in the place of the equals sign, which few AWS tools accept");
    check("k", 3, "neither a comment nor \"key = value\"");
    check("= v", 3, "neither a comment nor \"key = value\"");
    check("export k = v", 3, "neither a comment nor \"key = value\"");
    check("schlüssel = v", 3, "neither a comment nor \"key = value\"");
    check("region = a\nx = y\nREGION = b", 5, "a key stands twice in its section (line 3)");
    check("region = a\nregion = b", 4, "the key region stands twice in its section (line 3)");
    check(
        "aws_access_key_id = a\nAWS_ACCESS_KEY_ID = b",
        4,
        "the key aws_access_key_id stands twice in its section (line 3)",
    );
    check("aws_session_token =\n  a = b", 4, "a nested block under aws_session_token, which stsd manages");
    check("expiration =\n  a = b", 4, "a nested block under expiration, which stsd manages");
}

#[test]
fn a_secret_in_the_wrong_place_is_not_shown() {
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    for text in [
        format!("[work]\n{secret}\n"),
        format!("[work]\n{secret} =\n{secret} =\n"),
        format!("[work]\n{secret}: x\n"),
        format!("[a {secret}]\n[a {secret}]\n"),
        format!("[{secret}\n"),
        format!("[work]\nk = v\n  {secret}\n"),
    ] {
        let refusal = document(&text).put_session(&section("work"), &session("NEW"), None).unwrap_err();
        assert!(!format!("{refusal} {refusal:?}").contains("wJalr"), "{refusal:?}");
    }
}

#[test]
fn bytes_that_are_no_utf_8_are_refused_with_their_line() {
    let check = |bytes: &[u8], line, reason| {
        let refusal = Document::from_bytes(Zeroizing::new(bytes.to_vec()), Grammar::Credentials).unwrap_err();
        assert_eq!((refusal.line, refusal.reason), (Some(line), reason));
    };
    check(b"\xff\xfe[\0", 1, RefusalReason::Utf16);
    check(b"\xfe\xff\0[", 1, RefusalReason::Utf16);
    check(b"[a]\n# caf\xe9\n", 2, RefusalReason::NotUtf8);
    assert!(Document::from_bytes(Zeroizing::new(b"[a]\n".to_vec()), Grammar::Credentials).is_ok());
}

#[test]
fn the_config_file_takes_no_session() {
    let config = Document::parse("[default]\n".to_owned(), Grammar::Config);
    let refusal = config.put_session(&section("default"), &session("NEW"), None).unwrap_err();
    assert_eq!(refusal.to_string(), "sessions are written to the credentials file only");
}
