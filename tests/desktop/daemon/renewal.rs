//! The daemon as a program renews what needs no human.

use std::time::{Duration, Instant};

use super::running::Daemon;
use crate::binary::machine::Machine;
use crate::has_desktop;

const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for a moment when the profile's session has more than a minute left.
#[track_caller]
fn await_renewed(machine: &Machine, daemon: &Daemon) {
    let end = Instant::now() + PATIENCE;
    while machine.status("work").1["seconds_left"].as_u64().is_none_or(|left| left < 60) {
        assert!(Instant::now() < end, "not renewed: {}", daemon.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_session_that_a_command_can_renew_is_renewed_at_its_lead() {
    if !has_desktop() {
        return;
    }
    let machine = Machine::with_work();
    let serial = machine.sts.alice().serial;
    // The first code at first, then the second.
    machine.write("codes", &format!("{}\n", machine.code()));
    let file = machine.path("codes").display().to_string();
    machine.configure(&format!(
        "warn_before = [\"3s\"]\n[profiles.work]\nmfa_serial = \"{serial}\"\nmfa = {{ command = [\"head\", \"-n1\", \"{file}\"] }}\n"
    ));
    let daemon = Daemon::start(&machine);
    machine.sts.set_session_seconds(Some(6));
    machine.run(&["refresh"]).succeeded();
    machine.write("codes", &format!("{}\n", machine.code()));
    machine.sts.set_session_seconds(Some(3600));
    await_renewed(&machine, &daemon);
    daemon.await_said("session renewed profile=work", 1);
    assert_eq!(machine.sts.codes_sent(), 2);
    // Neither a notice nor a try to show one.
    assert_eq!(daemon.said("notice"), 0, "{}", daemon.log());
}
