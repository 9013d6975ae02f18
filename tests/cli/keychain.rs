//! Without a session bus, as in an ssh login or a container: soon, clearly, and with what to do.

use std::time::Duration;

use serde_json::Value;

use crate::home::{CREDENTIALS, Home, WORK};

const SOON: Duration = Duration::from_secs(5);

#[test]
fn without_a_session_bus_what_needs_the_keychain_says_so_soon() {
    let home = Home::with(WORK);
    let check = |line: &[&str], input: &str| {
        let ran = home.run_with(line, input.as_bytes());
        ran.failed_with(7, &["no session bus", "dbus-run-session"]);
        assert!(ran.took < SOON, "{ran:#?}");
        if !input.is_empty() {
            ran.hides(input);
        }
    };
    check(
        &["add", "work", "--access-key-id", "AKIAY34FZKBOKMUTVV7A"],
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    );
    check(&["add", "work", "--totp-seed", "-"], "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP");
    check(&["refresh", "work", "--code", "123456"], "");
    check(&["refresh", "work", "--code", "-"], "123456");
    check(&["refresh"], "");
    check(&["remove", "work", "--yes"], "");
    assert_eq!(home.sts.requests(), [], "AWS was called in vain");
    assert!(!home.path(CREDENTIALS).exists());
    assert_eq!(std::fs::read_to_string(home.path(crate::home::CONFIG)).unwrap(), WORK);
}

#[test]
fn a_refresh_that_failed_is_remembered_for_status() {
    let home = Home::with(WORK);
    home.run(&["refresh", "--code", "123456"]).failed(7);
    let (code, status) = home.status("work");
    let error = &status["profiles"][0]["last_error"];
    assert_eq!((code, &error["class"]), (4, &Value::from("keychain")), "{status:#}");
    assert!(error["message"].as_str().unwrap().contains("no session bus"), "{status:#}");
    let at = error["at"].as_str().unwrap();
    assert!(at.ends_with('Z') && chrono::DateTime::parse_from_rfc3339(at).is_ok(), "{at}");
    let table = home.run(&["status"]);
    assert!(table.stdout.contains("work: no keychain can be reached"), "{table:#?}");
    assert!(table.stdout.contains(" ago)"), "{table:#?}");
}

/// What neither reads a key nor calls AWS works anywhere.
#[test]
fn without_a_session_bus_status_and_forget_work() {
    let home = Home::with(WORK);
    home.write(CREDENTIALS, crate::home::section("work", chrono::Utc::now() + chrono::TimeDelta::hours(2)));
    home.run(&["status"]).succeeded();
    let ran = home.run(&["forget", "work"]).succeeded();
    assert!(ran.stderr.contains("session removed from [work]"), "{ran:#?}");
    assert_eq!(home.run(&["status"]).code, 4);
}
