//! A session put into a section.

use secrecy::SecretString;

use super::super::RefusalReason;
use super::{NEW_LINES, document, fingerprint, put, section, session};

#[track_caller]
fn check(before: &str, after: &str) {
    assert_eq!(put(before, "work").as_deref(), Ok(after));
    // The same values again change nothing.
    let again = document(after).put_session(&section("work"), &session("NEW"), None).unwrap();
    assert!(!again.changed);
    assert_eq!(again.document.text(), after);
}

#[test]
fn a_new_section_is_appended_after_an_empty_line() {
    check("", &format!("[work]\n{NEW_LINES}"));
    check("[a]\nx = 1\n", &format!("[a]\nx = 1\n\n[work]\n{NEW_LINES}"));
    check("[a]\nx = 1\n\n", &format!("[a]\nx = 1\n\n\n[work]\n{NEW_LINES}"));
    check("# c\n", &format!("# c\n\n[work]\n{NEW_LINES}"));
}

#[test]
fn a_missing_last_line_end_is_made_up_for() {
    check("[a]\nx = 1", &format!("[a]\nx = 1\n[work]\n{NEW_LINES}"));
    check("# c", &format!("# c\n\n[work]\n{NEW_LINES}"));
    check("[work]", &format!("[work]\n{NEW_LINES}"));
    check("[work]\nregion = x", &format!("[work]\nregion = x\n{NEW_LINES}"));
    let lines = NEW_LINES.trim_end();
    let stale = lines.replace("NEW", "OLD");
    check(&format!("[work]\n{stale}"), &format!("[work]\n{lines}"));
}

#[test]
fn managed_lines_are_replaced_in_place_and_all_else_stays() {
    check(
        "# top\n[work]\n# mine\nregion=eu-west-1\nAWS_Session_Token=old\n\naws_access_key_id  =  ASIAOLDOLDOLDOLDOLD1\n\
         output = json # c\naws_secret_access_key=old\nx_security_token_expires = never\n; end\n\n[tail]\nk = v\n",
        "# top\n[work]\n# mine\nregion=eu-west-1\naws_session_token = token/NEW==\n\naws_access_key_id = \
         ASIAXXXXXXXXXXXXXNEW\noutput = json # c\naws_secret_access_key = secret/NEW+\n\
         x_security_token_expires = 2026-11-22T03:04:05Z\n; end\n\n[tail]\nk = v\n",
    );
}

#[test]
fn missing_lines_go_behind_the_last_key_and_before_trailing_comments() {
    check(
        "[work]\ns3 =\n  a = b\n\n# about tail\n[tail]\n",
        &format!("[work]\ns3 =\n  a = b\n{NEW_LINES}\n# about tail\n[tail]\n"),
    );
    check("[work] # mine\n\n[tail]\n", &format!("[work] # mine\n{NEW_LINES}\n[tail]\n"));
}

#[test]
fn what_other_tools_left_in_the_section_goes_and_elsewhere_stays() {
    let stale = "aws_security_token = old\nexpiration = 2026-01-01 00:00:00\nAWS_EXPIRATION = x\naws_session_expiration = y\n";
    check(
        &format!("[a]\n{stale}[work]\n{stale}region = x\n"),
        &format!("[a]\n{stale}[work]\nregion = x\n{NEW_LINES}"),
    );
}

#[test]
fn the_files_own_line_ends_are_used() {
    let crlf = NEW_LINES.replace('\n', "\r\n");
    check("[a]\r\nx = 1\r\n", &format!("[a]\r\nx = 1\r\n\r\n[work]\r\n{crlf}"));
    check("[a]\nx = 1\r\n", &format!("[a]\nx = 1\r\n\r\n[work]\r\n{crlf}"));
    check("[a]\nx = 1\ny = 2\r\n", &format!("[a]\nx = 1\ny = 2\r\n\n[work]\n{NEW_LINES}"));
    // A replaced line keeps its own.
    check(
        "[a]\n\n\n[work]\naws_access_key_id = ASIAOLD\r\naws_session_token = x\n",
        "[a]\n\n\n[work]\naws_access_key_id = ASIAXXXXXXXXXXXXXNEW\r\naws_session_token = token/NEW==\n\
         aws_secret_access_key = secret/NEW+\nx_security_token_expires = 2026-11-22T03:04:05Z\n",
    );
}

#[test]
fn a_long_term_key_is_never_overwritten() {
    let refused = |body: &str| {
        let text = format!("# c\n[work]\n{body}\n");
        let words = "line 2: the section [work] holds a long-term key, which may exist nowhere else";
        assert_eq!(put(&text, "work"), Err(words.to_owned()), "{body}");
    };
    refused("aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = s");
    refused(
        "aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = s\naws_session_token = left-over",
    );
    refused("aws_access_key_id = minio_user_0123456\naws_secret_access_key = s");
    refused("aws_access_key_id = ASIAIOSFODNN7EXAMPLE");
    refused("aws_secret_access_key = s");
    refused("AWS_SECRET_ACCESS_KEY = s");
    refused("aws_secret_access_key = #s");
    refused("aws_access_key_id = AKIAIOSFODNN7EXAMPLE # mine\naws_session_token = x");
    // With a token that is none, or an id that is quoted, put out of use, or begins with what cannot be seen.
    let expiry = "x_security_token_expires = 2026-11-22T03:04:05Z";
    for token in ["\"\"", "''", "\" \"", "# none", "; none", "\"# none\"", "\u{a0}"] {
        for id in ["minio", "ASIAIOSFODNN7EXAMPLE"] {
            refused(&format!(
                "aws_access_key_id = {id}\naws_secret_access_key = s\naws_session_token = {token}\n{expiry}"
            ));
        }
    }
    for id in ["#AKIAX", "; AKIAX", "\"AKIAX\"", "'AKIAX'", "\u{a0}AKIAX", "\u{200b}AKIAX", "\u{feff}AKIAX"] {
        refused(&format!(
            "aws_access_key_id = {id}\naws_secret_access_key = s\naws_session_token = left-over\n{expiry}"
        ));
    }
    refused("aws_access_key_id = minio\naws_secret_access_key = s\naws_session_token = t");
}

#[test]
fn what_we_wrote_ourselves_is_overwritten_whatever_it_looks_like() {
    let mut ours = session("OLD");
    ours.id = crate::domain::keys::AccessKeyId::parse("AKIAIOSFODNN7EXAMPLE").unwrap();
    let name = section("work");
    let (new, not_ours, written) = (session("NEW"), fingerprint(&session("NEW")), fingerprint(&ours));
    let put = |text: &str, session, written| document(text).put_session(&name, session, written);
    let text = put("", &ours, None).unwrap().document;
    assert!(put(text.text(), &new, None).is_err());
    assert!(put(text.text(), &new, Some(&not_ours)).is_err());
    let edit = put(text.text(), &new, Some(&written)).unwrap();
    assert_eq!(edit.document.text(), format!("[work]\n{NEW_LINES}"));
    assert!(edit.changed && !edit.created);
    // The very same values once more overwrite nothing.
    assert!(!put(text.text(), &ours, None).unwrap().changed);
}

#[test]
fn a_value_that_some_parser_reads_differently_is_not_written() {
    let check = |value: &str| {
        let mut bad = session("NEW");
        bad.token = SecretString::from(value);
        let refusal = document("").put_session(&section("work"), &bad, None).unwrap_err();
        assert_eq!(refusal.reason, RefusalReason::UnwritableValue { key: "aws_session_token" }, "{value:?}");
        assert_eq!(
            refusal.to_string(),
            "the new value of aws_session_token is not one that every AWS tool would read back"
        );
    };
    for value in [
        "",
        " x",
        "x ",
        "x\n[evil]",
        "x\r",
        "x\0",
        "x #c",
        "x\t;c",
        "#x",
        ";x",
        "\"x\"",
        "'x",
        "x'",
        "ä",
        "x\u{7f}",
    ] {
        check(value);
    }
    let mut good = session("NEW");
    good.token = SecretString::from("a#b;c=d e\"f:/+==");
    assert!(document("").put_session(&section("work"), &good, None).is_ok());
}
