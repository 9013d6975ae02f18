//! The service begins, ends, and begins again when it is wanted.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use rustix::process::Signal;

use crate::has_machine;
use crate::ran::Ran;
use crate::service::{SERVICE, SOCKET};
use crate::user::User;

#[test]
fn enabling_it_opens_the_socket_and_waits_until_the_daemon_is_ready() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    user.install();
    // With a daemon that does not tell, this would not end.
    user.systemctl(&["enable", "--now", SOCKET, SERVICE]).succeeded();
    for unit in [SOCKET, SERVICE] {
        assert_eq!(user.property(unit, "ActiveState"), "active", "{unit}");
        assert_eq!(user.property(unit, "UnitFileState"), "enabled", "{unit}");
    }
    assert_eq!(user.property(SERVICE, "Type"), "notify");
    assert!(user.journal().contains("daemon ready"), "{}", user.journal());
    assert_eq!(user.answering(), Some(user.main_pid()));
    let directory = format!("/run/user/{}/stsd", user.uid());
    for (path, mode) in [(directory.clone(), 0o700), (format!("{directory}/stsd.sock"), 0o600)] {
        let found = fs::metadata(&path).unwrap();
        assert_eq!((found.mode() & 0o777, found.uid()), (mode, user.uid()), "{path}");
    }
}

#[test]
fn the_first_client_starts_the_daemon_and_gets_its_answer() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    user.install();
    user.systemctl(&["enable", "--now", SOCKET]).succeeded();
    assert_eq!(user.property(SERVICE, "ActiveState"), "inactive");
    let answering = user.answering().expect("the daemon does not run");
    assert_eq!(answering, user.main_pid());
    assert_eq!(user.property(SERVICE, "ActiveState"), "active");
    assert_eq!(user.answering(), Some(answering), "each client has a daemon of its own");
}

#[test]
fn ten_stops_in_a_row_lock_nobody_out() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    user.install_and_start();
    let answered_after_a_stop = || {
        user.systemctl(&["stop", SERVICE]).succeeded();
        let ran = Ran::of(&mut user.stsd(&["status", "--json"]), b"");
        ran.stdout.contains("\"running\": true")
    };
    for time in 1..=10 {
        assert!(answered_after_a_stop(), "stop {time}: {}", user.journal());
    }
    assert_eq!(user.property(SOCKET, "ActiveState"), "active");

    // What the unit is kept from: with systemd's own limit the socket fails with the service.
    user.drop_in("limit", "[Unit]\nStartLimitIntervalSec=60\nStartLimitBurst=5\n");
    assert!((0..10).any(|_| !answered_after_a_stop()), "the limit of the drop-in was not met");
    assert_eq!(user.property(SOCKET, "Result"), "service-start-limit-hit");
}

#[test]
fn a_daemon_that_has_ended_well_stays_away_until_a_client_comes() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    user.install_and_start();
    let first = user.main_pid();
    user.signal_daemon(Signal::TERM);
    // After a failure this would be "activating", at once.
    user.await_property(SERVICE, "ActiveState", "inactive");
    assert_eq!(user.property(SERVICE, "Result"), "success");
    assert_eq!(user.property(SERVICE, "NRestarts"), "0");
    assert_eq!(user.property(SOCKET, "ActiveState"), "active");
    let second = user.answering().expect("the socket starts nothing");
    assert_ne!(second, first);
}

#[test]
fn at_the_next_login_it_is_there() {
    if !has_machine() {
        return;
    }
    let mut user = User::new();
    user.install();
    user.systemctl(&["enable", SOCKET, SERVICE]).succeeded();
    assert_eq!(user.property(SERVICE, "ActiveState"), "inactive");
    for _ in 0..2 {
        user.log_out();
        assert!(!fs::exists(format!("/run/user/{}", user.uid())).unwrap(), "logged in {}", user.name());
        user.log_in();
        for unit in [SOCKET, SERVICE] {
            user.await_property(unit, "ActiveState", "active");
        }
        assert_eq!(user.answering(), Some(user.main_pid()));
    }

    user.systemctl(&["disable", SOCKET, SERVICE]).succeeded();
    user.log_out();
    user.log_in();
    assert_eq!(user.property(SOCKET, "ActiveState"), "inactive");
}

#[test]
fn its_lines_are_in_the_journal_of_its_unit() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    user.install_and_start();
    user.systemctl(&["reload", SERVICE]).succeeded();
    user.systemctl(&["stop", SERVICE]).succeeded();
    let journal = user.journal();
    // Of systemd, and of the daemon itself.
    for line in ["Started stsd.service", "daemon ready", "daemon ended", "Stopped stsd.service"] {
        assert!(journal.contains(line), "no {line:?} in {journal}");
    }
}
