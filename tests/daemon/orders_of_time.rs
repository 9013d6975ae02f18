//! Time that does not simply pass: suspend, clocks that are set, restarts.

use chrono::TimeDelta;
use stsd::ports::time::Clock as _;

use crate::desktop::Seen;
use crate::harness::{Stage, until};
use crate::notices::pass;

const HALF_AN_HOUR: TimeDelta = TimeDelta::minutes(30);
const FIVE_MINUTES: TimeDelta = TimeDelta::minutes(5);
const HOUR: TimeDelta = TimeDelta::hours(1);
const DAY: i64 = 24 * 3600;

/// The beginnings of the summaries, without the time of day.
fn said(stage: &Stage) -> Vec<String> {
    let words = |text: String| text.split(" (").next().unwrap().to_owned();
    stage.desktop.summaries().into_iter().map(words).collect()
}

#[test]
fn resume_past_two_leads_gives_one_notice() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let end = daemon.refresh_for("work", DAY);
    stage.hand.wait_armed(end - HALF_AN_HOUR);
    pass(&daemon, end - TimeDelta::minutes(4), 1);
    stage.hand.wait_armed(end);
    pass(&daemon, end, 2);
    assert_eq!(said(&stage), ["work expires in 4 minutes", "work has expired"]);
}

#[test]
fn a_lead_that_passes_while_a_client_is_answered_is_not_lost() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let end = daemon.refresh_for("work", DAY);
    stage.hand.wait_armed(end - HALF_AN_HOUR);
    // The client wins against the timer, whose wait is then given up.
    stage.hand.slip_to(end - HALF_AN_HOUR);
    drop(daemon.status());
    drop(stage.desktop.wait_seen(1));
    stage.hand.wait_armed(end - FIVE_MINUTES);
    assert_eq!(said(&stage), ["work expires in 30 minutes"]);
}

#[test]
fn a_clock_that_was_ahead_before_a_restart_silences_nothing() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let end = daemon.refresh_for("work", DAY);
    stage.hand.wait_armed(end - HALF_AN_HOUR);
    pass(&daemon, end + HOUR, 1);
    daemon.stop();
    stage.hand.set(end - HOUR);
    let daemon = stage.daemon();
    stage.hand.wait_armed(end - HALF_AN_HOUR);
    pass(&daemon, end - HALF_AN_HOUR, 2);
    assert_eq!(said(&stage), ["work has expired", "work expires in 30 minutes"]);
}

#[test]
fn resume_past_the_end_gives_one_notice() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let end = daemon.refresh_for("work", DAY);
    stage.hand.wait_armed(end - HALF_AN_HOUR);
    pass(&daemon, end + HOUR, 1);
    drop(daemon.status());
    assert_eq!(said(&stage), ["work has expired"]);
}

#[test]
fn a_clock_that_is_set_back_and_forward_repeats_nothing() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let end = daemon.refresh_for("work", DAY);
    stage.hand.wait_armed(end - HALF_AN_HOUR);
    pass(&daemon, end - HALF_AN_HOUR, 1);
    stage.hand.wait_armed(end - FIVE_MINUTES);
    stage.hand.shift(-HOUR);
    stage.hand.wait_armed(end - HALF_AN_HOUR);
    stage.hand.shift(HOUR);
    stage.hand.wait_armed(end - FIVE_MINUTES);
    pass(&daemon, end - FIVE_MINUTES, 2);
    stage.hand.wait_armed(end);
    stage.hand.shift(-HOUR);
    stage.hand.wait_armed(end - HALF_AN_HOUR);
    // Time passes to the lead a second time, then the clock is put right.
    stage.hand.pass_to(end - HALF_AN_HOUR);
    stage.hand.wait_armed(end - FIVE_MINUTES);
    stage.hand.set(end - TimeDelta::minutes(1));
    stage.hand.wait_armed(end);
    pass(&daemon, end, 3);
    assert_eq!(said(&stage), ["work expires in 30 minutes", "work expires in 5 minutes", "work has expired"]);
}

#[test]
fn a_clock_that_is_set_forward_and_back_tells_once_at_most() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let end = daemon.refresh_for("work", DAY);
    stage.hand.wait_armed(end - HALF_AN_HOUR);
    stage.hand.pass_to(end - TimeDelta::minutes(70));
    stage.hand.shift(HOUR);
    stage.desktop.wait_seen(1);
    stage.hand.wait_armed(end - FIVE_MINUTES);
    stage.hand.shift(-HOUR);
    stage.hand.wait_armed(end - HALF_AN_HOUR);
    stage.hand.pass_to(end - HALF_AN_HOUR);
    stage.hand.wait_armed(end - FIVE_MINUTES);
    pass(&daemon, end - FIVE_MINUTES, 2);
    stage.hand.wait_armed(end);
    pass(&daemon, end, 3);
    assert_eq!(said(&stage), ["work expires in 10 minutes", "work expires in 5 minutes", "work has expired"]);
}

#[test]
fn a_restart_between_leads_repeats_and_misses_nothing() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let end = daemon.refresh_for("work", DAY);
    stage.hand.wait_armed(end - HALF_AN_HOUR);
    pass(&daemon, end - HALF_AN_HOUR, 1);
    daemon.stop();
    let daemon = stage.daemon();
    stage.hand.wait_armed(end - FIVE_MINUTES);
    daemon.stop();
    // The second lead passes while no daemon runs.
    stage.hand.pass_to(end - TimeDelta::minutes(3));
    let daemon = stage.daemon();
    stage.desktop.wait_seen(2);
    stage.hand.wait_armed(end);
    daemon.stop();
    let daemon = stage.daemon();
    pass(&daemon, end, 3);
    daemon.stop();
    let daemon = stage.daemon();
    drop(daemon.status());
    daemon.stop();
    assert_eq!(said(&stage), ["work expires in 30 minutes", "work expires in 3 minutes", "work has expired"]);
}

#[test]
fn what_was_told_holds_though_it_cannot_be_saved() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let end = daemon.refresh_for("work", DAY);
    stage.hand.wait_armed(end - HALF_AN_HOUR);
    // A state of a later version is read as empty and never written.
    let file = stage.world.path(".local/state/stsd/state.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(
        &file,
        text.replacen("\"version\": 1", "\"version\": 99", 1).replacen("\"version\":1", "\"version\":99", 1),
    )
    .unwrap();
    pass(&daemon, end - HALF_AN_HOUR, 1);
    for _ in 0..3 {
        stage.files.have_changed();
        drop(daemon.status());
    }
    stage.hand.wait_armed(end - FIVE_MINUTES);
    pass(&daemon, end - FIVE_MINUTES, 2);
    assert_eq!(said(&stage), ["work expires in 30 minutes", "work expires in 5 minutes"]);
}

#[test]
fn a_session_that_another_program_removes_is_not_told_of() {
    let stage = Stage::with_work();
    let daemon = stage.daemon();
    let end = daemon.refresh_for("work", DAY);
    stage.hand.wait_armed(end - HALF_AN_HOUR);
    pass(&daemon, end - HALF_AN_HOUR, 1);
    // Once it is written again.
    for _ in 0..2 {
        stage.rest();
        let reports = daemon.status()[0].last_error.clone();
        stage.world.write(".aws/credentials", "");
        stage.files.have_changed();
        until("the loss is reported", || daemon.status()[0].last_error != reports);
    }
    assert_eq!(stage.desktop.wait_seen(2)[1], Seen::Withdrawn(1));
    until("nothing is there", || daemon.status()[0].state == "absent");
    assert!(stage.hand.now() < end);
}
