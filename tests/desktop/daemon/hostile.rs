//! Neighbours who mean no good: a crowd that says nothing, one that never leaves, and doors that stand open.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Once;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use stsd::protocol::frame::encode;
use stsd::protocol::message::{Action, FromClient, Hello, Request};
use stsd_test_support::{Fault, not_run};

use super::running::{Daemon, places, socket};
use crate::binary::machine::Machine;
use crate::has_desktop;
use crate::ran::Ran;

/// Far less than one of the daemon's deadlines takes, on a machine with other things to do.
const SOON: Duration = Duration::from_secs(4);

/// Connections of one process that has gone wrong, each having said something; they stay.
fn crowd(machine: &Machine, count: usize, said: &[u8]) -> Vec<UnixStream> {
    static MANY_FILES: Once = Once::new();
    MANY_FILES.call_once(|| {
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let wanted = maximum.map_or(4096, |maximum| maximum.min(4096));
        let more = Rlimit { current: current.map(|current| current.max(wanted)), maximum };
        setrlimit(Resource::Nofile, more).unwrap();
    });
    let path = socket(machine);
    let connected = (0..count).map(|_| {
        let mut stream = UnixStream::connect(&path).unwrap();
        // It may be shown the door before it has finished.
        drop(stream.write_all(said));
        stream
    });
    connected.collect()
}

/// A command of another process is answered by the daemon, and at once.
#[track_caller]
fn serves(machine: &Machine, daemon: &Daemon) {
    let asked = Instant::now();
    let ran = machine.run(&["status", "--json"]);
    assert!(ran.stdout.contains("\"running\": true"), "{ran:#?}\n{}", daemon.log());
    assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
}

fn refreshes(machine: &Machine) {
    machine.run(&["refresh", "work", "--code", &machine.code()]).succeeded();
}

/// The words of a client.
fn words(machine: &Machine, action: Action) -> Vec<u8> {
    let hello = Hello {
        protocol: stsd::protocol::VERSION,
        version: "0.0.7".to_owned(),
        pid: 1,
        places: places(machine),
    };
    let request = FromClient::Request(Request { id: 1, action });
    [encode(&hello).unwrap(), encode(&request).unwrap()].concat()
}

#[test]
fn a_flood_of_connections_keeps_nobody_waiting() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let daemon = Daemon::start(&machine);
    let silent = crowd(&machine, 2000, b"");
    serves(&machine, &daemon);
    refreshes(&machine);
    let giants = crowd(&machine, 500, &vec![b'x'; 100_000]);
    serves(&machine, &daemon);
    drop((silent, giants));
    for _ in 0..5 {
        drop(crowd(&machine, 500, b"{}\n{}\n"));
    }
    serves(&machine, &daemon);
    assert!(!daemon.log().contains("WARN"), "{}", daemon.log());
}

#[test]
fn one_process_that_never_leaves_keeps_nobody_waiting() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let daemon = Daemon::start(&machine);
    // They look on for ever, and they are asked for a code that they never give.
    let watch = Action::Status { profiles: Vec::new(), watch: true };
    let asked = Action::Refresh {
        profiles: vec!["work".to_owned()],
        duration_seconds: None,
        code: None,
        may_ask: true,
        display: None,
        min_seconds: None,
    };
    let watchers = crowd(&machine, 100, &words(&machine, watch));
    let mut waiters = crowd(&machine, 150, &words(&machine, asked));
    waiters.append(&mut crowd(&machine, 400, b""));
    let mut lines = BufReader::new(&mut waiters[0]).lines();
    assert!(lines.nth(1).unwrap().unwrap().contains("code_wanted"));
    serves(&machine, &daemon);
    // None of them reads what it is told of each change.
    refreshes(&machine);
    refreshes(&machine);
    serves(&machine, &daemon);
    drop((watchers, waiters));
    serves(&machine, &daemon);
}

#[test]
fn a_daemon_out_of_descriptors_serves_again_once_it_has_some() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let mut few = machine.command("prlimit");
    few.args(["--nofile=40:40", env!("CARGO_BIN_EXE_stsd"), "daemon", "-vv"]);
    let daemon = Daemon::of(&machine, &few, Stdio::null());
    let open = |daemon: &Daemon| fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap().count();
    for _ in 0..2 {
        let crowd = crowd(&machine, 100, b"");
        // Other parts of it open one now and then, and close it.
        daemon.await_that("it has descriptors left", |daemon| open(daemon) >= 38);
        daemon.await_said("connections not accepted for now", 1);
        drop(crowd);
        serves(&machine, &daemon);
        refreshes(&machine);
    }
    assert_eq!(daemon.said("connections not accepted"), 1, "a line for each try: {}", daemon.log());
}

/// What a client and a daemon say about a place; both must refuse it and leave it as it is.
#[track_caller]
fn refused(machine: &Machine, words: &str) {
    let code = machine.code();
    for arguments in [&["status"][..], &["refresh", "work", "--code", &code], &["daemon"]] {
        machine.run(arguments).failed_with(3, &[words, "STSD_SOCKET"]);
    }
    assert_eq!(machine.sts.codes_sent(), 0, "a code was sent");
}

fn allow(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_directory_that_is_not_ours_alone_is_refused_by_both_ends() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let socket = socket(&machine);
    let directory = socket.parent().unwrap();
    fs::create_dir(directory).unwrap();
    // Somebody listens there, who would get a code.
    let _listener = UnixListener::bind(&socket).unwrap();
    allow(&socket, 0o600);
    for mode in [0o755, 0o770, 0o701, 0o777, 0o1777] {
        allow(directory, mode);
        refused(&machine, "is open to other users");
    }
    allow(directory, 0o700);
    if chown(directory, Some(12_345), None).is_ok() {
        refused(&machine, "belongs to another user");
        chown(directory, Some(0), None).unwrap();
    } else {
        not_run("another user's socket directory: needs root");
    }
    let elsewhere = machine.path("run/elsewhere");
    fs::rename(directory, &elsewhere).unwrap();
    symlink(&elsewhere, directory).unwrap();
    refused(&machine, "is no directory");
}

#[test]
fn a_socket_that_is_not_ours_alone_is_refused() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let socket = socket(&machine);
    let directory = socket.parent().unwrap();
    fs::create_dir(directory).unwrap();
    allow(directory, 0o700);
    let elsewhere = machine.path("run/elsewhere.sock");
    let _listener = UnixListener::bind(&elsewhere).unwrap();
    symlink(&elsewhere, &socket).unwrap();
    refused(&machine, "is no socket");
    fs::remove_file(&socket).unwrap();
    fs::rename(&elsewhere, &socket).unwrap();
    allow(&socket, 0o660);
    let code = machine.code();
    let client = |words: &str| {
        machine.run(&["refresh", "work", "--code", &code]).failed_with(3, &[words, "STSD_SOCKET"]);
    };
    client("is open to other users");
    allow(&socket, 0o600);
    if chown(&socket, Some(12_345), None).is_ok() {
        client("belongs to another user");
    } else {
        not_run("another user's socket directory: needs root");
    }
    assert_eq!(machine.sts.codes_sent(), 0);
}

#[test]
fn a_program_that_holds_secrets_leaves_no_core() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let code = machine.code();
    // It has the key in its hands while it waits for the answer.
    machine.sts.fail_next_of("GetSessionToken", 1, Fault::Hang);
    for arguments in [&["refresh", "work", "--code", &code][..], &["daemon"]] {
        let mut command: Command = machine.command("prlimit");
        command.args(["--core=unlimited", env!("CARGO_BIN_EXE_stsd")]).args(arguments);
        let mut child = command.current_dir(machine.path("")).stderr(Stdio::null()).spawn().unwrap();
        if arguments == ["daemon"] {
            let daemon = || Ran::of(&mut machine.stsd(&["status", "--json"]), b"").stdout;
            let end = Instant::now() + Duration::from_secs(20);
            while !daemon().contains("\"running\": true") {
                assert!(Instant::now() < end, "no daemon");
            }
        } else {
            assert!(machine.sts.wait_for_requests(Duration::from_secs(20), |requests| !requests.is_empty()));
        }
        let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[4..6], ["0", "0"], "{line}");
        rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::ABORT).unwrap();
        let status = child.wait().unwrap();
        assert!(status.signal() == Some(6) && !status.core_dumped(), "{arguments:?}: {status}");
    }
}
