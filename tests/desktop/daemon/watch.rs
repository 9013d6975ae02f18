//! `status --watch`: drawn at once and after every change, over when the daemon is.

use std::fs::{self, File};
use std::process::Stdio;

use rustix::process::Signal;

use super::running::Daemon;
use crate::binary::machine::Machine;
use crate::has_desktop;
use crate::ran::wait;

#[test]
fn a_watched_status_is_drawn_at_once_and_after_a_refresh_and_ends_with_the_daemon() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let mut daemon = Daemon::start(&machine);
    let (out, err) = (machine.path("watched"), machine.path("watched.err"));
    let mut watcher = machine
        .stsd(&["status", "--watch"])
        .stdin(Stdio::null())
        .stdout(File::create(&out).unwrap())
        .stderr(File::create(&err).unwrap())
        .spawn()
        .unwrap();
    let drawn = || fs::read_to_string(&out).unwrap();
    let rows = |state: &str| {
        drawn().lines().filter(|line| line.starts_with("work ") && line.contains(state)).count()
    };
    daemon.await_that("no table", |_| rows(" absent ") >= 1);
    assert!(drawn().starts_with("PROFILE  STATE"), "{}", drawn());
    machine.run(&["refresh", "--code", &machine.code()]).succeeded();
    daemon.await_that("not drawn after the refresh", |_| rows(" active ") >= 1);
    assert!(drawn().contains("[############]"), "{}", drawn());
    machine.run(&["forget"]).succeeded();
    let active = rows(" active ");
    daemon.await_that("not drawn after the forget", |_| {
        drawn().lines().rfind(|line| line.starts_with("work ")).is_some_and(|line| line.contains(" absent "))
    });
    assert!(active >= 1);
    // A second look, of a profile that does not exist, is a failure and not an empty table.
    machine.run(&["status", "--watch", "other"]).failed_with(3, &["other"]);

    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended(), 0);
    let code = wait(&mut watcher, "stsd status --watch");
    let words = fs::read_to_string(err).unwrap();
    assert!([0, 9].contains(&code), "{code}: {words}");
    assert_eq!(code == 9, words.contains("the connection to the daemon was lost"), "{words}");
    machine.run(&["status", "--watch"]).failed_with(9, &["--watch needs the daemon", "stsd daemon"]);
}
