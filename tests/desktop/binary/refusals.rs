//! What AWS, the network and the file refuse: the exit code, the form, and a file that is as it was.

use std::time::Duration;

use stsd_test_support::{Fault, KeyState, StrictSts};

use super::machine::Machine;
use crate::has_desktop;

const FILE: &str =
    "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n\n[work]\n# mine\n";

/// A refresh of `work` fails, is remembered, and changes nothing.
#[track_caller]
fn check(machine: &Machine, code: &str, exit: i32, class: &str, words: &[&str]) {
    machine.write(".aws/credentials", FILE);
    let ran = machine.run(&["refresh", "work", "--code", code]);
    ran.failed_with(exit, words);
    ran.hides(code);
    assert_eq!(machine.credentials(), FILE, "the file was changed: {ran:#?}");
    assert_eq!(machine.status("work").1["last_error"]["class"], class);
}

#[test]
fn a_code_that_is_wrong_or_spent_is_5() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let serial = machine.sts.alice().serial;
    let words = ["AWS refused the MFA code", "next code", "stsd refresh work"];
    check(&machine, &machine.sts.wrong_code(&serial), 5, "mfa-refused", &words);
    let code = machine.code();
    machine.run(&["refresh", "--code", &code]).succeeded();
    machine.run(&["forget"]).succeeded();
    check(&machine, &code, 5, "mfa-refused", &["this code was used; the next one comes in "]);
    assert!(machine.sts.codes_sent() <= 3, "a code was sent twice");
}

#[test]
fn the_device_of_somebody_else_is_5() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    for who in [machine.sts.bob(), machine.sts.carol()] {
        machine.configure(&format!("[profiles.work]\nmfa_serial = \"{}\"\n", who.serial));
        let code = machine.sts.unused_code(&who.serial);
        check(
            &machine,
            &code,
            5,
            "mfa-refused",
            &["could not validate the code", "set mfa_serial in [profiles.work]"],
        );
    }
}

#[test]
fn a_key_that_is_inactive_or_deleted_is_6() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let id = machine.sts.alice().access_key_id;
    for state in [KeyState::Inactive, KeyState::Deleted] {
        machine.sts.set_key_state(&id, state);
        check(&machine, &machine.code(), 6, "aws-refused", &["InvalidClientTokenId"]);
    }
}

#[test]
fn add_stores_nothing_of_a_key_that_aws_refuses() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::new();
    let alice = machine.sts.alice();
    let refused = |id: &str, secret: &str, exit: i32, words: &[&str]| {
        let ran = machine.run_with(&["-q", "add", "work", "--access-key-id", id], secret);
        ran.failed_with(exit, words);
        ran.hides(secret);
        assert_eq!((machine.search_keyring().as_str(), machine.configuration().as_str()), ("", ""));
    };
    let other = machine.sts.bob().secret_access_key;
    refused(&alice.access_key_id, &other, 6, &["does not belong to the access key id"]);
    refused("AKIAY34FZKBOKMUTVV7A", &alice.secret_access_key, 6, &["InvalidClientTokenId"]);
    machine.sts.fail_next(1, Fault::Html503);
    refused(&alice.access_key_id, &alice.secret_access_key, 9, &["STS is unavailable (HTTP 503)"]);
}

#[test]
fn an_sts_that_does_not_do_its_work_is_9_and_gets_the_code_once() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    for (fault, words) in [
        (Fault::Throttle, "throttling"),
        (Fault::InternalFailure, "HTTP 500"),
        (Fault::Html503, "HTTP 503"),
        (Fault::Html200, "not one of STS's"),
        (Fault::ProxyPage403, "not one of STS's"),
        (Fault::Garbage, "not one of STS's"),
        (Fault::NotHttp, "STS"),
        (Fault::DropBeforeRead, "STS"),
        (Fault::DropAfterRead, "STS"),
        (Fault::Truncated, "not one of STS's"),
        (Fault::ExpiredAnswer, "already expired"),
    ] {
        machine.sts.clear_requests();
        machine.sts.fail_always(fault);
        check(&machine, &machine.code(), 9, "unavailable", &[words]);
        machine.sts.clear_faults();
        assert_eq!(machine.sts.codes_sent(), 1, "{words}: the code was sent again");
    }
}

#[test]
fn an_sts_that_says_nothing_is_9_after_its_deadline() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    machine.sts.fail_always(Fault::Hang);
    check(&machine, &machine.code(), 9, "unavailable", &["did not answer within 10 s"]);
    assert_eq!(machine.sts.codes_sent(), 1);
}

#[test]
fn an_sts_that_is_not_there_is_9() {
    if !has_desktop() {
        return;
    }
    let mut machine = Machine::with_work();
    let alice = machine.sts.alice();
    let code = machine.code();
    let url = machine.sts.url().to_owned();
    std::mem::replace(&mut machine.sts, StrictSts::start()).stop();
    let check = |arguments: &[&str], input: &str| {
        let mut command = machine.stsd(arguments);
        let ran = crate::ran::Ran::of(command.env("AWS_ENDPOINT_URL_STS", &url), input.as_bytes());
        ran.failed_with(9, &["STS could not be reached", "AWS_ENDPOINT_URL_STS"]);
        assert!(ran.took < Duration::from_secs(12), "{ran:#?}");
    };
    check(&["refresh", "work", "--code", &code], "");
    check(&["-q", "add", "other", "--access-key-id", &alice.access_key_id], &alice.secret_access_key);
    assert!(!machine.configuration().contains("other"));
}

#[test]
fn a_file_that_cannot_be_edited_safely_is_8_and_costs_no_code() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let check = |text: &[u8], words: &[&str]| {
        std::fs::create_dir_all(machine.path(".aws")).unwrap();
        std::fs::write(machine.path(".aws/credentials"), text).unwrap();
        for code in [&["--code", "123456"][..], &[]] {
            let ran = machine.run(&[&["refresh", "work"], code].concat());
            ran.failed_with(8, words);
            ran.hides("only-copy");
        }
        assert_eq!(std::fs::read(machine.path(".aws/credentials")).unwrap(), text);
    };
    let key = b"[work]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = only-copy\n";
    check(key, &["long-term", "[work]"]);
    check(b"[default]\n\xff\n", &["UTF-8"]);
    check(b"[work\n", &["line 1"]);
    assert_eq!(machine.sts.requests(), [], "the code was spent");
}

#[test]
fn without_a_terminal_and_without_a_code_it_is_4_at_once() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    for input in ["", "123456\n"] {
        let ran = machine.run_with(&["refresh", "work"], input);
        ran.failed_with(4, &["an MFA code is needed", "stsd refresh work --code"]);
        assert!(ran.took < Duration::from_secs(5), "{ran:#?}");
    }
    assert_eq!(machine.sts.requests(), []);
    assert!(!machine.path(".aws/credentials").exists());
}
