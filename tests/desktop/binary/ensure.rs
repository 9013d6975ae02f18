//! `stsd ensure`: a code is asked for only if it is needed.

use super::machine::Machine;
use super::typing::Terminal;
use crate::has_desktop;

const CODE: &str = "MFA code for work (";

/// Types a code where one is asked for.
#[track_caller]
fn ensured(machine: &Machine, arguments: &[&str]) -> (i32, String) {
    let mut terminal = Terminal::start(&machine.stsd(arguments));
    terminal.await_hidden(CODE);
    assert!(terminal.screen().contains("; the next one comes in "), "{}", terminal.screen());
    terminal.answer(&machine.code());
    terminal.end()
}

#[test]
fn a_session_with_enough_time_left_is_enough() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    machine.run(&["ensure", "work"]).failed_with(4, &["stsd refresh work"]);
    assert_eq!(machine.sts.requests(), [], "nobody can be asked");
    let (exit, screen) = ensured(&machine, &["ensure", "work", "--min", "2h"]);
    assert!(exit == 0 && screen.contains("session until "), "{exit}: {screen}");
    machine.sts.clear_requests();
    for arguments in [&["ensure"][..], &["ensure", "work", "--min", "11h"]] {
        let ran = machine.run(arguments).succeeded();
        assert_eq!(ran.stderr, "work: 11h59m left\n");
    }
    assert_eq!(machine.sts.requests(), []);
    assert_eq!(machine.run(&["-q", "ensure"]).succeeded().stderr, "");
}

#[test]
fn what_no_session_could_meet_is_said_before_a_code_is_asked_for() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    machine
        .run(&["ensure", "--min", "12h"])
        .failed_with(2, &["--min 12h", "lasts 12h", "duration = \"36h\" in [profiles.work]"]);
    machine.run(&["ensure", "--min", "soon"]).failed_with(2, &["--min"]);
    machine.run(&["ensure", "nobody"]).failed_with(3, &["nobody"]);
    assert_eq!(machine.sts.requests(), []);
    // AWS grants less than was asked for.
    machine.sts.set_session_seconds(Some(3600));
    let (exit, screen) = ensured(&machine, &["ensure", "--min", "2h"]);
    assert!(exit == 4 && screen.contains("shorter than --min asks"), "{exit}: {screen}");
}

#[test]
fn only_those_that_need_it_are_renewed() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    machine.add("long", &machine.sts.alice()).succeeded();
    machine.run(&["refresh", "long", "--code", &machine.code()]).succeeded();
    let long = machine.status("long").1["access_key_id"].clone();
    let (exit, screen) = ensured(&machine, &["ensure", "long", "work", "--min", "1h"]);
    assert!(exit == 0 && screen.contains("long: 11h59m left"), "{exit}: {screen}");
    assert_eq!(machine.status("long").1["access_key_id"], long);
    assert_eq!(machine.status("work").0, 0);
}
