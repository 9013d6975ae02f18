//! What stands in a section.

use secrecy::ExposeSecret as _;

use super::super::{Document, Grammar, OccupantKind};
use super::{document, fingerprint, put, section, session};

#[test]
fn debug_shows_nothing_of_the_text() {
    let document = document("[work]\naws_secret_access_key = top-secret\n[b]\n");
    assert_eq!(format!("{document:?}"), "Document { grammar: Credentials, bytes: 46, sections: 2, .. }");
    assert_eq!(
        format!("{:?}", document.occupant(&section("work"))),
        "Some(Occupant { access_key_id: None, secret: Some(SecretBox<str>([REDACTED])), token: None, \
         expires_at: None })"
    );
    let shown = |id: &str| {
        let occupant = super::document(&format!("[a]\naws_access_key_id = {id}\n")).occupant(&section("a"));
        format!("{:?}", occupant.unwrap())
    };
    let rest = "secret: None, token: None, expires_at: None }";
    let id = shown("AKIAIOSFODNN7EXAMPLE");
    assert_eq!(id, format!("Occupant {{ access_key_id: Some(\"…MPLE\"), {rest}"));
    let swapped = shown("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    assert_eq!(swapped, format!("Occupant {{ access_key_id: Some(\"[REDACTED]\"), {rest}"));
    let edit = document.put_session(&section("b"), &session("NEW"), None).unwrap();
    assert_eq!(
        format!("{edit:?}"),
        "Edit { document: Document { grammar: Credentials, bytes: 203, sections: 2, .. }, created: false, changed: true }"
    );
}

#[test]
fn sections_are_named_with_their_lines() {
    let text = "x = 1\n[a]\n\n[ bad ]\n[b] # c\n";
    let document = document(text);
    let found: Vec<_> = document.sections().map(|head| (head.title, head.line)).collect();
    assert_eq!(found, [("a", 2), ("b", 5)]);
    assert!(document.contains("a") && !document.contains("bad") && !document.contains(" bad "));
}

#[test]
fn the_config_file_has_its_profiles_behind_a_word() {
    let check = |text: &str, profile: &str, expected: Option<&str>| {
        let document = Document::parse(text.to_owned(), Grammar::Config);
        assert_eq!(document.get(profile, "region"), expected, "{text}");
    };
    check("[profile work]\nregion = a\n", "work", Some("a"));
    check("[profile \t work]\nregion = a\n", "work", Some("a"));
    check("[work]\nregion = a\n", "work", None);
    check("[profilework]\nregion = a\n", "work", None);
    check("[default]\nregion = a\n", "default", Some("a"));
    check("[profile default]\nregion = a\n[default]\nregion = b\n", "default", Some("a"));
}

#[test]
fn a_value_ends_where_a_comment_begins() {
    let check = |value: &str, expected: Option<&str>| {
        assert_eq!(document(&format!("[a]\nk = {value}\n")).get("a", "K"), expected, "{value}");
    };
    check("a # b ; c", Some("a"));
    check("a ; b # c", Some("a"));
    check("a\t#b", Some("a"));
    check("a#b;c", Some("a#b;c"));
    check("#a", Some("#a"));
    check("", None);
}

#[test]
fn an_occupant_is_what_it_is_worth() {
    let check = |body: &str, expected| {
        let found = document(&format!("[work]\n{body}\n")).occupant(&section("work")).unwrap().kind();
        assert_eq!(found, expected, "{body}");
    };
    check("", OccupantKind::Empty);
    check("aws_session_token = t", OccupantKind::Empty);
    check("aws_access_key_id =", OccupantKind::Empty);
    check(
        "aws_access_key_id = ASIAX\naws_secret_access_key = s\naws_session_token = t",
        OccupantKind::Temporary,
    );
    let expiring = |expiry: &str, expected| {
        let rest = "aws_secret_access_key = s\naws_security_token = t";
        check(&format!("aws_access_key_id = 0555b35654\n{rest}\n{expiry}"), expected);
    };
    expiring("x_security_token_expires = 2026-11-22T03:04:05Z", OccupantKind::Temporary);
    expiring("expiration = 2026-11-22 03:04:05", OccupantKind::Temporary);
    expiring("aws_expiration = 2026-11-22T03:04:05.678Z", OccupantKind::Temporary);
    expiring("aws_session_expiration = 2026-11-22 03:04:05+00:00", OccupantKind::Temporary);
    expiring("expiration = never", OccupantKind::LongTerm);
    expiring("", OccupantKind::LongTerm);
    check(
        "aws_access_key_id = ASIAX\naws_secret_access_key = s\naws_session_token =",
        OccupantKind::LongTerm,
    );
    check(
        "aws_access_key_id = AKIAX\naws_secret_access_key = s\naws_session_token = t",
        OccupantKind::LongTerm,
    );
    // To Python the comment is a part of the id.
    for id in ["ASIAX # AKIAX", "ASIAX\t;AKIAX", "'AKIAX'", "#AKIAX"] {
        let rest = "aws_secret_access_key = s\naws_session_token = t\nexpiration = 2026-11-22 03:04:05";
        check(&format!("aws_access_key_id = {id}\n{rest}"), OccupantKind::LongTerm);
    }
    check("aws_secret_access_key = s\naws_session_token = t", OccupantKind::LongTerm);
    assert!(document("[a]\n").occupant(&section("work")).is_none());
}

#[test]
fn the_session_token_comes_before_the_legacy_one() {
    let text = "[work]\naws_security_token = old\naws_session_token = new\n";
    let occupant = document(text).occupant(&section("work")).unwrap();
    assert_eq!(occupant.token.unwrap().expose_secret(), "new");
}

#[test]
fn the_earliest_expiry_of_any_tool_counts() {
    let check = |body: &str, expected: Option<&str>| {
        let occupant = document(&format!("[work]\n{body}\n")).occupant(&section("work")).unwrap();
        let found = occupant.expires_at.map(|at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string());
        assert_eq!(found.as_deref(), expected, "{body}");
    };
    check("x_security_token_expires = 2026-11-22T03:04:05Z", Some("2026-11-22T03:04:05Z"));
    check("x_security_token_expires = 2026-11-22T05:04:05+02:00", Some("2026-11-22T03:04:05Z"));
    check("expiration = 2026-11-22 03:04:05", Some("2026-11-22T03:04:05Z"));
    check("expiration = 2026-11-22 03:04:05 UTC", Some("2026-11-22T03:04:05Z"));
    check("aws_expiration = 2026-11-22T03:04:05.678Z", Some("2026-11-22T03:04:05Z"));
    check("aws_session_expiration = 2026-11-22 03:04:05+00:00", Some("2026-11-22T03:04:05Z"));
    check("AWS_EXPIRATION = 2026-11-22T03:04:05+0000", Some("2026-11-22T03:04:05Z"));
    check(
        "x_security_token_expires = 2026-11-22T03:04:05Z\nexpiration = 2026-11-21 23:00:00\naws_expiration = soon",
        Some("2026-11-21T23:00:00Z"),
    );
    check("expiration = soon", None);
    check("expiration = 2026-13-22 03:04:05", None);
    check("aws_credential = 1", None);
}

#[test]
fn what_was_put_is_read_back() {
    let occupant = document(&put("[a]\n", "work").unwrap()).occupant(&section("work")).unwrap();
    assert_eq!(occupant.kind(), OccupantKind::Temporary);
    assert!(occupant.holds(&session("NEW")) && !occupant.holds(&session("OLD")));
    assert!(occupant.is(&fingerprint(&session("NEW"))) && !occupant.is(&fingerprint(&session("OLD"))));
    assert_eq!(occupant.id().unwrap().last_four().to_string(), "…XNEW");
    assert_eq!(occupant.expires_at.unwrap().to_rfc3339(), "2026-11-22T03:04:05+00:00");
}
