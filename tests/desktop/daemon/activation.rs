//! A socket that somebody else has opened: the daemon started by it as a service manager does.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;

use super::running::{Daemon, socket};
use crate::binary::machine::Machine;
use crate::has_desktop;

fn listen(machine: &Machine) -> UnixListener {
    let path = socket(machine);
    fs::DirBuilder::new().mode(0o700).create(path.parent().unwrap()).unwrap();
    let listener = UnixListener::bind(&path).unwrap();
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    listener
}

#[test]
fn a_passed_socket_is_served_and_the_service_manager_is_told() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let listener = listen(&machine);
    let manager = UnixDatagram::bind(machine.path("manager")).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // What comes next is told in between.
    let told = || loop {
        let mut bytes = [0; 1024];
        let size = manager.recv(&mut bytes).expect("the service manager was not told");
        let text = String::from_utf8_lossy(&bytes[..size]).into_owned();
        if !text.starts_with("STATUS=") {
            break text;
        }
    };
    // The variable names the process itself, which only a shell in its place can know.
    let mut command = machine.command("sh");
    let script = "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" daemon -vv";
    command.args(["-c", script, env!("CARGO_BIN_EXE_stsd")]).env("NOTIFY_SOCKET", machine.path("manager"));
    let mut daemon =
        Daemon::of(&machine, &command, Stdio::from(OwnedFd::from(listener.try_clone().unwrap())));
    assert_eq!(told().trim(), "READY=1");
    machine.run(&["refresh", "--code", &machine.code()]).succeeded();
    assert_eq!(machine.status("work").0, 0);
    let inode = |path: &std::path::Path| std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap());
    let before = inode(&socket(&machine));
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended(), 0);
    assert_eq!(told().trim(), "STOPPING=1");
    assert_eq!(inode(&socket(&machine)), before, "the socket is the service manager's");

    // A client that comes while nobody serves waits for the next one.
    let mut waiting = machine.stsd(&["status", "work", "--json"]);
    let client = std::thread::spawn(move || crate::ran::Ran::of(&mut waiting, b""));
    let _next = Daemon::of(&machine, &command, Stdio::from(OwnedFd::from(listener)));
    assert_eq!(told().trim(), "READY=1");
    let ran = client.join().unwrap().succeeded();
    assert!(ran.stdout.contains("\"running\": true"), "{ran:#?}");
}

#[test]
fn a_daemon_that_is_passed_nothing_opens_its_own_socket() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    // As a service manager leaves them to a child that it was not meant for.
    let mut command = machine.stsd(&["daemon", "-vv"]);
    command.env("LISTEN_PID", "1").env("LISTEN_FDS", "1");
    let daemon = Daemon::of(&machine, &command, Stdio::null());
    assert_eq!(machine.status("work").0, 4);
    assert!(!daemon.log().contains("WARN"), "{}", daemon.log());
}
