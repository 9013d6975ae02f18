//! The daemon is killed.

use rustix::process::Signal;

use crate::has_machine;
use crate::ran::Ran;
use crate::service::{SERVICE, SOCKET};
use crate::user::{User, await_that};

#[test]
fn a_client_that_comes_after_a_crash_waits_for_the_next_daemon() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    user.add_work();
    user.install_and_start();
    user.refresh();
    let expires_at = user.status()["profiles"][0]["expires_at"].take();
    for restarts in 1..=3 {
        let killed = user.main_pid();
        user.signal_daemon(Signal::KILL);
        user.await_property(SERVICE, "SubState", "auto-restart");
        // Nobody listens now.
        let status = user.status();
        assert_eq!(status["daemon"]["running"], true, "{}", user.journal());
        assert_ne!(status["daemon"]["pid"], killed);
        assert_eq!(status["profiles"][0]["expires_at"], expires_at, "the session is kept");
        assert_eq!(user.property(SERVICE, "NRestarts"), restarts.to_string());
    }
    assert_eq!(user.property(SOCKET, "ActiveState"), "active");
}

#[test]
fn a_crowd_that_comes_after_a_crash_is_answered_to_the_last() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    user.install_and_start();
    user.signal_daemon(Signal::KILL);
    user.await_property(SERVICE, "SubState", "auto-restart");
    std::thread::scope(|scope| {
        let clients: Vec<_> =
            (0..20).map(|_| scope.spawn(|| Ran::of(&mut user.stsd(&["status", "--json"]), b""))).collect();
        for client in clients {
            let ran = client.join().unwrap();
            assert!(ran.stdout.contains("\"running\": true"), "{ran:#?}");
        }
    });
    assert_eq!(user.property(SERVICE, "NRestarts"), "1");
}

#[test]
fn a_daemon_whose_loop_stands_still_is_ended_and_a_client_that_waits_meanwhile_is_answered() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    user.install();
    user.drop_in("watchdog", "[Service]\nWatchdogSec=2s\n");
    user.systemctl(&["enable", "--now", SOCKET, SERVICE]).succeeded();
    user.add_work();
    user.refresh();
    let stopped = user.main_pid();
    // While it turns it is left alone, for longer than the time that it has.
    let started = std::time::Instant::now();
    await_that(|| user.journal(), || started.elapsed() > std::time::Duration::from_secs(5));
    assert_eq!(user.main_pid(), stopped, "{}", user.journal());
    user.signal_daemon(Signal::STOP);
    let status = user.status();
    assert_ne!(status["daemon"]["pid"], stopped);
    assert_eq!(status["profiles"][0]["state"], "active");
    assert_eq!(user.property(SERVICE, "NRestarts"), "1");
    let log = user.journal();
    assert!(log.contains("Watchdog timeout") || log.contains("'watchdog'"), "{log}");
}

#[test]
fn systemd_shows_what_the_daemon_waits_for() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    user.install_and_start();
    user.await_property(SERVICE, "StatusText", "no session");
    user.add_work();
    user.refresh();
    let text = || user.property(SERVICE, "StatusText");
    await_that(text, || text().starts_with("next: work at "));
    assert_eq!(user.property(SERVICE, "WatchdogUSec"), "5min");
}

#[test]
fn a_configuration_that_cannot_be_used_is_not_tried_for_ever_and_serves_once_it_is_mended() {
    if !has_machine() {
        return;
    }
    let user = User::new();
    user.add_work();
    let right = user.read(".config/stsd/config.toml");
    user.write(".config/stsd/config.toml", "profiles = 7\n");
    user.install();
    // The socket is there; the service has failed.
    drop(user.systemctl(&["enable", "--now", SOCKET, SERVICE]));
    user.await_property(SERVICE, "ActiveState", "failed");
    assert_eq!(user.property(SERVICE, "NRestarts"), "0", "{}", user.journal());
    assert!(user.journal().contains("config.toml: line 1"), "{}", user.journal());
    user.write(".config/stsd/config.toml", &right);
    let status = user.status();
    assert_eq!(status["daemon"]["running"], true, "{}", user.journal());
    assert_eq!(status["profiles"][0]["state"], "absent");
}
