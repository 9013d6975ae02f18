//! A configuration that changes while the daemon runs.

use std::fs;

use rustix::process::Signal;
use stsd::protocol::message::{Action, Answer};

use super::running::{Daemon, ask};
use crate::binary::machine::Machine;
use crate::has_desktop;

const BROKEN: &str = "warn_before = [\n";
const NOT_TAKEN: &str = "configuration not taken over, the old one stays in force";

/// The profiles that the daemon knows.
fn known(machine: &Machine) -> Vec<String> {
    match ask(machine, Action::Status { profiles: Vec::new(), watch: false }).unwrap() {
        Answer::Status(statuses) => statuses.into_iter().map(|one| one.profile).collect(),
        answer @ (Answer::Refreshed(_) | Answer::Forgotten(_) | Answer::Nothing) => panic!("{answer:?}"),
    }
}

/// Waits until the daemon knows these profiles and no others.
#[track_caller]
fn await_known(daemon: &Daemon, machine: &Machine, profiles: &[&str]) {
    daemon.await_that(&format!("not {profiles:?}"), |_| known(machine) == profiles);
}

/// Replaces the configuration as an editor does.
fn edit(machine: &Machine, text: &str) {
    machine.write("config/stsd/config.toml.new", text);
    fs::rename(machine.path("config/stsd/config.toml.new"), machine.path("config/stsd/config.toml")).unwrap();
}

#[test]
fn a_configuration_that_an_editor_replaced_is_taken_over_by_itself() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let daemon = Daemon::start(&machine);
    assert_eq!(known(&machine), ["work"]);
    let config = machine.configuration();
    edit(&machine, &format!("{config}[profiles.more]\n"));
    await_known(&daemon, &machine, &["work", "more"]);
    machine.configure(&config);
    await_known(&daemon, &machine, &["work"]);
    assert_eq!(daemon.said(NOT_TAKEN), 0, "{}", daemon.log());
}

#[test]
fn a_broken_configuration_is_reported_and_the_old_one_stays_in_force() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let mut daemon = Daemon::start(&machine);
    let config = machine.configuration();
    edit(&machine, BROKEN);
    daemon.await_said(NOT_TAKEN, 1);
    let log = daemon.log();
    let line = log.lines().find(|line| line.contains(NOT_TAKEN)).unwrap();
    assert!(line.contains("ERROR") && line.contains("config.toml"), "{line}");
    assert_eq!(known(&machine), ["work"]);
    machine.run(&["status"]).failed_with(3, &["config.toml"]);

    fs::remove_file(machine.path("config/stsd/config.toml")).unwrap();
    fs::create_dir(machine.path("config/stsd/config.toml")).unwrap();
    daemon.await_said(NOT_TAKEN, 2);
    assert_eq!(known(&machine), ["work"]);
    fs::remove_dir(machine.path("config/stsd/config.toml")).unwrap();
    edit(&machine, &format!("{config}[profiles.more]\n"));
    await_known(&daemon, &machine, &["work", "more"]);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended(), 0);
}

/// The file is watched too, so each signal is told by its own line: the same broken file is read again.
#[test]
fn a_hangup_makes_the_daemon_read_the_configuration_again() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let daemon = Daemon::start(&machine);
    let config = machine.configuration();
    edit(&machine, BROKEN);
    daemon.await_said(NOT_TAKEN, 1);
    // What the kernel tells of one change comes together; a second line for it would have come before this answer.
    for _ in 0..50 {
        assert_eq!(known(&machine), ["work"]);
    }
    for _ in 0..3 {
        let said = daemon.said(NOT_TAKEN);
        daemon.signal(Signal::HUP);
        daemon.await_said(NOT_TAKEN, said + 1);
        assert_eq!(known(&machine), ["work"], "a hang-up ends many programs");
    }
    machine.configure(&format!("{config}[profiles.more]\n"));
    daemon.signal(Signal::HUP);
    await_known(&daemon, &machine, &["work", "more"]);
}

/// `add` is followed by `refresh` in the next line of a script.
#[test]
fn a_profile_that_was_just_added_can_be_refreshed_at_once() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let _daemon = Daemon::start(&machine);
    for round in 0..5 {
        let name = format!("more{round}");
        machine.add(&name, &machine.sts.alice()).succeeded();
        machine.run(&["refresh", &name, "--code", &machine.code()]).succeeded();
    }
}

/// The same without a process in between.
#[test]
fn a_daemon_that_was_told_to_reload_knows_the_new_configuration_when_it_answers() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let _daemon = Daemon::start(&machine);
    let config = machine.configuration();
    for round in 0..5 {
        let name = format!("more{round}");
        edit(&machine, &format!("{config}[profiles.{name}]\n"));
        assert_eq!(ask(&machine, Action::Reload), Ok(Answer::Nothing));
        assert_eq!(known(&machine), ["work", name.as_str()]);
    }
}
