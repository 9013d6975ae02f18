//! A long-term key read out of a section and taken out of it.

use super::super::{RefusalReason, Removal, SectionKeyError, Sighting, Trace, first_trace};
use super::{Document, Grammar, document, section};
use crate::domain::keys::{AccessKeyId, LongTermKey};

const ID: &str = "AKIAY34FZKBOKMUTVV7A";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const KEY_LINES: &str = "aws_access_key_id = AKIAY34FZKBOKMUTVV7A\n\
    aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n";

fn key() -> LongTermKey {
    LongTermKey { id: AccessKeyId::parse(ID).unwrap(), secret: SECRET.to_owned().into() }
}

/// Takes the key out of `work`.
#[track_caller]
fn check(before: &str, after: &str, expected: Removal) {
    let (edit, removal) = document(before).take_key(&section("work"), &key()).unwrap();
    assert_eq!((edit.document.text(), removal), (after, expected));
    assert_eq!(edit.changed, removal == Removal::Removed);
    // Once more changes nothing.
    let (again, removal) = edit.document.take_key(&section("work"), &key()).unwrap();
    assert_eq!((again.document.text(), again.changed), (after, false));
    assert_ne!(removal, Removal::Removed);
}

/// The key in `work` cannot be read, nor is anything shown of it.
#[track_caller]
fn unreadable(body: &str, words: &str) {
    let text = format!("[a]\n[work]\n{body}");
    let error = document(&text).long_term_key(&section("work")).unwrap_err().to_string();
    assert!(error.contains(words), "{error}");
    assert!(!error.contains("wJalr") && !error.contains("AKIAY34"), "{error}");
}

#[test]
fn a_key_leaves_and_every_other_byte_stays() {
    check(&format!("[work]\n{KEY_LINES}"), "[work]\n", Removal::Removed);
    check(&format!("[work]\n{}", KEY_LINES.trim_end()), "[work]\n", Removal::Removed);
    check(
        &format!(
            "# top\n[a]\nx=1\n\n[work] # mine\n# above\n{KEY_LINES}; below\nregion = x\ns3 =\n  a = b\n\n[b]\n{KEY_LINES}"
        ),
        &format!(
            "# top\n[a]\nx=1\n\n[work] # mine\n# above\n; below\nregion = x\ns3 =\n  a = b\n\n[b]\n{KEY_LINES}"
        ),
        Removal::Removed,
    );
    let crlf = format!("[a]\r\n[work]\r\n{}output = text\r\n", KEY_LINES.replace('\n', "\r\n"));
    check(&crlf, "[a]\r\n[work]\r\noutput = text\r\n", Removal::Removed);
    let odd =
        format!("[work]\nregion=x\nAWS_SECRET_ACCESS_KEY\t=\t{SECRET} \n\n\nAws_Access_Key_Id={ID}\n# c");
    check(&odd, "[work]\nregion=x\n\n\n# c", Removal::Removed);
}

#[test]
fn what_was_left_over_of_a_session_goes_with_the_key() {
    let body = "aws_session_token = old\naws_security_token = old\nexpiration = 2020-01-01 00:00:00\n\
        x_security_token_expires = 2020-01-01T00:00:00Z\n";
    let before = format!("[work]\n{KEY_LINES}{body}x_principal_arn = y\n");
    check(&before, "[work]\nx_principal_arn = y\n", Removal::Removed);
    assert!(document(&before).long_term_key(&section("work")).unwrap().key.is_same_as(&key()));
}

#[test]
fn a_section_with_anything_else_is_left_alone() {
    let foreign = |body: &str| {
        let text = format!("[work]\n{body}");
        check(&text, &text, Removal::Foreign);
    };
    foreign(&KEY_LINES.replace("VV7A", "VV7B"));
    foreign(&KEY_LINES.replace("EXAMPLEKEY", "EXAMPLEKEZ"));
    foreign(&KEY_LINES.replace(SECRET, &format!("\"{SECRET}\"")));
    foreign(&KEY_LINES.replace(SECRET, &format!("{SECRET} # old")));
    foreign(&format!("aws_access_key_id = {ID}\n"));
    foreign(&format!("aws_secret_access_key = {SECRET}\n"));
    let absent = |text: &str| check(text, text, Removal::Absent);
    absent("[work]\nregion = x\n");
    absent("[work]\naws_access_key_id =\naws_secret_access_key =\n");
    absent("[other]\n");
    absent("");
}

#[test]
fn a_file_that_parsers_read_differently_is_refused() {
    let refused = |text: &str, reason: fn(&RefusalReason) -> bool| {
        let refusal = document(text).take_key(&section("work"), &key()).unwrap_err();
        assert!(reason(&refusal.reason), "{refusal}");
        assert!(document(text).long_term_key(&section("work")).is_err());
    };
    let work = format!("[work]\n{KEY_LINES}");
    refused(&format!("\u{feff}{work}"), |r| *r == RefusalReason::ByteOrderMark);
    refused(&format!("{work}{work}"), |r| matches!(r, RefusalReason::DuplicateSection { .. }));
    refused(&format!("[ x ]\n{work}"), |r| *r == RefusalReason::AmbiguousHeader);
    refused(&format!("{work}  more\n"), |r| *r == RefusalReason::Continuation);
    refused(&format!("{work}{KEY_LINES}"), |r| matches!(r, RefusalReason::DuplicateKey { .. }));
    refused(&format!("{work}colon: x\n"), |r| *r == RefusalReason::Colon);
    refused(&format!("{work}\u{feff}x\0"), |r| *r == RefusalReason::Nul);
    let config = Document::parse(work, Grammar::Config).take_key(&section("work"), &key());
    assert_eq!(config.unwrap_err().reason, RefusalReason::ConfigFile);
}

#[test]
fn only_a_long_term_key_that_every_tool_reads_alike_can_be_imported() {
    let found = document(&format!("[work]\n{KEY_LINES}")).long_term_key(&section("work")).unwrap();
    assert!(found.key.is_same_as(&key()) && found.device.is_none());
    unreadable("region = x\n", "holds no key");
    unreadable("", "holds no key");
    unreadable(
        &format!("aws_access_key_id = {ID}\n"),
        "line 2: the section [work] has no aws_secret_access_key",
    );
    unreadable(&format!("aws_secret_access_key = {SECRET}\n"), "has no aws_access_key_id");
    let temporary = "temporary credentials";
    unreadable(&KEY_LINES.replace("AKIA", "ASIA"), temporary);
    unreadable(&format!("{}aws_session_token = t\n", KEY_LINES.replace("AKIA", "ASIA")), temporary);
    let other = KEY_LINES.replace(ID, "minio_user_0123456");
    assert!(document(&format!("[work]\n{other}")).long_term_key(&section("work")).is_ok());
    unreadable(&format!("{other}aws_session_token = t\n"), temporary);
    let secret = |value: &str| KEY_LINES.replace(SECRET, value);
    unreadable(
        &secret(&format!("\"{SECRET}\"")),
        "line 4: in the secret access key character 1 is U+0022 (quote)",
    );
    unreadable(
        &secret(&format!("{SECRET} # old")),
        "line 4: in the secret access key character 41 is U+0020",
    );
    unreadable(&secret(&format!("wJalr\u{200b}{SECRET}")), "character 6 is U+200B (zero-width space)");
    unreadable(&secret(ID), "swapped");
    let id = |value: &str| KEY_LINES.replace(ID, value);
    unreadable(&id(&format!("'{ID}'")), "line 3: in the access key id character 1 is U+0027 (quote)");
    unreadable(&id(&format!("#{ID}")), "line 3: in the access key id character 1 is U+0023");
    unreadable(&id(&format!("{ID}\u{a0}")), "character 21 is U+00A0 (no-break space)");
    unreadable(&id(SECRET), "swapped");
    unreadable(&id("AROAY34FZKBOKMUTVV7A"), "line 3: an id that begins with AROA is a role's");
}

#[test]
fn a_section_that_is_not_there_is_answered_with_the_nearest() {
    let text = format!("[default]\n[work-dev]\n{KEY_LINES}");
    let error = |name: &str| document(&text).long_term_key(&section(name)).unwrap_err();
    let near = |name: &str| {
        let SectionKeyError::NoSection { near, .. } = error(name) else { panic!("{name}") };
        near
    };
    assert_eq!(near("work-dve").as_deref(), Some("work-dev"));
    assert_eq!(near("xyz"), None);
}

#[test]
fn a_device_beside_the_key_is_found_if_it_is_one() {
    let device = |line: &str| {
        let text = format!("[work]\n{KEY_LINES}{line}\n");
        document(&text).long_term_key(&section("work")).unwrap().device.map(|device| device.to_string())
    };
    let arn = "arn:aws:iam::123456789012:mfa/alice";
    assert_eq!(device(&format!("aws_mfa_device = {arn}")).as_deref(), Some(arn));
    assert_eq!(device(&format!("mfa_serial = {arn}")).as_deref(), Some(arn));
    assert_eq!(device("aws_mfa_device = arn:aws:iam::123456789012:user/alice"), None);
    assert_eq!(device("aws_mfa_device = GAHT12345678"), None);
    assert_eq!(device("region = x"), None);
}

#[test]
fn every_place_of_a_key_is_seen() {
    let text = format!(
        "[work]\n{KEY_LINES}[old]\nregion = x\n# {SECRET}\n[work-long-term]\n{KEY_LINES}[quoted]\naws_access_key_id = {ID}\n\
         aws_secret_access_key = \"{SECRET}\"\n[other]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n"
    );
    let seen = document(&text).sightings(&key());
    let of = |name: &str, line| Sighting::Section { section: section(name), line };
    let at = |line, secret| Sighting::Line(Trace { line, secret });
    assert_eq!(seen, [of("work", 1), at(6, true), of("work-long-term", 7), at(11, false), at(12, true)]);
    assert_eq!(document("[work]\nregion = x\n").sightings(&key()), []);
    // A file that cannot be edited has lines only.
    let twice = format!("[a]\n[a]\n[work]\n{KEY_LINES}");
    assert_eq!(document(&twice).sightings(&key()), [at(4, false), at(5, true)]);
}

#[test]
fn a_trace_in_a_file_of_any_kind_is_found() {
    let check = |bytes: &[u8], expected| assert_eq!(first_trace(bytes, &key()), expected);
    check(b"", None);
    check(b"x\ny\n", None);
    check(format!("x\n{ID}\n\n\"{SECRET}\"\n").as_bytes(), Some(Trace { line: 4, secret: true }));
    check(format!("x\n{ID},").as_bytes(), Some(Trace { line: 2, secret: false }));
    check(&[b"\xff\xfe\n\xff", SECRET.as_bytes(), b"\xff"].concat(), Some(Trace { line: 2, secret: true }));
}

#[test]
fn an_older_text_is_kept_without_the_key_that_is_safe() {
    let left = document(&format!("[work]\n{KEY_LINES}# mine\n[a]\nx = 1\n"));
    let present = document("[work]\n# mine\n[a]\nx = 1\n");
    assert!(present.keeps_all_but(&left, &key()) && !present.keeps_all_of(&left));
    let other = document(&format!("[work]\n{}# mine\n[a]\nx = 1\n", KEY_LINES.replace("VV7A", "VV7B")));
    assert!(!present.keeps_all_but(&other, &key()), "another key is not safe");
    assert!(!document("[a]\nx = 1\n").keeps_all_but(&left, &key()), "a comment would be lost");
}

#[test]
fn of_a_text_with_a_section_twice_every_line_counts() {
    // To a parser that joins the two, the secret is the one of the long-term key.
    let session =
        "aws_secret_access_key = s\naws_session_token = t\naws_access_key_id = ASIAY34FZKBOKMUTVV7A\n";
    let twice = document(&format!("[work]\n{session}[work]\naws_access_key_id = {ID}\n"));
    let present = document(&format!("[work]\naws_access_key_id = {ID}\n"));
    assert!(!present.keeps_all_of(&twice) && !present.keeps_all_but(&twice, &key()));
    assert!(present.keeps_all_of(&document(&format!("[work]\n{session}"))));
}
