//! From start to end: who is let in, what signals do, what a crash leaves.

use std::fs;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use stsd_test_support::Fault;

use super::running::{Daemon, socket};
use crate::binary::machine::Machine;
use crate::notices::recorder::{Manner, Server};
use crate::ran::Ran;
use crate::{has_desktop, say};

#[test]
fn a_daemon_is_ready_soon_and_a_second_one_says_who_runs() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let daemon = Daemon::start(&machine);
    say(&format!("daemon: ready after {:.1} ms (this build)", daemon.ready_after.as_secs_f64() * 1000.0));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let socket = socket(&machine);
    assert_eq!((mode(&socket) & 0o077, mode(socket.parent().unwrap())), (0, 0o700));
    let second = machine.run(&["daemon"]);
    second.failed_with(1, &["running already", &format!("(pid {})", daemon.pid()), "stsd status"]);
    let status: Value =
        serde_json::from_str(&machine.run(&["status", "--json"]).stdout).expect("the first one serves");
    assert_eq!(status["daemon"]["running"], true);
    assert_eq!(status["daemon"]["pid"], daemon.pid());
    assert_eq!(status["daemon"]["version"], env!("CARGO_PKG_VERSION"));
}

/// The keyring is not even asked for at the start: a login must not wait for it, and nobody must be asked to open it.
#[test]
fn a_daemon_starts_without_a_keyring_and_without_a_bus() {
    if !has_desktop() {
        return;
    }
    let mut machine = Machine::with_work();
    machine.desktop.kill_keyring();
    machine.desktop.stop_bus();
    let mut daemon = Daemon::start(&machine);
    assert_eq!(machine.status("work").1["state"], "absent");
    machine.run(&["refresh", "--code", "123456"]).failed(7);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended(), 0);
    assert!(!daemon.log().contains("WARN") && !daemon.log().contains("ERROR"), "{}", daemon.log());
}

/// Also after its libraries were all used: the keychain's, the network's and the notices'.
#[test]
fn an_idle_daemon_sleeps() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let _server = Server::start(machine.desktop.builder(), &["body"], Manner::Answers, 7);
    let daemon = Daemon::start(&machine);
    machine.sts.set_session_seconds(Some(2));
    machine.run(&["refresh", "--code", &machine.code()]).succeeded();
    daemon.await_said("notice shown", 1);
    machine.sts.set_session_seconds(None);
    machine.run(&["refresh", "--code", &machine.code()]).succeeded();
    let woken = || {
        let tasks = fs::read_dir(format!("/proc/{}/task", daemon.pid())).unwrap();
        // A thread may end while it is looked for.
        let threads = tasks.filter_map(|task| switches(&task.unwrap().path()));
        let mut threads: Vec<(String, u64)> = threads.collect();
        threads.sort();
        assert!(threads.iter().any(|(_, times)| *times > 0), "it sleeps without having gone to sleep");
        threads
    };
    // No wake-up of any thread for as long as a runtime keeps threads that have nothing to do: these end before.
    let end = Instant::now() + Duration::from_mins(1);
    let (mut before, mut since) = (woken(), Instant::now());
    while since.elapsed() < Duration::from_secs(11) {
        assert!(Instant::now() < end, "it never rests: {before:?}");
        std::thread::sleep(Duration::from_secs(1));
        let after = woken();
        if after != before {
            (before, since) = (after, Instant::now());
        }
    }
}

/// The name of a thread, and how often it has gone to sleep; `None` if it has ended.
fn switches(task: &Path) -> Option<(String, u64)> {
    let status = fs::read_to_string(task.join("status")).ok()?;
    let value =
        |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    Some((value("Name:"), value("voluntary_ctxt_switches:").parse().unwrap()))
}

#[test]
fn a_request_in_hand_is_finished_before_the_end() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    for signal in [Signal::TERM, Signal::INT] {
        machine.run(&["forget", "--all"]).succeeded();
        let mut daemon = Daemon::start(&machine);
        machine.sts.clear_requests();
        machine.sts.fail_next_of("GetSessionToken", 1, Fault::Delay { millis: 1500 });
        let mut command = machine.stsd(&["refresh", "--code", &machine.code()]);
        let client = std::thread::spawn(move || Ran::of(&mut command, b""));
        let called = machine.sts.wait_for_requests(Duration::from_secs(20), |requests| !requests.is_empty());
        assert!(called, "no call: {}", daemon.log());
        daemon.signal(signal);
        let ran = client.join().unwrap();
        assert_eq!(daemon.ended(), 0, "{}", daemon.log());
        assert!(daemon.log().contains("daemon ended"), "{}", daemon.log());
        assert!(machine.credentials().contains("aws_session_token"), "the session was lost");
        assert_eq!(machine.status("work").0, 0);
        ran.succeeded();
    }
}

/// The order to stop must not wait for those who only look on or say nothing.
#[test]
fn a_client_that_only_watches_does_not_hold_the_end() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let mut daemon = Daemon::start(&machine);
    let _silent = UnixStream::connect(socket(&machine)).unwrap();
    let mut watcher =
        machine.stsd(&["status", "--watch"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut begin = [0; 7];
    watcher.stdout.as_mut().unwrap().read_exact(&mut begin).unwrap();
    assert_eq!(&begin, b"PROFILE");
    let asked = Instant::now();
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended(), 0);
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
    crate::ran::wait(&mut watcher, "stsd status --watch");
}

#[test]
fn a_daemon_that_was_killed_leaves_nothing_that_stops_the_next_one() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    machine.configure(&format!("warn_before = [\"9s\"]\n{}", machine.configuration()));
    let server = Server::start(machine.desktop.builder(), &["body"], Manner::Answers, 7);
    let mut daemon = Daemon::start(&machine);
    machine.sts.set_session_seconds(Some(10));
    machine.run(&["refresh", "--code", &machine.code()]).succeeded();
    let (_, before) = machine.status("work");
    assert!(server.shown().summary.starts_with("work expires in "));
    let told = || {
        let text = fs::read(machine.path(".local/state/stsd/state.json")).unwrap();
        let state: Value = serde_json::from_slice(&text).unwrap();
        state["profiles"]["work"]["told"].is_string()
    };
    daemon.await_that("not remembered", |_| told());
    daemon.kill();
    let left = socket(&machine);
    let refused = UnixStream::connect(&left).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "a killed daemon leaves its socket");

    // In this process, as if there never was a daemon.
    let (_, alone) = machine.status("work");
    assert_eq!(alone["expires_at"], before["expires_at"]);
    machine.sts.set_session_seconds(None);
    machine.run(&["forget", "work"]).succeeded();
    machine.sts.set_session_seconds(Some(12));
    let ran = machine.run(&["refresh", "--code", &machine.code()]).succeeded();
    assert!(ran.stderr.contains("note: the daemon does not run"), "{ran:#?}");

    assert!(!told(), "another session");
    let mut next = Daemon::start(&machine);
    assert!(server.shown().summary.starts_with("work expires in "), "the new session's lead");
    next.await_that("not remembered", |_| told());
    let (_, after) = machine.status("work");
    assert_eq!(after["state"], "expiring", "{after}");
    // What the second one has told, the third does not tell again: its first notice is the expiry.
    next.kill();
    let third = Daemon::start(&machine);
    let shown = server.shown();
    assert!(shown.summary.starts_with("work has expired"), "{shown:?}");
    third.await_said("notice shown", 1);
    assert!(server.idle());
}
