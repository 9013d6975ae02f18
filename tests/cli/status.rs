//! `status` and `forget`: what a file and a memory tell, without a keychain and without a network.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::home::{CREDENTIALS, Home, WORK, rfc3339, section};

fn in_time(delta: TimeDelta) -> DateTime<Utc> {
    (Utc::now() + delta).trunc_subsecs(0)
}

#[test]
fn the_json_of_status_has_every_key_and_null_for_what_is_absent() {
    let home = Home::with(&format!("{WORK}sections = [\"a\", \"b\"]\n"));
    let absent = json!({"version": 1, "daemon": {"running": false, "version": null, "pid": null}, "profiles": [{
        "profile": "work", "section": "a", "sections": ["a", "b"], "kind": "session", "state": "absent",
        "access_key_id": null, "expires_at": null, "seconds_left": null,
        "mfa_serial": "arn:aws:iam::123456789012:mfa/alice", "last_error": null, "next_notice_at": null}]});
    assert_eq!(home.status("work"), (4, absent));

    let expires_at = in_time(TimeDelta::hours(2));
    home.write(CREDENTIALS, section("a", expires_at));
    let (code, mut status) = home.status("work");
    let left = status["profiles"][0]["seconds_left"].take();
    assert!((7100..=7200).contains(&left.as_u64().unwrap()), "{left}");
    let active = json!({"version": 1, "daemon": {"running": false, "version": null, "pid": null}, "profiles": [{
        "profile": "work", "section": "a", "sections": ["a", "b"], "kind": "session", "state": "active",
        "access_key_id": "…WXYZ", "expires_at": rfc3339(expires_at), "seconds_left": null,
        "mfa_serial": "arn:aws:iam::123456789012:mfa/alice", "last_error": null,
        "next_notice_at": rfc3339(expires_at - TimeDelta::minutes(30))}]});
    assert_eq!((code, status), (0, active));
}

#[test]
fn the_json_of_no_profiles_is_an_object_all_the_same() {
    let ran = Home::new().run(&["status", "--json"]);
    let nothing =
        json!({"version": 1, "daemon": {"running": false, "version": null, "pid": null}, "profiles": []});
    assert_eq!((ran.code, serde_json::from_str::<Value>(&ran.stdout).unwrap()), (4, nothing), "{ran:#?}");
}

#[test]
fn a_device_that_only_aws_configuration_knows_is_shown() {
    let home = Home::with("[profiles.work]\n");
    assert_eq!(home.status("work").1["profiles"][0]["mfa_serial"], Value::Null);
    home.write(".aws/config", "[profile work]\nmfa_serial = GAHT12345678\n");
    assert_eq!(home.status("work").1["profiles"][0]["mfa_serial"], "GAHT12345678");
}

#[test]
fn a_role_is_told_from_a_session() {
    let home = Home::with("[profiles.admin]\nsource = \"work\"\n[profiles.work]\n");
    assert_eq!(home.status("admin").1["profiles"][0]["kind"], "role");
    assert_eq!(home.status("work").1["profiles"][0]["kind"], "session");
}

#[test]
fn a_session_is_active_then_expiring_then_expired() {
    let check = |minutes: i64, state: &str, code: i32, next_lead: Option<i64>| {
        let home = Home::with(WORK);
        let expires_at = in_time(TimeDelta::minutes(minutes));
        home.write(CREDENTIALS, section("work", expires_at));
        let (exit, status) = home.status("work");
        let one = &status["profiles"][0];
        assert_eq!((exit, &one["state"]), (code, &Value::from(state)), "{minutes} min: {status:#}");
        assert_eq!(one["expires_at"], rfc3339(expires_at));
        let next = next_lead.map(|lead| rfc3339(expires_at - TimeDelta::minutes(lead)));
        assert_eq!(one["next_notice_at"], Value::from(next), "{minutes} min: {status:#}");
        if state == "expired" {
            assert_eq!(one["seconds_left"], 0);
        }
        let table = home.run(&["status"]);
        assert_eq!(table.code, code);
        assert!(table.stdout.contains(state), "{table:#?}");
    };
    check(719, "active", 0, Some(30));
    check(31, "active", 0, Some(30));
    check(29, "expiring", 0, Some(5));
    check(4, "expiring", 0, Some(0));
    check(-1, "expired", 4, None);
    check(-60 * 24 * 30, "expired", 4, None);
}

#[test]
fn what_stands_in_the_section_without_being_a_session_is_none() {
    let check = |text: &str| {
        let home = Home::with(WORK);
        home.write(CREDENTIALS, text);
        let (code, status) = home.status("work");
        assert_eq!((code, &status["profiles"][0]["state"]), (4, &Value::from("absent")), "{text}");
    };
    check("");
    check("[work]\n");
    check("[other]\naws_session_token = x\n");
    check("[work]\naws_access_key_id = AKIAY34FZKBOKMUTVV7A\naws_secret_access_key = x\n");
    // Nobody knows when this one ends.
    check(
        "[work]\naws_access_key_id = ASIAY34FZKBOKMUTVV7A\naws_secret_access_key = x\naws_session_token = x\n",
    );
    check("[work]\naws_session_token = x\nx_security_token_expires = tomorrow\n");
}

#[test]
fn status_is_zero_only_if_every_profile_asked_for_has_a_session() {
    let home = Home::with(&format!("{WORK}[profiles.other]\n"));
    home.write(CREDENTIALS, section("work", in_time(TimeDelta::hours(1))));
    let check = |arguments: &[&str], code: i32, shown: &[&str]| {
        let ran = home.run(&[&["status"], arguments].concat());
        assert_eq!(ran.code, code, "{ran:#?}");
        let first = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
        let rows: Vec<_> = ran.stdout.lines().skip(1).map(first).collect();
        assert_eq!(rows, shown, "{ran:#?}");
    };
    check(&[], 4, &["work", "other"]);
    check(&["work"], 0, &["work"]);
    check(&["other"], 4, &["other"]);
    check(&["other", "work"], 4, &["other", "work"]);
    assert_eq!(home.run(&["status", "--json"]).code, 4);
    assert_eq!(Home::new().run(&["status"]).code, 4, "no profile is no session");
}

#[test]
fn the_table_tells_the_time_left_in_words_and_a_bar() {
    let home = Home::with(WORK);
    let expires_at = in_time(TimeDelta::minutes(6 * 60) + TimeDelta::seconds(50));
    home.write(CREDENTIALS, section("work", expires_at));
    let table = home.run(&["status"]).succeeded();
    let shown = expires_at.format("%Y-%m-%d %H:%M");
    let expected = format!(
        "PROFILE  STATE   LEFT                  EXPIRES           SECTIONS\n\
         work     active  6h    [#######-----]  {shown}  work\n"
    );
    assert_eq!((table.stdout, table.stderr), (expected, String::new()));
}

#[test]
fn a_credentials_file_that_is_no_text_is_refused_and_left_alone() {
    let bytes = b"[work]\naws_access_key_id = \xff\xfe\n";
    let home = Home::with(WORK);
    home.write(CREDENTIALS, bytes);
    let file = home.path(CREDENTIALS).display().to_string();
    for command in [&["status"][..], &["status", "--json"], &["forget", "work"], &["forget", "--all"]] {
        home.run(command).failed_with(8, &[&format!("{file}: line 2: "), "UTF-8"]);
        assert_eq!(std::fs::read(home.path(CREDENTIALS)).unwrap(), bytes);
    }
}

#[test]
fn aws_own_variable_moves_the_credentials_file() {
    let home = Home::with(WORK);
    home.write("elsewhere", section("work", in_time(TimeDelta::hours(1))));
    let mut command = home.command(&["status"]);
    command.env("AWS_SHARED_CREDENTIALS_FILE", home.path("elsewhere"));
    assert_eq!(crate::ran::Ran::of(&mut command, b"").code, 0);
    assert_eq!(home.run(&["status"]).code, 4);
}

#[test]
fn forget_where_nothing_is_succeeds_and_makes_no_file() {
    let home = Home::with(WORK);
    for command in [&["forget"][..], &["forget", "work"], &["forget", "--all"]] {
        let ran = home.run(command).succeeded();
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", "work: no session in [work]\n"));
    }
    assert!(!home.path(CREDENTIALS).exists());
    let nobody = Home::new().run(&["forget", "--all"]).succeeded();
    assert_eq!(nobody.stdout, "");
}

#[test]
fn forget_takes_a_session_and_leaves_every_other_byte() {
    let home = Home::with(WORK);
    let before = "# mine\n[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n\n";
    let session = section("work", in_time(TimeDelta::hours(1)));
    home.write(CREDENTIALS, format!("{before}{session}region = eu-west-1\n# end"));
    let ran = home.run(&["forget", "work"]).succeeded();
    assert!(ran.stderr.contains("session removed from [work]"), "{ran:#?}");
    assert!(ran.stderr.contains("until it expires"), "AWS honours it until then: {ran:#?}");
    ran.hides("session-secret");
    let after = std::fs::read_to_string(home.path(CREDENTIALS)).unwrap();
    assert_eq!(after, format!("{before}[work]\nregion = eu-west-1\n# end"));
}

#[test]
fn forget_leaves_a_long_term_key_alone_and_says_so() {
    let home = Home::with(WORK);
    let text = "[work]\naws_access_key_id = AKIAY34FZKBOKMUTVV7A\naws_secret_access_key = only-copy\n";
    home.write(CREDENTIALS, text);
    let ran = home.run(&["forget", "work"]).succeeded();
    assert!(ran.stderr.starts_with("warning: ") && ran.stderr.contains("left alone"), "{ran:#?}");
    ran.hides("only-copy");
    assert_eq!(std::fs::read_to_string(home.path(CREDENTIALS)).unwrap(), text);
}
