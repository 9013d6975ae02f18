//! Each way in which a keychain can be absent, with the error of its own and the time that it takes.

use std::os::unix::net::UnixListener;
use std::time::Duration;

use rustix::process::Signal;
use stsd::adapters::keychain::OsKeychain;

use super::FIRST;
use super::child::{Process, show, this_binary};
use crate::bus::Desktop;
use crate::has_desktop;

/// What answers without waiting for anybody answers within this, on a busy machine too.
const SOON: Duration = Duration::from_secs(3);

/// A process whose bus is where `address` says, or nowhere.
fn process_at(desktop: &Desktop, address: Option<&str>, deadline: Duration) -> Process {
    let mut command = desktop.command(this_binary());
    command.env_remove("DBUS_SESSION_BUS_ADDRESS").env("XDG_RUNTIME_DIR", desktop.path("empty"));
    if let Some(address) = address {
        command.env("DBUS_SESSION_BUS_ADDRESS", address);
    }
    Process::start(command, deadline)
}

fn write() -> String {
    format!("write work {} {}", FIRST.0, FIRST.1)
}

#[test]
fn without_a_bus_every_call_says_so() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let path = desktop.path("gone").display().to_string();
    let check = |situation: &str, address: Option<&str>, shown: &str| {
        let mut process = process_at(&desktop, address, OsKeychain::DEADLINE);
        for request in ["check", "check-item work", "read work", &write(), "delete work"] {
            process.request(request);
            let (answer, took) = process.answer();
            show(situation, request, &answer, took);
            assert!(answer.starts_with("NoBus(") && answer.contains(shown), "{situation}: {answer}");
            assert!(took < SOON, "{situation}: {took:?}");
        }
    };
    check("no bus", None, "/empty/bus");
    check("stale address", Some(&format!("unix:path={path}")), &path);
    check("address of no kind", Some("nonsense"), "");
}

#[test]
fn a_bus_that_accepts_and_says_nothing_does_not_hold_the_caller() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::without_keyring();
    let path = desktop.path("mute");
    let _listener = UnixListener::bind(&path).unwrap();
    let address = format!("unix:path={}", path.display());
    let mut process = process_at(&desktop, Some(&address), Duration::from_secs(2));
    process.row("mute bus, 2 s allowed", "check", "NoAnswer(2)", SOON);
    process.row("mute bus, 2 s allowed", "check", "NoAnswer(2)", SOON);
    process.row("mute bus, two threads hang", "check", "NoAnswer(2)", Duration::from_secs(1));
    let took = process.exit();
    assert!(took < Duration::from_secs(1), "the process took {took:?} to exit");
}

#[test]
fn without_a_secret_service_every_call_says_so() {
    if !has_desktop() {
        return;
    }
    for (situation, startable) in
        [("bus without service", None), ("service that does not start", Some("/bin/false"))]
    {
        let desktop = Desktop::with_startable(startable);
        let mut process = Process::on(&desktop);
        for request in ["check", "check-item work", "read work", &write(), "delete work"] {
            process.row(situation, request, "NoService", SOON);
        }
    }
}

#[test]
fn a_fresh_account_has_no_default_collection() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::fresh();
    let mut process = Process::on(&desktop);
    for request in ["check", "check-item work", "read work", &write(), "delete work"] {
        process.row("no default collection", request, "NoDefaultCollection", SOON);
    }
}

#[test]
fn a_killed_keyring_is_no_service_and_a_restarted_one_is_used_at_once() {
    if !has_desktop() {
        return;
    }
    let mut desktop = Desktop::unlocked();
    let mut process = Process::on(&desktop);
    let key = format!("{} {}", FIRST.0, FIRST.1);
    assert_eq!(process.ask(&write()), "ok");
    assert_eq!(process.ask("read work"), key);
    desktop.kill_keyring();
    process.row("keyring killed", "read work", "NoService", SOON);
    desktop.start_keyring(Some("test"));
    process.row("keyring restarted", "read work", &key, SOON);
    desktop.kill_keyring();
    desktop.start_keyring(Some("test"));
    process.row("keyring restarted unnoticed", "read work", &key, SOON);
    desktop.kill_keyring();
    desktop.start_keyring(Some("test"));
    process.row("keyring restarted unnoticed", &write(), "ok", SOON);
}

#[test]
fn a_keyring_killed_half_way_is_no_service() {
    if !has_desktop() {
        return;
    }
    let mut desktop = Desktop::unlocked();
    let mut process = Process::on(&desktop);
    assert_eq!(process.ask(&write()), "ok");
    desktop.keyring().signal(Signal::STOP);
    process.request("read work");
    // Long enough for the request to be with the keyring; were it not, the answer would be the same.
    std::thread::sleep(Duration::from_secs(1));
    desktop.kill_keyring();
    let (answer, took) = process.answer();
    show("keyring killed half-way", "read work", &answer, took);
    assert_eq!(answer, "NoService");
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[test]
fn many_calls_leave_no_thread_and_no_connection_behind() {
    if !has_desktop() {
        return;
    }
    let desktop = Desktop::unlocked();
    let mut process = Process::on(&desktop);
    assert_eq!(process.ask(&write()), "ok");
    let used = |process: &mut Process| {
        let used = process.ask("resources");
        let counts: Vec<u32> = used.split(' ').map(|count| count.parse().unwrap()).collect();
        (counts[0], counts[1])
    };
    let (threads, files) = used(&mut process);
    for _ in 0..50 {
        assert_eq!(process.ask("check-item work"), "ok");
        assert_eq!(process.ask(&write()), "ok");
    }
    let (threads_after, files_after) = used(&mut process);
    crate::say(&format!("threads {threads} -> {threads_after}, files {files} -> {files_after}"));
    // A connection that was just closed may still be going.
    assert!(threads_after <= threads + 2 && files_after <= files + 4, "{threads_after} {files_after}");
}
