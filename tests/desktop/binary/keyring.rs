//! A keyring that is locked, gone, new or full of the wrong things: exit 7, soon, and nothing happens elsewhere.

use std::time::Duration;

use super::machine::Machine;
use crate::bus::Desktop;
use crate::has_desktop;

const LOGIN: &str = "/org/freedesktop/secrets/collection/login";
const SOON: Duration = Duration::from_secs(5);

/// Everything that needs the keyring fails with these words and without a call to AWS.
#[track_caller]
fn check(machine: &Machine, words: &[&str]) {
    let alice = machine.sts.alice();
    machine.configure(&format!("[profiles.work]\nmfa_serial = \"{}\"\n", alice.serial));
    machine.sts.clear_requests();
    for line in [
        &["add", "work", "--access-key-id", &alice.access_key_id][..],
        &["add", "new", "--access-key-id", &alice.access_key_id, "--no-verify"],
        &["refresh", "work", "--code", "123456"],
        &["refresh", "work"],
        &["remove", "work", "--yes"],
    ] {
        let ran = machine.run_with(line, &alice.secret_access_key);
        ran.failed_with(7, words);
        ran.hides(&alice.secret_access_key);
        assert!(ran.took < SOON, "{ran:#?}");
    }
    assert_eq!(machine.sts.requests(), [], "a code or a request was spent");
    assert!(!machine.configuration().contains("new"));
    assert!(!machine.path(".aws").exists());
    // What needs no keyring works.
    assert_eq!(machine.status("work").0, 4);
    machine.run(&["forget"]).succeeded();
}

#[test]
fn a_locked_keyring_is_said_to_be_locked() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    machine.desktop.lock(LOGIN);
    check(&machine, &["the keychain is locked", "unlock it"]);
}

#[test]
fn a_keyring_that_was_killed_is_said_to_be_missing() {
    if !has_desktop() {
        return;
    }
    let mut machine = Machine::with_work();
    machine.desktop.kill_keyring();
    check(&machine, &["no keychain is running", "gnome-keyring"]);
    // And the key is there again with it.
    machine.desktop.start_keyring(Some("test"));
    machine.run(&["refresh", "--code", &machine.code()]).succeeded();
}

#[test]
fn a_keyring_that_was_never_used_is_told_from_a_locked_one() {
    if !has_desktop() {
        return;
    }
    check(&Machine::on(Desktop::fresh()), &["no default collection", "gnome-keyring-daemon --unlock"]);
}

#[test]
fn a_desktop_without_a_keyring_is_told_how_to_get_one() {
    if !has_desktop() {
        return;
    }
    check(&Machine::on(Desktop::without_keyring()), &["no keychain is running", "install"]);
}

#[test]
fn a_profile_without_a_key_is_told_to_add_one() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::new();
    machine.configure("[profiles.work]\nmfa_serial = \"GAHT12345678\"\n");
    for line in [&["refresh", "--code", "123456"][..], &["refresh"]] {
        machine.run(line).failed_with(7, &["no key of profile \"work\"", "stsd add work"]);
    }
    machine.run(&["remove", "work", "--yes"]).failed_with(7, &["no key of profile \"work\""]);
    machine
        .run(&["remove", "wrok", "--yes"])
        .failed_with(3, &["there is no [profiles.wrok]", "did you mean work?"]);
    assert_eq!(machine.sts.requests(), []);
}

#[test]
fn a_key_whose_profile_left_the_configuration_can_be_removed() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    machine.configure("[profiles.other]\nmfa = \"none\"\n");
    machine.run(&["refresh", "work", "--code", "123456"]).failed(3);
    machine.run(&["remove", "work", "--yes"]).succeeded();
    assert_eq!(machine.search_keyring(), "");
    machine.run(&["remove", "work", "--yes"]).failed_with(3, &["there is no [profiles.work]"]);
}

#[test]
fn an_item_that_stsd_did_not_write_is_not_shown() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let mut tool = machine.command("secret-tool");
    tool.args(["store", "--label", "x", "service", "stsd", "username", "other"]);
    crate::ran::Ran::of(&mut tool, b"foreign-content").succeeded();
    machine.configure("[profiles.other]\nmfa = \"none\"\n");
    let ran = machine.run(&["refresh"]);
    ran.failed_with(7, &["secret-tool lookup service stsd username other"]);
    ran.hides("foreign-content");
    assert_eq!(machine.sts.requests(), []);
}
