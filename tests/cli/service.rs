//! `stsd service` where no service manager is, and with a stand-in for `systemctl` that only notes what it is asked: the
//! real one is in `tests/service`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::home::{CONFIG, Home};
use crate::ran::Ran;

const UNITS: &str = ".config/systemd/user";

/// The program with a `PATH` that has nothing but `tools` in it, so that no service manager of this machine is asked.
fn command(home: &Home, arguments: &[&str]) -> Command {
    let tools = home.path("tools");
    fs::create_dir_all(&tools).unwrap();
    let run = home.path("run");
    fs::create_dir_all(&run).unwrap();
    let mut command = home.command(arguments);
    command.env("PATH", tools).env("XDG_RUNTIME_DIR", run).env_remove("SUDO_UID");
    command
}

fn run(home: &Home, arguments: &[&str]) -> Ran {
    Ran::of(&mut command(home, arguments), b"")
}

/// A stand-in that runs a script of the shell.
fn tool(home: &Home, name: &str, script: &str) {
    let path = home.path("tools").join(name);
    home.write(&format!("tools/{name}"), format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn without_a_service_manager_it_says_what_to_do() {
    let home = Home::new();
    for action in ["install", "uninstall", "restart", "status"] {
        let ran = run(&home, &["service", action]);
        ran.failed_with(1, &["systemd does not run this machine's services", "autostart: stsd daemon"]);
    }
    run(&home, &["service", "logs"]).failed_with(1, &["journalctl cannot be started", "stsd daemon -v"]);
    assert!(!home.path(".config").exists(), "something was written");
}

#[test]
fn a_login_without_its_own_manager_is_told_apart() {
    let home = Home::new();
    // Its words are not ours to show.
    tool(&home, "systemctl", "echo Failed to connect to bus: No medium found >&2; exit 1");
    let ran = run(&home, &["service", "install"]);
    ran.failed_with(1, &["systemd cannot be reached from here", "not below su or sudo", "stsd daemon"]);
    ran.hides("No medium found");
    let mut absent = command(&home, &["service", "status"]);
    Ran::of(absent.env("XDG_RUNTIME_DIR", "/nonexistent"), b"").failed_with(1, &["XDG_RUNTIME_DIR"]);
    assert!(!home.path(".config").exists(), "something was written");
}

#[test]
fn below_sudo_nothing_is_done() {
    if !rustix::process::geteuid().is_root() {
        stsd_test_support::not_run("the service below sudo: needs root");
        return;
    }
    let home = Home::new();
    tool(&home, "systemctl", "exit 0");
    let mut sudo = command(&home, &["service", "install"]);
    Ran::of(sudo.env("SUDO_UID", "1000"), b"").failed_with(2, &["below sudo", "stsd service install"]);
    assert!(!home.path(".config").exists(), "something was written");
}

#[test]
fn print_shows_all_and_changes_nothing() {
    let home = Home::new();
    let print = |action: &str| run(&home, &["service", action, "--print"]).succeeded().stdout;
    let install = print("install");
    let program = env!("CARGO_BIN_EXE_stsd");
    for words in [
        &format!("# write {}/stsd.socket\n", home.path(UNITS).display()),
        &format!("# write {}/stsd.service\n", home.path(UNITS).display()),
        "ListenStream=%t/stsd/stsd.sock\n",
        &format!("ExecStart={program} daemon\n"),
        "systemctl --user daemon-reload\nsystemctl --user enable --now stsd.socket stsd.service\n",
    ] {
        assert!(install.contains(words), "no {words:?} in {install}");
    }
    let uninstall = print("uninstall");
    assert!(
        uninstall.starts_with("systemctl --user disable --now stsd.socket stsd.service\n"),
        "{uninstall}"
    );
    assert!(uninstall.contains(&format!("rm {}/stsd.service\n", home.path(UNITS).display())), "{uninstall}");
    assert!(print("restart").contains("systemctl --user restart stsd.service\n"));
    assert!(print("status").starts_with("systemctl --user status "));
    assert_eq!(print("logs"), "journalctl --user --unit stsd.service --lines=200\n");
    let follow = run(&home, &["service", "logs", "-f", "--print"]).succeeded();
    assert_eq!(follow.stdout, "journalctl --user --unit stsd.service --lines=200 --follow\n");
    assert!(!home.path(".config").exists(), "something was written");
}

#[test]
fn a_broken_configuration_is_named_before_anything_is_done() {
    let home = Home::with("no_such_key = 1\n");
    tool(&home, "systemctl", "exit 0");
    run(&home, &["service", "install"]).failed_with(3, &[CONFIG, "no_such_key"]);
    assert!(!home.path(UNITS).exists());
}

#[test]
fn a_service_that_is_not_there_is_no_active_one() {
    let home = Home::new();
    let absent = "printf 'Id=stsd.service\\nLoadState=not-found\\nActiveState=inactive\\n'";
    tool(&home, "systemctl", absent);
    let ran = run(&home, &["service", "status"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (4, ""), "{ran:#?}");
    assert!(ran.stdout.contains("not installed") && ran.stdout.contains("stsd service install"));
    run(&home, &["service", "restart"]).failed_with(3, &["not installed", "stsd service install"]);
    run(&home, &["service", "uninstall"]).succeeded();
}

#[test]
fn a_unit_of_somebody_else_is_left_alone() {
    let home = Home::new();
    tool(&home, "systemctl", "echo \"$*\" >>\"$HOME/calls\"");
    let unit = format!("{UNITS}/stsd.service");
    home.write(&unit, "[Service]\nExecStart=/my/own daemon\n");
    let path = home.path(&unit);
    for action in ["install", "uninstall"] {
        let ran = run(&home, &["service", action]);
        ran.failed_with(3, &["was not written by stsd", path.to_str().unwrap(), "mv ", action]);
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "[Service]\nExecStart=/my/own daemon\n");
    assert_eq!(fs::read_dir(home.path(UNITS)).unwrap().count(), 1);
    let calls = fs::read_to_string(home.path("calls")).unwrap();
    assert!(calls.lines().all(|call| call.starts_with("--user show ")), "{calls}");
}

#[test]
fn a_manager_that_refuses_or_says_nothing_is_an_error() {
    let home = Home::new();
    tool(&home, "systemctl", "case $2 in daemon-reload) exit 1;; esac");
    let ran = run(&home, &["service", "install"]);
    ran.failed_with(1, &["`systemctl --user daemon-reload` ended with exit status: 1", "stsd service logs"]);
    assert!(home.path(UNITS).join("stsd.service").exists(), "what was written is there for the next run");
    tool(&home, "systemctl", "exit 0");
    run(&home, &["service", "install"]).failed_with(3, &["does not take the service from"]);
}
