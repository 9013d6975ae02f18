//! A session taken out of a section.

use super::super::Removal;
use super::{NEW_LINES, document, fingerprint, put, section, session};

/// Takes `work`, which `created` says we made, and which holds `session("NEW")` as far as we remember.
#[track_caller]
fn check(before: &str, created: bool, remembered: bool, after: &str, expected: Removal) {
    let written = fingerprint(&session("NEW"));
    let (edit, removal) =
        document(before).take_session(&section("work"), created, remembered.then_some(&written)).unwrap();
    assert_eq!((edit.document.text(), removal), (after, expected));
    assert_eq!(edit.changed, removal == Removal::Removed);
}

#[test]
fn a_section_that_we_made_goes_with_its_empty_line() {
    for before in
        ["", "\n", "[a]\nx = 1\n", "[a]\nx = 1", "[a]\nx = 1\n\n\n", "[a]\r\n", "[a]\r\nx = 1", "# c\n", "  "]
    {
        check(&put(before, "work").unwrap(), true, true, before, Removal::Removed);
        check(&put(before, "work").unwrap(), true, false, before, Removal::Removed);
    }
    // Blank lines do not keep it, and what follows stays apart from what precedes.
    check(&format!("[a]\n\n[work]\n\n{NEW_LINES}\n\n[b]\n"), true, true, "[a]\n\n\n[b]\n", Removal::Removed);
    check(&format!("[a]\n[work]\n{NEW_LINES}[b]\n"), true, true, "[a]\n[b]\n", Removal::Removed);
}

#[test]
fn a_section_with_anything_of_somebody_else_stays() {
    for foreign in ["# mine\n", "region = x\n", "s3 =\n  a = b\n"] {
        let before = format!("[work]\n{foreign}{NEW_LINES}");
        check(&before, true, true, &format!("[work]\n{foreign}"), Removal::Removed);
    }
    check(&format!("[work] # mine\n{NEW_LINES}"), true, true, "[work] # mine\n", Removal::Removed);
    check(&format!("[work]\n{NEW_LINES}"), false, true, "[work]\n", Removal::Removed);
}

#[test]
fn a_comment_about_what_follows_does_not_hold_a_section_that_we_made() {
    let (head, tail) = ("[a]\nx = 1\n", "\n# about b\n\n; more\n[b]\ny = 2\n");
    let ours = format!("[work]\n{NEW_LINES}");
    check(&format!("{head}\n{ours}{tail}"), true, true, &format!("{head}{tail}"), Removal::Removed);
    check(&format!("{head}\n{ours}{tail}"), true, false, &format!("{head}{tail}"), Removal::Removed);
    check(&format!("{ours}\n# end"), true, true, "\n# end", Removal::Removed);
    // Right below our lines it may be a note on them, and among them it is.
    check(&format!("{ours}# mine\n[b]\n"), true, true, "[work]\n# mine\n[b]\n", Removal::Removed);
    check(&format!("{ours}# mine\n\n# b\n"), true, true, "[work]\n# mine\n\n# b\n", Removal::Removed);
    let among = NEW_LINES.replace("aws_session", "\n# mine\naws_session");
    check(&format!("[work]\n{among}"), true, true, "[work]\n\n# mine\n", Removal::Removed);
    // Where we did not make it, it stays.
    check(&format!("{ours}{tail}"), false, true, &format!("[work]\n{tail}"), Removal::Removed);
}

#[test]
fn a_section_that_was_there_keeps_all_but_the_session_that_ours_replaced() {
    let old = "aws_access_key_id = ASIAOLD\naws_secret_access_key = old\naws_session_token = old\n";
    for (before, after) in [
        ("[work]\nregion = x\n".to_owned(), "[work]\nregion = x\n"),
        ("# c\n[work] # mine\n\n; c\n[b]\n".to_owned(), "# c\n[work] # mine\n\n; c\n[b]\n"),
        ("[work]\nregion = x".to_owned(), "[work]\nregion = x\n"),
        (format!("[work]\nregion=x\n\n# c\n{old}"), "[work]\nregion=x\n\n# c\n"),
        (format!("[work]\n{old}expiration = x\noutput=y\n[b]\n"), "[work]\noutput=y\n[b]\n"),
        ("[work]\naws_access_key_id =\nregion = x\n".to_owned(), "[work]\nregion = x\n"),
    ] {
        check(&put(&before, "work").unwrap(), false, true, after, Removal::Removed);
    }
}

#[test]
fn a_comment_above_our_header_keeps_every_byte() {
    check(&format!("[a]\n\n# mine\n[work]\n{NEW_LINES}"), true, true, "[a]\n\n# mine\n", Removal::Removed);
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let check = |body: &str, remembered, expected| {
        let text = format!("[a]\n\n[work]\n{body}");
        check(&text, true, remembered, &text, expected);
    };
    let (new, old) = (NEW_LINES.to_owned(), NEW_LINES.replace("NEW", "OLD"));
    check(&old, true, Removal::Foreign);
    check(&new.replace("ASIA", "AKIA"), true, Removal::Foreign);
    check(&new.replace("ASIA", "AKIA"), false, Removal::Foreign);
    check("aws_access_key_id = ASIAX\naws_secret_access_key = s\n", false, Removal::Foreign);
    check("region = x\n", true, Removal::Absent);
    check("", false, Removal::Absent);
    check("x_security_token_expires = 2026-11-22T03:04:05Z\n", false, Removal::Absent);
}

#[test]
fn a_file_without_the_section_has_nothing_to_take() {
    check("[a]\nx = 1\n", true, true, "[a]\nx = 1\n", Removal::Absent);
    check("", false, false, "", Removal::Absent);
}

#[test]
fn the_keys_of_other_tools_go_with_the_session_that_we_remember() {
    let body = "aws_security_token = t\nexpiration = 2026-01-01 00:00:00\nassumed_role = False\n";
    let before = format!("[work]\n{NEW_LINES}{body}[b]\n");
    check(&before, false, true, "[work]\nassumed_role = False\n[b]\n", Removal::Removed);
}

#[test]
fn without_a_memory_only_what_looks_exactly_like_our_own_hand_is_taken() {
    let foreign = |body: &str| {
        let text = format!("[work]\n{body}");
        check(&text, true, false, &text, Removal::Foreign);
    };
    let [id, secret, token, expiry] = NEW_LINES.split_inclusive('\n').collect::<Vec<_>>()[..] else {
        panic!()
    };
    foreign(&format!("{id}{secret}{token}"));
    foreign(&format!("{secret}{id}{token}{expiry}"));
    foreign(&format!("{id}{secret}{token}\n{expiry}"));
    foreign(&format!("{id}{secret}{token}region = x\n{expiry}"));
    foreign(&NEW_LINES.replace(" = ", "="));
    foreign(&NEW_LINES.replace("aws_session_token", "AWS_SESSION_TOKEN"));
    foreign(&NEW_LINES.replace("x_security_token_expires", "expiration"));
    for moment in ["2026-11-22T03:04:05+00:00", "2026-11-22T03:04:05.5Z", "2026-11-22 03:04:05", "soon"] {
        foreign(&NEW_LINES.replace("2026-11-22T03:04:05Z", moment));
    }
    for mark in [
        "aws_security_token = t",
        "x_principal_arn = arn:aws:sts::1:assumed-role/x/y",
        "X_Principal_ARN =",
        "expiration = 2026-11-22 03:04:05",
        "aws_expiration = x",
        "aws_session_expiration = x",
        "aws_credential_expiration = x",
    ] {
        foreign(&format!("{NEW_LINES}{mark}\n"));
        foreign(&format!("{mark}\n{NEW_LINES}"));
    }
    // Beside our lines may stand what is nobody's credentials.
    let ours = format!("[work]\nregion = x\n{NEW_LINES}# mine\n");
    check(&ours, true, false, "[work]\nregion = x\n# mine\n", Removal::Removed);
    let crlf = format!("[work]\n{NEW_LINES}").replace('\n', "\r\n");
    check(&crlf, true, false, "", Removal::Removed);
}

#[test]
fn two_sections_taken_in_reverse_restore_the_file() {
    for before in ["[a]", "[a]\n", "", "[a]\n\n"] {
        let both = put(&put(before, "one").unwrap(), "work").unwrap();
        let (edit, _) = document(&both).take_session(&section("work"), true, None).unwrap();
        let (edit, _) = edit.document.take_session(&section("one"), true, None).unwrap();
        assert_eq!(edit.document.text(), before);
    }
}

#[test]
fn nothing_is_lost_with_a_copy_from_before_a_session_was_taken_out() {
    for tail in ["", "\n# note\n\n[b]\nx = 1\n", "# mine\n", "\n# note"] {
        let before = document(&format!("[a]\nx = 1\n\n[work]\n{NEW_LINES}{tail}"));
        let (edit, removal) =
            before.take_session(&section("work"), true, Some(&fingerprint(&session("NEW")))).unwrap();
        assert_eq!(removal, Removal::Removed);
        assert!(edit.document.keeps_all_of(&before), "{}", edit.document.text());
        assert!(!document("[a]\nx = 1\n").keeps_all_of(&before) || tail.is_empty());
    }
}
